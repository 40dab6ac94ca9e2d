"""What the disk needs said to it: no room, synced folders, bytes overwritten before they go."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import FileIO
from pathlib import Path

from weft.model.errors import DiskFullError

CHUNK_BYTES = 1 << 20
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNREADABLE = {errno.EIO, errno.EBADMSG, getattr(errno, "EUCLEAN", errno.EIO)}
"""A sector that is gone, and what file systems with checksums say of one."""


@contextmanager
def disk_room() -> Iterator[None]:
    """Turns the system's "no room" into DiskFullError."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(f"no room to keep content: {os.strerror(error.errno or 0)}") from None
        raise


def is_unreadable(error: OSError) -> bool:
    """Whether it says that what is on the disk cannot be read, and not that something else is wanting."""
    return error.errno in _UNREADABLE


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    running = sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()


def write_whole(file: FileIO, chunk: bytes | memoryview) -> None:
    """All of it: the system may take less at a time."""
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def shred(path: Path) -> None:
    """Overwrite with zeros, sync, remove, sync the folder. Nothing to do when the file is not there."""
    try:
        with path.open("r+b", buffering=0) as file:
            left, zeros = path.stat().st_size, bytes(CHUNK_BYTES)
            while left > 0:
                left -= file.write(zeros[:left])
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
