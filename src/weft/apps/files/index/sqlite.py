"""The index in a file of this node: SQLite with FTS5 for words and an R*Tree for positions.

What is asked by itself is laid out by itself: `file` is what is shown, `fact` what is compared (a few bytes a
file, so that thousands are looked through in a millisecond), `mark` lists the files of a tag or a kind, and
`trait` counts what every facet and month comes to among all files and among those that not everybody may see,
whose readers `mark` lists. `word` keeps no copy of its texts: what it
must forget is made again from what is shown.

Removing takes more than SQLite's and FTS5's `secure_delete`: what b-tree pages moved elsewhere stays in their
gaps, FTS5 keeps the first term of a page as a signpost, and R*Tree what stood behind a node's last cell (each
was found by searching the files after random deletions). So `scrub` clears the nodes, merges the terms,
rewrites the file and empties the log.
"""

import threading
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

from weft.apps.files.disk import disk_room
from weft.apps.files.index import (
    FileView,
    Found,
    Place,
    Spot,
    Timeline,
    taken_ms,
    texts,
    traits,
    units,
)
from weft.apps.files.index import plan as planning
from weft.apps.files.index.part import ALL, DUPLICATED, ERA_BITS, FACET_NUMBERS, LISTED
from weft.apps.files.index.row import encode_metadata, encode_readers, file_of
from weft.apps.files.query import Query

READERS = 4
BUSY_MS = 10_000
WRITER_CACHE_KIB, READER_CACHE_KIB = 128 << 10, 16 << 10
MAPPED_BYTES = 8 << 30
"""Read through the page cache of the system, which all connections share."""
LOG_PAGES = 16_384
"""64 MiB: pages of the log after which it is worked into the file."""
TRAITS_REMEMBERED = 100_000
ERA_FILES, ERAS_MAX = 16_384, 256
"""Files made one after the other are an era. Eras lie so far apart in the tree of positions that its nodes
keep to one: so the newest files of a crowded place are found without the others. The last era has no end."""

_SCHEMA = """
CREATE TABLE cursor (chain BLOB NOT NULL, height INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE file (
    place INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE,
    sha256 BLOB,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    tx_id BLOB NOT NULL,
    tx_height INTEGER NOT NULL,
    tx_position INTEGER NOT NULL,
    readers TEXT
);
CREATE INDEX file_content ON file (sha256);
CREATE INDEX file_name ON file (name COLLATE NOCASE);
CREATE INDEX file_size ON file (size);
CREATE TABLE fact (
    place INTEGER PRIMARY KEY, is_private INTEGER NOT NULL, taken_ms INTEGER, lat INTEGER, lon INTEGER,
    traits BLOB NOT NULL
);
CREATE INDEX fact_taken ON fact (taken_ms);
CREATE TABLE trait (
    id INTEGER PRIMARY KEY, facet INTEGER NOT NULL, value TEXT NOT NULL, count INTEGER NOT NULL,
    private INTEGER NOT NULL, UNIQUE (facet, value)
);
CREATE TABLE mark (trait INTEGER NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (trait, place)) WITHOUT ROWID;
CREATE VIRTUAL TABLE word USING fts5(
    name, title, description, tags, camera, other,
    content = '', prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO word (word, rank) VALUES ('secure-delete', 1);
INSERT INTO word (word, rank) VALUES ('hashsize', 33554432);
CREATE VIRTUAL TABLE spot USING rtree_i32(place, west, east, south, north, low, high);
CREATE TABLE era (number INTEGER PRIMARY KEY, first INTEGER NOT NULL);
PRAGMA user_version = 3;
"""
_VERSION = 3
_CELL_BYTES, _NODE_HEAD_BYTES = 32, 4
_INSERT_WORDS = (
    "INSERT INTO word (rowid, name, title, description, tags, camera, other) VALUES (?,?,?,?,?,?,?)"
)
_DELETE_WORDS = (
    "INSERT INTO word (word, rowid, name, title, description, tags, camera, other) "
    "VALUES ('delete',?,?,?,?,?,?,?)"
)


