"""How an era answers: which list of files to go through, and what to ask of each of them.

A search wants few files of many, the newest first in most cases, and a count that may stop at a bound. So
each condition is a test of one file, and most are a list of files as well. A list that is short is read whole
and the other conditions are tests of what it names. Where no list is short, one is gone through from the
newest file on until there are enough: words and marks are kept in that order, the positions of an era are
few enough to be put into it.
"""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import apsw

from weft.apps.files import query as q
from weft.apps.files.index import (
    COUNTED_MAX,
    FileView,
    Spot,
)
from weft.apps.files.index.part import (
    END,
    FACET_NUMBERS,
    Part,
    Test,
    Values,
    as_list,
    bind,
    compile_condition,
    compile_words,
    count_files,
    join_tests,
    merge_times,
    merge_words,
)
from weft.apps.files.index.row import SHOWN, file_of

PROBED_MAX = 50
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
        way, sign = ("ASC", ">") if is_rising else ("DESC", "<")
        driver = self.driver or Part(Test("1"), "fact", "1")
        test = join_tests(self.tests)
        join = f"CROSS JOIN fact ON fact.place = {driver.place}" if self.tests and self.driver else ""
        sql = (
            f"SELECT {driver.place} FROM {driver.table} {join} WHERE {driver.where} "
            f"AND {driver.place} {sign} ? AND {test.sql} ORDER BY {driver.place} {way} LIMIT ?"
        )
        return _column(self.connection, sql, (*driver.values, edge, *test.values, count))

    def where(self) -> Test:
        """All that is still to be tested, when nothing but `fact` is gone through."""
        driver = self.driver
        tests = self.tests if driver is None else [*self.tests, as_list(driver)]
        return join_tests(tests)

    def count(self, most: int) -> int:
        """How many hold, counted up to `most`, of a list without tests."""
        assert self.driver is not None
        inner = f"SELECT 1 FROM {self.driver.table} WHERE {self.driver.where} LIMIT ?"
        (count,) = _column(self.connection, f"SELECT count(*) FROM ({inner})", (*self.driver.values, most))
        return count


def count_months(plan: Plan) -> Counter[str | None]:
    """All hits by month; None for those without a time."""
    test = plan.where()
    table, values = "fact", test.values
    if plan.places is not None:
        table, values = "carray(?) AS hit CROSS JOIN fact ON fact.place = hit.value", (bind(plan.places),)
    elif plan.driver is not None and plan.driver.is_ordered:
        driver = plan.driver
        test = join_tests([Test(driver.where, driver.values), *plan.tests])
        table, values = f"{driver.table} CROSS JOIN fact ON fact.place = {driver.place}", test.values
    month = "strftime('%Y-%m', taken_ms / 1000.0, 'unixepoch')"
    sql = f"SELECT {month}, count(*) FROM {table} WHERE {test.sql} GROUP BY 1"
    return Counter(dict(_rows(plan.connection, sql, values)))


def is_spot_alone(query: q.Query) -> bool:
    """Whether the newest of a box or a circle are all that is asked for."""
    is_newest_first = query.sort == "created_at" and not query.is_rising
    is_alone = is_newest_first and len(query.conditions) == 1 and not query.facets
    return is_alone and isinstance(query.conditions[0], q.Box | q.Near)


def plan_spots(connection: apsw.Connection, query: q.Query) -> Plan:
    """The plan for that: the tree counts, and gives the newest, without a list of all."""
    return Plan(connection, [], None, compile_condition(connection, query.conditions[0]))


def make_plan(connection: apsw.Connection, conditions: Sequence[q.Condition]) -> Plan:
    """Reads the short lists, and decides what to go through."""
    if not count_files(connection)[1]:
        conditions = [one for one in conditions if not isinstance(one, q.Visible)]
    words = merge_words(conditions)
    rest = [one for one in merge_times(conditions) if not isinstance(one, q.Words)]
    parts = [compile_condition(connection, one) for one in rest]
    matching = compile_words(words) if words else None
    short: list[list[int]] = []
    tests: list[Part] = []
    for part in parts:
        places = _read_short(connection, part)
        if places is None:
            tests.append(part)
        elif not places:
            return Plan(connection, [], [])
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
        if len(held) > PROBED_MAX:
            # The sign keeps the words from being asked once for each place.
            sql = f"SELECT rowid FROM word WHERE {matching.where} AND +rowid IN (SELECT value FROM carray(?))"
            held = set(_column(connection, sql, (*matching.values, bind(held))))
        else:
            tests = [*tests, matching.test]
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


def page(plan: Plan, query: q.Query, after: Spot | None, count: int) -> list[tuple[Any, int]]:
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
        return _rows(plan.connection, sql, (*test.values, *values, count))

    if after is None:
        return select("1", (), count)
    if after[0] is None:
        return select(f"{value} IS NULL AND file.place {beyond} ?", (after[1],), count)
    rows = select(f"({value}, file.place) {beyond} (?, ?)", after, count)
    return rows + select(f"{value} IS NULL", (), count - len(rows)) if len(rows) < count else rows


def page_of_words(
    plan: Plan, conditions: Sequence[q.Condition], after: Spot | None, count: int
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
    return _rows(plan.connection, sql, (*part.values, *test.values, *more.values, count))


def load(connection: apsw.Connection, places: list[int]) -> tuple[FileView, ...]:
    """The files at these places, in their order."""
    sql = f"SELECT {COLUMNS} FROM carray(?) AS hit CROSS JOIN file ON file.place = hit.value"
    rows = connection.execute(sql, (bind(places),)) if places else ()
    return tuple(file_of(row) for row in rows)


def count_facets(
    connection: apsw.Connection, facets: tuple[str, ...], places: list[int]
) -> dict[str, dict[str, int]]:
    """What these files count for, by value."""
    wanted = {FACET_NUMBERS[facet]: facet for facet in facets}
    sql = "SELECT traits FROM carray(?) AS hit CROSS JOIN fact ON fact.place = hit.value"
    raw = b"".join([traits for (traits,) in connection.execute(sql, (bind(places),))])
    counts = {trait: count for trait, count in Counter(array("I", raw)).items() if trait % 8 in wanted}
    found: dict[str, dict[str, int]] = {facet: {} for facet in facets}
    sql = "SELECT id, trait.value FROM carray(?) AS hit CROSS JOIN trait ON id = hit.value"
    for trait, value in _rows(connection, sql, (bind(counts),)):
        found[wanted[trait % 8]][value] = counts[trait]
    return found


def _column(connection: apsw.Connection, sql: str, values: Values) -> list[int]:
    return [value for (value,) in connection.execute(sql, values)]


def _rows(connection: apsw.Connection, sql: str, values: Values = ()) -> list[Any]:
    return connection.execute(sql, values).fetchall()
