"""One era of the index: files made one after the other, in a file of SQLite with FTS5 and an R*Tree.

What is asked by itself is laid out by itself: `file` is what is shown, `fact` what is compared (a few bytes a
file, so that thousands are looked through in a millisecond), `mark` lists the files of a tag or a kind, and
`trait` counts what every facet and month comes to among the era's files and among those that not everybody
may see, whose readers `mark` lists. `word` keeps no copy of its texts: what it must forget is made again from
what is shown.

Removing takes more than SQLite's and FTS5's `secure_delete`: what b-tree pages moved elsewhere stays in their
gaps, FTS5 keeps the first term of a page as a signpost, and R*Tree what stood behind a node's last cell (each
was found by searching the files after random deletions). So `scrub` clears the nodes, merges the terms,
rewrites the file and empties the log. `is_dirty` is committed with the removal: who dies in between scrubs
when it starts.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from weft.apps.files.index import FileView, Place, taken_ms, texts, traits, units
from weft.apps.files.index.connection import connect, make_file, rewrite
from weft.apps.files.index.part import ALL, DUPLICATED, FACET_NUMBERS, LISTED
from weft.apps.files.index.plan import COLUMNS
from weft.apps.files.index.row import encode_metadata, encode_readers, file_of
from weft.apps.files.index.whereabouts import ENTRY_BYTES, KEY_BYTES

VERSION = 4
WRITER_CACHE_KIB = 32 << 10
LOG_PAGES = 4_096
"""16 MiB: pages of the log after which it is worked into the file."""
TRAITS_REMEMBERED = 100_000

Trait = tuple[int, str]
"""The number of a facet, and a value."""


class Changes(NamedTuple):
    """How many files more, or fewer, have a value; and how many of those that not everybody may see."""

    all: Counter[Trait]
    private: Counter[Trait]

    def add(self, other: "Changes") -> None:
        self.all.update(other.all)
        self.private.update(other.private)


_SCHEMA = """
CREATE TABLE era (
    first INTEGER NOT NULL, generation INTEGER NOT NULL, height INTEGER NOT NULL, position INTEGER NOT NULL,
    made INTEGER NOT NULL, is_dirty INTEGER NOT NULL
);
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
CREATE VIRTUAL TABLE spot USING rtree_i32(place, west, east, south, north);
"""
_CELL_BYTES, _NODE_HEAD_BYTES = 24, 4
_INSERT_WORDS = (
    "INSERT INTO word (rowid, name, title, description, tags, camera, other) VALUES (?,?,?,?,?,?,?)"
)
_DELETE_WORDS = (
    "INSERT INTO word (word, rowid, name, title, description, tags, camera, other) "
    "VALUES ('delete',?,?,?,?,?,?,?)"
)


def make_era(path: Path, chain: bytes, first: int) -> None:
    """A new file for files from the place `first` on."""
    era = f"INSERT INTO era VALUES ({first}, 0, 0, -1, 0, 0);"
    trait = f"INSERT INTO trait VALUES ({ALL}, {ALL}, '', 0, 0);"
    make_file(path, _SCHEMA + era + trait, VERSION, chain)


class Era:
    """The writer of an era. What is read here is as far as was written, committed or not."""

    def __init__(self, path: Path, number: int) -> None:
        self.number = number
        self.connection = connect(path, WRITER_CACHE_KIB)
        self.connection.wal_autocheckpoint(LOG_PAGES)
        self._recall()

    def _recall(self) -> None:
        """What is kept in memory, as it is in the file."""
        row: Any = next(self._run("SELECT * FROM era"))
        self.first, self.generation, *cursor, self.made, self.is_dirty = row
        self.cursor = cursor[0], cursor[1]
        """The index's when this file was last written."""
        ((last,),) = self._run("SELECT max(place) FROM file")
        self.last: int = self.first if last is None else last
        self._trait_ids: dict[Trait, int] = {}
        self._changed = Changes(Counter(), Counter())
        """Since the last commit."""
        ((number,),) = self._run("SELECT max(id) FROM trait")
        self._trait_next = number // 8 + 1

    def begin(self) -> None:
        if not self.connection.in_transaction:
            self._run("BEGIN IMMEDIATE")

    def finish(self, generation: int, cursor: tuple[int, int]) -> Changes:
        """All that is to be committed; what it changes in the counts of all eras."""
        changed, self._changed = self._changed, Changes(Counter(), Counter())
        update = "UPDATE trait SET count = count + ?, private = private + ? WHERE facet = ? AND value = ?"
        for trait, change in changed.all.items():
            self._run(update, (change, changed.private[trait], *trait))
            if change <= 0:
                self._run("DELETE FROM trait WHERE facet = ? AND value = ? AND count = 0 AND id != 0", trait)
        if any(change <= 0 for change in changed.all.values()):
            self._trait_ids.clear()
        self.generation, self.cursor = generation, cursor
        values = generation, *cursor, self.made, self.is_dirty
        sql = "UPDATE era SET generation = ?, height = ?, position = ?, made = ?, is_dirty = ?"
        self._run(sql, values)
        return changed

    def commit(self) -> None:
        self._run("COMMIT")

    def roll_back(self) -> None:
        if self.connection.in_transaction:
            self._run("ROLLBACK")
        self._recall()

    def close(self) -> None:
        self.connection.close()

    def put(self, file: FileView, place: int) -> None:
        """Add a file that is not here."""
        self.last = max(self.last, place)
        self._run(
            "INSERT INTO file VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                place,
                bytes.fromhex(file.id),
                None if file.sha256 is None else bytes.fromhex(file.sha256),
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
        moment, (lat, lon) = taken_ms(file.metadata), units(file.metadata)
        numbers = array("I", [self._trait_of(trait) for trait in self._count(file, moment, 1)])
        values = place, file.readers is not None, moment, lat, lon, numbers.tobytes()
        self._run("INSERT INTO fact VALUES (?,?,?,?,?,?)", values)
        listed = [(number, place) for number in numbers if number % 8 in LISTED]
        self.connection.executemany("INSERT INTO mark VALUES (?,?)", listed)
        self._run(_INSERT_WORDS, (place, *texts(file)))
        if lat is not None:
            self._run("INSERT INTO spot VALUES (?,?,?,?,?)", (place, lon, lon, lat, lat))

    def take_out(self, id_: str) -> tuple[int, str | None]:
        """Forget a file that is here; the place and the digest that it had."""
        query = f"SELECT {COLUMNS}, file.place FROM file WHERE id = ?"
        *row, place = next(self._run(query, (bytes.fromhex(id_),)))
        file = file_of(tuple(row))
        raw: Any = next(self._run("SELECT traits FROM fact WHERE place = ?", (place,)))[0]
        self._run(_DELETE_WORDS, (place, *texts(file)))
        for number in (*array("I", raw), DUPLICATED):
            self._run("DELETE FROM mark WHERE trait = ? AND place = ?", (number, place))
        self._count(file, taken_ms(file.metadata), -1)
        for table in ("file", "fact", "spot"):
            self._run(f"DELETE FROM {table} WHERE place = ?", (place,))
        return int(place), file.sha256

    def mark_duplicate(self, place: int, is_duplicate: bool) -> None:
        if is_duplicate:
            self._run("INSERT OR IGNORE INTO mark VALUES (?,?)", (DUPLICATED, place))
        else:
            self._run("DELETE FROM mark WHERE trait = ? AND place = ?", (DUPLICATED, place))

    def duplicates(self) -> Iterator[tuple[int, str]]:
        """(place, digest) of all that are marked so."""
        sql = "SELECT place, sha256 FROM mark JOIN file USING (place) WHERE trait = ?"
        rows: Any = self._run(sql, (DUPLICATED,))
        return ((place, sha256.hex()) for place, sha256 in rows.fetchall())

    def has(self, id_: str) -> bool:
        return next(self._run("SELECT 1 FROM file WHERE id = ?", (bytes.fromhex(id_),)), None) is not None

    def find_places(self, sha256: str, apart_from: str = "") -> list[int]:
        """Two of the files with this content at most, not counting the file `apart_from`."""
        sql = "SELECT place FROM file WHERE sha256 = ? AND id != ? LIMIT 2"
        return [place for (place,) in self._run(sql, (bytes.fromhex(sha256), bytes.fromhex(apart_from)))]

    def find_digest(self, id_: str) -> str | None:
        row = next(self._run("SELECT sha256 FROM file WHERE id = ?", (bytes.fromhex(id_),)), None)
        return None if row is None or row[0] is None else row[0].hex()

    def find_maker(self, id_: str) -> Place | None:
        query = "SELECT tx_id, tx_height, tx_position FROM file WHERE id = ?"
        row = next(self._run(query, (bytes.fromhex(id_),)), None)
        return None if row is None else Place(*row)

    def counts(self) -> Changes:
        """Of every value, as it is kept."""
        rows: Any = self._run("SELECT facet, value, count, private FROM trait").fetchall()
        found = {(facet, value): (count, private) for facet, value, count, private in rows}
        return Changes(
            Counter({trait: count for trait, (count, _) in found.items()}),
            Counter({trait: private for trait, (_, private) in found.items()}),
        )

    def keys(self, column: str, begin: Callable[[bytes], bytes]) -> bytes:
        """What every file has in this column, as `Whereabouts` takes it."""
        end = self.number.to_bytes(ENTRY_BYTES - KEY_BYTES, "big")
        rows: Any = self._run(f"SELECT {column} FROM file WHERE {column} IS NOT NULL")
        return b"".join([begin(key) + end for (key,) in rows])

    def scrub(self, alone: Callable[[], AbstractContextManager[None]]) -> None:
        """Leave no byte of what was removed in any file of the era."""
        with self.connection:
            self._clear_nodes()
            self._run("INSERT INTO word (word) VALUES ('optimize')")
        rewrite(self.connection, alone)

    def end_scrub(self) -> None:
        self._run("UPDATE era SET is_dirty = 0")
        self.is_dirty = 0

    def _run(self, query: str, values: tuple[Any, ...] = ()) -> apsw.Cursor:
        return self.connection.execute(query, values)

    def _count(self, file: FileView, moment: int | None, change: int) -> list[Trait]:
        """A file, taken then, more or less; what it counts for."""
        readers = (("reader", principal) for principal in file.principals)
        named = (*traits(file, moment), *readers)
        found = [(FACET_NUMBERS[facet], value) for facet, value in named]
        for counts in self._changed[: 1 if file.readers is None else 2]:
            for trait in ((ALL, ""), *found):
                counts[trait] += change
        return found

    def _trait_of(self, trait: Trait) -> int:
        """The number of a value in this era; its last three bits are the facet's."""
        known = self._trait_ids.get(trait)
        if known is None:
            row = next(self._run("SELECT id FROM trait WHERE facet = ? AND value = ?", trait), None)
            known = int(row[0]) if row else self._trait_next * 8 + trait[0]
            if row is None:
                self._trait_next += 1
                self._run("INSERT INTO trait VALUES (?,?,?,0,0)", (known, *trait))
            if len(self._trait_ids) >= TRAITS_REMEMBERED:
                self._trait_ids.clear()
            self._trait_ids[trait] = known
        return known

    def _clear_nodes(self) -> None:
        """Zeros behind the last cell of every R*Tree node."""
        for node, data in self._run("SELECT nodeno, data FROM spot_node").fetchall():
            assert isinstance(data, bytes)
            end = _NODE_HEAD_BYTES + _CELL_BYTES * int.from_bytes(data[2:4], "big")
            if any(data[end:]):
                cleared = data[:end] + bytes(len(data) - end)
                self._run("UPDATE spot_node SET data = ? WHERE nodeno = ?", (cleared, node))
