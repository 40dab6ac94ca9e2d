"""Content that this node lacks, brought from its bucket or from the members that have it.

Promise: what arrives is kept only if it is of the digest asked for and a file still names it at that moment,
so content that was erased meanwhile does not come back. A few transfers run at once, each content once; what
nobody has is asked for again, less and less often, for as long as this node must keep it or a reader waits,
and within seconds once a member has come back.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import structlog

from weft.apps.files.blobs import Incoming
from weft.apps.files.errors import BlobStoreError, IndexAwayError
from weft.apps.files.pieces import gather
from weft.apps.files.ports import Ledger, ending
from weft.apps.files.vault import Vault
from weft.model.errors import BlobError, DiskFullError

log = structlog.get_logger("weft.blobs")

TRANSFERS_MAX = 4
WANTED_MAX = 10_000
"""Transfers at once, those that wait included; what is beyond it is found missing again later."""
TRIES_A_MEMBER = 3
RETRY_S, RETRY_S_MAX = 1.0, 300.0
RETURN_LOOK_S, RETURN_PAUSE_S = 1.0, 10.0
"""Between two looks at who has come back; and after one did, for its connection may break again."""


class Transfer:
    """Content on its way here."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.is_over = asyncio.Event()
        """It arrived, or nobody wants it any more."""
        self.is_urgent = asyncio.Event()
        """Somebody has begun to wait for it."""
        self.readers = 0
        """Who waits for it."""
        self.is_repair = False
        """It was here before, or should have been."""


