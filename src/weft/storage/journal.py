"""The journal: append-only memory of what was seen and said (`docs/protocol/consensus.md` section 3).

Promise: what was synced comes back, or JournalError names the file and the offset; what was not synced comes
back up to the first damage, and every own vertex found behind it comes as SPOKEN. Damage is that of a torn
tail only where no record says that the place was on disk already.

`append` and `roll` only queue, in order: the bytes are made, written and synced by `sync`, in a worker, while
the event loop goes on appending. A write that failed is never tried again, because after a failed sync nobody
knows what is on disk: from then on every call raises, and the node stops.
"""

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from weft.model.errors import JournalError
from weft.model.stored import BASE, SPOKEN
from weft.storage.disk import DISK, Files, Fuse
from weft.storage.segment import CLOSED, HEAD_BYTES, NO_LINK, RECORD_BYTES, Head, Segment, Survey

SUFFIX = ".journal"
DAMAGED = ".damaged"
QUEUED_BYTES_MAX = 16 << 20
"""Queued bytes above which `append` writes them itself: a node that never syncs must not fill the memory."""
_ROLL = -1
_STEM = re.compile("[0-9]{12}")


@dataclass(slots=True)
class _Kept:
    """A segment on disk."""

    path: Path
    base: int | None
    round_max: int


@dataclass(slots=True)
class _Newest:
    """The segment that is written to."""

    head: Head
    files: Files
    file: int
    link: bytes
    written: int
    durable: int
    is_stated: bool
    """Whether some record, or the head, says that all written is durable."""

    def write(self, records: list[tuple[int, int, bytes]]) -> None:
        chunks: list[bytes] = []
        for kind, round_, payload in records:
            raw, self.link = self.head.encode_record(kind, round_, payload, self.durable, self.link)
            chunks += raw, payload
            self.is_stated = kind == CLOSED
        data = b"".join(chunks)
        self.files.write(self.file, data, self.written)
        self.written += len(data)

    def sync(self) -> None:
        if self.durable < self.written:
            self.files.sync(self.file)
            self.durable = self.written


