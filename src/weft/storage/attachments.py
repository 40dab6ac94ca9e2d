"""Content that can be destroyed, in append-only files with an index in LMDB (`docs/protocol/ledger.md` 3).

Promise: what was synced comes back exactly as it was committed to, or StoreError names file and offset; what
was erased stands in no file any more, and stays erased: its tombstone says since which height.

The files are the truth about content, the index about tombstones. New content is indexed some thousand at a
time, and what the index does not know yet is found again at start-up, because every record proves itself. To
destroy content takes three steps, each on disk before the next: the intent, the overwriting, the tombstone. A
start-up finishes every intent that it finds.
"""

import os
import struct
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path

from weft.model.digest import Digest
from weft.model.errors import StoreError
from weft.model.stored import Erased
from weft.model.transaction import Attachment
from weft.storage import content
from weft.storage.content import HEAD_BYTES, RECORD_BYTES, Spot
from weft.storage.disk import Fuse, remove_unfinished, replace_file, write_all
from weft.storage.rows import MAP_BYTES, Rows, Writing, go_on, in_steps

SUFFIX = ".content"
INDEX = "index"
TABLES = ("spots", "tombstones", "intents", "meta")
FILE_BYTES_MAX = 256 << 20
QUEUED_BYTES_MAX = 16 << 20
"""Queued bytes above which `put` writes them itself."""
UNINDEXED_MAX = 8_000
UNINDEXED_BYTES_MAX = 256 << 20
"""Records, and bytes, after which indexing begins; as many again may come while it goes on, and a start-up
has to find both again. Random keys dirty a page of the index each, so the more are put together, the fewer
pages each of them costs."""
_DISCARD = 2**64 - 1
"""Height of an intent that leaves no tombstone."""
_SPOT = struct.Struct(">QQI")
_REACHED = struct.Struct(">QQ")


@dataclass(slots=True)
class _Newest:
    """The file that is written to."""

    sequence: int
    mark: bytes
    file: int
    written: int
    durable: int


