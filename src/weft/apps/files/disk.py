"""What the disk needs said to it: no room, synced folders, bytes overwritten before they go."""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import FileIO
from pathlib import Path

from weft.model.errors import DiskFullError

CHUNK_BYTES = 1 << 20
_NO_FILE = {errno.ELOOP, errno.EISDIR, errno.ENXIO}
"""What opening says of a link, a folder, a pipe, a socket."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNREADABLE = {errno.EIO, errno.EBADMSG, getattr(errno, "EUCLEAN", errno.EIO), *_NO_FILE}
"""A sector that is gone, what file systems with checksums say of one, and what `open_file` says."""


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


def open_file(path: str | os.PathLike[str], flags: int = os.O_RDONLY) -> int:
    """A handle of the file that stands here; an opener for `open`, too. A link, wherever it leads, a folder
    and a pipe are none: OSError (ELOOP, EISDIR or ENXIO)."""
    handle = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise IsADirectoryError(errno.EISDIR, "not a file", os.fspath(path))
    return handle


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, 64 hex digits."""
    running = sha256()
    with open(path, "rb", buffering=0, opener=open_file) as file:
        while chunk := file.read(CHUNK_BYTES):
            running.update(chunk)
    return running.hexdigest()


def write_whole(file: FileIO, chunk: bytes | memoryview) -> None:
    """All of it: the system may take less at a time."""
    left = memoryview(chunk)
    while left:
        left = left[file.write(left) :]


def shred(path: Path) -> None:
    """Overwrite with zeros, sync, remove, sync the folder. Nothing to do when nothing stands there.

    What a link leads to is not ours and is left as it is: the link goes. A folder goes with what is in it."""
    try:
        with open(path, "r+b", buffering=0, opener=open_file) as file:
            left, zeros = os.fstat(file.fileno()).st_size, bytes(CHUNK_BYTES)
            while left > 0:
                left -= file.write(zeros[:left])
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
