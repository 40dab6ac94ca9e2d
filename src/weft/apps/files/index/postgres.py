"""The index in a PostgreSQL with PostGIS, for where one machine no longer serves.

It answers as the one in a file does, word for word: texts are taken apart by the same tokenizer (SQLite's)
and reach the server as lists of words. Each node has a schema of its own. What was removed is deleted and
vacuumed; what the server's log, its backups and freed pages still hold is its operator's to see to.

A server that cannot be reached is `IndexAwayError`: searches answer 503, and following waits for it.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import apsw
import psycopg

from weft.apps.files import query as q
from weft.apps.files.errors import IndexAwayError
from weft.apps.files.index import (
    COUNTED_MAX,
    FACET_VALUES_MAX,
    FIELDS,
    FileView,
    Found,
    Place,
    Spot,
    Timeline,
    line_up,
    rank_facet,
    taken_ms,
    texts,
    traits,
    units,
)
from weft.apps.files.index.clause import Clause, Values, compile_private, compile_where, compile_words
from weft.apps.files.index.row import SHOWN, encode_metadata, encode_readers, file_of

T = TypeVar("T")
READERS = 4
CONNECT_S, STATEMENT_MS = 5, 30_000
WORD_BYTES_MAX, POSITION_MAX = 2_000, 16_000
"""A longer word is left out, and phrases behind so many words are not found: what a tsvector can hold."""
_VERSION = "3"

_SCHEMA = """
CREATE TABLE cursor (
    version text NOT NULL, chain bytea NOT NULL, height bigint NOT NULL, position bigint NOT NULL
);
CREATE TABLE file (
    place bigint PRIMARY KEY,
    id bytea NOT NULL UNIQUE,
    owner text NOT NULL,
    sha256 bytea,
    name text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    media_type text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_ms bigint NOT NULL,
    updated_ms bigint NOT NULL,
    metadata text NOT NULL,
    tx_id bytea NOT NULL,
    tx_height bigint NOT NULL,
    tx_position bigint NOT NULL,
    readers text,
    principals text[] COLLATE "C",
    taken_ms bigint,
    month text COLLATE "C",
    camera text COLLATE "C",
    tags text[] COLLATE "C" NOT NULL,
    lat integer,
    lon integer,
    spot geometry(Point, 4326),
    words tsvector NOT NULL
);
CREATE INDEX file_content ON file (sha256);
CREATE INDEX file_taken ON file (taken_ms, place);
CREATE INDEX file_newest ON file (taken_ms DESC NULLS LAST, place DESC);
CREATE INDEX file_name ON file (lower(name), place);
CREATE INDEX file_size ON file (size, place);
CREATE INDEX file_type ON file (media_type, place);
CREATE INDEX file_tags ON file USING gin (tags);
CREATE INDEX file_words ON file USING gin (words);
CREATE INDEX file_spot ON file USING gist (spot);
CREATE INDEX file_principals ON file USING gin (principals) WHERE principals IS NOT NULL;
CREATE TABLE trait (facet text NOT NULL, value text COLLATE "C" NOT NULL, count bigint NOT NULL,
    private bigint NOT NULL, PRIMARY KEY (facet, value));
