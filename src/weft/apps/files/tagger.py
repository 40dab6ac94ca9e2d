"""Follows the ledger and tells it what a machine sees in its pictures. Off unless the configuration says so.

The ledger takes what a program found in a file once. So it does not matter how often a picture is looked at,
by how many nodes, or when one of them is started again: what is in the state is done, what is not is still to
do.
Nodes look at different pictures first, each at the ones that fall to it by their id, and then, after a while,
at what others have left. An upload never waits for this: the worker is another one than that of uploads.
"""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from os import urandom
from typing import Protocol

import structlog

from weft.api.errors import PendingError, RequestError
from weft.apps.files.blobs import Reading
from weft.apps.files.contract import NAME, FileState, find_file, find_findings, list_files
from weft.apps.files.findings import FINDER, encode_findings
from weft.apps.files.index import FileView
from weft.apps.files.ports import Ledger, ending
from weft.apps.files.worker import DRAWABLE, Worker
from weft.model.call import TagFile
from weft.model.encoding import encode
from weft.model.errors import DivergedError, WeftError
from weft.model.transaction import Attachment
from weft.model.view import Caller, Wish

LEFT_S = 60.0
"""How long a node leaves a picture to the one that it falls to, for each place behind that one."""
WRITE_MS = 30_000
PAUSE_S = 5.0
PAGE = 500
AGAIN_MAX = 3
"""Tries for a picture before it is left until the node's next start."""
WAITING_MAX = 100_000
"""Pictures of others that a node remembers; those beyond are found at its next start."""

log = structlog.get_logger("weft.files")


class Files(Protocol):
    """What is needed of the files of this node."""

    async def get(self, id_: str) -> FileView: ...

    async def open(self, file: FileView) -> Reading:
        """The file's content, fetched first if need be."""

    async def close_reading(self, reading: Reading) -> None: ...


class Tagger:
    """Looks at one picture at a time."""

    def __init__(self, ledger: Ledger, files: Files, caller: Caller, left_s: float = LEFT_S) -> None:
        """`caller`: the node's own account, which signs for what is found."""
        self._ledger, self._files, self._caller, self._left_s = ledger, files, caller, left_s
        self._worker = Worker()
        self._due: list[tuple[float, int, bytes]] = []
        """When to look at which file, soonest first; the number of tries, then the id."""
        self._grown, self._room = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Never returns by itself."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._find())
                await self._work()
        except* DivergedError:
            # Such a node serves nobody until it is started again.
            await asyncio.Event().wait()
        finally:
            await self._worker.close()

    async def _find(self) -> None:
        """All files that there are, then those that come."""
        height = await self._ledger.service.reach(None, False)
        async for known, file in self._list():
            await self._consider(known, file)
        async with ending(self._ledger.service.follow((height, -1), NAME)) as rows:
            async for row in rows:
                if row.event is not None and row.event.type == "file.created":
                    id_ = dict(row.event.data)["id"]
                    assert isinstance(id_, bytes)
                    made = await asyncio.to_thread(find_file, self._ledger.state, id_)
                    assert made is not None, "what was announced is in the state"
                    await self._consider(id_, made)

    async def _list(self) -> AsyncIterator[tuple[bytes, FileState]]:
        after: bytes | None = None
        while page := await asyncio.to_thread(list_files, self._ledger.state, after, PAGE):
            for id_, file in page:
                yield id_, file
            after = page[-1][0]

    async def _consider(self, id_: bytes, file: FileState) -> None:
        """Pictures only; this node's own at once, those of others later, and not more than can be kept."""
        if not file.media_type.startswith(DRAWABLE) or await asyncio.to_thread(self._is_done, id_, file):
            return
        behind = self._places_behind(id_)
        while not behind and len(self._due) >= WAITING_MAX:
            self._room.clear()
            await self._room.wait()
        if len(self._due) < WAITING_MAX:
            self._put(behind * self._left_s, 0, id_)

    def _is_done(self, id_: bytes, file: FileState | None) -> bool:
        if file is None or file.erased_height is not None:
            return True
        return any(finding.by == FINDER for finding in find_findings(self._ledger.state, id_))

    def _places_behind(self, id_: bytes) -> int:
        """How many members come before this node for a file; a replica comes after all."""
        size, member = self._ledger.genesis.committee.size, self._ledger.member
        return size if member is None else (member - int.from_bytes(id_[:8], "big")) % size

    def _put(self, after_s: float, tries: int, id_: bytes) -> None:
        heapq.heappush(self._due, (time.monotonic() + after_s, tries, id_))
        self._grown.set()

    async def _work(self) -> None:
        while True:
            self._grown.clear()
            wait_s = self._due[0][0] - time.monotonic() if self._due else None
            if wait_s is None or wait_s > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._grown.wait()
                continue
            _, tries, id_ = heapq.heappop(self._due)
            self._room.set()
            try:
                await self._tag(id_)
            except (WeftError, RequestError) as error:
                # The content is nowhere, the network is without a quorum, the disk is full: it may change.
                log.warning("files.untagged", file=id_.hex(), code=error.code, tries=tries + 1)
                if tries + 1 < AGAIN_MAX:
                    self._put(PAUSE_S * 10**tries, tries + 1, id_)

    async def _tag(self, id_: bytes) -> None:
        """Look, and tell; of what cannot be opened too, so that nobody looks again."""
        state = await asyncio.to_thread(find_file, self._ledger.state, id_)
        if await asyncio.to_thread(self._is_done, id_, state):
            return
        file = await self._files.get(id_.hex())
        reading = await self._files.open(file)
        try:
            source = reading.path
            seen = await self._worker.see(source, file.media_type)
            if not seen and reading.path != source:
                # It was moved to where it is kept, or into the cache, at that moment.
                seen = await self._worker.see(reading.path, file.media_type)
        finally:
            await self._files.close_reading(reading)
        told = Attachment(urandom(32), encode_findings(seen))
        arguments = encode(TagFile(id_, FINDER, 0))
        meaning = encode(("TAG", id_.hex(), FINDER))
        wish = Wish(NAME, "tag", arguments, (told,), None, meaning)
        fate = await self._ledger.service.write(self._caller, wish, "executed", WRITE_MS)
        if fate.status not in ("executed", "failed"):
            raise PendingError(f"what was found in file {file.id} is not told yet", id=fate.identity.hex())
