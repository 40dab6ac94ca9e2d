"""Follows the ledger: keeps the index true, claims and fetches content, destroys what was erased.

Erasing, in this order: content and thumbnail, then the rows together with the cursor. A node that dies
between the two reads the same row of the ledger again and still finds in the index what is to be destroyed.
Everything that makes content appear takes the same gate, and looks at the index once it has it.
"""

import asyncio
import threading
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from weft.apps.files.background import surviving
from weft.apps.files.blobs import Incoming
from weft.apps.files.contract import NAME, FileState, find_file
from weft.apps.files.disk import CHUNK_BYTES
from weft.apps.files.errors import IndexAwayError
from weft.apps.files.fetch import Fetcher
from weft.apps.files.index import PLACES_A_BLOCK, Index, Place
from weft.apps.files.ports import Ledger, ending
from weft.apps.files.reader import find_missing, gather_attachments, view_file
from weft.apps.files.settle import Settler
from weft.apps.files.thumbnails import Thumbnails
from weft.apps.files.vault import Vault
from weft.model.digest import Digest
from weft.model.errors import BehindError, DiskFullError, DivergedError
from weft.model.view import EventRow

BATCH = 4_000
"""Rows of the ledger that are taken in together when there are many."""
GATHERED = 500
"""Of these, files that are held in memory at once."""
REACH_S = 10.0
TIDY_S = 60.0
FULL_PAUSE_S = 5.0
UNCLAIMED_S = 3600.0
"""How long an upload waits to be named by an executed file."""
BLOCKS_UNWRITTEN_MAX = 1000
"""Blocks without files that are read again, at most, after a restart."""
SEEK_MAX = 256
"""Attachments that are looked for together."""
_PAGE = 1000


