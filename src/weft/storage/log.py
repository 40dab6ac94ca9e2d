"""Changes that are durable before the tables have them, in two files that take turns.

    head   magic, mark, CRC
    frame  mark, sequence, durable, length, payload's CRC, head's CRC | payload     (again and again)

Frames are numbered without a gap. While one file is written, the tables take in what the other one has; then
the other is written again from its beginning, over what stood there: a file that does not grow costs less to
sync. What an earlier pass left behind is told by its numbers; what an earlier process left behind is gone,
for each begins files of its own.

Promise: what was synced is read again whole, or its damage is noticed; what was being written when the power
went is passed over. `durable` is the newest frame that was on disk when this one was written, and behind the
last frame that was synced stands an empty one that says so: without it, damage to the last could not be told
from a torn write. `mark` is random and never leaves this machine, so that nobody can smuggle in bytes that
look like a frame inside a payload.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from weft.model.errors import StoreError
from weft.storage.disk import Fuse, replace_file, sync_folder, write_all

NAMES = ("log.0", "log.1")
_MAGIC = b"WEFTLOG1"
_HEAD = struct.Struct(">8s8sI")
_FRAME = struct.Struct(">8sQQII")
FRAME_BYTES = _FRAME.size + 4
"""What a frame takes beside its payload."""


class Log:
    """The two files in a folder, open for writing."""

    def __init__(self, folder: Path, sequence: int) -> None:
        """Begin anew behind frame `sequence`: the tables have everything up to there."""
        self._fuse = Fuse(folder)
        self._files = [_File(path) for path in _paths(folder)]
        self._file = self._files[0]
        self._next = sequence + 1
        self._durable = sequence
        self._end = _HEAD.size

    @property
    def sequence(self) -> int:
        """The newest frame."""
        return self._next - 1

    @property
    def size(self) -> int:
        """Bytes in the file that is written."""
        return self._end

    def append(self, payload: bytes, must_sync: bool = True) -> None:
        """Add a frame; durable, with all before it, when this returns, or else with the next one that is.

        Raises DiskFullError or OSError. When the disk was full nothing of it counts and it may be tried
        again; after a failed sync nobody knows, and nothing more is taken.
        """
        self._fuse.check()
        frame = self._encode(len(payload), zlib.crc32(payload)) + payload
        write_all(self._file.handle, frame, self._end)
        if must_sync:
            self._sync(self._next)
        self._end += len(frame)
        self._next += 1
        if must_sync:
            # Without it the frame is as durable, so a disk that is full just now does no harm.
            with suppress(OSError):
                write_all(self._file.handle, self._encode(0, 0), self._end)

    def sync(self) -> None:
        """Every frame is durable when this returns."""
        if self._durable < self.sequence:
            self._sync(self.sequence)

    def turn(self) -> None:
        """Go on in the other file: the tables have everything that is in it, durably."""
        self.sync()
        self._files.reverse()
        self._file, self._end = self._files[0], _HEAD.size

    def close(self, is_needed: bool) -> None:
        """`is_needed`: the tables do not have everything."""
        for file in self._files:
            file.close(is_needed)

    def _sync(self, sequence: int) -> None:
        with self._fuse.guarding():
            os.fdatasync(self._file.handle)
        self._durable = sequence

    def _encode(self, length: int, crc: int) -> bytes:
        head = _FRAME.pack(self._file.mark, self._next, self._durable, length, crc)
        return head + zlib.crc32(head).to_bytes(4, "big")


class _File:
    """One of the two, with nothing in it yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.mark = os.urandom(8)
        replace_file(path, _HEAD.pack(_MAGIC, self.mark, zlib.crc32(_MAGIC + self.mark)))
        self.handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def close(self, is_needed: bool) -> None:
        os.close(self.handle)
        if not is_needed:
            self._path.unlink()
            sync_folder(self._path.parent)


def read_log(folder: Path, sequence: int) -> Iterator[tuple[int, bytes]]:
    """Frames above `sequence`, with their numbers; raises StoreError at damage."""
    files, reached = [_Content(path) for path in _paths(folder) if path.exists()], -1
    while reached < sequence:
        reached = sequence
        for file in files:
            for payload in file.frames(sequence + 1):
                sequence += 1
                yield sequence, payload
    if any(file.says_durable(sequence + 1) for file in files):
        names = " or ".join(str(file.path) for file in files)
        raise StoreError(f"{names} is damaged: frame {sequence + 1} of the log was on disk and is not whole")


def sync_log(folder: Path) -> None:
    """What `read_log` gives is on disk when this returns; a killed process may have left it in the cache."""
    for path in _paths(folder):
        if path.exists():
            with path.open("rb") as file:
                os.fsync(file.fileno())


class _Content:
    """What stands in one of the two."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = path.read_bytes()
        magic, self._mark, crc = _HEAD.unpack(self._data[: _HEAD.size].ljust(_HEAD.size, b"\0"))
        if magic != _MAGIC or crc != zlib.crc32(magic + self._mark):
            raise StoreError(f"{path} is damaged at its beginning")

    def frames(self, sequence: int) -> Iterator[bytes]:
        """Payloads of the frames from that one on, if the file begins with it."""
        place = _HEAD.size
        while (head := self._head(place)) is not None:
            start = place + FRAME_BYTES
            payload = self._data[start : start + head.length]
            is_whole = len(payload) == head.length and zlib.crc32(payload) == head.crc
            if head.sequence != sequence or not head.length or not is_whole:
                return
            yield payload
            sequence, place = sequence + 1, start + head.length

    def says_durable(self, sequence: int) -> bool:
        """Whether any frame says that this one was on disk."""
        place = _HEAD.size
        while (place := self._data.find(self._mark, place)) >= 0:
            head = self._head(place)
            if head is not None and head.durable >= sequence:
                return True
            place += 1
        return False

    def _head(self, place: int) -> "_Head | None":
        raw = self._data[place : place + FRAME_BYTES]
        if len(raw) < FRAME_BYTES or zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "big"):
            return None
        head = _Head._make(_FRAME.unpack_from(raw))
        return head if head.mark == self._mark else None


class _Head(NamedTuple):
    """What a frame says of itself."""

    mark: bytes
    sequence: int
    durable: int
    length: int
    crc: int


def _paths(folder: Path) -> list[Path]:
    return [folder / name for name in NAMES]