class SqliteIndex:
    """One writer, a few readers, each with a connection of its own; `Index` says what it does."""

    def __init__(self, path: Path, chain: bytes) -> None:
        """Opens the index of this chain, or begins it anew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._chain = chain
        self._writer = self._open_for_writing()
        self._writer.pragma("cache_size", -WRITER_CACHE_KIB)
        self._writer.wal_autocheckpoint(LOG_PAGES)
        self._readers = [_prepare(apsw.Connection(str(path))) for _ in range(READERS)]
        self._free = threading.Semaphore(READERS)
        self._trait_ids: dict[tuple[int, str], int] = {}
        self._changed: Counter[int] = Counter()
        """By trait: how many files more, or fewer, since the last commit."""
        self._changed_private: Counter[int] = Counter()
        """Those of them that not everybody may see."""
        self._eras: list[int] = []
        """The first place of each."""
        self._era_files = 0
        """In the newest one, so far."""
        self._place_max = -1
        self._trait_next = 1
        self._recall()

    def clear(self) -> None:
        with disk_room_of_sqlite(), self._writer:
            for table in ("file", "fact", "trait", "mark", "spot", "era"):
                self._run(f"DELETE FROM {table}")
            self._run("INSERT INTO word (word) VALUES ('delete-all')")
            self._run("UPDATE cursor SET height = 0, position = -1")
        self._recall()

    def close(self) -> None:
        for _ in range(READERS):
            self._free.acquire()
        for connection in (*self._readers, self._writer):
            connection.close()
        self._free.release(READERS)

    @property
    def cursor(self) -> tuple[int, int]:
        with self.reading() as connection:
            height, position = next(connection.execute("SELECT height, position FROM cursor"))
        return height, position

    @contextmanager
    def writing(self, cursor: tuple[int, int]) -> Iterator[None]:
        try:
            with disk_room_of_sqlite(), self._writer:
                yield
                self._write_traits()
                self._run("UPDATE cursor SET height = ?, position = ?", cursor)
        except BaseException:
            self._recall()
            raise

    @contextmanager
    def reading(self) -> Iterator[apsw.Connection]:
        """A connection for queries, in one snapshot."""
        self._free.acquire()
        connection = self._readers.pop()
        try:
            with connection:
                yield connection
        finally:
            self._readers.append(connection)
            self._free.release()

    def search(self, query: Query, after: Spot | None, limit: int) -> Found:
        with self.reading() as connection:
            return planning.search(connection, query, after, limit)

    def count_months(self, query: Query) -> Timeline:
        with self.reading() as connection:
            return planning.count_months(connection, query)

    def put(self, file: FileView, place: int) -> None:
        known = self._remove(file.id)
        place = place if known is None else known
        sha256 = None if file.sha256 is None else bytes.fromhex(file.sha256)
        if sha256 is not None:
            self._mark_duplicates(sha256, place)
        self._run(
            "INSERT INTO file VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                place,
                bytes.fromhex(file.id),
                sha256,
                file.owner,
                file.name,
                file.size,
                file.media_type,
                file.version,
                file.created_ms,
                file.updated_ms,
                encode_metadata(file.metadata),
                bytes.fromhex(file.tx_id),
                file.tx_height,
                file.tx_position,
                encode_readers(file.readers),
            ),
        )
        moment = taken_ms(file.metadata)
        readers = (("reader", principal) for principal in file.principals)
        found = array("I", [self._trait_of(*trait) for trait in (*traits(file, moment), *readers)])
        lat, lon = units(file.metadata)
        values = place, file.readers is not None, moment, lat, lon, found.tobytes()
        self._run("INSERT INTO fact VALUES (?,?,?,?,?,?)", values)
        listed = [(trait, place) for trait in found if trait % 8 in LISTED]
        self._writer.executemany("INSERT INTO mark VALUES (?,?)", listed)
        self._count(file, found, 1)
        self._run(_INSERT_WORDS, (place, *texts(file)))
        if lat is not None:
            era = self._era_of(place) << ERA_BITS
            self._run("INSERT INTO spot VALUES (?,?,?,?,?,?,?)", (place, lon, lon, lat, lat, era, era))

    def remove(self, id_: str) -> None:
        self._remove(id_)

    def is_named(self, sha256: str, apart_from: str = "") -> bool:
        query = "SELECT 1 FROM file WHERE sha256 = ? AND id != ? LIMIT 1"
        return next(self._run(query, (bytes.fromhex(sha256), bytes.fromhex(apart_from))), None) is not None

    def sha256_of(self, id_: str) -> str | None:
        row = next(self._run("SELECT sha256 FROM file WHERE id = ?", (bytes.fromhex(id_),)), None)
        return None if row is None or row[0] is None else row[0].hex()

    def made_by(self, id_: str) -> Place | None:
        query = "SELECT tx_id, tx_height, tx_position FROM file WHERE id = ?"
        row = next(self._run(query, (bytes.fromhex(id_),)), None)
        return None if row is None else Place(*row)

    def find_content(self, owner: str, sha256: str) -> str | None:
        query = "SELECT id FROM file WHERE sha256 = ? AND owner = ? ORDER BY place LIMIT 1"
        with self.reading() as connection:
            row = next(connection.execute(query, (bytes.fromhex(sha256), owner)), None)
        return None if row is None else row[0].hex()

    def incomplete(self, limit: int) -> list[str]:
        with self.reading() as connection:
            rows = connection.execute("SELECT id FROM file WHERE sha256 IS NULL LIMIT ?", (limit,))
            return [id_.hex() for (id_,) in rows]

    def contents(self, after: str, limit: int) -> list[str]:
        query = "SELECT DISTINCT sha256 FROM file WHERE sha256 > ? ORDER BY sha256 LIMIT ?"
        with self.reading() as connection:
            return [sha256.hex() for (sha256,) in connection.execute(query, (bytes.fromhex(after), limit))]

    def scrub(self) -> None:
        """Leave no byte of what was removed in any file of the index."""
        with disk_room_of_sqlite():
            with self._writer:
                self._clear_nodes()
                self._run("INSERT INTO word (word) VALUES ('optimize')")
            self._run("VACUUM")
            # Waits, as long as the busy timeout, for readers that still look at the log.
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def _open_for_writing(self) -> apsw.Connection:
        """The index as it is, or a new one when it is damaged, of another version or of another chain."""
        for _ in range(2):
            connection = apsw.Connection(str(self._path))
            with suppress(apsw.CorruptError, apsw.NotADBError):
                _prepare(connection)
                version = connection.pragma("user_version")
                if version == 0:
                    with connection:
                        connection.execute(_SCHEMA)
                        connection.execute("INSERT INTO cursor VALUES (?, 0, -1)", (self._chain,))
                    return connection
                if version == _VERSION and self._is_ours(connection):
                    return connection
            connection.close()
            for part in (self._path, *self._path.parent.glob(self._path.name + "-*")):
                part.unlink(missing_ok=True)
        raise AssertionError("a new index is of this version")

    def _is_ours(self, connection: apsw.Connection) -> bool:
        (chain,) = next(connection.execute("SELECT chain FROM cursor"))
        return bool(chain == self._chain and connection.pragma("quick_check", 1) == "ok")

    def _run(self, query: str, values: tuple[Any, ...] = ()) -> apsw.Cursor:
        return self._writer.execute(query, values)

    def _remove(self, id_: str) -> int | None:
        """Forget a file; the place that it had."""
        query = f"SELECT {planning.COLUMNS}, file.place FROM file WHERE id = ?"
        row = next(self._run(query, (bytes.fromhex(id_),)), None)
        if row is None:
            return None
        file, place = file_of(row[:-1]), row[-1]
        raw: Any = next(self._run("SELECT traits FROM fact WHERE place = ?", (place,)))[0]
        self._run(_DELETE_WORDS, (place, *texts(file)))
        found = array("I", raw)
        for trait in (*found, DUPLICATED):
            self._run("DELETE FROM mark WHERE trait = ? AND place = ?", (trait, place))
        self._count(file, found, -1)
        for table in ("file", "fact", "spot"):
            self._run(f"DELETE FROM {table} WHERE place = ?", (place,))
        if file.sha256 is not None:
            left = self._places_of(bytes.fromhex(file.sha256))
            if len(left) == 1:
                self._run("DELETE FROM mark WHERE trait = ? AND place = ?", (DUPLICATED, left[0]))
        return int(place)

    def _mark_duplicates(self, sha256: bytes, place: int) -> None:
        others = self._places_of(sha256)
        for one in (*others, place) if others else ():
            self._run("INSERT OR IGNORE INTO mark VALUES (?,?)", (DUPLICATED, one))

    def _places_of(self, sha256: bytes) -> list[int]:
        """Two of the files with this content at most."""
        return [place for (place,) in self._run("SELECT place FROM file WHERE sha256 = ? LIMIT 2", (sha256,))]

    def _trait_of(self, facet: str, value: str) -> int:
        """The number of a value; its last three bits are the facet's."""
        key = FACET_NUMBERS[facet], value
        known = self._trait_ids.get(key)
        if known is None:
            row = next(self._run("SELECT id FROM trait WHERE facet = ? AND value = ?", key), None)
            known = row[0] if row else self._trait_next * 8 + key[0]
            if row is None:
                self._trait_next += 1
                self._run("INSERT INTO trait VALUES (?,?,?,0,0)", (known, *key))
            if len(self._trait_ids) >= TRAITS_REMEMBERED:
                self._trait_ids.clear()
            self._trait_ids[key] = known
        return known

    def _count(self, file: FileView, found: Iterable[int], change: int) -> None:
        """A file more with these traits, or a file less."""
        for counts in (self._changed, self._changed_private)[: 1 if file.readers is None else 2]:
            for trait in (ALL, *found):
                counts[trait] += change

    def _write_traits(self) -> None:
        """Add what changed; a value that no file has any more is forgotten."""
        self._run("INSERT OR IGNORE INTO trait VALUES (?,?,'',0,0)", (ALL, ALL))
        update = "UPDATE trait SET count = count + ?, private = private + ? WHERE id = ?"
        for trait, change in self._changed.items():
            private = self._changed_private[trait]
            if change or private:
                self._run(update, (change, private, trait))
            if change <= 0:
                self._run("DELETE FROM trait WHERE id = ? AND count = 0 AND id != ?", (trait, ALL))
        if any(change <= 0 for change in self._changed.values()):
            self._trait_ids.clear()
        self._changed.clear()
        self._changed_private.clear()

    def _era_of(self, place: int) -> int:
        """The era of a place; a new one begins when the newest is full."""
        eras = self._eras
        if not eras or (place > self._place_max and self._era_files >= ERA_FILES and len(eras) < ERAS_MAX):
            self._run("INSERT INTO era VALUES (?,?)", (len(eras), place))
            eras.append(place)
            self._era_files = 0
        self._era_files += 1
        self._place_max = max(self._place_max, place)
        return max(0, bisect_right(eras, place) - 1)

    def _recall(self) -> None:
        """What is kept in memory, as it is in the file."""
        self._trait_ids.clear()
        self._changed.clear()
        self._changed_private.clear()
        (last,) = next(self._run("SELECT max(id) FROM trait"))
        self._trait_next = (last or 0) // 8 + 1
        self._eras = [first for (first,) in self._run("SELECT first FROM era ORDER BY number")]
        newest = self._eras[-1] if self._eras else 0
        (self._place_max,) = next(self._run("SELECT ifnull(max(place), -1) FROM fact"))
        (self._era_files,) = next(
            self._run("SELECT count(*) FROM fact WHERE place >= ? AND lat IS NOT NULL", (newest,))
        )

    def _clear_nodes(self) -> None:
        """Zeros behind the last cell of every R*Tree node."""
        for node, data in self._run("SELECT nodeno, data FROM spot_node").fetchall():
            assert isinstance(data, bytes)
            end = _NODE_HEAD_BYTES + _CELL_BYTES * int.from_bytes(data[2:4], "big")
            if any(data[end:]):
                cleared = data[:end] + bytes(len(data) - end)
                self._run("UPDATE spot_node SET data = ? WHERE nodeno = ?", (cleared, node))


def _prepare(connection: apsw.Connection) -> apsw.Connection:
    connection.set_busy_timeout(BUSY_MS)
    connection.pragma("journal_mode", "wal")
    # The ledger can always make it again; what matters is that it is never half of two states.
    connection.pragma("synchronous", "normal")
    connection.pragma("mmap_size", MAPPED_BYTES)
    connection.pragma("cache_size", -READER_CACHE_KIB)
    is_erasing = connection.pragma("secure_delete", 1)
    assert is_erasing == 1, "SQLite is built with secure_delete"
    return connection


@contextmanager
def disk_room_of_sqlite() -> Iterator[None]:
    """SQLite's own "no room" as DiskFullError."""
    try:
        yield
    except apsw.FullError as error:
        with disk_room():
            raise OSError(28, "no room for the index") from error
