"""Content by its SHA-256, in files of its own outside the ledger.

Promises. What is kept is complete, on disk and of that digest before its name appears: written aside, hashed
on the way, synced, renamed. What is read was found to be of its digest since it last changed on disk; a
damaged blob is set aside and counts as missing, so it is fetched again. What is removed is overwritten and
synced before its name goes, and whoever was reading it is cut off rather than sent other bytes.

    incoming/     still being written; nothing of it outlives a restart
    unclaimed/    uploaded here, and no executed file names it yet; swept when its time is over
    ab/abcd…      content of at least one file, which stays until something says otherwise
    cached/       content that is kept elsewhere too: those used longest ago make room for others
    damaged/      set aside; destroyed when sound content takes its place, or with its file

An upload waits in `unclaimed/` as a copy of its own, so that erasing the last file with the same content
cannot take away the content of a file that is only about to be executed. All calls touch the disk: make them
from a thread. Blobs may be used from several threads at once.
"""

import os
import re
import struct
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp

from weft.apps.files.disk import (
    disk_room,
    hash_file,
    is_unreadable,
    open_file,
    shred,
    sync_folder,
    write_whole,
)
from weft.model.errors import BlobError

SHARDS = tuple(f"{number:02x}" for number in range(256))
"""What digests begin with."""
_NAME = re.compile(r"[0-9a-f]{64}")
_REMEMBERED_MAX = 10_000
_FACTS = struct.Struct("=QQqq")
_STRIPES = 64
OPEN_TRIES = 3
LOOKS = 3
"""At a file that is replaced again and again while it is being read."""
CACHE_BYTES_MAX = 1 << 30


def is_digest(name: str) -> bool:
    """Whether this is how blobs are named: 64 hex digits, small letters."""
    return _NAME.fullmatch(name) is not None


class Incoming:
    """Content on its way in. Ends by `Blobs.keep` or by `discard`."""

    is_kept = False
    """Whether nothing of it is left to discard."""

    def __init__(self, folder: Path) -> None:
        with disk_room():
            handle, path = mkstemp(dir=folder)
        self.path = Path(path)
        self.moving = threading.Lock()
        """Held while it is moved or overwritten: a thread that keeps it outlives the task that ends."""
        self.size = 0
        self._hash = sha256()
        self._file = os.fdopen(handle, "wb", buffering=0)

    def write(self, chunk: bytes | memoryview) -> None:
        """Add to the end; raises DiskFullError."""
        with disk_room():
            write_whole(self._file, chunk)
        self._hash.update(chunk)
        self.size += len(chunk)

    def write_all(self, chunks: Iterable[bytes]) -> None:
        """The same for several."""
        for chunk in chunks:
            self.write(chunk)

    @property
    def name(self) -> str:
        """The digest of all written so far, 64 hex digits."""
        return self._hash.hexdigest()

    def close(self) -> None:
        """All that was written is on disk when this returns."""
        if not self._file.closed:
            with disk_room():
                os.fsync(self._file.fileno())
                self._file.close()

    def discard(self) -> None:
        """Overwrite and remove; once kept, nothing is left to do."""
        with suppress(OSError):
            self._file.close()
        with self.moving:
            shred(self.path)


