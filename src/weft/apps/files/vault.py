"""Where this node keeps content, of everything that files name: on its disk, in a bucket, or not at all.

    kept on disk      the blob's place is this node's folder (`Blobs`)
    kept in a bucket  of this node alone, or shared by all; on disk is what is on its way there, and a cache
    not kept          other members hold it (`Placement`); what readers asked for here is cached

Promises. Content is on this node's disk until the place where it belongs has it for sure. A shared bucket
loses nothing to a node that is late (`Bucket` says how). An erasure that a bucket has not carried out yet
is remembered on disk until it has, and until then what lies there counts as gone.

    doomed/abcd….7    what the bucket has of this blob from height 7 and before is to be removed
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from weft.apps.files.blobs import CACHE_BYTES_MAX, Blobs, Incoming, is_digest
from weft.apps.files.bucket import Bucket, Place, Stored
from weft.apps.files.disk import disk_room, sync_folder
from weft.apps.files.placement import Placement
from weft.model.errors import BlobError

log = structlog.get_logger("weft.blobs")

STRIPES = 64
BAD_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a node keeps content (`docs/operate/blobs.md`)."""

    copies: int = 0
    """How many members hold a blob; 0: all."""
    place: Place | None = None
    """The bucket; None: the node's own disk."""
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_shared: bool = False
    """Whether the bucket is the one of all members."""
    cache_bytes_max: int = CACHE_BYTES_MAX
    scrub_pass_s: int = 3600
    """How long it takes at least to look at all content once."""
    scrub_bytes_per_s: int = 4 << 20
    """How fast content is read again; 0: not at all."""


