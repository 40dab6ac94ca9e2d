"""Looks in the background whether all content is where it belongs, and sound.

Two rounds, each from shard to shard (the first two digits of digests), for ever, slowly, and from where they
stopped before a restart; a killed node begins some minutes earlier, for an idle one is to write nothing:

    the look      what must be here is here, or in the bucket; what is here and belongs elsewhere is brought
                  there; what lies in the bucket and no file names is removed
    the reading   what is kept on this disk is read again, at a bounded rate, from the disk itself; then
                  another holder is asked to prove that it has it too, at most once a second

What is missing or damaged is fetched from another member. Content in a bucket is not read again: the service
checks its own, and whoever reads checks the digest.
"""

import asyncio
import json
import random
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from time import monotonic

import structlog

from weft.apps.files.background import surviving
from weft.apps.files.blobs import SHARDS
from weft.apps.files.bucket import Stored
from weft.apps.files.challenge import Prover
from weft.apps.files.disk import is_unreadable
from weft.apps.files.errors import BlobStoreError
from weft.apps.files.follower import Follower
from weft.apps.files.ports import Ledger
from weft.apps.files.vault import Vault
from weft.model.errors import BlobError

log = structlog.get_logger("weft.blobs")

PIECE_BYTES = 8 << 20
BLOB_S = 0.025
"""At least so long from one blob to the next when content is read again, however small it is."""
CHALLENGE_S = 1.0
REMEMBER_S = 600.0
"""Between two notes on disk of how far the rounds have come."""
AWAY_S = 900.0
"""A holder that has been away for so long is stood in for."""
ORPHAN_MS = 26 * 3600 * 1000
"""No transaction lives longer than a day; what lies in a shared bucket longer and unnamed has no file."""


