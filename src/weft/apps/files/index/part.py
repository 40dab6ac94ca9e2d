"""Conditions in the language of an era: tests of one file, and lists of files."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import asin, cos, degrees, pi, radians, sin, sqrt
from typing import Any

import apsw
import msgspec

from weft.apps.files import query as q

ALL, DUPLICATED = 0, 6
"""Traits that have no value: every file, and the ones whose content another file has."""
FACET_NUMBERS = {"tags": 1, "media_type": 2, "camera": 3, "year": 4, "month": 5, "reader": 7}
"""`reader`: who may see a file that not everybody may see, its owner too."""
LISTED = (FACET_NUMBERS["tags"], FACET_NUMBERS["media_type"], FACET_NUMBERS["reader"])
"""Facets whose files are listed by value."""
PROBED_TRAITS_MAX = 16
"""Traits of which a file is looked up one by one; of more, all their files are read."""

END = 2**63 - 1
"""More than any place, and any time."""

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Test:
    """SQL about one row of `fact`."""

    sql: str
    values: Values = ()


@dataclass(frozen=True, slots=True)
class Part:
    """A condition: its test, and if it is a list too, what that is selected from and where."""

    test: Test
    table: str = ""
    where: str = ""
    values: Values = ()
    count: int | None = None
    """How long the list is at most, where that is known."""

    @property
    def is_ordered(self) -> bool:
        """Whether the list can be read from the newest file on."""
        return self.table in ("word", "mark")

    @property
    def place(self) -> str:
        return {"word": "word.rowid", "mark": "mark.place", "spot": "spot.place"}.get(self.table, "place")


def compile_condition(connection: apsw.Connection, condition: q.Condition) -> Part:
    match condition:
        case q.Tagged(tags, is_wanted):
            return _compile_marks(connection, FACET_NUMBERS["tags"], tags, is_wanted)
        case q.MediaType(name) if name.endswith("/"):
            sql = "SELECT value FROM trait WHERE facet = ? AND value >= ? AND value < ?"
            kinds = FACET_NUMBERS["media_type"], name, name[:-1] + "0"
            names = [str(value) for (value,) in connection.execute(sql, kinds)]
            return _compile_marks(connection, FACET_NUMBERS["media_type"], names, True)
        case q.MediaType(name):
            return _compile_marks(connection, FACET_NUMBERS["media_type"], (name,), True)
        case q.Taken(first, last):
            bounds = (-END if first is None else first, END if last is None else last)
            sql = "taken_ms BETWEEN ? AND ?"
            return Part(Test(f"fact.{sql}", bounds), "fact", sql, bounds)
        case q.Undated(is_undated):
            return Part(Test(f"fact.taken_ms IS {'' if is_undated else 'NOT '}NULL"))
        case q.Content(sha256):
            values = (bytes.fromhex(sha256),)
            test = Test("fact.place IN (SELECT place FROM file WHERE sha256 = ?)", values)
            return Part(test, "file", "sha256 = ?", values)
        case q.Duplicated():
            return _compile_listed((DUPLICATED,), True, None)
        case q.Box():
            return _compile_box(condition, Test("1"), Test("1"))
        case q.Near():
            ring = _distance(condition, "south", "west"), _distance(condition, "fact.lat", "fact.lon")
            return _compile_box(condition.box, *ring)
        case q.Words():
            return compile_words(condition)
        case q.Listed(ids):
            sql, named = "id IN (SELECT unhex(value) FROM json_each(?))", (msgspec.json.encode(ids).decode(),)
            return Part(
                Test(f"fact.place IN (SELECT place FROM file WHERE {sql})", named), "file", sql, named
            )
        case q.Visible(principals):
            return _compile_visible(connection, principals)
        case q.Nothing():
            return Part(Test("0"), "fact", "0")


def count_files(connection: apsw.Connection) -> tuple[int, int]:
    """All, and those of them that not everybody may see."""
    row = next(connection.execute("SELECT count, private FROM trait WHERE id = ?", (ALL,)), (0, 0))
    return int(row[0]), int(row[1])


def compile_private(connection: apsw.Connection, principals: Iterable[str]) -> Part:
    """Files that not everybody may see, and one of these may."""
    return _compile_marks(connection, FACET_NUMBERS["reader"], principals, True)


def _compile_visible(connection: apsw.Connection, principals: Iterable[str]) -> Part:
    all_, private = count_files(connection)
    part = compile_private(connection, principals)
    if private == all_:
        return part
    return Part(Test(f"NOT fact.is_private OR {part.test.sql}"))


def _compile_marks(connection: apsw.Connection, facet: int, values: Iterable[str], is_wanted: bool) -> Part:
    """Files that have one of these values of a facet, or none of them."""
    sql = "SELECT id, count FROM trait WHERE facet = ? AND value = ?"
    known: list[Any] = [row for value in values for row in connection.execute(sql, (facet, value))]
    return _compile_listed(tuple(id_ for id_, _ in known), is_wanted, sum(count for _, count in known))


def _compile_listed(traits: tuple[int, ...], is_wanted: bool, count: int | None) -> Part:
    named = ",".join(map(str, traits))
    inside = f"EXISTS (SELECT 1 FROM mark WHERE trait IN ({named}) AND mark.place = fact.place)"
    if len(traits) > PROBED_TRAITS_MAX:
        inside = f"fact.place IN (SELECT place FROM mark WHERE trait IN ({named}))"
    if not is_wanted:
        return Part(Test(f"NOT {inside}"))
    if len(traits) == 1:
        return Part(Test(inside), "mark", f"trait = {named}", (), count)
    several = f"(SELECT DISTINCT place FROM mark WHERE trait IN ({named}))"
    return Part(Test(inside), several, "1", (), count)


def merge_words(conditions: Sequence[q.Condition]) -> q.Words | None:
    terms = tuple(term for one in conditions if isinstance(one, q.Words) for term in one.terms)
    return q.Words(terms) if terms else None


def merge_times(conditions: Sequence[q.Condition]) -> list[q.Condition]:
    """The same with one span of time at most: a year is short where what came after its first day is not."""
    spans = [one for one in conditions if isinstance(one, q.Taken)]
    rest: list[q.Condition] = [one for one in conditions if not isinstance(one, q.Taken)]
    firsts = [one.first_ms for one in spans if one.first_ms is not None]
    lasts = [one.last_ms for one in spans if one.last_ms is not None]
    span = q.Taken(max(firsts, default=None), min(lasts, default=None))
    return [*rest, span] if spans else rest


def compile_words(words: q.Words) -> Part:
    """Every text quoted, so that no letter of it is taken for an operator."""
    wanted = " AND ".join(
        f"{'camera : ' if term.is_camera else ''}{_quote(term.text)}{' *' if term.is_prefix else ''}"
        for term in words.terms
    )
    test = Test("EXISTS (SELECT 1 FROM word WHERE word MATCH ? AND rowid = fact.place)", (wanted,))
    return Part(test, "word", "word MATCH ?", (wanted,))


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _compile_box(box: q.Box, ring: Test, ring_of_fact: Test) -> Part:
    south, north = q.to_units(box.south), q.to_units(box.north)
    spans = [(west, east, south, north) for west, east in box.spans]
    inside = " OR ".join(["fact.lon BETWEEN ? AND ? AND fact.lat BETWEEN ? AND ?"] * len(spans))
    flat = tuple(value for span in spans for value in span)
    test = Test(f"(({inside}) AND {ring_of_fact.sql})", (*flat, *ring_of_fact.values))
    cells = "(west >= ? AND east <= ? AND south >= ? AND north <= ?)"
    if len(spans) == 1:
        return Part(test, "spot", f"{cells} AND {ring.sql}", (*flat, *ring.values))
    union = " UNION ALL ".join([f"SELECT place FROM spot WHERE {cells} AND {ring.sql}"] * len(spans))
    values = tuple(value for span in spans for value in (*span, *ring.values))
    return Part(test, f"({union})", "1", values)


def _distance(near: q.Near, lat: str, lon: str) -> Test:
    """Haversine; what lies in a rectangle within the circle needs none of it."""
    half = radians(1) / q.UNIT / 2
    reach = sin(min(near.radius_km / q.EARTH_KM, pi) / 2) ** 2
    distance = (
        f"pow(sin({lat} * {half!r} - ?), 2) + "
        f"pow(sin({lon} * {half!r} - ?), 2) * cos({lat} * {2 * half!r}) * ? <= ?"
    )
    exact = Test(distance, (radians(near.lat) / 2, radians(near.lon) / 2, cos(radians(near.lat)), reach))
    inner = _inner_box(near)
    if inner is None:
        return Test(f"({exact.sql})", exact.values)
    bounds = (inner.west, inner.east, inner.south, inner.north)
    sql = f"({lon} BETWEEN ? AND ? AND {lat} BETWEEN ? AND ? OR {exact.sql})"
    return Test(sql, (*map(q.to_units, bounds), *exact.values))


def _inner_box(near: q.Near) -> q.Box | None:
    """A box whose corners lie within the circle; None near a pole or the antimeridian."""
    angle = near.radius_km / q.EARTH_KM
    height = 0.7 * angle
    if angle > 0.5 or abs(near.lat) + degrees(height) >= 89:
        return None
    nearest = max(0.0, abs(radians(near.lat)) - height)
    rest = (sin(angle / 2) ** 2 - sin(height / 2) ** 2) / (cos(radians(near.lat)) * cos(nearest))
    width, height = degrees(2 * asin(sqrt(min(1.0, rest)))) * 0.999999, degrees(height)
    if abs(near.lon) + width > 180:
        return None
    return q.Box(near.lon - width, near.lat - height, near.lon + width, near.lat + height)


def join_tests(tests: Iterable[Test]) -> Test:
    tests = list(tests)
    sql = " AND ".join(f"({test.sql})" for test in tests) or "1"
    return Test(sql, tuple(value for test in tests for value in test.values))


def as_list(part: Part) -> Test:
    """A test that makes the list once instead of looking into it for each file."""
    if part.table != "word":
        return part.test
    return Test(f"fact.place IN (SELECT rowid FROM word WHERE {part.where})", part.values)


def bind(numbers: Iterable[int]) -> Any:
    """A list of places as one value of a query; an empty one, which cannot be, as one that no file has."""
    return apsw.carray(array("q", numbers) or array("q", (-1,)))
