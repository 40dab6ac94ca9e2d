"""Content that this node lacks, brought from the members that have it.

Promise: what arrives is kept only if it is of the digest asked for and a file still names it at that moment,
so content that was erased meanwhile does not come back. A few transfers run at once, each content once; what
nobody has is asked for again, less and less often.
"""

import asyncio
import random
from collections.abc import Callable

from weft.apps.files.blobs import Blobs, Incoming
from weft.apps.files.ports import Ledger, ending
from weft.model.errors import BlobError, DiskFullError

TRANSFERS_MAX = 4
TRIES_A_MEMBER = 3
RETRY_S, RETRY_S_MAX = 1.0, 300.0


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
        self._wanted: dict[str, asyncio.Task[None]] = {}
        self._arrived: dict[str, asyncio.Event] = {}

    def want(self, name: str) -> None:
        """Bring this content in the background, however long it takes."""
        if name not in self._wanted:
            task = asyncio.create_task(self._bring(name), name=f"blob {len(self._wanted)}")
            self._wanted[name] = task
            self._arrived.setdefault(name, asyncio.Event())
            task.add_done_callback(lambda _: self._end(name))

    def forget(self, name: str) -> None:
        """No file names this content any more."""
        task = self._wanted.get(name)
        if task is not None:
            task.cancel()

    async def wait(self, name: str, timeout_s: float) -> None:
        """Return once the content is here; raises BlobError when it does not come in time."""
        self.want(name)
        try:
            await asyncio.wait_for(self._arrived[name].wait(), timeout_s)
        except TimeoutError:
            raise BlobError("no member that can be reached has the content") from None

    async def close(self) -> None:
        tasks = list(self._wanted.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, name: str) -> None:
        del self._wanted[name]
        self._arrived.pop(name).set()

    async def _bring(self, name: str) -> None:
        """Ask everybody, again and again; ends when the content is here or no file wants it."""
        pause_s = RETRY_S
        while True:
            async with self._slots:
                if await self._ask_all(name):
                    return
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))
            pause_s = min(pause_s * 2, RETRY_S_MAX)

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
        except DiskFullError:
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