"""
_COLUMNS = ", ".join(f"file.{name}" for name in SHOWN)
_ADDED = ("place", *SHOWN, "principals", "taken_ms", "month", "camera", "tags", "lat", "lon", "spot", "words")
_SORTS = {
    "created_at": "file.place",
    "taken_at": "file.taken_ms",
    "name": "lower(file.name)",
    "size": "file.size",
}
_FACETS = {
    "tags": "unnest(file.tags)",
    "media_type": "file.media_type",
    "camera": "file.camera",
    "year": "left(file.month, 4)",
}


class PostgresIndex:
    """One writer, a few readers, each with a connection of its own; `Index` says what it does."""

    def __init__(self, address: str, schema: str, chain: bytes) -> None:
        """Opens the index of this chain in a schema of the server, or begins it anew."""
        assert schema.isidentifier(), "a schema's name is made of the chain's and the member's"
        self._address, self._schema, self._chain = address, schema, chain
        self._pending: dict[str, tuple[int, FileView]] = {}
        """Put since the last flush, by id."""
        self._writing, self._is_writing = threading.RLock(), False
        self._tokenizer = apsw.Connection(":memory:").fts5_tokenizer("unicode61", ["remove_diacritics", "2"])
        with self._naming():
            self._writer = self._connect()
            self._begin()
            self._readers = [self._connect() for _ in range(READERS)]
        self._free = threading.Semaphore(READERS)

    def clear(self) -> None:
        with self._naming(), self._writing, self._writer.transaction():
            self._run("TRUNCATE file, trait")
            self._run("UPDATE cursor SET height = 0, position = -1")

    def close(self) -> None:
        for _ in range(READERS):
            self._free.acquire()
        for connection in (*self._readers, self._writer):
            connection.close()

    @property
    def cursor(self) -> tuple[int, int]:
        ((height, position),) = self._ask("SELECT height, position FROM cursor")
        return height, position

    @contextmanager
    def writing(self, cursor: tuple[int, int]) -> Iterator[None]:
        with self._naming(), self._writing:
            self._run("SELECT 1")
            self._is_writing = True
            try:
                with self._writer.transaction():
                    yield
                    self._flush()
                    self._run("UPDATE cursor SET height = %s, position = %s", cursor)
            finally:
                self._is_writing = False
                self._pending.clear()

    def put(self, file: FileView, place: int) -> None:
        known = self._pending.get(file.id)
        self._pending[file.id] = place if known is None else known[0], file

    def remove(self, id_: str) -> None:
        self._flush()
        self._take_out([bytes.fromhex(id_)])

    def scrub(self) -> None:
        """Hand the rows that were deleted back to the server."""
        with self._naming(), self._writing:
            self._run("VACUUM file")
            self._run("VACUUM trait")

    def is_named(self, sha256: str, apart_from: str = "") -> bool:
        query = "SELECT 1 FROM file WHERE sha256 = %s AND id != %s LIMIT 1"
        with self._naming(), self._writing:
            self._flush()
            return bool(self._run(query, (bytes.fromhex(sha256), bytes.fromhex(apart_from))).fetchall())

    def sha256_of(self, id_: str) -> str | None:
        if id_ in self._pending:
            return self._pending[id_][1].sha256
        with self._naming(), self._writing:
            rows = self._run("SELECT sha256 FROM file WHERE id = %s", (bytes.fromhex(id_),)).fetchall()
        return bytes(rows[0][0]).hex() if rows and rows[0][0] is not None else None

    def made_by(self, id_: str) -> Place | None:
        if id_ in self._pending:
            file = self._pending[id_][1]
            return Place(bytes.fromhex(file.tx_id), file.tx_height, file.tx_position)
        query = "SELECT tx_id, tx_height, tx_position FROM file WHERE id = %s"
        with self._naming(), self._writing:
            rows = self._run(query, (bytes.fromhex(id_),)).fetchall()
        return Place(bytes(rows[0][0]), rows[0][1], rows[0][2]) if rows else None

    def find_content(self, owner: str, sha256: str) -> str | None:
        query = "SELECT id FROM file WHERE sha256 = %s AND owner = %s ORDER BY place LIMIT 1"
        rows = self._ask(query, (bytes.fromhex(sha256), owner))
        return bytes(rows[0][0]).hex() if rows else None

    def incomplete(self, limit: int) -> list[str]:
        rows = self._ask("SELECT id FROM file WHERE sha256 IS NULL LIMIT %s", (limit,))
        return [bytes(id_).hex() for (id_,) in rows]

    def contents(self, after: str, limit: int) -> list[str]:
        query = "SELECT DISTINCT sha256 FROM file WHERE sha256 > %s ORDER BY sha256 LIMIT %s"
        return [bytes(one).hex() for (one,) in self._ask(query, (bytes.fromhex(after), limit))]

    def search(self, query: q.Query, after: Spot | None, limit: int) -> Found:
        return self._read(lambda connection: self._search(connection, query, after, limit))

    def count_months(self, query: q.Query) -> Timeline:
        return self._read(lambda connection: self._count_months(connection, query))

    def _count_months(self, connection: psycopg.Connection, query: q.Query) -> Timeline:
        conditions = _drop_viewer(connection, query.conditions)
        kept = _find_kept(conditions)
        where, values = compile_where(conditions, self._split) if kept is None else kept.more
        sql = f"SELECT month, count(*) FROM file WHERE {where} GROUP BY 1"
        counts: Counter[str | None] = Counter(dict(connection.execute(sql, values).fetchall()))
        total = sum(counts.values())
        if kept is not None:
            months = f"SELECT value, {kept.number} FROM trait WHERE facet = 'month' AND {kept.number} > 0"
            counts.update(dict(connection.execute(months).fetchall()))
            total += _total(connection, kept)
        return line_up(counts, total)

    def _search(
        self, connection: psycopg.Connection, query: q.Query, after: Spot | None, limit: int
    ) -> Found:
        conditions = _drop_viewer(connection, query.conditions)
        where, values = compile_where(conditions, self._split)
        kept = _find_kept(conditions)
        counted, given = (where, values) if kept is None else kept.more
        sql = f"SELECT place FROM file WHERE {counted} ORDER BY place DESC LIMIT %s"
        places = [place for (place,) in connection.execute(sql, (*given, COUNTED_MAX + 1))]
        is_exact, places = len(places) <= COUNTED_MAX, places[:COUNTED_MAX]
        total = len(places) + (0 if kept is None else _total(connection, kept))
        facets = {one: _count_facet(connection, one, places, kept) for one in query.facets}
        if kept is None and is_exact:
            where, values = "file.place = ANY(%s)", (places,)
        rows = self._page(connection, query, (where, values), after, limit + 1)
        next_spot = (rows[limit - 1][0], rows[limit - 1][1]) if len(rows) > limit else None
        return Found(tuple(file_of(row[2:]) for row in rows[:limit]), next_spot, total, is_exact, facets)

    def _page(
        self,
        connection: psycopg.Connection,
        query: q.Query,
        where: tuple[str, Values],
        after: Spot | None,
        count: int,
    ) -> list[Values]:
        """Rows of (sort value, place, *columns). Files without the value come last."""
        way, beyond = ("ASC", ">") if query.is_rising else ("DESC", "<")
        given: Values = ()
        if query.sort == "relevance":
            words = compile_words([one for one in query.conditions if isinstance(one, q.Words)], self._split)
            value, given = "ts_rank(file.words, %s::tsquery, 2)::float8", (words or "''",)
        else:
            value = _SORTS[query.sort]
        sql = f"SELECT {value}, file.place, {_COLUMNS} FROM file WHERE {where[0]}"
        values = (*given, *where[1])

        def select(more: str, added: Values, count: int) -> list[Values]:
            # Where there is nothing to come last, saying so would keep the server from its index.
            last = "NULLS LAST" if query.sort == "taken_at" else ""
            tail = f" AND {more} ORDER BY 1 {way} {last}, 2 {way} LIMIT %s"
            return connection.execute(sql + tail, (*values, *added, count)).fetchall()

        if after is None:
            return select("true", (), count)
        if after[0] is None:
            return select(f"{value} IS NULL AND file.place {beyond} %s", (*given, after[1]), count)
        rows = select(f"({value}, file.place) {beyond} (%s, %s)", (*given, *after), count)
        if len(rows) < count and query.sort == "taken_at":
            rows += select(f"{value} IS NULL", (), count - len(rows))
        return rows

    def _flush(self) -> None:
        """Bring what was put to the server; a file that is known keeps its place."""
        if not self._pending:
            return
        pending, self._pending = self._pending, {}
        known = self._take_out([bytes.fromhex(id_) for id_ in pending])
        counts = Counts()
        copy = f"COPY file ({', '.join(_ADDED)}) FROM STDIN"
        with self._writer.cursor() as cursor, cursor.copy(copy) as rows:
            for id_, (place, file) in pending.items():
                rows.write_row(self._row(file, known.get(id_, place)))
                counts.add(file, 1)
        self._count(counts)

    def _row(self, file: FileView, place: int) -> Values:
        metadata = file.metadata
        moment, (lat, lon) = taken_ms(metadata), units(metadata)
        found = list(traits(file, moment))
        month = next((value for facet, value in found if facet == "month"), None)
        spot = None if lat is None or lon is None else f"SRID=4326;POINT({lon / q.UNIT} {lat / q.UNIT})"
        return (
            place,
            bytes.fromhex(file.id),
            file.owner,
            None if file.sha256 is None else bytes.fromhex(file.sha256),
            file.name,
            file.size,
            file.media_type,
            file.version,
            file.created_ms,
            file.updated_ms,
            encode_metadata(metadata),
            bytes.fromhex(file.tx_id),
            file.tx_height,
            file.tx_position,
            encode_readers(file.readers),
            None if file.readers is None else list(file.principals),
            moment,
            month,
            metadata.get("camera"),
            [value for facet, value in found if facet == "tags"],
            lat,
            lon,
            spot,
            self._vector(file),
        )

    def _vector(self, file: FileView) -> str:
        """The words of a file as a tsvector; those of the camera's name have the weight A."""
        found: dict[str, list[str]] = {}
        position = 1
        for field, text in zip(FIELDS, texts(file), strict=True):
            for word in self._split(text):
                if len(word.encode()) <= WORD_BYTES_MAX:
                    found.setdefault(word, []).append(f"{position}{'A' if field == 'camera' else ''}")
                position = min(position + 1, POSITION_MAX)
            # No phrase goes from one field into the next.
            position = min(position + 2, POSITION_MAX)
        return " ".join(f"'{word}':{','.join(spots[:255])}" for word, spots in found.items())

    def _split(self, text: str) -> list[str]:
        raw = text.encode()
        tokens = self._tokenizer(raw, apsw.FTS5_TOKENIZE_DOCUMENT, None, include_offsets=False)
        return [str(token[0]) for token in tokens]

    def _take_out(self, ids: list[bytes]) -> dict[str, int]:
        """Delete files; the places that they had, by id."""
        sql = f"DELETE FROM file WHERE id = ANY(%s) RETURNING place, {_COLUMNS}"
        places: dict[str, int] = {}
        counts = Counts()
        for row in self._run(sql, (ids,)).fetchall():
            file = file_of(row[1:])
            places[file.id] = row[0]
            counts.add(file, -1)
        self._count(counts)
        return places

    def _count(self, counts: "Counts") -> None:
        changed = [(*trait, count, counts.private[trait]) for trait, count in sorted(counts.all.items())]
        if not changed:
            return
        add = (
            "INSERT INTO trait VALUES (%s, %s, %s, %s) ON CONFLICT (facet, value) "
            "DO UPDATE SET count = trait.count + excluded.count, private = trait.private + excluded.private"
        )
        with self._writer.cursor() as cursor:
            cursor.executemany(add, changed)
        self._run("DELETE FROM trait WHERE count = 0 AND facet != 'all'")

    def _begin(self) -> None:
        """The tables as they are, or new ones when they are of another version or another chain."""
        with self._writer.transaction():
            self._run(f"CREATE SCHEMA IF NOT EXISTS {self._schema}")
            has_postgis = self._run("SELECT 1 FROM pg_extension WHERE extname = 'postgis'").fetchall()
            if not has_postgis:
                self._run("CREATE EXTENSION postgis SCHEMA public")
        with suppress(psycopg.errors.UndefinedTable), self._writer.transaction():
            rows = self._run("SELECT version, chain FROM cursor").fetchall()
            if [(version, bytes(chain)) for version, chain in rows] == [(_VERSION, self._chain)]:
                return
        with self._writer.transaction():
            self._run(f"DROP SCHEMA {self._schema} CASCADE")
            self._run(f"CREATE SCHEMA {self._schema}")
            self._run(_SCHEMA)
            self._run("INSERT INTO cursor VALUES (%s, %s, 0, -1)", (_VERSION, self._chain))

    def _connect(self) -> psycopg.Connection:
        options = f"-c search_path={self._schema},public -c statement_timeout={STATEMENT_MS} -c jit=off"
        return psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_S, options=options)

    def _run(self, sql: str, values: Values = ()) -> psycopg.Cursor[Any]:
        """On the writer's connection; on a new one if the server has ended it and nothing was begun on it."""
        try:
            return self._writer.execute(sql, values or None)
        except psycopg.OperationalError:
            if self._is_writing or not self._writer.closed:
                raise
            self._writer = self._connect()
            return self._writer.execute(sql, values or None)

    def _ask(self, sql: str, values: Values = ()) -> list[Any]:
        return self._read(lambda connection: connection.execute(sql, values or None).fetchall())

    def _read(self, ask: Callable[[psycopg.Connection], T]) -> T:
        """In one snapshot; once more on a new connection if the server has ended the one at hand."""
        with self._naming(), self._free:
            connection = self._readers.pop()
            try:
                try:
                    return _look(connection, ask)
                except psycopg.OperationalError:
                    if not connection.closed:
                        raise
                    connection = self._connect()
                    return _look(connection, ask)
            finally:
                self._readers.append(connection)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """What the server or the way to it does as IndexAwayError; the address may hold a password."""
        try:
            yield
        except psycopg.OperationalError as error:
            raise IndexAwayError(f"the index's server does not answer ({type(error).__name__})") from None


