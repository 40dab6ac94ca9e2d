"""Tables of checked rows in one LMDB file: each value carries a CRC over table, key and value.

Promise: a write is whole and durable or has not happened; a stored byte that changed is a StoreError when its
row is read. No read transaction outlives the call that opened it, because one left open makes the file grow
without end. Reading costs about two microseconds and may be done on the event loop; writing may not.
"""

import os
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import lmdb

from weft.model.errors import DiskFullError, StoreError, WeftError

MAP_BYTES = 64 << 30
"""Address space for the file at first; the file itself only grows as it is filled."""

FULL_BYTES = 1 << 20
"""A disk with less room than this is full."""

_CRC_BYTES = 4
_AT_ONCE = 200
"""Rows put in one call, which holds the interpreter for some tenths of a millisecond."""

STEP_PAGES_MAX = 512
"""About so many pages change in one step. What LMDB changes it copies first, one malloc a page, and keeps the
room for its next writes until it is closed: as much as its largest write took. With random keys each row
changes a page of its own."""
_PAGE_BYTES = 4096

Changes = Mapping[str, Mapping[bytes, bytes | None]]
"""New values by table and key, None where a row is gone."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    handle: lmdb._Database
    seed: int


class Reading:
    """One consistent view of all tables."""

    __slots__ = ("_tables", "_transaction")

    def __init__(self, tables: dict[str, _Table], transaction: "lmdb.Transaction[bytes]") -> None:
        self._tables = tables
        self._transaction = transaction

    def get(self, table: str, key: bytes) -> bytes | None:
        into = self._tables[table]
        try:
            raw = self._transaction.get(key, db=into.handle)
        except lmdb.Error as error:
            raise StoreError(f"table {table} cannot be read: {error}") from error
        return None if raw is None else _checked(into, key, raw)

    def rising(self, table: str, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Rows from the first key at or above `start` on."""
        into = self._tables[table]
        with self._transaction.cursor(into.handle) as cursor:
            if cursor.set_range(start):
                for key, raw in cursor:
                    yield key, _checked(into, key, raw)

    def falling(self, table: str, below: bytes | None = None) -> Iterator[tuple[bytes, bytes]]:
        """Rows from the last key below `below` (without it: from the last one) down."""
        into = self._tables[table]
        with self._transaction.cursor(into.handle) as cursor:
            is_placed = below is not None and cursor.set_range(below)
            if cursor.prev() if is_placed else cursor.last():
                for key, raw in cursor.iterprev():
                    yield key, _checked(into, key, raw)

    def damaged(self, table: str) -> Iterator[bytes | None]:
        """For every row: its key if it is damaged, else None."""
        into = self._tables[table]
        with self._transaction.cursor(into.handle) as cursor:
            for key, raw in cursor:
                yield None if _is_whole(into, key, raw) else key

    def close(self) -> None:
        self._transaction.abort()

    def renew(self, transaction: "lmdb.Transaction[bytes]") -> None:
        """Look through another transaction from now on."""
        self._transaction = transaction

    def count(self, table: str) -> int:
        return self._transaction.stat(self._tables[table].handle)["entries"]


class Writing(Reading):
    """A view that sees its own changes; they happen together, or not at all."""

    __slots__ = ()

    def put(self, table: str, key: bytes, value: bytes) -> None:
        into = self._tables[table]
        crc = zlib.crc32(value, zlib.crc32(key, into.seed))
        self._transaction.put(key, crc.to_bytes(_CRC_BYTES, "big") + value, db=into.handle)

    def take_all(self, changes: Changes, pause: Callable[[], object]) -> None:
        """Set rows of many tables, or delete those with None."""
        for table, rows in changes.items():
            keys = sorted(rows)
            for start in range(0, len(keys), _AT_ONCE):
                self._take(table, rows, keys[start : start + _AT_ONCE])
                pause()

    def _take(self, table: str, rows: Mapping[bytes, bytes | None], keys: Sequence[bytes]) -> None:
        into, present = self._tables[table], list[tuple[bytes, bytes]]()
        for key in keys:
            value = rows[key]
            if value is None:
                self._transaction.delete(key, db=into.handle)
            else:
                crc = zlib.crc32(value, zlib.crc32(key, into.seed))
                present.append((key, crc.to_bytes(_CRC_BYTES, "big") + value))
        with self._transaction.cursor(into.handle) as cursor:
            is_behind = not cursor.last() or (bool(present) and cursor.key() < present[0][0])
            cursor.putmulti(present, append=is_behind)

    def delete(self, table: str, key: bytes) -> None:
        self._transaction.delete(key, db=self._tables[table].handle)


