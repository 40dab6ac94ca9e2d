"""What clients may do with content that comes in pieces (`draft`): add, ask how much is there, complete."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager

from weft.apps.files.blobs import Incoming
from weft.apps.files.disk import CHUNK_BYTES
from weft.apps.files.draft import IDLE_S, Draft, Drafts
from weft.apps.files.errors import DraftUnknownError
from weft.model.errors import WeftError
from weft.model.view import Caller

SWEEP_S = 600.0


class Pieces:
    """The drafts of a node, each for the account that began it."""

    def __init__(
        self,
        drafts: Drafts,
        owner_of: Callable[[Caller], str],
        taking: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """`taking`: one of the uploads that may be under way at once."""
        self._drafts = drafts
        self._owner_of = owner_of
        self._taking = taking

    async def begin(self, caller: Caller, size: int, sha256: str | None) -> Draft:
        """Raises FileSizeError, BusyError or DiskFullError."""
        return await asyncio.to_thread(self._drafts.begin, self._owner_of(caller), size, sha256)

    async def show(self, caller: Caller, id_: str) -> tuple[Draft, int]:
        """A draft, and how much of it is on disk. Whoever asks goes on: an earlier request adds no more."""
        draft = self._drafts.find(self._owner_of(caller), id_)
        await asyncio.to_thread(draft.begin)
        return draft, await asyncio.to_thread(draft.sync)

    async def add(
        self, caller: Caller, id_: str, offset: int, chunks: Callable[[int], AsyncIterator[bytes]]
    ) -> tuple[Draft, int]:
        """Add a piece; `chunks` gives it, bounded by what is left. Raises OffsetError or OvertakenError."""
        draft = self._drafts.find(self._owner_of(caller), id_)
        with self._taking():
            turn = await asyncio.to_thread(draft.begin, offset)
            async for some in gather(chunks(draft.announced.size - offset)):
                await asyncio.to_thread(draft.add, turn, some)
            return draft, await asyncio.to_thread(draft.sync)

    @asynccontextmanager
    async def completing(self, caller: Caller, id_: str) -> AsyncIterator[Incoming]:
        """The content of a draft, which ends with the block, or is given back when that raises: it may be
        completed again, also when its content is kept already."""
        draft = self._drafts.find(self._owner_of(caller), id_)
        whole = await asyncio.to_thread(self._drafts.complete, draft)
        try:
            yield whole
        except DraftUnknownError:
            await asyncio.to_thread(self._drafts.end, draft)
            raise
        except BaseException:
            await asyncio.to_thread(self._drafts.give_back, draft, whole)
            raise
        await asyncio.to_thread(self._drafts.end, draft)

    async def end(self, caller: Caller, id_: str) -> None:
        """Destroy it."""
        draft = self._drafts.find(self._owner_of(caller), id_)
        await asyncio.to_thread(draft.close)
        await asyncio.to_thread(self._drafts.end, draft)

    async def sweep(self) -> None:
        """Destroy what nobody goes on with, from time to time; never returns."""
        while True:
            await asyncio.to_thread(self._drafts.sweep, time.time() - IDLE_S)
            await asyncio.sleep(SWEEP_S)


async def gather(chunks: AsyncIterator[bytes]) -> AsyncIterator[Sequence[bytes]]:
    """The same chunks, some at a time, so that a thread is asked for more at once; also all that came before
    they break off."""
    waiting, size, broken = list[bytes](), 0, None
    try:
        async for chunk in chunks:
            waiting.append(chunk)
            size += len(chunk)
            if size >= CHUNK_BYTES:
                yield waiting
                waiting, size = [], 0
    except WeftError as error:
        broken = error
    if waiting:
        yield waiting
    if broken is not None:
        raise broken