def _look(connection: psycopg.Connection, ask: Callable[[psycopg.Connection], T]) -> T:
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return ask(connection)


class Counts:
    """By (facet, value): how many files more, or fewer; and those of them that not everybody may see."""

    def __init__(self) -> None:
        self.all: Counter[tuple[str, str]] = Counter()
        self.private: Counter[tuple[str, str]] = Counter()

    def add(self, file: FileView, change: int) -> None:
        for trait in (("all", ""), *traits(file, taken_ms(file.metadata))):
            self.all[trait] += change
            if file.readers is not None:
                self.private[trait] += change


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of all files, or of those that everybody may see; and the files to count beside it."""

    number: str
    """What stands in `trait` for it."""
    more: Clause


def _find_kept(conditions: Sequence[q.Condition]) -> Kept | None:
    """For a search that asks for nothing in particular."""
    match conditions:
        case ():
            return Kept("count", ("false", ()))
        case (q.Visible(principals),):
            return Kept("count - private", compile_private(principals))
    return None


def _drop_viewer(
    connection: psycopg.Connection, conditions: tuple[q.Condition, ...]
) -> tuple[q.Condition, ...]:
    """The same, without asking who looks where everybody may see every file."""
    if connection.execute("SELECT 1 FROM trait WHERE facet = 'all' AND private > 0").fetchone():
        return conditions
    return tuple(one for one in conditions if not isinstance(one, q.Visible))


def _total(connection: psycopg.Connection, kept: Kept) -> int:
    row = connection.execute(f"SELECT {kept.number} FROM trait WHERE facet = 'all'").fetchone()
    return 0 if row is None else int(row[0])


def _count_facet(
    connection: psycopg.Connection, facet: str, places: list[int], kept: Kept | None
) -> dict[str, int]:
    """What these files come to, and what is kept."""
    values = f"SELECT {_FACETS[facet]} AS value, 1 AS number FROM file WHERE place = ANY(%s)"
    given: Values = (places,)
    if kept is not None:
        values += f" UNION ALL SELECT value, {kept.number} FROM trait WHERE facet = %s"
        given = (places, facet)
    sql = (
        f"SELECT value, sum(number)::bigint FROM ({values}) AS hit WHERE value IS NOT NULL "
        "GROUP BY 1 HAVING sum(number) > 0 ORDER BY 2 DESC, 1 LIMIT %s"
    )
    return rank_facet(connection.execute(sql, (*given, FACET_VALUES_MAX)).fetchall())
