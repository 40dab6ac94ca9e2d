"""Running a search: one page of files, how many there are in all, and what they have in common.

Pages go on after the last file of the page before (by sort value and place), not after a number of files, so
that what is uploaded meanwhile neither repeats a file nor hides one. Places are equal on all nodes, so a page
may be asked of another node than the one before.
"""

from array import array
from dataclasses import dataclass
from typing import Any

import apsw

from weft.apps.files.index import COLUMNS, FileView, Index, file_of
from weft.apps.files.query import SORTS, Query

COUNTED_MAX = 10_000
"""Hits that are counted; beyond them `total` says that there are more."""
FACET_VALUES_MAX = 100

Place = tuple[str | int | None, int]
"""(sort value, place) of the last file of a page."""

_FACET_SQL = {
    "tags": "SELECT tag, count(*) FROM hit JOIN tag USING (place)",
    "media_type": "SELECT media_type, count(*) FROM hit JOIN file USING (place)",
    "camera": "SELECT camera, count(*) FROM hit JOIN file USING (place) WHERE camera IS NOT NULL",
    "year": "SELECT strftime('%Y', taken_ms / 1000, 'unixepoch'), count(*) FROM hit JOIN file USING (place) "
    "WHERE taken_ms IS NOT NULL",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search."""

    files: tuple[FileView, ...]
    next_place: Place | None
    """Where the next page begins; None at the end."""
    total: int
    is_total_exact: bool
    facets: dict[str, dict[str, int]]
    """By facet: value and number of hits, most first."""


def search(index: Index, query: Query, after: Place | None, limit: int) -> Found:
    """A page of what the query finds. Touches the disk."""
    conditions, values = query.where.sql, query.where.values
    with index.reading() as connection:
        rows = _page(connection, query, conditions, values, after, limit + 1)
        total, is_exact, facets = _count(connection, query.facets, conditions, values)
    files = tuple(file_of(row[2:]) for row in rows[:limit])
    next_place = (rows[limit - 1][0], rows[limit - 1][1]) if len(rows) > limit else None
    return Found(files, next_place, total, is_exact, facets)


def _page(
    connection: apsw.Connection,
    query: Query,
    conditions: str,
    values: tuple[Any, ...],
    after: Place | None,
    count: int,
) -> list[tuple[Any, ...]]:
    """Rows of (sort value, place, *columns). Files without the value that is sorted by come last."""
    value, way, beyond = SORTS[query.sort], *(("ASC", ">") if query.is_rising else ("DESC", "<"))
    if after is not None and after[0] is None:
        conditions += f" AND {value} IS NULL AND file.place {beyond} ?"
        values += (after[1],)
    elif after is not None:
        conditions += f" AND (({value}, file.place) {beyond} (?, ?) OR {value} IS NULL)"
        values += after
    sql = (
        f"SELECT {value}, file.place, {COLUMNS} FROM file WHERE {conditions} "
        f"ORDER BY {value} {way} NULLS LAST, file.place {way} LIMIT ?"
    )
    return connection.execute(sql, (*values, count)).fetchall()


def _count(
    connection: apsw.Connection, facets: tuple[str, ...], conditions: str, values: tuple[Any, ...]
) -> tuple[int, bool, dict[str, dict[str, int]]]:
    """How many hits there are, whether that is all of them, and the facets of those counted."""
    hits = f"SELECT file.place AS place FROM file WHERE {conditions} LIMIT {COUNTED_MAX + 1}"
    if not facets:
        (total,) = next(connection.execute(f"SELECT count(*) FROM ({hits})", values))
        return min(total, COUNTED_MAX), total <= COUNTED_MAX, {}
    places = [place for (place,) in connection.execute(hits, values)]
    counted = places[:COUNTED_MAX]
    found = {name: _count_values(connection, name, counted) for name in facets}
    return len(counted), len(places) <= COUNTED_MAX, found


def _count_values(connection: apsw.Connection, facet: str, places: list[int]) -> dict[str, int]:
    if not places:
        return {}
    sql = (
        f"WITH hit AS (SELECT value AS place FROM carray(?)) {_FACET_SQL[facet]} "
        f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {FACET_VALUES_MAX}"
    )
    return {str(value): count for value, count in connection.execute(sql, (apsw.carray(array("q", places)),))}
