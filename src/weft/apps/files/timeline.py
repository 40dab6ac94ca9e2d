"""How many files of a search were taken in which month: what a long gallery needs to know of its length.

Unlike facets it counts every hit, so that a page knows where each month lies before it has seen one of it.
"""

from dataclasses import dataclass
from typing import Any

from weft.apps.files.index import Index
from weft.apps.files.query import Query

MONTHS_MAX = 2_400
"""Two hundred years; months before them are left out."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Months as YYYY-MM in UTC, newest first, with their hits; and the hits without a time."""

    months: tuple[tuple[str, int], ...]
    undated: int


def count_months(index: Index, query: Query) -> Timeline:
    """Count what the query finds by month. Touches the disk."""
    where = query.where
    sql = (
        "SELECT strftime('%Y-%m', file.taken_ms / 1000, 'unixepoch') AS month, count(*) FROM file "
        f"WHERE {where.sql} GROUP BY month ORDER BY month DESC LIMIT {MONTHS_MAX + 1}"
    )
    with index.reading() as connection:
        counted: list[Any] = connection.execute(sql, where.values).fetchall()
    months = tuple((month, count) for month, count in counted if month is not None)
    return Timeline(months, sum(count for month, count in counted if month is None))