class Rows:
    """An open file of tables."""

    def __init__(
        self, folder: Path, tables: Sequence[str], map_bytes: int = MAP_BYTES, is_reader: bool = False
    ) -> None:
        """`is_reader` changes not a byte, not even in the lock file: only for a folder that nobody writes."""
        self.naming_errors = NamingErrors(folder)
        self._map_bytes = map_bytes
        self.gate = threading.RLock()
        """Held by whoever reads, and while the map moves or a view is renewed."""
        self._view: Reading | None = None
        self._writing = threading.Lock()
        with self.naming_errors:
            if not is_reader:
                folder.mkdir(parents=True, exist_ok=True)
            self._environment = lmdb.open(
                str(folder),
                map_size=map_bytes,
                max_dbs=len(tables),
                max_spare_txns=4,
                readonly=is_reader,
                lock=not is_reader,
                create=not is_reader,
            )
            _check_whole(self._environment, folder / "data.mdb")
            self._environment.reader_check()
            self._tables = {name: self._open_table(name, not is_reader) for name in tables}

    def get(self, table: str, key: bytes) -> bytes | None:
        """One row's value."""
        into = self._tables[table]
        try:
            with self.gate, self._environment.begin(into.handle) as transaction:
                raw = transaction.get(key)
        except (lmdb.Error, OSError) as error:
            # Each transaction reads several rows, and one more context would cost a quarter of a read.
            raise self.naming_errors.name(error) from error
        return None if raw is None else _checked(into, key, raw)

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """A short view: other readers wait meanwhile, and so does the growth of the file."""
        with self.naming_errors, self.gate, self._environment.begin() as transaction:
            yield Reading(self._tables, transaction)

    def write(self, change: Callable[[Writing], T]) -> T:
        """Carry out `change` in one durable step. It may be called again, after the map has grown."""
        with self._writing, self.naming_errors:
            while True:
                try:
                    with self._environment.begin(write=True) as transaction:
                        return change(Writing(self._tables, transaction))
                except lmdb.MapFullError:
                    self._grow()

    def view(self) -> Reading:
        """One view that stays, as of this call; the same for all, who hold the gate while they look. After a
        write it keeps the room of what was replaced: then call this again."""
        with self.naming_errors, self.gate:
            if self._view is not None:
                self._view.close()
            self._view = Reading(self._tables, self._environment.begin())
            return self._view

    def take(self, changes: Changes, pause: Callable[[], object]) -> None:
        """Set many rows of many tables, or delete those with None, in one durable write: far cheaper by the
        row than single puts, for neighbours share pages. `pause` is called every two hundred rows."""
        self.write(lambda writing: writing.take_all(changes, pause))

    def names(self) -> set[str]:
        """The tables that the file has."""
        with self.naming_errors, self.gate, self._environment.begin() as transaction:
            return {key.decode(errors="replace") for key, _ in transaction.cursor()}

    def close(self) -> None:
        if self._view is not None:
            self._view.close()
        self._environment.close()

    def _open_table(self, name: str, may_create: bool) -> _Table:
        handle = self._environment.open_db(name.encode(), create=may_create)
        return _Table(name, handle, zlib.crc32(name.encode()))

    def _grow(self) -> None:
        # The map moves: no view may be open meanwhile.
        with self.gate:
            self._map_bytes *= 2
            if self._view is not None:
                self._view.close()
            self._environment.set_mapsize(self._map_bytes)
            if self._view is not None:
                self._view.renew(self._environment.begin())


def in_steps(changes: Changes, last: Changes) -> Iterator[Changes]:
    """Changes divided into writes of bounded room, in the order of the keys; `last` goes with the last one.

    Only for what can be had again from elsewhere until `last` is there: a process may end between two writes.
    """
    step, pages = defaultdict[str, dict[bytes, bytes | None]](dict), 0
    for table, rows in changes.items():
        for key in sorted(rows):
            if pages >= STEP_PAGES_MAX:
                yield step
                step, pages = defaultdict(dict), 0
            step[table][key] = rows[key]
            pages += 1 + len(rows[key] or b"") // _PAGE_BYTES
    yield {**step, **last}


def go_on() -> None:
    """A pause for work that somebody waits for."""


class NamingErrors:
    """Lets a full disk be a DiskFullError and whatever else LMDB cannot do a StoreError."""

    __slots__ = ("_folder",)

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, lmdb.Error | OSError) and not isinstance(error, lmdb.MapFullError):
            raise self.name(error) from error

    def name(self, error: lmdb.Error | OSError) -> WeftError:
        """The error that tells what happened, and where."""
        if isinstance(error, lmdb.DiskError) or _is_full(self._folder):
            return DiskFullError(f"no room to write in {self._folder}: {error}")
        return StoreError(f"{self._folder} cannot be used: {error}")


def _check_whole(environment: lmdb.Environment, path: Path) -> None:
    """Raise StoreError when a part of the file is gone: to read there would end the process."""
    size, belongs = path.stat().st_size, (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    if size < belongs:
        environment.close()
        raise StoreError(f"{path} has {size} bytes, {belongs} belong to it: it was cut")


def _is_full(folder: Path) -> bool:
    """LMDB calls a write that the disk took only in part an input/output error."""
    if not folder.exists():
        return False
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize < FULL_BYTES


def _checked(table: _Table, key: bytes, raw: bytes) -> bytes:
    if not _is_whole(table, key, raw):
        raise StoreError(f"a row of table {table.name} is damaged, key {key.hex()}")
    return raw[_CRC_BYTES:]


def _is_whole(table: _Table, key: bytes, raw: bytes) -> bool:
    crc = zlib.crc32(raw[_CRC_BYTES:], zlib.crc32(key, table.seed))
    return crc == int.from_bytes(raw[:_CRC_BYTES], "big")