class Journal:
    """A folder of segments, held by one process."""

    def __init__(
        self, folder: Path, files: Files = DISK, random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Raises LaunchError when another process has it open, DiskFullError, or OSError."""
        self._folder = folder
        self._files = files
        self._random_bytes = random_bytes
        self._queue: list[tuple[int, int, bytes]] = []
        self._queued_bytes = 0
        self._queuing = threading.Lock()
        self._writing = threading.RLock()
        self._fuse = Fuse(folder)
        self._lock = files.hold(folder)
        self._damage: JournalError | None = None
        with self._fuse.guarding():
            files.remove_unfinished(folder)
            paths = files.paths(folder, SUFFIX)
            try:
                surveys = _survey_all(paths, files)
            except JournalError as error:
                self._damage, surveys = error, []
                _set_aside(paths, files)
            self._kept = [_Kept(path, found.base, found.round_max) for path, found in surveys]
            sequence = 1 + max((int(path.stem) for path in paths if _STEM.fullmatch(path.stem)), default=0)
            self._newest = self._open_newest(*surveys[-1]) if surveys else self._create(sequence, NO_LINK)
        self._size = self._newest.written

    def append(self, kind: int, round_: int, payload: bytes) -> None:
        """Queue a record."""
        self._fuse.check()
        with self._queuing:
            self._queue.append((kind, round_, payload))
            self._queued_bytes += RECORD_BYTES + len(payload)
            self._size += RECORD_BYTES + len(payload)
        if self._queued_bytes > QUEUED_BYTES_MAX:
            with self._writing, self._fuse.guarding():
                self._write_queued()

    def roll(self, round_: int, base: bytes) -> None:
        """Queue the beginning of a new segment with this base; the next `sync` makes it."""
        self.append(_ROLL, round_, base)
        self._size = HEAD_BYTES + RECORD_BYTES + len(base)

    def sync(self) -> None:
        """All queued before is on disk when this returns."""
        with self._writing, self._fuse.guarding():
            self._write_queued()
            self._newest.sync()

    def drop(self, round_: int) -> None:
        """Delete segments that nothing below `round_` needs any more. What is queued counts for nothing."""
        with self._writing, self._fuse.guarding():
            while len(self._kept) > 1:
                oldest, following = self._kept[:2]
                if oldest.round_max >= round_ or following.base is None or following.base > round_:
                    break
                # One by one: a gap between segments could not be told from one that was lost.
                self._files.unlink(oldest.path)
                del self._kept[0]

    def replay(self) -> Iterator[tuple[int, int, bytes]]:
        """All records from the oldest kept segment on, in order. Raises JournalError if damage was found.

        A damaged journal was then set aside whole, and a new one begun: it has no base, so at later starts
        too it is not trusted, until the node has asked the others and given it one.
        """
        if self._damage is not None:
            raise self._damage
        with self._writing, self._fuse.guarding():
            self._write_queued()
            paths = [kept.path for kept in self._kept]
        for path in paths:
            with contextlib.closing(Segment(path, self._files)) as segment:
                end = HEAD_BYTES
                for entry in segment.entries():
                    end = entry.end
                    if entry.kind != CLOSED:
                        yield entry.kind, entry.round, entry.payload
                if end < segment.size:
                    raise JournalError(f"{path} is damaged at offset {end}")

    @property
    def size(self) -> int:
        """Bytes in the newest segment, queued ones too."""
        return self._size

    def close(self) -> None:
        """Sync, and state that all is on disk, so that damage to the last record will be noticed."""
        if not self._fuse.is_blown:
            self.sync()
            if not self._newest.is_stated:
                self.append(CLOSED, 0, b"")
                self.sync()
        self._files.close(self._newest.file)
        self._lock.close()

    def _write_queued(self) -> None:
        with self._queuing:
            queue, self._queue = self._queue, []
            self._queued_bytes = 0
        records: list[tuple[int, int, bytes]] = []
        for kind, round_, payload in queue:
            if kind == _ROLL:
                self._newest.write(records)
                self._newest.sync()
                full, records = self._newest, []
                self._newest = self._create(full.head.sequence + 1, full.link, (round_, payload))
                self._files.close(full.file)
            else:
                records.append((kind, round_, payload))
                self._kept[-1].round_max = max(self._kept[-1].round_max, round_)
        self._newest.write(records)

    def _create(self, sequence: int, link: bytes, base: tuple[int, bytes] | None = None) -> _Newest:
        """A new segment, complete on disk before it gets its name."""
        durable = HEAD_BYTES + (RECORD_BYTES + len(base[1]) if base else 0)
        head, link, record = Head(sequence, self._random_bytes(16), link, durable), NO_LINK, b""
        if base:
            raw, link = head.encode_record(BASE, *base, HEAD_BYTES, NO_LINK)
            record = raw + base[1]
        path = self._folder / f"{sequence:012}{SUFFIX}"
        self._files.replace(path, head.encode() + record)
        self._kept.append(_Kept(path, base[0] if base else None, base[0] if base else 0))
        return _Newest(head, self._files, self._files.open(path), link, durable, durable, True)

    def _open_newest(self, path: Path, found: Survey) -> _Newest:
        """Go on behind what is intact; a torn tail is cut, but own vertices in it are kept as SPOKEN."""
        link, end = found.link, found.end
        if found.beyond:
            data = bytes(self._files.map(path)[:end])
            for entry in found.beyond:
                raw, link = found.head.encode_record(SPOKEN, entry.round, entry.payload, len(data), link)
                data += raw + entry.payload
            self._files.replace(path, data)
            end = len(data)
        file = self._files.open(path)
        self._files.truncate(file, end)
        self._kept[-1].round_max = max((found.round_max, *(entry.round for entry in found.beyond)))
        return _Newest(found.head, self._files, file, link, end, end, found.is_stated and not found.beyond)


def segment_paths(folder: Path) -> list[Path]:
    """The segments of a journal, oldest first."""
    return DISK.paths(folder, SUFFIX)


def check_follows(path: Path, head: Head, before: Survey | None) -> None:
    """Raise JournalError unless a segment is the one that its name says, next after the one before it."""
    if path.name != f"{head.sequence:012}{SUFFIX}":
        raise JournalError(f"{path} holds segment {head.sequence}: the file was renamed or replaced")
    if before is not None and (head.sequence, head.link) != (before.head.sequence + 1, before.link):
        raise JournalError(
            f"{path} does not follow segment {before.head.sequence}: one is missing, or was replaced"
        )


def _survey_all(paths: list[Path], files: Files) -> list[tuple[Path, Survey]]:
    """Every segment; all but the newest, which may end in a torn tail, are intact to their ends."""
    surveys: list[tuple[Path, Survey]] = []
    for path in paths:
        with contextlib.closing(Segment(path, files)) as segment:
            check_follows(path, segment.head, surveys[-1][1] if surveys else None)
            found = segment.survey()
            durable = found.durable if path == paths[-1] else segment.size
            if found.end < durable:
                raise JournalError(
                    f"{path} is damaged at offset {found.end}; {durable} bytes of it were synced"
                )
            surveys.append((path, found))
    return surveys


def _set_aside(paths: list[Path], files: Files) -> None:
    """Keep damaged segments for people to look at; those set aside before go.

    Oldest first: were this cut short, what is left would still hold the newest base and all said since.
    """
    for old in files.paths(paths[0].parent, DAMAGED):
        files.unlink(old)
    for path in paths:
        files.rename(path, path.with_suffix(DAMAGED))
