"""What all stores need of the disk: whole writes, durable names, a lock, and plain words when it is full."""

import errno
import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from weft.model.errors import DiskFullError, LaunchError

LOCK_NAME = "lock"
UNFINISHED = ".unfinished"


class Closing(Protocol):
    def close(self) -> None: ...


class Files(Protocol):
    """What the journal does with files: on the disk, or in the simulator's memory."""

    def hold(self, folder: Path) -> Closing:
        """Make the folder if need be, and keep other processes out; raises LaunchError."""

    def paths(self, folder: Path, suffix: str) -> list[Path]:
        """Files of that kind, by name."""

    def open(self, path: Path) -> int:
        """A handle for writing."""

    def close(self, file: int) -> None: ...

    def write(self, file: int, data: bytes, offset: int) -> None:
        """All of it, or OSError."""

    def sync(self, file: int) -> None:
        """What was written is on disk when this returns."""

    def truncate(self, file: int, size: int) -> None:
        """Durably."""

    def replace(self, path: Path, data: bytes) -> None:
        """Let `path` hold `data`, durably: all of it or as it was before."""

    def map(self, path: Path) -> "mmap.mmap | bytes":
        """The content, to read."""

    def unlink(self, path: Path) -> None:
        """Durably."""

    def rename(self, path: Path, new: Path) -> None:
        """Durably."""

    def remove_unfinished(self, folder: Path) -> None:
        """What a `replace` left behind that was cut short."""


def write_all(file: int, data: bytes, offset: int) -> None:
    """Write every byte at `offset`; the kernel may take fewer at once than it is given."""
    view = memoryview(data)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def sync_folder(folder: Path) -> None:
    """Make names that were added, replaced or removed in `folder` durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace_file(path: Path, data: bytes) -> None:
    """Let `path` hold `data`, all of it or as it was before, whatever happens."""
    unfinished = path.with_suffix(UNFINISHED)
    file = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(file, data, 0)
        os.fsync(file)
    finally:
        os.close(file)
    unfinished.rename(path)
    sync_folder(path.parent)


def remove_unfinished(folder: Path) -> None:
    """What `replace_file` left behind when the power went."""
    for path in folder.glob("*" + UNFINISHED):
        path.unlink()


@contextmanager
def naming_full_disk(folder: Path) -> Iterator[None]:
    """Let a full disk be a DiskFullError; every other OSError passes as it is."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(f"no room to write in {folder}: {error.strerror}") from error
        raise


class Fuse:
    """Guards writes to a folder. After one failed nobody knows what is on disk, so it is never tried again:
    every later one raises, and the node stops."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._failure: OSError | None = None

    @property
    def is_blown(self) -> bool:
        return self._failure is not None

    def check(self) -> None:
        """Raises DiskFullError or OSError when something failed before."""
        if self._failure is not None:
            with naming_full_disk(self._folder):
                raise OSError(
                    self._failure.errno, f"{self._folder} takes nothing since a write failed: {self._failure}"
                )

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Raises DiskFullError or OSError when what it guards fails, or something did before."""
        self.check()
        with naming_full_disk(self._folder):
            try:
                yield
            except OSError as error:
                self._failure = error
                raise


class Lock:
    """A data folder held for this process; the kernel lets go when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _hold(self._file, folder, fcntl.LOCK_EX)

    def close(self) -> None:
        os.close(self._file)


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Keep a node from starting on `folder` while it is read. Changes no byte."""
    path = folder / LOCK_NAME
    if not path.exists():
        yield
        return
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    _hold(file, folder, fcntl.LOCK_SH)
    try:
        yield
    finally:
        os.close(file)


def _hold(file: int, folder: Path, kind: int) -> None:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise LaunchError(
            f"another process uses the data folder {folder}",
            fix="Stop it first: `weft down` for a local network, else a signal to that node's process.",
        ) from None


class Disk:
    """The real files."""

    def hold(self, folder: Path) -> Lock:
        return Lock(folder)

    def paths(self, folder: Path, suffix: str) -> list[Path]:
        return sorted(folder.glob("*" + suffix))

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def close(self, file: int) -> None:
        os.close(file)

    def write(self, file: int, data: bytes, offset: int) -> None:
        write_all(file, data, offset)

    def sync(self, file: int) -> None:
        os.fdatasync(file)

    def truncate(self, file: int, size: int) -> None:
        os.ftruncate(file, size)
        os.fsync(file)

    def replace(self, path: Path, data: bytes) -> None:
        replace_file(path, data)

    def map(self, path: Path) -> mmap.mmap | bytes:
        with path.open("rb") as file:
            is_empty = os.fstat(file.fileno()).st_size == 0
            return b"" if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def unlink(self, path: Path) -> None:
        path.unlink()
        sync_folder(path.parent)

    def rename(self, path: Path, new: Path) -> None:
        path.rename(new)
        sync_folder(path.parent)

    def remove_unfinished(self, folder: Path) -> None:
        remove_unfinished(folder)


DISK = Disk()
