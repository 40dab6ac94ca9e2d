"""Tables whose newest changes stand in a log and in memory, and go into LMDB many at a time.

LMDB writes every page that a change touches: for one small block forty pages with a call each, most of them
again for the next block. So each write is one frame of the log, synced once, and changes memory; when a file
of the log is full, what is in memory goes into LMDB, keys in order, each key once. A thread of its own does
it and takes its time, for nobody waits for it; meanwhile the log goes on in its other file.

LMDB takes it in several writes, each of bounded room. Between two of them it has some rows of a change and
not yet the others, and nobody can tell: what is on its way was synced in the log before the first, stands in
memory above LMDB until the last, and only the last says that LMDB has it. Whoever ends in between finds all
of it in the log again and sets the same rows to the same values.

Promise: that of `rows.py`. A write is whole and durable or has not happened; readers see all of it or
nothing, and see it once it is durable. What a killed process left in the log is in LMDB before anything else
is done. Memory is bounded by the log, and a write that alone is too large for the log goes straight to LMDB.
Between two writes LMDB does not change, so one view of it serves all readers and makes no file grow.
After LMDB refused a write nothing more is taken.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

from weft.model.encoding import decode, encode
from weft.model.errors import DiskFullError, EncodingError, StoreError
from weft.storage.disk import naming_full_disk
from weft.storage.log import Log, read_log, sync_log
from weft.storage.rows import MAP_BYTES, Changes, Reading, Rows, go_on, in_steps

LOG_BYTES_MAX = 8 << 20
"""Bytes in each of its two files."""
PAUSE_S = 0.001
"""After two hundred rows for LMDB others may have the interpreter."""
_LOGGED = "logged"
"""The table with one row: the newest frame of the log that LMDB has."""
_KEY = b"frame"

T = TypeVar("T")
_Frame = tuple[tuple[str, tuple[tuple[bytes, bytes | None], ...]], ...]


class Fresh:
    """Changes of one table that LMDB has not got."""

    __slots__ = ("_keys", "_unsorted", "rows")

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes | None] = {}
        self._keys: list[bytes] | None = None
        """In order, kept only once somebody has gone through them."""
        self._unsorted: list[bytes] = []

    def update(self, rows: Mapping[bytes, bytes | None]) -> None:
        if self._keys is not None:
            self._unsorted += (key for key in rows if key not in self.rows)
        self.rows.update(rows)

    def rising(self, start: bytes) -> Iterator[tuple[bytes, bytes | None]]:
        keys = self._sorted()
        for place in range(bisect_left(keys, start), len(keys)):
            yield keys[place], self.rows[keys[place]]

    def falling(self, below: bytes | None) -> Iterator[tuple[bytes, bytes | None]]:
        keys = self._sorted()
        for place in reversed(range(len(keys) if below is None else bisect_left(keys, below))):
            yield keys[place], self.rows[keys[place]]

    def _sorted(self) -> list[bytes]:
        if self._keys is None:
            self._keys = sorted(self.rows)
        elif self._unsorted:
            self._keys += self._unsorted
            self._keys.sort()
            self._unsorted.clear()
        return self._keys


Layer = dict[str, Fresh]


class _Layered(Reading):
    """What LMDB has, with layers of changes on top, the newest first."""

    __slots__ = ("_below", "_layers")

    def __init__(self, below: Reading, layers: Sequence[Layer]) -> None:
        self._below = below
        self._layers = layers

    def get(self, table: str, key: bytes) -> bytes | None:
        for layer in self._layers:
            rows = layer[table].rows
            if key in rows:
                return rows[key]
        return self._below.get(table, key)

    def rising(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        rows: Iterator[tuple[bytes, bytes | None]] = self._below.rising(table, start)
        for layer in reversed(self._layers):
            if layer[table].rows:
                rows = _merge(layer[table].rising(start), rows, False)
        return ((key, value) for key, value in rows if value is not None)

    def falling(self, table: str, below: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        rows: Iterator[tuple[bytes, bytes | None]] = self._below.falling(table, below)
        for layer in reversed(self._layers):
            if layer[table].rows:
                rows = _merge(layer[table].falling(below), rows, True)
        return ((key, value) for key, value in rows if value is not None)

    def damaged(self, table: str) -> Iterator[bytes | None]:
        return self._below.damaged(table)

    def count(self, table: str) -> int:
        is_changed = any(layer[table].rows for layer in self._layers)
        return sum(1 for _ in self.rising(table)) if is_changed else self._below.count(table)


class Changing:
    """Tables as one write sees them: with its own changes, which happen together, or not at all."""

    __slots__ = ("_beneath", "_own")

    def __init__(self, own: defaultdict[str, dict[bytes, bytes | None]], beneath: "Tables") -> None:
        self._own = own
        self._beneath = beneath

    def get(self, table: str, key: bytes) -> bytes | None:
        rows = self._own[table]
        return rows[key] if key in rows else self._beneath.get(table, key)

    def rising(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Rows from the first key at or above `start` on."""
        with self._beneath.read() as reading:
            own = ((key, value) for key, value in sorted(self._own[table].items()) if key >= start)
            rows = _merge(own, reading.rising(table, start), False)
            yield from ((key, value) for key, value in rows if value is not None)

    def put(self, table: str, key: bytes, value: bytes) -> None:
        self._own[table][key] = value

    def delete(self, table: str, key: bytes) -> None:
        self._own[table][key] = None


