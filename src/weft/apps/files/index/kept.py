"""Counts kept for searches that ask for nothing in particular; and what viewers may know of twins."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw
import msgspec

from weft.apps.files import query as q
from weft.apps.files.index import COUNTED_MAX, FACET_VALUES_MAX, Timeline, line_up, rank_facet
from weft.apps.files.index import plan as planning
from weft.apps.files.index.part import (
    ALL,
    DUPLICATED,
    FACET_NUMBERS,
    Part,
    compile_condition,
    compile_private,
    count_files,
)
from weft.apps.files.index.view import View


@dataclass(frozen=True, slots=True)
class Kept:
    """The counts of all files, or of those that everybody may see; and what is counted beside it: the files
    that these may see and not everybody."""

    view: View
    principals: tuple[str, ...] | None

    @property
    def number(self) -> str:
        """What stands in the catalogue's `trait` for it."""
        return "count" if self.principals is None else "count - private"

    def count(self) -> int:
        sql = f"SELECT {self.number} FROM trait WHERE facet = ?"
        return sum(count for (count,) in self._rows(sql, ALL))

    def list_more(self) -> dict[int, list[int]]:
        """Places of the newest of the others by era, one more than are counted if there are more."""
        found: dict[int, list[int]] = {}
        left = COUNTED_MAX + 1
        for era, connection, part in self._more():
            sql = f"SELECT place FROM {part.table} WHERE {part.where} ORDER BY place DESC LIMIT ?"
            rows: Any = connection.execute(sql, (*part.values, left))
            found[era] = [place for (place,) in rows]
            left -= len(found[era])
            if not left:
                break
        return found

    def read_facet(self, facet: str, more: Counter[str]) -> dict[str, int]:
        """With what these others come to."""
        number = FACET_NUMBERS[facet]
        select = f"SELECT value, {self.number} FROM trait WHERE facet = ?"
        most = f"{select} AND {self.number} > 0 ORDER BY 2 DESC, value LIMIT ?"
        counts: Counter[str] = Counter(dict(self._rows(most, number, FACET_VALUES_MAX)))
        unknown = msgspec.json.encode(list(more.keys() - counts.keys())).decode()
        named = f"{select} AND value IN (SELECT value FROM json_each(?))"
        counts.update(dict(self._rows(named, number, unknown)) if more else {})
        return rank_facet(list((counts + more).items()))

    def read_months(self) -> Timeline:
        sql = f"SELECT value, {self.number} FROM trait WHERE facet = ? AND {self.number} > 0"
        months: Counter[str | None] = Counter(dict(self._rows(sql, FACET_NUMBERS["month"])))
        total = self.count()
        for _, connection, part in self._more():
            counted = planning.count_months(planning.Plan(connection, [part.test]))
            months.update(counted)
            total += counted.total()
        return line_up(months, total)

    def _more(self) -> Iterator[tuple[int, apsw.Connection, Part]]:
        """Eras that have files that not everybody may see, and which of them these may, newest era first."""
        for era in self.view.eras() if self.principals else ():
            connection = self.view.open(era)
            if count_files(connection)[1]:
                yield era, connection, compile_private(connection, self.principals or ())

    def _rows(self, sql: str, *values: object) -> list[Any]:
        return self.view.catalogue.execute(sql, values).fetchall()


def find_kept(view: View, query: q.Query) -> Kept | None:
    """For a search that asks for nothing in particular."""
    match query.conditions:
        case ():
            return Kept(view, None)
        case (q.Visible(principals),):
            return Kept(view, principals)
    return None


def drop_viewer(view: View, query: q.Query) -> tuple[q.Condition, ...]:
    """The conditions, without asking who looks where everybody may see every file."""
    rows: Any = view.catalogue.execute("SELECT 1 FROM trait WHERE facet = ? AND private > 0", (ALL,))
    if next(rows, None):
        return query.conditions
    plain = (q.Duplicated() if isinstance(one, q.Duplicated) else one for one in query.conditions)
    return tuple(one for one in plain if not isinstance(one, q.Visible))


def find_twins(view: View, principals: tuple[str, ...]) -> dict[int, q.Listed]:
    """By era, the files whose content another file has that these may see."""
    rows: list[tuple[int, bytes, bytes, int]] = []
    for era in view.eras():
        connection = view.open(era)
        seen = compile_condition(connection, q.Visible(principals)).test
        sql = (
            f"SELECT id, sha256, {seen.sql} FROM mark CROSS JOIN file USING (place) "
            "CROSS JOIN fact USING (place) WHERE mark.trait = ?"
        )
        marked: Any = connection.execute(sql, (*seen.values, DUPLICATED))
        rows += ((era, id_, sha256, is_seen) for id_, sha256, is_seen in marked)
    seen_files = Counter(sha256 for _, _, sha256, is_seen in rows if is_seen)
    found: dict[int, list[str]] = {era: [] for era in view.eras()}
    for era, id_, sha256, is_seen in rows:
        if seen_files[sha256] > (1 if is_seen else 0):
            found[era].append(id_.hex())
    return {era: q.Listed(tuple(ids)) for era, ids in found.items()}