class Scrub:
    """The background's two rounds. `run` it."""

    def __init__(self, ledger: Ledger, vault: Vault, follower: Follower, prover: Prover, path: Path) -> None:
        """`path`: the file that says how far the rounds have come."""
        self._ledger, self._vault, self._follower, self._prover = ledger, vault, follower, prover
        self._path = path
        self._places = _load(path)
        self._remembered = monotonic()
        self._challenged = 0.0
        self._seen: dict[int, float] = {}
        self.lost = dict.fromkeys(SHARDS, 0)
        """Blobs by shard that a shared bucket lacks and this node cannot put back."""
        self.passes = 0
        """Looks at everything that were finished since the start."""

    async def run(self) -> None:
        """Never returns by itself."""
        await self._follower.wait_for_start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._look())
                if self._vault.bucket is None and self._vault.keeping.scrub_bytes_per_s:
                    tasks.create_task(self._read())
        finally:
            self._remember()

    @property
    def progress(self) -> tuple[int, int]:
        """How many of the 256 shards the look and the reading have done in this pass."""
        return self._places["look"], self._places["read"]

    async def _look(self) -> None:
        pause_s = self._vault.keeping.scrub_pass_s / len(SHARDS)
        while True:
            shard = SHARDS[self._places["look"]]
            with surviving("look"):
                self._watch_members()
                await self.look_at(shard)
            self.passes += await self._advance("look")
            await asyncio.sleep(pause_s)

    async def look_at(self, shard: str) -> None:
        """Raises BlobStoreError."""
        vault, follower = self._vault, self._follower
        names = await asyncio.to_thread(follower.named, shard)
        if vault.bucket is None:
            missing = await asyncio.to_thread(follower.lacking, names)
        else:
            missing = await self._look_in_bucket(shard, names)
        here = await asyncio.to_thread(vault.blobs.shard, shard)
        follower.see_to(here, missing, is_repair=True)

    async def _look_in_bucket(self, shard: str, names: Sequence[str]) -> list[str]:
        """What this node must fetch, for its bucket lacks it."""
        vault = self._vault
        assert vault.bucket is not None
        found: dict[str, list[Stored]] = {}
        for stored in await vault.bucket.shard(shard):
            found.setdefault(stored.name, []).append(stored)
        lacking = [
            name for name in names if vault.is_bucket_due(name) and vault.choose(found.get(name, ())) is None
        ]
        missing = [name for name in lacking if not await vault.restore(name)]
        vault.counts["repaired"] += len(lacking) - len(missing)
        self.lost[shard] = len(missing) if vault.keeping.is_shared else 0
        for name in sorted(found.keys() - set(names)):
            await self._remove_orphans(name, found[name])
        return missing

    async def _remove_orphans(self, name: str, found: Sequence[Stored]) -> None:
        """Objects of content that no file names, unless a file may yet, of an upload that waits."""
        height, time_ms = await self._follower.where()
        vault = self._vault
        assert vault.bucket is not None
        for stored in found:
            is_old = stored.put_ms + ORPHAN_MS < time_ms
            if stored.height > height or (vault.keeping.is_shared and not is_old):
                continue
            if await asyncio.to_thread(self._follower.is_orphan, name):
                await vault.bucket.remove(stored)

    async def _read(self) -> None:
        blobs = self._vault.blobs
        while True:
            shard = SHARDS[self._places["read"]]
            for name in await asyncio.to_thread(blobs.shard, shard):
                # Nothing is missed: the next pass comes here again.
                with surviving("read"):
                    await self.read_again(name)
            if await self._advance("read"):
                await asyncio.sleep(self._vault.keeping.scrub_pass_s)

    async def read_again(self, name: str) -> bool:
        """Whether what is kept of a blob is sound; if not, it is set aside and fetched."""
        begun = monotonic()
        digest, size = await self._hash(name)
        if digest is None:
            return True
        is_sound = digest == name or await asyncio.to_thread(self._vault.blobs.check, name)
        if is_sound:
            await self._challenge_one(name)
        elif missing := await asyncio.to_thread(self._follower.lacking, [name]):
            log.error("blob.damaged", where="disk", size=size)
            self._follower.see_to([], missing, is_repair=True)
        await asyncio.sleep(max(BLOB_S - (monotonic() - begun), 0))
        return is_sound

    async def _hash(self, name: str) -> tuple[str | None, int]:
        """Digest and size of what the disk has, read at the rate that is set; None when there is nothing, and
        no digest at all where the disk does not give it out."""
        blobs, rate = self._vault.blobs, self._vault.keeping.scrub_bytes_per_s
        reading = await asyncio.to_thread(blobs.peek, name)
        if reading is None:
            return None, 0
        running, offset = sha256(), 0
        try:
            while piece := await asyncio.to_thread(reading.read, offset, PIECE_BYTES):
                await asyncio.to_thread(running.update, piece)
                offset += len(piece)
                await asyncio.sleep(len(piece) / rate if rate else 0)
        except BlobError:
            return None, 0
        except OSError as error:
            if not is_unreadable(error):
                raise
            return "", offset
        finally:
            await asyncio.to_thread(blobs.release, reading)
        return running.hexdigest(), offset

    async def _challenge_one(self, name: str) -> None:
        """Ask one of the other holders that are there, for a copy was found sound here just now."""
        peers, me, now = self._ledger.peers, self._ledger.member, monotonic()
        others = [
            member
            for member in self._vault.placement.holders(name, self._vault.away)
            if member != me and peers.is_connected(member)
        ]
        if me is None or not others or now < self._challenged + CHALLENGE_S:
            return
        self._challenged = now
        with suppress(BlobError, BlobStoreError):
            await self._prover.challenge(random.choice(others), name)

    def _watch_members(self) -> None:
        """Note who has been away for long; holders in their place are told by the next look."""
        now = monotonic()
        members = range(len(self._vault.placement.keys))
        for member in members:
            if member == self._ledger.member or self._ledger.peers.is_connected(member):
                self._seen[member] = now
        self._vault.away = frozenset(
            member for member in members if self._seen.setdefault(member, now) + AWAY_S < now
        )

    async def _advance(self, round_: str) -> bool:
        """Go on to the next shard; whether a pass has ended."""
        self._places[round_] = (self._places[round_] + 1) % len(SHARDS)
        if monotonic() >= self._remembered + REMEMBER_S:
            await asyncio.to_thread(self._remember)
        return self._places[round_] == 0

    def _remember(self) -> None:
        """A place lost costs a part of a pass; not worth a sync."""
        self._remembered = monotonic()
        with suppress(OSError):
            self._path.write_text(json.dumps(self._places))


def _load(path: Path) -> dict[str, int]:
    """Where the rounds stopped; the beginning if that is not to be read."""
    try:
        places = json.loads(path.read_bytes())
        return {name: int(places[name]) % len(SHARDS) for name in ("look", "read")}
    except (OSError, ValueError, KeyError, TypeError):
        return {"look": 0, "read": 0}