class Attachments:
    """A folder of content, for one process: the one that holds the journal beside it."""

    def __init__(self, folder: Path, map_bytes: int = MAP_BYTES) -> None:
        """Raises StoreError, DiskFullError or OSError."""
        self._folder = folder
        self._rows = Rows(folder / INDEX, TABLES, map_bytes)
        self._queue: dict[Digest, Attachment] = {}
        self._queued_bytes = 0
        self._unindexed = self._unindexed_bytes = 0
        """Records, and bytes, written since indexing began last."""
        self._steps: Iterator[None] = iter(())
        """What is left of an indexing that has begun."""
        self._fresh: dict[Digest, Spot] = {}
        """Written, not yet in the index. Content goes from queue to here to the index, added to the next
        before it leaves the one before, so that a reader that looks in this order finds it."""
        self._doomed: dict[Digest, int] = {}
        """Being destroyed."""
        self._suspects: set[Digest] = set()
        """Nobody has put or missed them since somebody suspected them."""
        self._queuing = threading.Lock()
        self._writing = threading.RLock()
        self._fuse = Fuse(folder)
        with self._fuse.guarding():
            remove_unfinished(folder)
            self._finish_intents()
            self._newest = self._open_newest()
            self._index()

    def put(self, attachments: Sequence[Attachment]) -> None:
        """Queue what is neither here nor erased; durable after `sync`."""
        self._fuse.check()
        given = {attachment.commitment: attachment for attachment in attachments}
        with self._queuing:
            self._suspects.difference_update(given)
            for commitment in self._find_unknown(given):
                self._queue[commitment] = given[commitment]
                self._queued_bytes += len(given[commitment].content) + RECORD_BYTES
        if self._queued_bytes > QUEUED_BYTES_MAX:
            with self._writing, self._fuse.guarding():
                self._write_queued()

    def sync(self) -> None:
        """All that was put before is on disk when this returns."""
        with self._writing, self._fuse.guarding():
            self._write_queued()
            self._sync_written()
            if self._unindexed > UNINDEXED_MAX or self._unindexed_bytes > UNINDEXED_BYTES_MAX:
                self._finish_steps()
                self._steps = self._note_spots()
            # One at a time: others wait for what was synced.
            next(self._steps, None)

    def find(self, commitment: Digest) -> Attachment | Erased | None:
        """Raises StoreError when what stands there is not what was committed to."""
        queued = self._queue.get(commitment)
        if queued is not None and self._doomed.get(commitment, _DISCARD) == _DISCARD:
            return queued
        spot = self._find_spot(commitment)
        if spot is None:
            return self._find_tombstone(commitment)
        with self._opened(spot.sequence) as file:
            attachment = content.read_attachment(file, spot)
        if attachment.commitment == commitment:
            return attachment
        if self._find_spot(commitment) != spot:
            # It was destroyed while it was read, and may have been put again.
            return self.find(commitment)
        path = path_of(self._folder, spot.sequence)
        raise StoreError(f"attachment {commitment.hex()} is damaged in {path} at {spot.offset}")

    def find_many(self, commitments: Sequence[Digest]) -> dict[Digest, Attachment | Erased | None]:
        """`find` for each, with one look into the index and each file opened once."""
        spots = self._find_spots(commitments)
        found: dict[Digest, Attachment | Erased | None] = {}
        wanted = sorted(spots, key=spots.__getitem__)
        for sequence, several in groupby(wanted, key=lambda one: spots[one].sequence):
            with self._opened(sequence) as file:
                names = list(several)
                read = content.read_attachments(file, (spots[name] for name in names))
                found |= zip(names, read, strict=True)
        # What is queued, erased, or was moved meanwhile, is looked up by itself.
        return {
            one: known
            if isinstance(known := found.get(one), Attachment) and known.commitment == one
            else self.find(one)
            for one in commitments
        }

    def missing(self, commitments: Sequence[Digest]) -> list[Digest]:
        """Those that are neither here nor erased."""
        with self._queuing:
            self._suspects.difference_update(commitments)
        return self._find_unknown(commitments)

    def erase(self, commitments: Sequence[Digest], height: int) -> None:
        """Overwrite content and salt, and leave tombstones also of what was never here."""
        with self._writing, self._fuse.guarding():
            with self._queuing:
                # From now on it is known as erased, so nobody can put it again behind our back.
                self._doomed |= dict.fromkeys(commitments, height)
            self._settle()
            self._destroy(commitments, height)

    def suspect(self, commitments: Sequence[Digest]) -> None:
        """These, and no others, may be discarded, as long as nobody puts them or asks what is missing."""
        with self._queuing:
            self._suspects = set(commitments)

    def discard(self, commitments: Sequence[Digest]) -> None:
        """Overwrite those that are still suspected, without a tombstone; what is erased stays so."""
        with self._writing, self._fuse.guarding():
            self._settle()
            with self._queuing:
                going = [commitment for commitment in commitments if commitment in self._suspects]
                # From now on they are missing, so what is put again is new and stays.
                self._doomed |= dict.fromkeys(going, _DISCARD)
            self._destroy(going, _DISCARD)

    def commitments(self, after: bytes, limit: int) -> list[Digest]:
        """Of content that the index knows, rising from the first above `after`."""
        with self._rows.read() as reading:
            return [key for key, _ in islice(reading.rising("spots", after + b"\0"), limit)]

    def close(self) -> None:
        """Sync and index everything."""
        if not self._fuse.is_blown:
            self.sync()
            self._index()
        self._rows.close()
        os.close(self._newest.file)

    def _find_unknown(self, commitments: Iterable[Digest]) -> list[Digest]:
        """Those that are neither here nor erased, in the order given."""
        left = [commitment for commitment in commitments if not self._is_at_hand(commitment)]
        if not left:
            return left
        with self._rows.read() as reading:
            has_erased = reading.count("tombstones") > 0
            return [
                commitment
                for commitment in left
                if self._doomed.get(commitment) == _DISCARD
                or (
                    reading.get("spots", commitment) is None
                    and not (has_erased and reading.get("tombstones", commitment) is not None)
                )
            ]

    def _is_at_hand(self, commitment: Digest) -> bool:
        """Whether it is known to be here or erased without a look into the index."""
        if commitment in self._queue:
            return True
        height = self._doomed.get(commitment)
        return commitment in self._fresh if height is None else height != _DISCARD

    def _find_spot(self, commitment: Digest) -> Spot | None:
        if commitment in self._doomed:
            return None
        spot = self._fresh.get(commitment)
        if spot is None and (row := self._rows.get("spots", commitment)) is not None:
            spot = decode_spot(row)
        return spot

    def _find_spots(self, commitments: Iterable[Digest]) -> dict[Digest, Spot]:
        """Where these stand, as far as index and memory say."""
        spots = {one: spot for one in commitments if (spot := self._fresh.get(one)) is not None}
        with self._rows.read() as reading:
            rows = [(one, reading.get("spots", one)) for one in commitments if one not in spots]
        spots |= {one: decode_spot(row) for one, row in rows if row is not None}
        return {one: spot for one, spot in spots.items() if one not in self._doomed}

    def _find_tombstone(self, commitment: Digest) -> Erased | None:
        height = self._doomed.get(commitment)
        if height is None and (row := self._rows.get("tombstones", commitment)) is not None:
            height = int.from_bytes(row, "big")
        return None if height in (None, _DISCARD) else Erased(height)

    def _settle(self) -> None:
        """All that is here is in the index."""
        self._write_queued()
        self._sync_written()
        self._index()

    def _destroy(self, commitments: Sequence[Digest], height: int) -> None:
        found = {commitment: self._rows.get("spots", commitment) for commitment in commitments}
        spots = {commitment: decode_spot(row) for commitment, row in sorted(found.items()) if row is not None}
        with self._queuing:
            self._doomed |= dict.fromkeys(spots, height)
        if spots:
            self._rows.write(partial(_put_intents, spots, height))
            self._overwrite(spots.values())
        self._rows.write(partial(_put_tombstones, commitments, spots, height))
        with self._queuing:
            for commitment in commitments:
                self._doomed.pop(commitment, None)

    def _finish_intents(self) -> None:
        with self._rows.read() as reading:
            rows = list(reading.rising("intents"))
        for commitment, row in rows:
            spots, height = {commitment: decode_spot(row[:-8])}, int.from_bytes(row[-8:], "big")
            self._overwrite(spots.values())
            self._rows.write(partial(_put_tombstones, [commitment], spots, height))

    def _overwrite(self, spots: Iterable[Spot]) -> None:
        for sequence, group in groupby(sorted(spots, key=attrgetter("sequence")), key=attrgetter("sequence")):
            with self._opened(sequence) as file:
                _, mark = content.decode_head(os.pread(file, HEAD_BYTES, 0), path_of(self._folder, sequence))
                for spot in group:
                    write_all(file, content.encode_dead(mark, spot.size), spot.offset)
                os.fsync(file)

    def _write_queued(self) -> None:
        with self._queuing:
            queue = list(self._queue.items())
            self._queued_bytes = 0
        if self._newest.written > FILE_BYTES_MAX:
            self._sync_written()
            os.close(self._newest.file)
            self._newest = self._create(self._newest.sequence + 1)
        chunks, end = [], self._newest.written
        for commitment, attachment in queue:
            if self._doomed.get(commitment, _DISCARD) == _DISCARD:
                record = content.encode_live(self._newest.mark, commitment, attachment)
                chunks.append(record)
                self._fresh[commitment] = Spot(self._newest.sequence, end, len(attachment.content))
                end += len(record)
        write_all(self._newest.file, b"".join(chunks), self._newest.written)
        self._unindexed += len(chunks)
        self._unindexed_bytes += end - self._newest.written
        self._newest.written = end
        with self._queuing:
            for commitment, _ in queue:
                del self._queue[commitment]

    def _sync_written(self) -> None:
        if self._newest.durable < self._newest.written:
            os.fdatasync(self._newest.file)
            self._newest.durable = self._newest.written

    def _index(self) -> None:
        """Note where all that is on disk stands. Nothing may be written and not synced."""
        self._finish_steps()
        reached = encode_reached(self._newest.sequence, self._newest.durable)
        if self._rows.get("meta", b"reached") != reached:
            self._steps = self._note_spots()
            self._finish_steps()

    def _finish_steps(self) -> None:
        for _ in self._steps:
            pass

    def _note_spots(self) -> Iterator[None]:
        """Note where all that is on disk at first stands, a write a step, and with the last that it is all.
        Nothing may be written and not synced when this begins."""
        reached = encode_reached(self._newest.sequence, self._newest.durable)
        spots = {commitment: encode_spot(spot) for commitment, spot in self._fresh.items()}
        self._unindexed = self._unindexed_bytes = 0
        for step in in_steps({"spots": spots}, {"meta": {b"reached": reached}}):
            self._rows.take(step, go_on)
            for commitment in step.get("spots", ()):
                del self._fresh[commitment]
            yield

    def _open_newest(self) -> _Newest:
        paths = content_paths(self._folder)
        if not paths:
            return self._create(1)
        row = self._rows.get("meta", b"reached")
        sequence, offset = decode_reached(row) if row else (1, HEAD_BYTES)
        for path in paths:
            if (number := content.sequence_of(path)) >= sequence:
                self._find_again(path, offset if number == sequence else HEAD_BYTES)
        file = os.open(paths[-1], os.O_RDWR | os.O_CLOEXEC)
        os.fsync(file)
        size = os.fstat(file).st_size
        sequence, mark = content.decode_head(os.pread(file, HEAD_BYTES, 0), paths[-1])
        return _Newest(sequence, mark, file, size, size)

    def _find_again(self, path: Path, start: int) -> None:
        """Take in what the index does not know, and wipe what is torn: it could be anybody's content. A
        second copy of what is here goes too, for an erasure would leave it; what an indexing that was cut
        short had noted already is not one."""
        torn, sequence = [], content.sequence_of(path)
        for found in content.survey(path, start):
            spot = Spot(sequence, found.offset, found.end - found.offset - content.LIVE_BYTES)
            known = None if found.commitment is None else self._find_spot(found.commitment)
            if found.commitment is not None and known is None:
                self._fresh[found.commitment] = spot
            elif known != spot and (found.commitment is not None or not (found.is_record or found.is_wiped)):
                torn.append(found)
        with self._opened(sequence) as file:
            for gap in torn:
                write_all(file, bytes(gap.end - gap.offset), gap.offset)
            os.fsync(file)
            if torn and torn[-1].end == os.fstat(file).st_size:
                os.ftruncate(file, torn[-1].offset)

    def _create(self, sequence: int) -> _Newest:
        path = path_of(self._folder, sequence)
        head = content.encode_head(sequence)
        replace_file(path, head)
        _, mark = content.decode_head(head, path)
        return _Newest(sequence, mark, os.open(path, os.O_RDWR | os.O_CLOEXEC), HEAD_BYTES, HEAD_BYTES)

    @contextmanager
    def _opened(self, sequence: int) -> Iterator[int]:
        path = path_of(self._folder, sequence)
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise StoreError(f"{path} is missing, and the index says that it holds attachments") from None
        try:
            yield file
        finally:
            os.close(file)


