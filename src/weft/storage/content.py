"""One file of attachments: its bytes, and finding records in it without trusting any.

    head    magic, sequence, salt, check
    record  mark, is live, size, commitment, CRC of these | salt, content     (again and again)

A record that was destroyed is dead: salt, content and commitment are zeros. Between records there may be
zeros, where a torn record was wiped. Records need no order and no link: each proves itself by its commitment,
and one that is lost is fetched from others. `mark` comes from the file's salt, as in `segment.py`.
"""

import mmap
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from weft.model.digest import ZERO, Digest
from weft.model.errors import StoreError
from weft.model.transaction import Attachment

_MAGIC = b"WEFTATT1"
_HEAD = struct.Struct(">8sQ16s")
_RECORD = struct.Struct(">4s?I32s")
_SALT_BYTES = 32
RUN_BYTES_MAX = 256 << 10
"""Read together; one record may be larger."""
_STEM = re.compile("[0-9]{12}")
HEAD_BYTES = _HEAD.size + 16
RECORD_BYTES = _RECORD.size + 4
"""What a record takes before its salt."""
LIVE_BYTES = RECORD_BYTES + _SALT_BYTES
"""What a record takes beside its content."""


class Spot(NamedTuple):
    """Where a record stands: which file, from which byte on, and how large its content is."""

    sequence: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + LIVE_BYTES + self.size


@dataclass(frozen=True, slots=True)
class Found:
    """An intact record, or bytes between records."""

    offset: int
    end: int
    is_record: bool
    commitment: Digest | None
    """Of a live record."""
    is_wiped: bool
    """Whether all that is neither head nor live is zeros."""
    is_cut_short: bool = False
    """Whether the file ends within what begins as a record, as a write that was broken off leaves it."""


def encode_head(sequence: int) -> bytes:
    """The first bytes of a new file."""
    raw = _HEAD.pack(_MAGIC, sequence, os.urandom(16))
    return raw + sha256(raw).digest()[:16]


def decode_head(raw: bytes, path: Path) -> tuple[int, bytes]:
    """Sequence and mark of a file; raises StoreError."""
    body, check = raw[: _HEAD.size], raw[_HEAD.size :]
    if len(raw) != HEAD_BYTES or check != sha256(body).digest()[:16] or not body.startswith(_MAGIC):
        raise StoreError(f"{path} is damaged at offset 0, in its head")
    _, sequence, salt = _HEAD.unpack(body)
    return sequence, sha256(b"mark" + salt).digest()[:4]


def encode_live(mark: bytes, commitment: Digest, attachment: Attachment) -> bytes:
    """A record of content."""
    head = _encode(mark, True, len(attachment.content), commitment)
    return b"".join((head, attachment.salt, attachment.content))


def encode_dead(mark: bytes, size: int) -> bytes:
    """What replaces a record of that size."""
    return _encode(mark, False, size, ZERO) + bytes(_SALT_BYTES + size)


def read_attachment(file: int, spot: Spot) -> Attachment:
    """Whatever stands at a spot."""
    (found,) = read_attachments(file, [spot])
    return found


def read_attachments(file: int, spots: Iterable[Spot]) -> Iterator[Attachment]:
    """Whatever stands at these spots of one file, in their order; what stands together is read together."""
    for run in _runs(spots):
        start = run[0].offset
        raw = os.pread(file, run[-1].end - start, start)
        for spot in run:
            end = spot.end - start
            middle = end - spot.size
            yield Attachment(raw[middle - _SALT_BYTES : middle], raw[middle:end])


def sequence_of(path: Path) -> int:
    """The number in a file's name; raises StoreError when it is not the name of such a file."""
    if _STEM.fullmatch(path.stem) is None:
        raise StoreError(f"{path} has not the name of a file of attachments: it was renamed or put there")
    return int(path.stem)


def survey(path: Path, start: int = HEAD_BYTES) -> Iterator[Found]:
    """All records from the one at `start` on, live ones checked against their commitments, and all gaps."""
    size = path.stat().st_size
    with path.open("rb") as file:
        sequence, mark = decode_head(file.read(HEAD_BYTES), path)
        if sequence != sequence_of(path):
            raise StoreError(f"{path} holds file {sequence}: it was renamed or replaced")
        if start >= size:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            offset = done = start
            while (offset := data.find(mark, offset)) >= 0:
                found = _read(data, offset, size)
                if found is None:
                    offset += 1
                    continue
                if done < offset:
                    yield _gap(data, done, offset)
                yield found
                offset = done = found.end
            if done < size:
                yield replace(_gap(data, done, size), is_cut_short=_is_cut_short(data, mark, done, size))


def _read(data: mmap.mmap, offset: int, size: int) -> Found | None:
    start = offset + RECORD_BYTES
    raw = data[offset:start]
    if len(raw) < RECORD_BYTES or zlib.crc32(raw[:-4]).to_bytes(4, "big") != raw[-4:]:
        return None
    _, is_live, length, commitment = _RECORD.unpack(raw[:-4])
    end = start + _SALT_BYTES + length
    if end > size:
        return None
    if not is_live:
        return Found(offset, end, True, None, _is_zero(data, start, end))
    body = data[start:end]
    if Attachment(body[:_SALT_BYTES], body[_SALT_BYTES:]).commitment != commitment:
        return None
    return Found(offset, end, True, commitment, True)


def _runs(spots: Iterable[Spot]) -> Iterator[list[Spot]]:
    """Records that stand one behind the other, some kilobytes of them."""
    run: list[Spot] = []
    for spot in spots:
        if run and (spot.offset != run[-1].end or spot.end - run[0].offset > RUN_BYTES_MAX):
            yield run
            run = []
        run.append(spot)
    if run:
        yield run


def _gap(data: mmap.mmap, start: int, end: int) -> Found:
    return Found(start, end, False, None, _is_zero(data, start, end))


def _is_cut_short(data: mmap.mmap, mark: bytes, offset: int, size: int) -> bool:
    raw = data[offset : offset + RECORD_BYTES]
    if len(raw) < RECORD_BYTES:
        return mark.startswith(raw[:4])
    is_head = raw[:4] == mark and zlib.crc32(raw[:-4]).to_bytes(4, "big") == raw[-4:]
    return is_head and offset + LIVE_BYTES + int(_RECORD.unpack(raw[:-4])[2]) > size


def _is_zero(data: mmap.mmap, start: int, end: int) -> bool:
    """In pieces, for a gap may be as long as the file."""
    pieces = (data[place : min(place + 65_536, end)] for place in range(start, end, 65_536))
    return all(piece.count(0) == len(piece) for piece in pieces)


def _encode(mark: bytes, is_live: bool, size: int, commitment: Digest) -> bytes:
    raw = _RECORD.pack(mark, is_live, size, commitment)
    return raw + zlib.crc32(raw).to_bytes(4, "big")
