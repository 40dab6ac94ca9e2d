"""Blobs that lie on this disk and belong elsewhere: brought there, and only then let go of here.

Into the bucket, or to the members that hold them: a copy that this node need not keep becomes one that it
may cache once every holder has proved that it has the bytes. What was erased is removed from the bucket.
All this is tried again, less and less often, until it is done; what is beyond the bound of the list is
found again by the scrub.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from weft.apps.files.errors import BlobStoreError
from weft.apps.files.vault import Vault
from weft.model.errors import DiskFullError

log = structlog.get_logger("weft.blobs")

WAITING_MAX = 10_000
AT_ONCE = 4
RETRY_S, RETRY_S_MAX = 1.0, 60.0


class Settler:
    """What waits to be brought where it belongs. `run` it."""

    def __init__(self, vault: Vault, is_held: Callable[[str], Awaitable[bool]]) -> None:
        """`is_held` tells whether all members that must hold a blob have proved that they do."""
        self._vault = vault
        self._is_held = is_held
        self.waiting: dict[str, None] = {}
        """Digests, in order of coming."""
        self._work = asyncio.Event()
        self._doom = asyncio.Event()

    def settle(self, name: str) -> None:
        """Bring this blob where it belongs, if it is here and does not."""
        if not self._vault.is_at_rest(name) and len(self.waiting) < WAITING_MAX:
            self.waiting[name] = None
            self._work.set()

    async def run(self) -> None:
        """Never returns by itself."""
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(self._doom.set)

        self._vault.wake = wake
        if self._vault.doomed:
            self._doom.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._work, self._settle_all))
            tasks.create_task(self._repeat(self._doom, self._purge))

    async def _repeat(self, wish: asyncio.Event, work: Callable[[], Awaitable[bool]]) -> None:
        """Work when it is wished, and until it is done."""
        pause_s = RETRY_S
        while True:
            await wish.wait()
            wish.clear()
            if await work():
                pause_s = RETRY_S
                continue
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_S_MAX)
            wish.set()

    async def _settle_all(self) -> bool:
        """One try for each, as long as the bucket can be reached; whether nothing is left to do."""
        names = list(self.waiting)
        for first in range(0, len(names), AT_ONCE):
            tries = await asyncio.gather(*map(self._settle, names[first : first + AT_ONCE]))
            if not all(tries):
                return False
        return not self.waiting

    async def _settle(self, name: str) -> bool:
        """Whether it is worth while to try others."""
        try:
            if await self._try(name):
                self.waiting.pop(name, None)
        except (BlobStoreError, DiskFullError, OSError) as error:
            _tell(error)
            return False
        return True

    async def _try(self, name: str) -> bool:
        """Whether the blob is where it belongs, or not here any more."""
        vault = self._vault
        if vault.is_bucket_due(name):
            await vault.settle(name)
            return True
        if vault.is_at_rest(name) or not await asyncio.to_thread(vault.blobs.has, name):
            return True
        if not await self._is_held(name):
            return False
        await asyncio.to_thread(vault.blobs.relax, name)
        return True

    async def _purge(self) -> bool:
        try:
            await self._vault.purge()
        except (BlobStoreError, OSError) as error:
            _tell(error)
        return not self._vault.doomed


def _tell(error: Exception) -> None:
    if isinstance(error, BlobStoreError | DiskFullError):
        log.warning("blob.store", code=error.code, reason=str(error), fix=error.fix)
    else:
        log.warning("blob.store", reason=str(error))