class Fetcher:
    """Transfers under way and those still wanted."""

    def __init__(
        self, ledger: Ledger, vault: Vault, accept: Callable[[Incoming, bool], bool], bytes_max: int
    ) -> None:
        self._ledger = ledger
        self._vault = vault
        self._accept = accept
        """Keeps what has arrived if a file names it, for good or, as the second word says, in the cache
        alone; touches the disk."""
        self._bytes_max = bytes_max
        self._slots = asyncio.Semaphore(TRANSFERS_MAX)
        self.wanted: dict[str, Transfer] = {}
        self._giver: int | None = None
        """The member that something came from last."""

    async def run(self) -> None:
        """Ask again for all that is wanted when a member has come back, a few at once; never returns."""
        there, has_come = self._find_there(), False
        while True:
            await asyncio.sleep(RETURN_PAUSE_S if has_come else RETURN_LOOK_S)
            before, there = there, self._find_there()
            has_come = not there <= before
            for name in list(self.wanted) if has_come else ():
                self.hurry(name)

    def want(self, name: str, is_repair: bool = False) -> None:
        """Bring this content, which must be here, in the background, however long it takes."""
        if len(self.wanted) < WANTED_MAX and name not in self.wanted:
            self._begin(name).is_repair = is_repair

    @property
    def missing(self) -> int:
        """How many blobs that this node must keep are on their way here."""
        return sum(self._vault.is_due(name) for name in self.wanted)

    def _begin(self, name: str) -> Transfer:
        if name not in self.wanted:
            transfer = self.wanted[name] = Transfer()
            transfer.task = asyncio.create_task(self._bring(name, transfer))
        return self.wanted[name]

    def forget(self, name: str) -> None:
        """No file names this content any more."""
        transfer = self.wanted.pop(name, None)
        if transfer is not None and transfer.task is not None:
            transfer.task.cancel()
            transfer.is_over.set()

    def hurry(self, name: str) -> None:
        """Look again soon: the content may have come another way. What is under way is not broken off."""
        if name in self.wanted:
            self.wanted[name].is_urgent.set()

    async def wait(self, name: str, timeout_s: float) -> None:
        """Return once the content is here or not wanted; raises BlobError when it does not come in time."""
        transfer = self._begin(name)
        transfer.readers += 1
        transfer.is_urgent.set()
        try:
            await asyncio.wait_for(transfer.is_over.wait(), timeout_s)
        except TimeoutError:
            raise BlobError("no member that can be reached has the content") from None
        finally:
            transfer.readers -= 1

    async def close(self) -> None:
        tasks = [transfer.task for transfer in self.wanted.values() if transfer.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bring(self, name: str, transfer: Transfer) -> None:
        """Ask everybody, again and again, until the content is here or nobody wants it any more."""
        pause_s = RETRY_S
        while not await self._ask_in_turn(name, transfer):
            if not transfer.readers and not self._vault.is_due(name):
                break
            with suppress(TimeoutError):
                await asyncio.wait_for(transfer.is_urgent.wait(), pause_s * random.uniform(0.8, 1.2))
            is_urgent = transfer.is_urgent.is_set()
            transfer.is_urgent.clear()
            pause_s = RETRY_S if is_urgent else min(pause_s * 2, RETRY_S_MAX)
        if self.wanted.get(name) is transfer:
            del self.wanted[name]
        transfer.is_over.set()

    async def _ask_in_turn(self, name: str, transfer: Transfer) -> bool:
        async with self._slots:
            if await asyncio.to_thread(self._vault.blobs.find, name, not transfer.readers) is not None:
                return True
            if self._vault.bucket is not None and await self._ask_bucket(name, transfer):
                return True
            if not await self._ask_all(name):
                return False
            self._vault.counts["fetched"] += 1
            self._vault.counts["repaired"] += transfer.is_repair
            return True

    async def load(self, name: str) -> None:
        """Have in the cache what the bucket has, if it has it."""
        if self._vault.bucket is not None:
            async with self._slots:
                await self._load(name)

    async def _ask_bucket(self, name: str, transfer: Transfer) -> bool:
        """Whether the bucket has it, and whoever reads has it here."""
        if transfer.readers:
            return await self._load(name)
        try:
            return await self._vault.find_stored(name) is not None
        except BlobStoreError as error:
            log.warning("blob.store", code=error.code, reason=str(error), fix=error.fix)
            return False

    async def _load(self, name: str) -> bool:
        try:
            incoming = await self._vault.load(name)
        except (BlobStoreError, DiskFullError) as error:
            log.warning("blob.store", code=error.code, reason=str(error), fix=error.fix)
            return False
        return incoming is not None and await self._take(incoming, is_cached=True)

    async def _ask_all(self, name: str) -> bool:
        """Those first that hold it by the rule, then whoever else is there: one may have a copy left. Where
        all hold all, the one first that gave something last: whoever takes many files in has the next, too,
        and the others are about to ask for it themselves."""
        peers, placement = self._ledger.peers, self._vault.placement
        members = self._others()
        random.shuffle(members)
        if placement.is_everywhere:
            members.sort(key=lambda member: member != self._giver)
        else:
            members.sort(key=placement.ranking(name).index)
        for member in members:
            if peers.is_connected(member) and await self._ask(member, name):
                self._giver = member
                return True
        return False

    def _others(self) -> list[int]:
        return [member for member in range(len(self._vault.placement.keys)) if member != self._ledger.member]

    def _find_there(self) -> set[int]:
        return {member for member in self._others() if self._ledger.peers.is_connected(member)}

    async def _ask(self, member: int, name: str) -> bool:
        """One member's content, going on where a broken transfer stopped."""
        incoming = await asyncio.to_thread(self._vault.blobs.begin)
        try:
            for _ in range(TRIES_A_MEMBER):
                before = incoming.size
                if await self._receive(member, name, incoming):
                    break
                if incoming.size == before:
                    return False
            return incoming.name == name and await self._take(incoming, is_cached=False)
        except (DiskFullError, OSError):
            return False
        finally:
            if not incoming.is_kept:
                await asyncio.to_thread(incoming.discard)

    async def _take(self, incoming: Incoming, is_cached: bool) -> bool:
        try:
            return await asyncio.to_thread(self._accept, incoming, is_cached)
        except (DiskFullError, IndexAwayError, OSError):
            return False
        finally:
            if not incoming.is_kept:
                await asyncio.to_thread(incoming.discard)

    async def _receive(self, member: int, name: str, incoming: Incoming) -> bool:
        """Whether the member's stream ended by itself."""
        try:
            async with ending(self._ledger.peers.read_blob(member, name, incoming.size)) as chunks:
                async for some in gather(chunks):
                    if incoming.size + sum(map(len, some)) > self._bytes_max:
                        return False
                    await asyncio.to_thread(incoming.write_all, some)
        except BlobError:
            return False
        return True