class Reading:
    """A blob open for reading. Reads stop with BlobError from the moment the blob is being destroyed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = open_file(path)
        self.size = os.fstat(self._handle).st_size
        self._is_revoked = False

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset`; raises BlobError once the content was erased."""
        data = os.pread(self._handle, length, offset)
        # The flag is raised before the first byte is overwritten: read first, look then.
        if self._is_revoked:
            raise BlobError("the content was erased while it was being read")
        return data

    def pass_over_memory(self) -> None:
        """Let what the system has of the file in memory go, where it can, so that the disk is read."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._handle, 0, 0, os.POSIX_FADV_DONTNEED)

    def revoke(self) -> None:
        self._is_revoked = True

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class Blobs:
    """The blobs on the disk of a node, in one folder."""

    def __init__(self, folder: Path, cache_bytes_max: int = CACHE_BYTES_MAX) -> None:
        self.folder = folder
        self.cache_bytes_max = cache_bytes_max
        self.damages = 0
        """Blobs that were set aside since the start."""
        self._incoming, self._unclaimed, self._cached, self._damaged = (
            folder / name for name in ("incoming", "unclaimed", "cached", "damaged")
        )
        for path in (self._incoming, self._unclaimed, self._cached, self._damaged):
            path.mkdir(parents=True, exist_ok=True)
        for left_over in self._incoming.iterdir():
            shred(left_over)
        self._uses = OrderedDict(
            (path.name, path.lstat().st_size)
            for path in sorted(
                (self._cached / name for name in digests_in(self._cached)),
                key=lambda path: path.lstat().st_mtime,
            )
        )
        """Size of what is cached, by digest; used longest ago first."""
        self._cached_bytes = sum(self._uses.values())
        self._cache_lock = threading.Lock()
        self._locks = [threading.RLock() for _ in range(_STRIPES)]
        self._verified: OrderedDict[str, bytes] = OrderedDict()
        self._readings: dict[Path, set[Reading]] = {}

    def begin(self) -> Incoming:
        """Somewhere to write content whose digest is not known yet."""
        return Incoming(self._incoming)

    def keep(self, incoming: Incoming, is_claimed: bool = False) -> None:
        """Make the written content readable under its digest; durable when this returns.

        Sound content that is there already stays, and with it what was said of how long. Raises
        FileNotFoundError when this one was discarded a moment ago."""
        incoming.close()
        path = self._claimed(incoming.name) if is_claimed else self._unclaimed / incoming.name
        with self._lock(incoming.name), incoming.moving:
            if self._is_sound(path):
                shred(incoming.path)
            else:
                self._place(incoming.path, path)
            incoming.is_kept = True
            if is_claimed:
                self._destroy_path(self._damaged / incoming.name)
            else:
                self.hold(incoming.name, time.time())

    def cache(self, incoming: Incoming) -> None:
        """Make content that is kept elsewhere too readable for a while under its digest."""
        incoming.close()
        with self._lock(incoming.name), incoming.moving:
            path = self._cached / incoming.name
            if self._is_sound(path):
                return
            self._place(incoming.path, path)
            self._destroy_path(self._damaged / incoming.name)
        self._use(incoming.name, incoming.size)

    def claim(self, name: str) -> bool:
        """A file names this content: keep it from now on. False when it is not here."""
        with self._lock(name):
            path = self._claimed(name)
            others = self._unclaimed / name, self._cached / name
            if not self._is_sound(path):
                source = next((other for other in others if self._is_sound(other)), None)
                if source is None:
                    return False
                self._place(source, path)
            for other in (*others, self._damaged / name):
                self._destroy_path(other)
            return True

    def relax(self, name: str) -> None:
        """Content that is kept elsewhere from now on: it may be cached here, and need not be kept."""
        with self._lock(name):
            path, target = self._claimed(name), self._cached / name
            if not path.exists():
                return
            self._destroy_path(target)
            self._place(path, target)
            size = target.stat().st_size
        self._use(name, size)

    def has(self, name: str) -> bool:
        """Whether files' content of this digest is kept here, without looking at it."""
        # As text: of a million files made anew, paths as objects would take some seconds.
        return os.path.exists(f"{self.folder}/{name[:2]}/{name}")  # noqa: PTH110

    def awaited(self) -> list[str]:
        """Digests of the uploads that wait here to be named."""
        return digests_in(self._unclaimed)

    def find(self, name: str, is_kept: bool = False) -> Path | None:
        """Where sound content of this digest is; with `is_kept`, not what only waits or is cached."""
        if not is_digest(name):
            return None
        # What waits may be claimed between two looks.
        others = [] if is_kept else [self._unclaimed / name, self._cached / name]
        for path in [self._claimed(name), *others, self._claimed(name)]:
            if self._is_sound(path):
                if path.parent == self._cached:
                    self._use(name, path.stat().st_size)
                return path
        return None

    def check(self, name: str) -> bool:
        """Read what is kept under this digest again; whether it is sound. What is not is set aside."""
        self._verified.pop(_spot(self._claimed(name)), None)
        return self._is_sound(self._claimed(name))

    def open(self, name: str, is_kept: bool = False) -> Reading:
        """Sound content; raises BlobError when there is none here. `release` the reading in the end."""
        for _ in range(OPEN_TRIES):
            path = self.find(name, is_kept)
            if path is None:
                raise BlobError("this node does not have the content")
            # It may have been claimed, or erased, since it was found.
            with self._lock(name), suppress(FileNotFoundError):
                reading = Reading(path)
                self._readings.setdefault(path, set()).add(reading)
                return reading
        raise BlobError("the content was erased a moment ago")

    def peek(self, name: str) -> Reading | None:
        """What is kept under this digest, sound or not, as it is on the disk itself; `release` it."""
        path = self._claimed(name)
        with suppress(FileNotFoundError), self._lock(name):
            reading = Reading(path)
            reading.pass_over_memory()
            self._readings.setdefault(path, set()).add(reading)
            return reading
        return None

    def release(self, reading: Reading) -> None:
        """Close a reading; a second time does nothing."""
        with self._lock(reading.path.name):
            reading.close()
            others = self._readings.pop(reading.path, set()) - {reading}
            if others:
                self._readings[reading.path] = others
        self._make_room()

    def destroy(self, name: str) -> None:
        """Overwrite and remove the content of files; an upload of the same bytes that still waits stays."""
        with self._lock(name):
            for path in (self._claimed(name), self._cached / name, self._damaged / name):
                self._destroy_path(path)

    def hold(self, name: str, until_s: float) -> None:
        """Do not sweep this unclaimed upload before that time (seconds since 1970). It is never made earlier:
        others may need the same bytes."""
        path = self._unclaimed / name
        with self._lock(name), suppress(FileNotFoundError):
            if path.lstat().st_mtime < until_s:
                is_verified = self._is_verified(path, _identity(path))
                os.utime(path, (until_s, until_s))
                if is_verified:
                    self._remember(path)

    def sweep(self, uploaded_before_s: float) -> int:
        """Destroy unclaimed uploads older than that; how many there were."""
        count = 0
        for name in self.awaited():
            path = self._unclaimed / name
            # Claimed, or uploaded again and held, since it was listed: what counts is how it is now.
            with self._lock(name), suppress(FileNotFoundError):
                if path.lstat().st_mtime < uploaded_before_s:
                    self._destroy_path(path)
                    count += 1
        return count

    def names(self) -> Iterator[str]:
        """Digests of all content that files had when last seen, cached content included."""
        for shard in SHARDS:
            yield from self.shard(shard)
        yield from digests_in(self._cached)

    def shard(self, shard: str) -> list[str]:
        """Digests, rising, of what is kept whose first two digits are these."""
        with suppress(FileNotFoundError):
            return digests_in(self.folder / shard)
        return []

    def _lock(self, name: str) -> threading.RLock:
        """Names share a few locks, so that destroying one large blob does not hold up all the others."""
        return self._locks[int(name[:2], 16) % _STRIPES]

    def _claimed(self, name: str) -> Path:
        return self.folder / name[:2] / name

    def _use(self, name: str, size: int) -> None:
        with self._cache_lock:
            self._cached_bytes += size - self._uses.pop(name, 0)
            self._uses[name] = size
        self._make_room()

    def _leave(self, path: Path) -> None:
        """What was at this path is no longer there."""
        self._verified.pop(_spot(path), None)
        if path.parent == self._cached:
            with self._cache_lock:
                self._cached_bytes -= self._uses.pop(path.name, 0)

    def _make_room(self) -> None:
        """Destroy what was used longest ago while the cache is too large; nothing that is being read, and
        not what came last."""
        while name := self._find_oldest():
            with self._lock(name):
                path = self._cached / name
                if not self._readings.get(path):
                    self._destroy_path(path)

    def _find_oldest(self) -> str | None:
        with self._cache_lock:
            if self._cached_bytes <= self.cache_bytes_max:
                return None
            newest = next(reversed(self._uses))
            names = (name for name in self._uses if name != newest)
            return next((name for name in names if not self._readings.get(self._cached / name)), None)

    def _place(self, source: Path, target: Path) -> None:
        with disk_room():
            if not target.parent.exists():
                target.parent.mkdir()
                sync_folder(self.folder)
            source.rename(target)
            # Whoever reads goes on: these bytes are not destroyed.
            for reading in self._readings.pop(source, set()):
                reading.path = target
                self._readings.setdefault(target, set()).add(reading)
            sync_folder(target.parent)
            sync_folder(source.parent)
        self._leave(source)
        self._remember(target)

    def _destroy_path(self, path: Path) -> None:
        for reading in self._readings.get(path, ()):
            reading.revoke()
        self._leave(path)
        shred(path)

    def _is_sound(self, path: Path) -> bool:
        """Whether the file is there and of its digest; one that is not, or not to be read, is set aside."""
        for _ in range(LOOKS):
            try:
                before = _identity(path)
                if self._is_verified(path, before):
                    return True
                digest = _read_digest(path)
            except FileNotFoundError:
                return False
            with self._lock(path.name), suppress(FileNotFoundError):
                if _identity(path) != before:
                    continue  # another one stands there now
                if digest == path.name:
                    self._remember(path, before)
                    return True
                self._leave(path)
                shred(self._damaged / path.name)
                path.rename(self._damaged / path.name)
                sync_folder(self._damaged)
                self.damages += 1
                return False
        return False

    def _is_verified(self, path: Path, identity: bytes) -> bool:
        """Whether the file was found to be of its digest when it was this one."""
        return self._verified.get(_spot(path)) == identity

    def _remember(self, path: Path, identity: bytes | None = None) -> None:
        self._verified[_spot(path)] = identity or _identity(path)
        while len(self._verified) > _REMEMBERED_MAX:
            self._verified.popitem(last=False)


def digests_in(folder: Path) -> list[str]:
    """Names of blobs, rising. File systems and people leave other files too."""
    return sorted(path.name for path in folder.iterdir() if is_digest(path.name))


def _read_digest(path: Path) -> str | None:
    """None: the disk gives it out no more, or it is no file."""
    try:
        return hash_file(path)
    except OSError as error:
        if is_unreadable(error):
            return None
        raise


def _spot(path: Path) -> str:
    """Where it is in the folder; thousands of these are kept, and a Path takes five times the memory."""
    return f"{path.parent.name}/{path.name}"


def _identity(path: Path) -> bytes:
    """What changes with the file's bytes; the time of change, unlike others, cannot be set by hand."""
    facts = path.lstat()
    return _FACTS.pack(facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