def path_of(folder: Path, sequence: int) -> Path:
    """The file of content with this number."""
    return folder / f"{sequence:012}{SUFFIX}"


def content_paths(folder: Path) -> list[Path]:
    """The files of content, oldest first."""
    return sorted(folder.glob("*" + SUFFIX))


def encode_spot(spot: Spot) -> bytes:
    """A row of the index."""
    return _SPOT.pack(*spot)


def decode_spot(row: bytes) -> Spot:
    """What `encode_spot` made."""
    return Spot(*_SPOT.unpack(row))


def decode_reached(row: bytes) -> tuple[int, int]:
    """The file and the offset up to which the index knows all."""
    sequence, offset = _REACHED.unpack(row)
    return sequence, offset


def encode_reached(sequence: int, offset: int) -> bytes:
    """What `decode_reached` takes apart."""
    return _REACHED.pack(sequence, offset)


def _put_intents(spots: Mapping[Digest, Spot], height: int, writing: Writing) -> None:
    for commitment, spot in sorted(spots.items()):
        writing.put("intents", commitment, encode_spot(spot) + height.to_bytes(8, "big"))


def _put_tombstones(
    commitments: Iterable[Digest], spots: Mapping[Digest, Spot], height: int, writing: Writing
) -> None:
    """The first erasure counts, whichever was heard of first; what was discarded may be elsewhere again."""
    for commitment, spot in spots.items():
        if writing.get("spots", commitment) == encode_spot(spot):
            writing.delete("spots", commitment)
        writing.delete("intents", commitment)
    if height != _DISCARD:
        for commitment in sorted(commitments):
            row = writing.get("tombstones", commitment)
            if row is None or int.from_bytes(row, "big") > height:
                writing.put("tombstones", commitment, height.to_bytes(8, "big"))
