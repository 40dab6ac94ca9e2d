"""One file of the journal: its bytes, and reading them without trusting any.

    head    magic, sequence, salt, link, durable, check
    record  mark, kind, round, length, durable, link, head's CRC | check | payload     (again and again)

Promise: a flipped byte anywhere, a record that is missing, and records in another order are all noticed.
`check` is SHA-256 over salt, head and payload; `link` is the check of the record before (in a segment's head:
of the last record of the segment before). `durable` is the offset up to which this file was on disk when the
record was written. `mark` begins every record and comes from the salt, which is random for each file and
never leaves this machine: so records can be found again behind a hole, and nobody can smuggle in bytes that
look like one inside a payload.
"""

import mmap
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from weft.model.errors import JournalError
from weft.model.stored import OWN
from weft.storage.disk import DISK, Files

CLOSED = 255
"""Kind of the record that a clean stop writes, only to say that all before it is durable."""

_MAGIC = b"WEFTJRN1"
_HEAD = struct.Struct(">8sQ16s8sQ")
_RECORD = struct.Struct(">4sBQIQ8s")
_CHECK_BYTES = 16
_LINK_BYTES = 8
HEAD_BYTES = _HEAD.size + _CHECK_BYTES
RECORD_BYTES = _RECORD.size + 4 + _CHECK_BYTES
"""What a record takes beside its payload."""

NO_LINK = bytes(_LINK_BYTES)


@dataclass(frozen=True, slots=True)
class Head:
    """What a segment says of itself."""

    sequence: int
    salt: bytes
    link: bytes
    durable: int
    """On disk before the file got its name."""
    mark: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mark", sha256(b"mark" + self.salt).digest()[:4])

    def encode(self) -> bytes:
        raw = _HEAD.pack(_MAGIC, self.sequence, self.salt, self.link, self.durable)
        return raw + sha256(raw).digest()[:_CHECK_BYTES]

    def encode_record(
        self, kind: int, round_: int, payload: bytes, durable: int, link: bytes
    ) -> tuple[bytes, bytes]:
        """The bytes of a record before its payload, and the link that the next record needs."""
        raw = _RECORD.pack(self.mark, kind, round_, len(payload), durable, link)
        raw += zlib.crc32(raw).to_bytes(4, "big")
        check = _check(self.salt, raw, payload)
        return raw + check, check[:_LINK_BYTES]


@dataclass(frozen=True, slots=True)
class Entry:
    """An intact record."""

    offset: int
    end: int
    kind: int
    round: int
    durable: int
    link: bytes
    """The check of the record before it."""
    check: bytes
    """The link of the record after it."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a segment finds."""

    head: Head
    base: int | None
    """Round of the base that it begins with."""
    round_max: int
    link: bytes
    end: int
    """Where the intact records from the start end: the file's size, or the first damage."""
    durable: int
    """The newest offset that any intact record says is on disk."""
    is_stated: bool
    """Whether the last intact record only says that all before it is durable."""
    beyond: tuple[Entry, ...]
    """Intact own vertices behind the damage."""


class Segment:
    """A segment open for reading. Raises JournalError when its head is damaged."""

    def __init__(self, path: Path, files: Files = DISK) -> None:
        self.path = path
        self._data = files.map(path)
        self.size = len(self._data)
        raw = self._data[:HEAD_BYTES]
        body = raw[: _HEAD.size]
        if len(raw) < HEAD_BYTES or raw[_HEAD.size :] != sha256(body).digest()[:_CHECK_BYTES]:
            raise JournalError(f"{path} is damaged at offset 0, in its head")
        self.head = Head(*_HEAD.unpack(body)[1:])
        self._mark = self.head.mark

    def close(self) -> None:
        if isinstance(self._data, mmap.mmap):
            self._data.close()

    def entries(self) -> Iterator[Entry]:
        """Intact records from the start, up to the first damage."""
        offset, link = HEAD_BYTES, NO_LINK
        while (entry := self._read(offset)) is not None and entry.link == link:
            yield entry
            offset, link = entry.end, entry.check

    def entries_behind(self, offset: int) -> Iterator[Entry]:
        """Intact records anywhere from `offset` on, in whatever order."""
        while (offset := self._data.find(self._mark, offset)) >= 0:
            entry = self._read(offset)
            if entry is not None:
                yield entry
            offset = offset + 1 if entry is None else entry.end

    def is_cut_short(self, offset: int) -> bool:
        """Whether the file ends within the record at `offset`, as a write that was broken off leaves it."""
        raw = self._data[offset : offset + _RECORD.size + 4]
        if len(raw) < _RECORD.size + 4:
            return self._mark.startswith(raw[:4])
        length = self._length(raw)
        return length is not None and offset + RECORD_BYTES + length > self.size

    def survey(self) -> Survey:
        """Read it all once."""
        base, round_max, link, end, kind = None, 0, NO_LINK, HEAD_BYTES, CLOSED
        durable = self.head.durable
        for entry in self.entries():
            if entry.offset == HEAD_BYTES and entry.kind == 0:
                base = entry.round
            round_max, durable = max(round_max, entry.round), max(durable, entry.durable)
            link, end, kind = entry.check, entry.end, entry.kind
        beyond = []
        if end < self.size:
            for entry in self.entries_behind(end):
                durable = max(durable, entry.durable)
                if entry.kind == OWN:
                    beyond.append(entry)
        return Survey(self.head, base, round_max, link, end, durable, kind == CLOSED, tuple(beyond))

    def _length(self, raw: bytes) -> int | None:
        if raw[:4] != self._mark or zlib.crc32(raw[:-4]).to_bytes(4, "big") != raw[-4:]:
            return None
        length: int = _RECORD.unpack(raw[:-4])[3]
        return length

    def _read(self, offset: int) -> Entry | None:
        raw = self._data[offset : offset + _RECORD.size + 4]
        length = self._length(raw) if len(raw) == _RECORD.size + 4 else None
        start = offset + RECORD_BYTES
        if length is None or start + length > self.size:
            return None
        check, payload = self._data[start - _CHECK_BYTES : start], self._data[start : start + length]
        if check != _check(self.head.salt, raw, payload):
            return None
        _, kind, round_, _, durable, link = _RECORD.unpack(raw[:-4])
        return Entry(offset, start + length, kind, round_, durable, link, check[:_LINK_BYTES], payload)


def _check(salt: bytes, raw: bytes, payload: bytes) -> bytes:
    state = sha256(salt + raw)
    state.update(payload)
    return state.digest()[:_CHECK_BYTES]