class Vault:
    """All content that this node can reach without asking another."""

    def __init__(self, folder: Path, keeping: Keeping, placement: Placement) -> None:
        """`folder`: the node's blobs. Raises ConfigError for a bucket that cannot be."""
        self.keeping = keeping
        self.placement = placement
        self.blobs = Blobs(folder, keeping.cache_bytes_max)
        self.bucket = None if keeping.place is None else Bucket(keeping.place, keeping.credentials)
        self.away: frozenset[int] = frozenset()
        """Members that have been away for long."""
        self.counts: Counter[str] = Counter()
        """What happened since the start, for metrics."""
        self.wake: Callable[[], None] = lambda: None
        """Called, from any thread, when there is something to remove from the bucket."""
        self._height = 0
        self._bad: dict[str, None] = {}
        """Paths of objects that were found damaged."""
        self._stripes = [asyncio.Lock() for _ in range(STRIPES)]
        self._purged = asyncio.Event()
        self._doom_folder = folder / "doomed"
        self._doom_folder.mkdir(exist_ok=True)
        self.doomed: dict[str, int] = {}
        """Heights up to which a bucket's content of these digests is to be removed."""
        for path in self._doom_folder.iterdir():
            if is_digest(path.stem) and path.suffix[1:].isdecimal():
                self._doom(path.stem, int(path.suffix[1:]))
                self.advance(self.doomed[path.stem])

    def is_due(self, name: str) -> bool:
        """Whether this node by itself must keep this blob."""
        return not self.keeping.is_shared and self.placement.is_holder(name, self.away)

    def is_at_rest(self, name: str) -> bool:
        """Whether the disk of this node is where this blob belongs."""
        return self.bucket is None and self.is_due(name)

    def has(self, name: str) -> bool:
        """Whether content that belongs on this disk is here; what belongs elsewhere is taken to be there."""
        return not self.is_at_rest(name) or self.blobs.has(name)

    def is_bucket_due(self, name: str) -> bool:
        """Whether the bucket is where this blob belongs, as far as this node has to see to it."""
        return self.bucket is not None and (self.keeping.is_shared or self.is_due(name))

    def advance(self, height: int) -> None:
        """All erasures up to this height have come here."""
        self._height = max(self._height, height)

    async def secure(self, name: str) -> None:
        """An upload that waits here: on disk it is, and after this in the bucket too, if it belongs there.

        Raises BlobStoreError; then nobody may be told that the content is stored."""
        if self.is_bucket_due(name):
            async with self._lock(name):
                await self._put(name)

    async def settle(self, name: str) -> bool:
        """Bring a blob that is kept on disk into the bucket, and let go of it here; False when it is not
        here. Raises BlobStoreError."""
        async with self._lock(name):
            if not await asyncio.to_thread(self.blobs.has, name):
                return False
            if await self.find_stored(name) is None:
                await self._put(name)
            await asyncio.to_thread(self.blobs.relax, name)
            return True

    async def restore(self, name: str) -> bool:
        """Put a blob that the bucket has lost there again, if it is on this disk. Raises BlobStoreError."""
        async with self._lock(name):
            return await self.find_stored(name) is not None or await self._put(name)

    async def find_stored(self, name: str) -> Stored | None:
        """The blob in the bucket, as far as it is known to be good. Raises BlobStoreError."""
        assert self.bucket is not None
        return self.choose(await self.bucket.find(name))

    def choose(self, found: Collection[Stored]) -> Stored | None:
        """The one of a blob's objects that counts."""
        good = (one for one in found if one.path not in self._bad and not self.is_doomed(one))
        return max(good, key=lambda one: one.height, default=None)

    def is_doomed(self, stored: Stored) -> bool:
        """Whether an erasure has yet to take this object away."""
        return stored.height <= self.doomed.get(stored.name, -1)

    async def load(self, name: str) -> Incoming | None:
        """Sound content from the bucket, on its way to the disk; None when it has none. Raises
        BlobStoreError or DiskFullError."""
        stored = await self.find_stored(name)
        if stored is None:
            return None
        assert self.bucket is not None
        incoming = await asyncio.to_thread(self.blobs.begin)
        try:
            async for chunk in self.bucket.read(stored):
                await asyncio.to_thread(incoming.write, chunk)
            if incoming.name == name:
                return incoming
            self._blame(stored)
        except BlobError:
            log.info("blob.gone", reason="an object was removed while it was read")
        except BaseException:
            await asyncio.to_thread(incoming.discard)
            raise
        await asyncio.to_thread(incoming.discard)
        return None

    def destroy(self, name: str, height: int) -> None:
        """Content that no file names any more since this height. Touches the disk; from a thread."""
        self.advance(height)
        if self.bucket is not None:
            with disk_room():
                (self._doom_folder / f"{name}.{height}").touch()
                sync_folder(self._doom_folder)
            self._doom(name, height)
            self.wake()
        self.blobs.destroy(name)

    async def purge(self) -> None:
        """Remove from the bucket what was erased. Raises BlobStoreError with what could not be removed
        still remembered."""
        assert self.bucket is not None
        for name, height in list(self.doomed.items()):
            async with self._lock(name):
                for stored in await self.bucket.find(name):
                    if stored.height <= height:
                        await self.bucket.remove(stored)
                await asyncio.to_thread(self._forgive, name, height)
            self._purged.set()
            self._purged = asyncio.Event()

    async def wait_purged(self, height: int) -> None:
        """Return once the bucket, if there is one, has carried out all erasures up to this height."""
        while any(doomed <= height for doomed in list(self.doomed.values())):
            await self._purged.wait()

    async def _put(self, name: str) -> bool:
        """Put what this disk has of a blob into the bucket, under its lock; False when it has nothing."""
        assert self.bucket is not None
        height = self._height + 1
        source = await asyncio.to_thread(self.blobs.find, name)
        if source is None:
            return False
        try:
            await self.bucket.put(name, height, source)
        except FileNotFoundError:
            return False
        self.counts["stored"] += 1
        # What was put may have taken the place of a damaged object, or stand beside it.
        self._bad.pop(Stored(name, height, 0, 0).path, None)
        for stored in await self.bucket.find(name) if self._bad else ():
            if stored.path in self._bad:
                await self.bucket.remove(stored)
                self._bad.pop(stored.path, None)
        return True

    def _blame(self, stored: Stored) -> None:
        self.counts["damaged"] += 1
        log.error("blob.damaged", where=str(self.keeping.place), object=stored.path, size=stored.size)
        self._bad[stored.path] = None
        while len(self._bad) > BAD_MAX:
            del self._bad[next(iter(self._bad))]

    def _doom(self, name: str, height: int) -> None:
        self.doomed[name] = max(height, self.doomed.get(name, -1))

    def _forgive(self, name: str, height: int) -> None:
        """The bucket has carried out the erasures of this blob up to this height."""
        for path in self._doom_folder.glob(f"{name}.*"):
            if int(path.suffix[1:]) <= height:
                path.unlink()
        sync_folder(self._doom_folder)
        if self.doomed.get(name) == height:
            del self.doomed[name]

    def _lock(self, name: str) -> asyncio.Lock:
        return self._stripes[int(name[:2], 16) % STRIPES]