class Follower:
    """The one writer of the index."""

    def __init__(
        self,
        ledger: Ledger,
        index: Index,
        vault: Vault,
        settler: Settler,
        thumbnails: Thumbnails,
        bytes_max: int,
    ) -> None:
        self._ledger = ledger
        self._index = index
        self._vault = vault
        self._blobs = vault.blobs
        self._settler = settler
        self._thumbnails = thumbnails
        self._gate = threading.Lock()
        self._grown = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._finished_height = self._start_height = -1
        self._blocks_unwritten = 0
        self.fetcher = Fetcher(ledger, vault, self._accept, bytes_max)

    async def run(self) -> None:
        """Never returns by itself."""
        self._loop = asyncio.get_running_loop()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tidy())
                tasks.create_task(self.fetcher.run())
                await self._follow()
        except* DivergedError:
            # Such a node serves nobody until it is started again, so there is nothing to keep true.
            await asyncio.Event().wait()
        finally:
            await self.fetcher.close()

    def close(self) -> None:
        """Close the index once nobody writes to it: threads go on when the task that waits for them ends."""
        with self._gate:
            self._index.close()

    async def reach(self, height: int, timeout_s: float | None = REACH_S) -> None:
        """Return once the index holds all of this height; raises BehindError, if there is a time at all."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wait_for(height)
        except TimeoutError:
            raise BehindError(
                f"the index of files is at height {self._finished_height}, not at {height} yet"
            ) from None

    def keep_thumbnail(self, name: str) -> bool:
        """Whether a thumbnail that was just drawn may stay; it is destroyed if no file names its content."""
        with self._gate:
            if self._index.is_named(name):
                return True
            self._thumbnails.destroy(name)
            return False

    async def _follow(self) -> None:
        cursor = await asyncio.to_thread(lambda: self._index.cursor)
        self._start_height = await self._ledger.service.reach(None, False)
        if cursor[0] > self._start_height:
            # The ledger was begun anew beneath the index.
            await asyncio.to_thread(self._index.clear)
            cursor = 0, -1
        # The cursor's own height is read again from its beginning: its end may be known already, and then
        # nothing after the cursor would say so. What is in the index is only written again.
        self._vault.advance(cursor[0])
        self._finish(max(cursor[0] - 1, 0))
        rows: asyncio.Queue[EventRow] = asyncio.Queue(BATCH)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read((cursor[0], -1), rows))
            while True:
                batch = [await rows.get()]
                while len(batch) < BATCH and not rows.empty():
                    batch.append(rows.get_nowait())
                await self._take_in(batch)

    async def _read(self, cursor: tuple[int, int], rows: asyncio.Queue[EventRow]) -> None:
        """Passes on what concerns files, and the end of each block."""
        async with ending(self._ledger.service.follow(cursor, NAME)) as ledger_rows:
            async for row in ledger_rows:
                await rows.put(row)

    async def _take_in(self, batch: Sequence[EventRow]) -> None:
        events = [row for row in batch if row.event is not None]
        self._blocks_unwritten += len(batch) - len(events)
        if events or self._blocks_unwritten >= BLOCKS_UNWRITTEN_MAX:
            named, missing, gone = await self._write_patiently(batch[-1], events)
            for name in gone:
                self.fetcher.forget(name)
            self.see_to(named, missing)
            self._blocks_unwritten = 0
        finished = [row.height for row in batch if row.event is None]
        if finished:
            self._finish(finished[-1])

    def see_to(self, here: Sequence[str], missing: Sequence[str], is_repair: bool = False) -> None:
        """What is here is brought where it belongs, and what belongs here and is missing is brought here."""
        for name in here:
            self._settler.settle(name)
        for name in missing:
            if self._vault.is_due(name):
                self.fetcher.want(name, is_repair)

    async def wait_for_start(self) -> None:
        """Return once the index has caught up with the ledger as it is now."""
        await self._wait_for(await self._ledger.service.reach(None, False))

    async def where(self) -> tuple[int, int]:
        """How far the index has come: a height, and its ledger time in milliseconds."""
        height = self._finished_height
        headers = await self._ledger.service.headers(height + 1, 1)
        return height, headers[0][0].time_ms if headers else 0

    def named(self, shard: str) -> list[str]:
        """Digests, rising, of all content that files name and that begins with these digits. Touches the
        disk."""
        found, after = list[str](), shard
        while page := [name for name in self._index.contents(after, _PAGE) if name.startswith(shard)]:
            found += page
            after = page[-1]
        return found

    def lacking(self, names: Sequence[str]) -> list[str]:
        """Which of these belong on this disk, are named by files and are not here. Touches the disk."""
        due = [name for name in names if self._vault.is_at_rest(name) and not self._blobs.has(name)]
        with self._gate:
            return [name for name in due if self._index.is_named(name) and not self._claim(name)]

    def is_orphan(self, name: str) -> bool:
        """Whether no file names this content, nor waits here to be made of it. Touches the disk."""
        with self._gate:
            is_known = self._index.is_named(name) or bool(self._index.incomplete(1))
        return not is_known and name not in self._blobs.awaited()

    async def _write_patiently(
        self, last: EventRow, events: list[EventRow]
    ) -> tuple[list[str], list[str], list[str]]:
        """A full disk or a server that is away holds up the index, not the node: it says it is behind."""
        while True:
            try:
                return await asyncio.to_thread(self._write, last, events)
            except (DiskFullError, IndexAwayError):
                await asyncio.sleep(FULL_PAUSE_S)

    def _write(self, last: EventRow, events: list[EventRow]) -> tuple[list[str], list[str], list[str]]:
        """Digests of content that is named and here, that is named and not here, and that is no longer
        named."""
        named, gone = list[str | None](), list[str | None]()
        with self._gate:
            with self._index.writing((last.height, last.position)):
                for start in range(0, len(events), GATHERED):
                    self._write_some(events[start : start + GATHERED], named, gone)
            if gone:
                self._index.scrub()
            held = {name: self._is_held(name, last) for name in named if name}
        here = [name for name, is_held in held.items() if is_held]
        missing = [name for name, is_held in held.items() if not is_held]
        return here, missing, [name for name in gone if name is not None]

    def _write_some(self, events: list[EventRow], named: list[str | None], gone: list[str | None]) -> None:
        changed = [(row, id_, self._load(id_)) for row in events for id_ in (_id_of(row),)]
        ledger = gather_attachments(self._ledger, (file for *_, file in changed if not file.erased_height))
        for row, id_, file in changed:
            if file.erased_height is None:
                place = row.height * PLACES_A_BLOCK + row.position
                named.append(self._put(ledger, id_.hex(), file, place, _changed_by(row)))
            else:
                gone.append(self._remove(id_.hex(), file.erased_height))

    def _load(self, id_: bytes) -> FileState:
        file = find_file(self._ledger.state, id_)
        assert file is not None, "what was announced is in the state"
        return file

    def _put(self, ledger: Ledger, id_: str, file: FileState, place: int, changed: Place) -> str | None:
        """The state of now, which may be newer than the event; the digest of the content."""
        made = changed if changed.id == file.created_by else self._index.made_by(id_)
        view = view_file(ledger, id_, file, made or changed)
        # Attachments are destroyed a moment before the state says so. What is known of the content is needed
        # when the event of the erasure comes, so it must not be overwritten by nothing.
        if view.sha256 is None and (known := self._index.sha256_of(id_)) is not None:
            return known
        self._index.put(view, place)
        return view.sha256

    def _remove(self, id_: str, height: int) -> str | None:
        """The digest of its content, if this was the last file to name it."""
        sha256 = self._index.sha256_of(id_)
        is_last = sha256 is not None and not self._index.is_named(sha256, apart_from=id_)
        if sha256 is not None and is_last:
            self._vault.destroy(sha256, height)
            self._thumbnails.destroy(sha256)
        self._index.remove(id_)
        return sha256 if is_last else None

    async def claim(self, name: str) -> None:
        """Content was uploaded once more that a file names already: one copy is enough, a sound one."""
        if await asyncio.to_thread(self._claim_behind_gate, name):
            self._settler.settle(name)

    def _claim_behind_gate(self, name: str) -> bool:
        with self._gate:
            return self._claim(name)

    def mend(self, name: str, source: Path) -> None:
        """What was uploaded for a file to come is copied for files that name it already and lack it here.
        Touches the disk; raises FileNotFoundError."""
        if self._copy(name, source):
            self._loop.call_soon_threadsafe(self.fetcher.hurry, name)

    def _copy(self, name: str, source: Path) -> bool:
        with self._gate:
            is_lacking = self._index.is_named(name) and not self._vault.has(name)
        if not is_lacking:
            return False
        incoming = self._blobs.begin()
        try:
            with source.open("rb", buffering=0) as file:
                while chunk := file.read(CHUNK_BYTES):
                    incoming.write(chunk)
            return incoming.name == name and self._accept(incoming, False)
        finally:
            incoming.discard()

    def _is_held(self, name: str, last: EventRow) -> bool:
        """Whether content that a file names is here, and kept. What was there before the node started is not
        read through again now: that it is sound is seen to whenever it is read."""
        return (last.height <= self._start_height and self._blobs.has(name)) or self._claim(name)

    def _claim(self, name: str) -> bool:
        return self._index.is_named(name) and self._blobs.claim(name)

    def _accept(self, incoming: Incoming, is_cached: bool = False) -> bool:
        # Before the gate: to have a gigabyte on disk takes seconds, and the index waits at the same gate.
        incoming.close()
        with self._gate:
            is_named = self._index.is_named(incoming.name)
            # It may have come another way meanwhile; taking its place would first destroy it.
            is_elsewhere = not self._vault.is_at_rest(incoming.name)
            if not is_named or self._blobs.has(incoming.name):
                return is_named
            if is_elsewhere and self._blobs.find(incoming.name) is not None:
                return True
            if is_cached or not self._vault.is_due(incoming.name):
                self._blobs.cache(incoming)
            else:
                self._blobs.keep(incoming, is_claimed=True)
                self._arrived(incoming.name)
            return is_named

    def _arrived(self, name: str) -> None:
        """From a thread: content came that this node must keep."""
        self._loop.call_soon_threadsafe(self._settler.settle, name)

    async def _tidy(self) -> None:
        """Once the index has caught up with the ledger as it was at the start; then from time to time."""
        await self.wait_for_start()
        is_compared = False
        while True:
            with surviving("tidy"):
                if not is_compared:
                    self.see_to(*await asyncio.to_thread(self._compare))
                    is_compared = True
                await self._tidy_once()
            await asyncio.sleep(TIDY_S)

    async def _tidy_once(self) -> None:
        await asyncio.to_thread(self._blobs.sweep, time.time() - UNCLAIMED_S)
        lacking = await asyncio.to_thread(self._lacking)
        for first in range(0, len(lacking), SEEK_MAX):
            await self._ledger.service.seek(lacking[first : first + SEEK_MAX])
        self.see_to(*await asyncio.to_thread(self._complete))

    def _compare(self) -> tuple[list[str], list[str]]:
        """What no file names is destroyed here; the digests of what is here and belongs elsewhere, and of
        what belongs on this disk and is not here. What a bucket has is for the scrub to see."""
        if not self._index.incomplete(1):
            for name in chain(self._blobs.names(), self._thumbnails.names()):
                with self._gate:
                    if not self._index.is_named(name):
                        self._blobs.destroy(name)
                        self._thumbnails.destroy(name)
        with self._gate:
            here = [name for name in self._blobs.awaited() if self._claim(name)]
        here += [name for name in self._blobs.names() if not self._vault.is_at_rest(name)]
        missing, after = list[str](), ""
        while page := self._index.contents(after, _PAGE):
            missing += self.lacking(page)
            after = page[-1]
        return here, missing

    def _lacking(self) -> list[Digest]:
        """Attachments that files need and this node has not got."""
        lacking = []
        for id_ in self._index.incomplete(_PAGE):
            file = find_file(self._ledger.state, bytes.fromhex(id_))
            if file is not None and file.erased_height is None:
                lacking += find_missing(self._ledger, [file.newest], file.digest)
        return lacking

    def _complete(self) -> tuple[list[str], list[str]]:
        """Files whose attachments were not here are read again; digests of content that is now known of, and
        is here or not."""
        here: list[str] = []
        missing: list[str] = []
        for id_ in self._index.incomplete(_PAGE):
            with self._gate:
                file = find_file(self._ledger.state, bytes.fromhex(id_))
                made = self._index.made_by(id_)
                if file is not None and made is not None and file.erased_height is None:
                    with self._index.writing(self._index.cursor):
                        sha256 = self._put(self._ledger, id_, file, 0, made)
                    if sha256 is not None:
                        (here if self._claim(sha256) else missing).append(sha256)
        return here, missing

    async def _wait_for(self, height: int) -> None:
        while self._finished_height < height:
            await self._grown.wait()

    def _finish(self, height: int) -> None:
        self._finished_height = height
        self._vault.advance(height)
        self._grown.set()
        self._grown = asyncio.Event()


def _id_of(row: EventRow) -> bytes:
    assert row.event is not None
    id_ = dict(row.event.data)["id"]
    assert isinstance(id_, bytes)
    return id_


def _changed_by(row: EventRow) -> Place:
    """The transaction that announced this."""
    assert row.transaction is not None
    assert row.place is not None
    return Place(row.transaction, row.height, row.place)