class Tables:
    """An open folder of tables; the counterpart of `Rows`."""

    def __init__(
        self, folder: Path, tables: Sequence[str], map_bytes: int = MAP_BYTES, is_reader: bool = False
    ) -> None:
        """`is_reader` changes not a byte: only for a folder that nobody writes."""
        self._folder = folder
        self._tables = tuple(tables)
        self._rows = Rows(folder, (*tables, _LOGGED), map_bytes, is_reader)
        self._writing = threading.Lock()
        self._hurry = threading.Event()
        self._moving: threading.Thread | None = None
        self._failure: Exception | None = None
        self._fresh, self._leaving = self._begin(), self._begin()
        """What the log has: what is written now, and what LMDB is just being given."""
        self._held = self._rows.view()
        logged, sequence = self._replay()
        self._log: Log | None = None
        if not is_reader:
            with self._rows.naming_errors, naming_full_disk(folder):
                if logged < sequence:
                    sync_log(folder)
                    self._move(self._fresh, sequence, go_on)
                    self._fresh = self._begin()
                self._log = Log(folder, sequence)

    def get(self, table: str, key: bytes) -> bytes | None:
        """One row's value."""
        # In this order: a row is in the next place before it goes from one.
        rows = self._fresh[table].rows
        if key in rows:
            return rows[key]
        rows = self._leaving[table].rows
        if key in rows:
            return rows[key]
        with self._rows.gate:
            return self._held.get(table, key)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """A short view: other readers wait meanwhile."""
        with self._rows.naming_errors, self._rows.gate:
            yield _Layered(self._held, (self._fresh, self._leaving))

    def write(self, change: Callable[[Changing], T], must_sync: bool = True) -> T:
        """Carry out `change` in one step, durable when this returns, or else with the next that is."""
        assert self._log is not None, "a reader does not write"
        with self._writing:
            if self._failure is not None:
                raise self._failure
            own: defaultdict[str, dict[bytes, bytes | None]] = defaultdict(dict)
            result = change(Changing(own, self))
            changes = {name: rows for name, rows in own.items() if rows}
            if not changes:
                return result
            payload = encode([(name, list(rows.items())) for name, rows in changes.items()])
            if self._log.size + len(payload) > LOG_BYTES_MAX:
                self._turn(self._log)
            if len(payload) > LOG_BYTES_MAX:
                self._wait()
                self._take({**changes, **_mark(self._log.sequence)}, go_on)
            else:
                with self._rows.naming_errors, naming_full_disk(self._folder):
                    self._log.append(payload, must_sync)
                self._merge(changes)
            return result

    def names(self) -> set[str]:
        """The tables that the file has."""
        return self._rows.names() - {_LOGGED}

    def close(self) -> None:
        """What the log has goes into LMDB; if that cannot be, the next start does it."""
        if self._log is not None:
            is_needed = True
            with suppress(DiskFullError, StoreError):
                self._wait()
                with self._rows.naming_errors:
                    self._log.sync()
                self._move(self._fresh, self._log.sequence, go_on)
                is_needed = False
            self._log.close(is_needed)
        self._rows.close()

    def _begin(self) -> Layer:
        return {name: Fresh() for name in self._tables}

    def _replay(self) -> tuple[int, int]:
        """Take in what the log has and LMDB has not; the newest frame of LMDB, and the newest of all."""
        row = self._rows.get(_LOGGED, _KEY)
        sequence = logged = 0 if row is None else int.from_bytes(row, "big")
        for sequence, payload in read_log(self._folder, logged):
            try:
                self._merge({name: dict(rows) for name, rows in decode(_Frame, payload)})
            except (EncodingError, KeyError) as error:
                raise StoreError(f"frame {sequence} of the log in {self._folder} is none: {error}") from error
        return logged, sequence

    def _merge(self, changes: Changes) -> None:
        with self._rows.gate:
            for name, rows in changes.items():
                self._fresh[name].update(rows)

    def _turn(self, log: Log) -> None:
        """Let LMDB be given what the log's file has, by and by, and go on in the other file."""
        self._wait()
        with self._rows.naming_errors:
            log.turn()
        with self._rows.gate:
            self._leaving, self._fresh = self._fresh, self._begin()
        self._moving = threading.Thread(target=self._move_slowly, args=(self._leaving, log.sequence))
        self._moving.start()

    def _wait(self) -> None:
        """Return once LMDB has what it is being given; raises what kept it from that."""
        if self._moving is not None:
            self._hurry.set()
            self._moving.join()
            self._moving = None
            self._hurry.clear()
        if self._failure is not None:
            raise self._failure

    def _move_slowly(self, layer: Layer, sequence: int) -> None:
        try:
            self._move(layer, sequence, self._pause)
        except Exception as error:
            # Whatever it was: the log must not be written over what LMDB has not got.
            self._failure = error

    def _pause(self) -> None:
        if not self._hurry.is_set():
            time.sleep(PAUSE_S)

    def _move(self, layer: Layer, sequence: int, pause: Callable[[], object]) -> None:
        """Let LMDB have a layer that readers see and the log has on disk, everything up to a frame."""
        rows = {name: fresh.rows for name, fresh in layer.items()}
        for step in in_steps(rows, _mark(sequence)):
            self._take(step, pause)
        with self._rows.gate:
            self._leaving = self._begin()

    def _take(self, changes: Changes, pause: Callable[[], object]) -> None:
        """One write of LMDB."""
        self._rows.take(changes, pause)
        with self._rows.gate:
            # At once, or the next write could not use the pages that this one replaced.
            self._held = self._rows.view()


def _mark(sequence: int) -> Changes:
    """LMDB has everything up to this frame."""
    return {_LOGGED: {_KEY: sequence.to_bytes(8, "big")}}


def _merge(
    own: Iterator[tuple[bytes, bytes | None]], below: Iterator[tuple[bytes, bytes | None]], is_falling: bool
) -> Iterator[tuple[bytes, bytes | None]]:
    """Rows in order; of two with one key that from `own`."""
    last = None
    for key, value in merge(own, below, key=itemgetter(0), reverse=is_falling):
        if key != last:
            yield key, value
        last = key
