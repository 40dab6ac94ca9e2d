"""How the index in a file answers: which list of files to go through, and what to ask of each of them.

A search wants few files of many, the newest first in most cases, and a count that may stop at a bound. So
each condition is a test of one file, and most are a list of files as well. A list that is short is read whole
and the other conditions are tests of what it names. Where no list is short, one is gone through from the
newest file on until there are enough: words and marks are kept in that order, positions are read some
eras at a time. Nothing here goes through all files of an index unless what is asked for is rare, and no
list of it short.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import apsw

from weft.apps.files import query as q
from weft.apps.files.index import (
    COUNTED_MAX,
    FACET_VALUES_MAX,
    FileView,
    Found,
    Spot,
    Timeline,
    line_up,
    rank_facet,
)
from weft.apps.files.index.part import (
    ALL,
    END,
    ERA_BITS,
    FACET_NUMBERS,
    Part,
    Test,
    Values,
    as_list,
    bind,
    compile_condition,
    compile_private,
    compile_words,
    count_files,
    join_tests,
    merge_words,
)
from weft.apps.files.index.row import SHOWN, file_of

PROBED_MAX = 200
"""Files that are looked up among the words one by one; of more, the list of the words is read."""

COLUMNS = ", ".join(f"file.{name}" for name in SHOWN)
_SORTS = {
    "created_at": ("file.place", "file JOIN fact USING (place)"),
    "taken_at": ("fact.taken_ms", "fact CROSS JOIN file USING (place)"),
    "name": ("file.name COLLATE NOCASE", "file CROSS JOIN fact USING (place)"),
    "size": ("file.size", "file CROSS JOIN fact USING (place)"),
}


@dataclass(slots=True)
class Plan:
    """What will be gone through: `places` if that is all of it, else a list, else every file."""

    connection: apsw.Connection
    tests: list[Test]
    places: list[int] | None = None
    driver: Part | None = None

    def walk(self, count: int, is_rising: bool = False, beyond: int | None = None) -> list[int]:
        """The first of the files that hold, newest first or oldest first, behind the file `beyond`."""
        if self.places is not None:
            ordered = reversed(self.places) if is_rising else self.places
            held = (
                place
                for place in ordered
                if beyond is None or (place > beyond if is_rising else place < beyond)
            )
            return list(islice(held, count))
        edge = (-1 if is_rising else END) if beyond is None else beyond
        if self.driver is not None and self.driver.table == "spot" and not is_rising:
            return self._walk_eras(self.driver, count, edge)
        return self._walk_list(self.driver, count, is_rising, edge)

    def where(self) -> Test:
        """All that is still to be tested, when nothing but `fact` is gone through."""
        driver = self.driver
        tests = self.tests if driver is None else [*self.tests, as_list(driver)]
        return join_tests(tests)

    def _walk_list(self, driver: Part | None, count: int, is_rising: bool, edge: int) -> list[int]:
        way, sign = ("ASC", ">") if is_rising else ("DESC", "<")
        if driver is None or not driver.is_ordered:
            test = self.where()
            sql = f"SELECT place FROM fact WHERE {test.sql} AND place {sign} ? ORDER BY place {way} LIMIT ?"
            return _column(self.connection, sql, (*test.values, edge, count))
        test = join_tests(self.tests)
        join = f"CROSS JOIN fact ON fact.place = {driver.place}" if self.tests else ""
        sql = (
            f"SELECT {driver.place} FROM {driver.table} {join} WHERE {driver.where} "
            f"AND {driver.place} {sign} ? AND {test.sql} ORDER BY {driver.place} {way} LIMIT ?"
        )
        return _column(self.connection, sql, (*driver.values, edge, *test.values, count))

    def _walk_eras(self, driver: Part, count: int, edge: int) -> list[int]:
        """Newest first, some eras at a time, each time twice as many."""
        ((newest,),) = _rows(self.connection, "SELECT max(number) FROM era WHERE first < ?", (edge,))
        test = join_tests(self.tests)
        join = "CROSS JOIN fact USING (place)" if self.tests else ""
        sql = (
            f"SELECT spot.place FROM spot {join} WHERE {driver.where} AND low >= ? AND high <= ? "
            f"AND spot.place < ? AND {test.sql} ORDER BY spot.place DESC LIMIT ?"
        )
        found: list[int] = []
        newest, length = 0 if newest is None else newest, 1
        while newest >= 0 and len(found) < count:
            span = max(0, newest - length + 1) << ERA_BITS, newest << ERA_BITS
            found += _column(
                self.connection, sql, (*driver.values, *span, edge, *test.values, count - len(found))
            )
            newest, length = newest - length, length * 2
        return found


def search(connection: apsw.Connection, query: q.Query, after: Spot | None, limit: int) -> Found:
    """A page, in one snapshot."""
    query = _without_viewer(connection, query)
    is_newest_first = query.sort == "created_at" and not query.is_rising
    spots = _find_spots(connection, query) if is_newest_first else None
    plan = spots or make_plan(connection, query.conditions)
    counted: list[int] = []
    kept = _find_kept(connection, query)
    if kept is not None:
        more = kept.read_more(COUNTED_MAX + 1)
        total, is_exact = kept.count + min(len(more), COUNTED_MAX), len(more) <= COUNTED_MAX
        facets = {name: kept.read_facet(name, more[:COUNTED_MAX]) for name in query.facets}
    elif spots is not None:
        total, is_exact, facets = *_count_spots(spots), {}
    else:
        counted = plan.walk(COUNTED_MAX + 1)
        total, is_exact = min(len(counted), COUNTED_MAX), len(counted) <= COUNTED_MAX
        facets = _count_facets(connection, query.facets, counted[:COUNTED_MAX])
    if counted and is_exact:
        plan = Plan(connection, [], counted)
    if query.sort == "relevance":
        rows = _page_of_words(connection, query.conditions, plan, after, limit + 1)
    elif query.sort == "created_at":
        beyond = None if after is None else after[1]
        known = [place for place in counted if beyond is None or place < beyond] if is_newest_first else []
        if len(known) <= limit:
            known = plan.walk(limit + 1, query.is_rising, beyond)
        rows = [(place, place) for place in known[: limit + 1]]
    else:
        rows = _page(connection, query, plan, after, limit + 1)
    next_spot = rows[limit - 1] if len(rows) > limit else None
    files = _load(connection, [place for _, place in rows[:limit]])
    return Found(files, next_spot, total, is_exact, facets)


def count_months(connection: apsw.Connection, query: q.Query) -> Timeline:
    """All hits by month, in one snapshot."""
    query = _without_viewer(connection, query)
    kept = _find_kept(connection, query)
    if kept is not None:
        return kept.read_months()
    plan = make_plan(connection, query.conditions)
    test = plan.where()
    table, values = "fact", test.values
    if plan.places is not None:
        table, values = "carray(?) AS hit CROSS JOIN fact ON fact.place = hit.value", (bind(plan.places),)
    elif plan.driver is not None and plan.driver.is_ordered:
        driver = plan.driver
        test = join_tests([Test(driver.where, driver.values), *plan.tests])
        table, values = f"{driver.table} CROSS JOIN fact ON fact.place = {driver.place}", test.values
    counted = _count_by_month(connection, f"{table} WHERE {test.sql}", values)
    return line_up(counted, sum(counted.values()))


def make_plan(connection: apsw.Connection, conditions: Sequence[q.Condition]) -> Plan:
    """Reads the short lists, and decides what to go through."""
    words = merge_words(conditions)
    rest = [one for one in conditions if not isinstance(one, q.Words)]
    parts = [compile_condition(connection, one) for one in rest]
    matching = compile_words(words) if words else None
    short: list[list[int]] = []
    tests: list[Part] = []
    for part in parts:
        places = _read_short(connection, part)
        if places is None:
            tests.append(part)
        else:
            short.append(places)
    if short:
        return _plan_short(connection, short, [part.test for part in tests], matching)
    if matching is not None:
        return Plan(connection, [part.test for part in tests], None, matching)
    listed = [part for part in tests if part.is_ordered] or [part for part in tests if part.table == "spot"]
    listed.sort(key=lambda part: part.count or 0)
    driver = listed[0] if listed else None
    return Plan(connection, [part.test for part in tests if part is not driver], None, driver)


def _plan_short(
    connection: apsw.Connection, short: list[list[int]], tests: list[Test], matching: Part | None
) -> Plan:
    """What all the short lists name, and then holds the tests."""
    held = set(short[0]).intersection(*short[1:])
    if matching is not None:
        listed = _read_short(connection, matching) if len(held) > PROBED_MAX else None
        if listed is None:
            tests = [*tests, matching.test]
        else:
            held.intersection_update(listed)
    if tests and held:
        test = join_tests(tests)
        sql = f"SELECT place FROM carray(?) AS hit CROSS JOIN fact ON place = hit.value WHERE {test.sql}"
        held = set(_column(connection, sql, (bind(held), *test.values)))
    return Plan(connection, [], sorted(held, reverse=True))


def _read_short(connection: apsw.Connection, part: Part) -> list[int] | None:
    """The list of a condition; None if it has none, or a long one."""
    if not part.table or (part.count or 0) > COUNTED_MAX:
        return None
    sql = f"SELECT {part.place} FROM {part.table} WHERE {part.where} LIMIT {COUNTED_MAX + 1}"
    places = _column(connection, sql, part.values)
    return places if len(places) <= COUNTED_MAX else None


def _find_spots(connection: apsw.Connection, query: q.Query) -> Plan | None:
    """The plan for a box or a circle alone: the tree counts, and gives the newest, without a list."""
    if len(query.conditions) != 1 or query.facets or not isinstance(query.conditions[0], q.Box | q.Near):
        return None
    part = compile_condition(connection, query.conditions[0])
    return Plan(connection, [], None, part) if part.table == "spot" else None


def _count_spots(plan: Plan) -> tuple[int, bool]:
    """How many, and whether that is all of them."""
    assert plan.driver is not None
    inner = f"SELECT 1 FROM spot WHERE {plan.driver.where} LIMIT {COUNTED_MAX + 1}"
    (count,) = _column(plan.connection, f"SELECT count(*) FROM ({inner})", plan.driver.values)
    return min(count, COUNTED_MAX), count <= COUNTED_MAX


def _page(
    connection: apsw.Connection, query: q.Query, plan: Plan, after: Spot | None, count: int
) -> list[tuple[Any, int]]:
    """(sort value, place), ordered by value. Files without the value come last."""
    value, tables = _SORTS[query.sort]
    test = plan.where()
    if plan.places is not None:
        tables = (
            "carray(?) AS hit CROSS JOIN file ON file.place = hit.value "
            "CROSS JOIN fact ON fact.place = hit.value"
        )
        test = Test("1", (bind(plan.places),))
    way, beyond = ("ASC", ">") if query.is_rising else ("DESC", "<")

    def select(more: str, values: Values, count: int) -> list[tuple[Any, int]]:
        sql = (
            f"SELECT {value}, file.place FROM {tables} WHERE {test.sql} AND {more} "
            f"ORDER BY {value} {way} NULLS LAST, file.place {way} LIMIT ?"
        )
        return _rows(connection, sql, (*test.values, *values, count))

    if after is None:
        return select("1", (), count)
    if after[0] is None:
        return select(f"{value} IS NULL AND file.place {beyond} ?", (after[1],), count)
    rows = select(f"({value}, file.place) {beyond} (?, ?)", after, count)
    return rows + select(f"{value} IS NULL", (), count - len(rows)) if len(rows) < count else rows


def _page_of_words(
    connection: apsw.Connection, conditions: Sequence[q.Condition], plan: Plan, after: Spot | None, count: int
) -> list[tuple[Any, int]]:
    """(rank, place) by rank (BM25 over the fields), the best first."""
    words = merge_words(conditions)
    if words is None:
        return []
    part = compile_words(words)
    test, join = join_tests(plan.tests), "CROSS JOIN fact ON fact.place = word.rowid" if plan.tests else ""
    if plan.places is not None:
        # The sign keeps the words from being asked once for each place.
        join, test = "", Test("+word.rowid IN (SELECT value FROM carray(?))", (bind(plan.places),))
    more = Test("1") if after is None else Test("(rank, word.rowid) > (?, ?)", after)
    sql = (
        f"SELECT rank, word.rowid FROM word {join} WHERE {part.where} AND {test.sql} AND {more.sql} "
        "ORDER BY rank, word.rowid LIMIT ?"
    )
    return _rows(connection, sql, (*part.values, *test.values, *more.values, count))


def _load(connection: apsw.Connection, places: list[int]) -> tuple[FileView, ...]:
    """The files at these places, in their order."""
    sql = f"SELECT {COLUMNS} FROM carray(?) AS hit CROSS JOIN file ON file.place = hit.value"
    rows = connection.execute(sql, (bind(places),)) if places else ()
    return tuple(file_of(row) for row in rows)


def _without_viewer(connection: apsw.Connection, query: q.Query) -> q.Query:
    """The same, without asking who looks where everybody may see every file."""
    if count_files(connection)[1]:
        return query
    conditions = tuple(one for one in query.conditions if not isinstance(one, q.Visible))
    return replace(query, conditions=conditions)


@dataclass(slots=True)
class Kept:
    """What is kept of all files, or of those that everybody may see; and what is counted beside it: the
    files that a viewer may see and not everybody."""

    connection: apsw.Connection
    number: str
    """What stands in `trait` for it."""
    more: Part

    @property
    def count(self) -> int:
        return sum(_column(self.connection, f"SELECT {self.number} FROM trait WHERE id = ?", (ALL,)))

    def read_more(self, count: int) -> list[int]:
        """The newest of the others."""
        sql = f"SELECT place FROM {self.more.table} WHERE {self.more.where} ORDER BY place DESC LIMIT ?"
        return _column(self.connection, sql, (*self.more.values, count))

    def read_facet(self, facet: str, more: list[int]) -> dict[str, int]:
        """With what these others come to."""
        number = FACET_NUMBERS[facet]
        select = f"SELECT id, {self.number} FROM trait"
        most = f"WHERE facet = ? AND {self.number} > 0 ORDER BY 2 DESC, value LIMIT {FACET_VALUES_MAX}"
        counts = Counter(dict(_rows(self.connection, f"{select} {most}", (number,))))
        added = Counter(trait for trait in _read_traits(self.connection, more) if trait % 8 == number)
        named = f"{select} WHERE id IN (SELECT value FROM carray(?))"
        counts.update(dict(_rows(self.connection, named, (bind(added.keys() - counts.keys()),))))
        return _name_values(self.connection, (counts + added).most_common())

    def read_months(self) -> Timeline:
        sql = f"SELECT value, {self.number} FROM trait WHERE facet = ? AND {self.number} > 0"
        kept: Counter[str | None] = Counter(dict(_rows(self.connection, sql, (FACET_NUMBERS["month"],))))
        inner = f"SELECT place AS hit FROM {self.more.table} WHERE {self.more.where}"
        tables = f"({inner}) CROSS JOIN fact ON fact.place = hit"
        more = _count_by_month(self.connection, tables, self.more.values)
        return line_up(kept + more, self.count + sum(more.values()))


def _find_kept(connection: apsw.Connection, query: q.Query) -> Kept | None:
    """For a search that asks for nothing in particular."""
    match query.conditions:
        case ():
            return Kept(connection, "count", compile_private(connection, ()))
        case (q.Visible(principals),):
            return Kept(connection, "count - private", compile_private(connection, principals))
    return None


def _count_by_month(connection: apsw.Connection, tables: str, values: Values) -> Counter[str | None]:
    month = "strftime('%Y-%m', taken_ms / 1000.0, 'unixepoch')"
    return Counter(dict(_rows(connection, f"SELECT {month}, count(*) FROM {tables} GROUP BY 1", values)))


def _read_traits(connection: apsw.Connection, places: list[int]) -> "array[int]":
    """Of all these files together."""
    sql = "SELECT traits FROM carray(?) AS hit CROSS JOIN fact ON fact.place = hit.value"
    rows = connection.execute(sql, (bind(places),)) if places else ()
    return array("I", b"".join([traits for (traits,) in rows]))


def _count_facets(
    connection: apsw.Connection, facets: tuple[str, ...], places: list[int]
) -> dict[str, dict[str, int]]:
    if not facets or not places:
        return {facet: {} for facet in facets}
    counts: dict[int, list[tuple[int, int]]] = {FACET_NUMBERS[facet]: [] for facet in facets}
    for trait, count in Counter(_read_traits(connection, places)).most_common():
        if trait % 8 in counts:
            counts[trait % 8].append((trait, count))
    return {facet: _name_values(connection, counts[FACET_NUMBERS[facet]]) for facet in facets}


def _name_values(connection: apsw.Connection, counts: list[tuple[int, int]]) -> dict[str, int]:
    """By value; of those that are as frequent as the last that is shown, the first by their letters."""
    least = counts[FACET_VALUES_MAX - 1][1] if len(counts) >= FACET_VALUES_MAX else 0
    shown = {trait: count for trait, count in counts if count >= least}
    sql = "SELECT id, trait.value FROM carray(?) AS hit CROSS JOIN trait ON id = hit.value"
    rows = connection.execute(sql, (bind(shown),)) if shown else ()
    return rank_facet([(value, shown[trait]) for trait, value in rows])


def _column(connection: apsw.Connection, sql: str, values: Values) -> list[int]:
    return [value for (value,) in connection.execute(sql, values)]


def _rows(connection: apsw.Connection, sql: str, values: Values = ()) -> list[Any]:
    return connection.execute(sql, values).fetchall()
