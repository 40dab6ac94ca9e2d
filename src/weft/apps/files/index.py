"""The index of files: what this node has read in the ledger, arranged for searching.

Promises. It holds nothing that the ledger and the attachments do not say, so it may be deleted at any time
and is made again by following from 0. Rows and the cursor up to which they are true are written together.
After `scrub` no byte of a removed file is left in any of its files.

Removing takes more than SQLite's and FTS5's `secure_delete`: what b-tree pages moved elsewhere stays in their
gaps, FTS5 keeps the first term of a page as a signpost, and R*Tree what stood behind a node's last cell (each
was found by searching the files after random deletions). So `scrub` clears the nodes, merges the terms,
rewrites the file and empties the log.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import apsw

from weft.apps.files.disk import disk_room
from weft.apps.files.metadata import Metadata, parse_time, texts_of

READERS = 4
BUSY_MS = 10_000
PLACES_A_BLOCK = 1 << 20
"""More events than any block can have: (height, position) becomes one rising number."""

_SCHEMA = """
CREATE TABLE cursor (chain BLOB NOT NULL, height INTEGER NOT NULL, position INTEGER NOT NULL);
CREATE TABLE file (
    place INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    sha256 TEXT,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    media_type TEXT NOT NULL,
    version INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    taken_ms INTEGER,
    camera TEXT,
    lat REAL,
    lon REAL,
    metadata TEXT NOT NULL,
    tx_id TEXT NOT NULL,
    tx_height INTEGER NOT NULL,
    tx_position INTEGER NOT NULL
);
CREATE INDEX file_content ON file (sha256, owner);
CREATE INDEX file_taken ON file (taken_ms);
CREATE INDEX file_name ON file (name COLLATE NOCASE);
CREATE INDEX file_size ON file (size);
CREATE TABLE tag (tag TEXT NOT NULL, place INTEGER NOT NULL, PRIMARY KEY (tag, place)) WITHOUT ROWID;
CREATE INDEX tag_place ON tag (place);
CREATE VIRTUAL TABLE word USING fts5(
    name, title, description, tags, camera, custom,
    prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO word (word, rank) VALUES ('secure-delete', 1);
CREATE VIRTUAL TABLE spot USING rtree(place, west, east, south, north);
PRAGMA user_version = 1;
"""
_VERSION = 1
_OTHER_TEXTS = ("custom", "place", "keywords", "lens", "author")
_CELL_BYTES, _NODE_HEAD_BYTES = 24, 4


@dataclass(frozen=True, slots=True)
class Place:
    """A transaction and where it was executed."""

    id: bytes
    height: int
    position: int


@dataclass(frozen=True, slots=True)
class FileView:
    """A file as users see it."""

    id: str
    owner: str
    sha256: str | None
    """None while this node lacks the attachment that says it."""
    name: str
    size: int
    media_type: str
    version: int
    created_ms: int
    updated_ms: int
    metadata: Metadata
    tx_id: str
    """The transaction that made the file, and where it stands."""
    tx_height: int
    tx_position: int


_COLUMNS = [field.name for field in fields(FileView)]
COLUMNS = ", ".join(f"file.{name}" for name in _COLUMNS)


class Index:
    """One writer, a few readers, each with a connection of its own. All calls touch the disk."""

    def __init__(self, path: Path, chain: bytes) -> None:
        """Opens the index of this chain, or begins it anew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._chain = chain
        self._writer = self._open_for_writing()
        self._readers = [_prepare(apsw.Connection(str(path))) for _ in range(READERS)]
        self._free = threading.Semaphore(READERS)

    def clear(self) -> None:
        """Forget all and begin anew."""
        with disk_room_of_sqlite(), self._writer:
            for table in ("file", "word", "tag", "spot"):
                self._run(f"DELETE FROM {table}")
            self._run("UPDATE cursor SET height = 0, position = -1")

    def close(self) -> None:
        """Waits for queries under way; those that come later fail."""
        for _ in range(READERS):
            self._free.acquire()
        for connection in (*self._readers, self._writer):
            connection.close()

    @property
    def cursor(self) -> tuple[int, int]:
        """(height, position) of the last ledger row that the index took in."""
        with self.reading() as connection:
            height, position = next(connection.execute("SELECT height, position FROM cursor"))
        return height, position

    @contextmanager
    def writing(self, cursor: tuple[int, int]) -> Iterator[None]:
        """Several changes and the cursor, all or nothing."""
        with disk_room_of_sqlite(), self._writer:
            yield
            self._run("UPDATE cursor SET height = ?, position = ?", cursor)

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

    def put(self, file: FileView, place: int) -> None:
        """Add a file, or replace what was known of it; a known file keeps its place."""
        known = self._place_of(file.id)
        if known is not None:
            self._remove_place(known)
        place = place if known is None else known
        metadata, location = file.metadata, file.metadata.get("location")
        lat, lon = (float(location["lat"]), float(location["lon"])) if location else (None, None)
        self._run(
            f"INSERT INTO file VALUES ({', '.join('?' * 18)})",
            (
                place,
                file.id,
                file.owner,
                file.sha256,
                file.name,
                file.size,
                file.media_type,
                file.version,
                file.created_ms,
                file.updated_ms,
                _taken_ms(metadata),
                metadata.get("camera"),
                lat,
                lon,
                json.dumps(metadata, ensure_ascii=False),
                file.tx_id,
                file.tx_height,
                file.tx_position,
            ),
        )
        self._run(
            "INSERT INTO word (rowid, name, title, description, tags, camera, custom) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (place, *_words(file)),
        )
        for tag in metadata.get("tags", ()):
            self._run("INSERT INTO tag VALUES (?, ?)", (tag, place))
        if lat is not None:
            self._run("INSERT INTO spot VALUES (?, ?, ?, ?, ?)", (place, lon, lon, lat, lat))

    def remove(self, id_: str) -> None:
        """Forget a file; `scrub` afterwards."""
        place = self._place_of(id_)
        if place is not None:
            self._remove_place(place)

    def is_named(self, sha256: str, apart_from: str = "") -> bool:
        """Whether a file has this content, as far as was written, not counting the file `apart_from`."""
        query = "SELECT 1 FROM file WHERE sha256 = ? AND id != ? LIMIT 1"
        return next(self._run(query, (sha256, apart_from)), None) is not None

    def sha256_of(self, id_: str) -> str | None:
        """The digest of a file's content, as far as was written."""
        row = next(self._run("SELECT sha256 FROM file WHERE id = ?", (id_,)), None)
        return None if row is None else row[0]

    def made_by(self, id_: str) -> Place | None:
        """The transaction that made a file, as far as was written."""
        row = next(self._run("SELECT tx_id, tx_height, tx_position FROM file WHERE id = ?", (id_,)), None)
        return None if row is None else Place(bytes.fromhex(row[0]), row[1], row[2])

    def find_content(self, owner: str, sha256: str) -> str | None:
        """The id of the first file of this owner with this content."""
        query = "SELECT id FROM file WHERE sha256 = ? AND owner = ? ORDER BY place LIMIT 1"
        with self.reading() as connection:
            row = next(connection.execute(query, (sha256, owner)), None)
        return None if row is None else row[0]

    def incomplete(self, limit: int) -> list[str]:
        """Ids of files whose attachments this node lacks."""
        with self.reading() as connection:
            rows = connection.execute("SELECT id FROM file WHERE sha256 IS NULL LIMIT ?", (limit,))
            return [id_ for (id_,) in rows]

    def contents(self, after: str, limit: int) -> list[str]:
        """Digests of the contents of all files, rising from the one after `after`."""
        query = "SELECT DISTINCT sha256 FROM file WHERE sha256 > ? ORDER BY sha256 LIMIT ?"
        with self.reading() as connection:
            return [sha256 for (sha256,) in connection.execute(query, (after, limit))]

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

    def _place_of(self, id_: str) -> int | None:
        row = next(self._run("SELECT place FROM file WHERE id = ?", (id_,)), None)
        return None if row is None else row[0]

    def _remove_place(self, place: int) -> None:
        for query in (
            "DELETE FROM file WHERE place = ?",
            "DELETE FROM word WHERE rowid = ?",
            "DELETE FROM tag WHERE place = ?",
            "DELETE FROM spot WHERE place = ?",
        ):
            self._run(query, (place,))

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


def file_of(row: tuple[Any, ...]) -> FileView:
    """The file of a row of `COLUMNS`."""
    facts = dict(zip(_COLUMNS, row, strict=True))
    return FileView(**facts | {"metadata": json.loads(facts["metadata"])})


def _taken_ms(metadata: Metadata) -> int | None:
    taken_at = metadata.get("taken_at")
    return None if taken_at is None else int(parse_time(taken_at).timestamp() * 1000)


def _words(file: FileView) -> tuple[str, ...]:
    """The texts of a file, a column each."""
    metadata = file.metadata
    return (
        file.name,
        metadata.get("title", ""),
        metadata.get("description", ""),
        "\n".join(metadata.get("tags", ())),
        metadata.get("camera", ""),
        "\n".join(text for name in _OTHER_TEXTS for text in texts_of(metadata.get(name))),
    )
