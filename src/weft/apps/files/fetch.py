"""Content that this node lacks, brought from the members that have it.

Promise: what arrives is kept only if it is of the digest asked for and a file still names it at that moment,
so content that was erased meanwhile does not come back. A few transfers run at once, each content once; what
nobody has is asked for again, less and less often.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from weft.apps.files.blobs import Blobs, Incoming
from weft.apps.files.ports import Ledger, ending
from weft.model.errors import BlobError, DiskFullError

TRANSFERS_MAX = 4
TRIES_A_MEMBER = 3
RETRY_S, RETRY_S_MAX = 1.0, 300.0


class Transfer:
    """Content on its way here."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = None
        self.is_over = asyncio.Event()
        """It arrived, or nobody wants it any more."""
        self.is_urgent = asyncio.Event()
        """Somebody waits for it."""


class Fetcher:
    """Transfers under way and those still wanted."""

    def __init__(
        self, ledger: Ledger, blobs: Blobs, accept: Callable[[Incoming], bool], bytes_max: int
    ) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._accept = accept
        """Keeps what has arrived if a file names it; touches the disk."""
        self._bytes_max = bytes_max
        self._slots = asyncio.Semaphore(TRANSFERS_MAX)
        self.wanted: dict[str, Transfer] = {}

    def want(self, name: str) -> Transfer:
        """Bring this content in the background, however long it takes."""
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
        transfer = self.want(name)
        transfer.is_urgent.set()
        try:
            await asyncio.wait_for(transfer.is_over.wait(), timeout_s)
        except TimeoutError:
            raise BlobError("no member that can be reached has the content") from None

    async def close(self) -> None:
        tasks = [transfer.task for transfer in self.wanted.values() if transfer.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _bring(self, name: str, transfer: Transfer) -> None:
        """Ask everybody, again and again, until the content is here, which may come by an upload too."""
        pause_s = RETRY_S
        while not (await asyncio.to_thread(self._blobs.has, name) or await self._ask_in_turn(name)):
            with suppress(TimeoutError):
                await asyncio.wait_for(transfer.is_urgent.wait(), pause_s * random.uniform(0.8, 1.2))
            is_urgent = transfer.is_urgent.is_set()
            transfer.is_urgent.clear()
            pause_s = RETRY_S if is_urgent else min(pause_s * 2, RETRY_S_MAX)
        if self.wanted.get(name) is transfer:
            del self.wanted[name]
        transfer.is_over.set()

    async def _ask_in_turn(self, name: str) -> bool:
        async with self._slots:
            return await self._ask_all(name)

    async def _ask_all(self, name: str) -> bool:
        peers = self._ledger.peers
        count = len(self._ledger.genesis.members)
        members = [member for member in range(count) if member != self._ledger.member]
        random.shuffle(members)
        for member in sorted(members, key=peers.is_connected, reverse=True):
            if peers.is_connected(member) and await self._ask(member, name):
                return True
        return False

    async def _ask(self, member: int, name: str) -> bool:
        """One member's content, going on where a broken transfer stopped."""
        incoming = await asyncio.to_thread(self._blobs.begin)
        try:
            for _ in range(TRIES_A_MEMBER):
                before = incoming.size
                if await self._receive(member, name, incoming):
                    break
                if incoming.size == before:
                    return False
            if incoming.name != name:
                return False
            return await asyncio.to_thread(self._accept, incoming)
        except (DiskFullError, OSError):
            return False
        finally:
            await asyncio.to_thread(incoming.discard)

    async def _receive(self, member: int, name: str, incoming: Incoming) -> bool:
        """Whether the member's stream ended by itself."""
        try:
            async with ending(self._ledger.peers.read_blob(member, name, incoming.size)) as chunks:
                async for chunk in chunks:
                    if incoming.size + len(chunk) > self._bytes_max:
                        return False
                    await asyncio.to_thread(incoming.write, chunk)
        except BlobError:
            return False
        return True
