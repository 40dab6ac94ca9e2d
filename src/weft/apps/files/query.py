"""What can be asked of the index, read from text strictly and turned into conditions.

Words are found in name, title, description, tags, keywords, place, camera, lens, author and custom texts,
whatever their case and accents, in any order; all must be there. A condition is SQL with its values; nothing
that a user wrote is part of SQL.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import asin, cos, degrees, isfinite, pi, radians, sin
from typing import Any

from weft.apps.files.errors import QueryError
from weft.apps.files.metadata import parse_time

TEXT_MAX, TERMS_MAX = 1000, 50
EARTH_KM = 6371.0088
RADIUS_KM = 10.0
"""How far `near` reaches when nothing is said."""
SORTS = {
    "created_at": "file.place",
    "taken_at": "file.taken_ms",
    "name": "file.name COLLATE NOCASE",
    "size": "file.size",
}
FACETS = ("tags", "media_type", "camera", "year")

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TERM = re.compile(r'\s*(?:"([^"]*)"|([^\s"]+))')
_WORDS = "file.place IN (SELECT rowid FROM word WHERE word MATCH ?)"
_CELLS = "file.place IN (SELECT place FROM spot WHERE west <= ? AND east >= ? AND south <= ? AND north >= ?)"
_DISTANCE = (
    f"2 * {EARTH_KM!r} * asin(min(1.0, sqrt("
    "pow(sin(radians(file.lat - ?) / 2), 2) + "
    "cos(radians(?)) * cos(radians(file.lat)) * pow(sin(radians(file.lon - ?) / 2), 2)))) <= ?"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that is true of the files wanted, and the values for its question marks."""

    sql: str
    values: tuple[Any, ...] = ()


_NOTHING = Condition("0")


@dataclass(frozen=True, slots=True)
class Box:
    """Degrees. `west` > `east` goes over the antimeridian."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Query:
    """A search. Conditions must all hold."""

    conditions: tuple[Condition, ...] = ()
    sort: str = "created_at"
    is_rising: bool = False
    facets: tuple[str, ...] = field(default=())

    @property
    def where(self) -> Condition:
        """All conditions as one."""
        sql = " AND ".join(f"({condition.sql})" for condition in self.conditions) or "1"
        return Condition(sql, tuple(value for condition in self.conditions for value in condition.values))


def words(text: str) -> Condition | None:
    """Words, "phrases" and prefix*; None when there is nothing to look for. Raises QueryError."""
    if len(text) > TEXT_MAX:
        raise QueryError(f"q has {len(text)} characters; the limit is {TEXT_MAX}")
    if text.count('"') % 2:
        raise QueryError(f"a quote in q is not closed: {text[:80]}")
    terms = [_term(phrase, word) for phrase, word in _TERM.findall(text)]
    if len(terms) > TERMS_MAX:
        raise QueryError(f"q has {len(terms)} words; the limit is {TERMS_MAX}")
    if not terms:
        return None
    wanted = " AND ".join(term for term in terms if term)
    return Condition(_WORDS, (wanted,)) if wanted else _NOTHING


def camera(name: str) -> Condition:
    """Words that stand in the camera's name one after the other, whatever their case."""
    phrase = _quote(name)
    return Condition(_WORDS, (f"camera : {phrase}",)) if phrase else _NOTHING


def tag(text: str) -> Condition:
    return Condition("file.place IN (SELECT place FROM tag WHERE tag = ?)", (text.strip(),))


def media_type(text: str) -> Condition:
    """One type, or all of a kind: `image/*`."""
    kind, slash, rest = text.strip().lower().partition("/")
    if rest == "*" and kind:
        return Condition("file.media_type >= ? AND file.media_type < ?", (f"{kind}/", f"{kind}0"))
    return Condition("file.media_type = ?", (f"{kind}{slash}{rest}",))


def taken_from(text: str) -> Condition:
    return Condition("file.taken_ms >= ?", (_moment_ms(text, is_end=False),))


def taken_to(text: str) -> Condition:
    return Condition("file.taken_ms <= ?", (_moment_ms(text, is_end=True),))


def undated(text: str) -> Condition:
    """Whether no time of taking is known; raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return Condition("file.taken_ms IS NULL" if text == "true" else "file.taken_ms IS NOT NULL")


def sha256(text: str) -> Condition:
    """The content's digest; raises ValueError."""
    if _DIGEST.fullmatch(text) is None:
        raise ValueError("must be 64 lower-case hex digits")
    return Condition("file.sha256 = ?", (text,))


def within(box: Box) -> Condition:
    """Positions in a box, its edges included."""
    exact = Condition("file.lat BETWEEN ? AND ?", (box.south, box.north))
    spans = [(box.west, box.east)] if box.west <= box.east else [(box.west, 180.0), (-180.0, box.east)]
    parts = [
        Condition(f"({_CELLS} AND file.lon BETWEEN ? AND ?)", (east, west, box.north, box.south, west, east))
        for west, east in spans
    ]
    sql = " OR ".join(part.sql for part in parts)
    values = [value for part in parts for value in part.values]
    return Condition(f"{exact.sql} AND ({sql})", (*exact.values, *values))


def near(point: tuple[float, float], radius_km: float) -> Condition:
    """Positions at most so far from (lat, lon) along a great circle (haversine, mean radius of the Earth)."""
    lat, lon = point
    box = _box_around(lat, lon, radius_km)
    inside = within(box)
    return Condition(f"{inside.sql} AND {_DISTANCE}", (*inside.values, lat, lat, lon, radius_km))


def parse_point(text: str) -> tuple[float, float]:
    """`lat,lon`; raises ValueError."""
    lat, lon = _degrees(text, "lat,lon", (90, 180))
    return lat, lon


def parse_box(text: str) -> Box:
    """`west,south,east,north`; raises ValueError."""
    west, south, east, north = _degrees(text, "west,south,east,north", (180, 90, 180, 90))
    if south > north:
        raise ValueError("must have its south below its north")
    return Box(west, south, east, north)


def parse_radius(text: str) -> float:
    """Kilometres; raises ValueError."""
    radius = _number(text)
    if not 0 < radius <= EARTH_KM * pi:
        raise ValueError("must be a number of kilometres above 0 and up to 20015")
    return radius


def parse_sort(text: str) -> tuple[str, bool]:
    """(field, whether rising) of `field`, `+field` or `-field`; raises ValueError."""
    name = text.lstrip("+- ")
    name = "created_at" if name == "created" else name
    if name not in SORTS or len(text) - len(text.lstrip("+- ")) > 1:
        raise ValueError(f"must be one of {', '.join(SORTS)}, with - before it for falling order")
    return name, not text.startswith("-")


def parse_facets(text: str) -> tuple[str, ...]:
    """Names of facets with commas between; raises ValueError."""
    names = tuple(dict.fromkeys(text.split(",")))
    if not set(names) <= set(FACETS):
        raise ValueError(f"must name some of {', '.join(FACETS)}, with commas between")
    return names


def _term(phrase: str, word: str) -> str:
    """One term as FTS5 wants it: quoted, so that no letter of it is taken for an operator."""
    if not word:
        return _quote(phrase)
    bare = word.removesuffix("*")
    if "*" in bare or not bare:
        raise QueryError(f"a * in q may only end a word: {word[:80]}")
    quoted = _quote(bare)
    return f"{quoted} *" if quoted and bare != word else quoted


def _quote(text: str) -> str:
    """Quoted for FTS5; empty when there is no letter or digit in it, for that would match nothing."""
    if any(ord(letter) < 32 or letter == "\x7f" for letter in text):
        raise QueryError("there is a control character among the words to search for")
    return '"' + text.replace('"', '""') + '"' if any(map(str.isalnum, text)) else ""


def _moment_ms(text: str, is_end: bool) -> int:
    """A time, or a day: from its beginning, or to its end."""
    if _DAY.fullmatch(text):
        try:
            day = datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            raise ValueError("must be a day that the calendar has") from None
        return int(day.timestamp() * 1000) + (86_400_000 - 1 if is_end else 0)
    moment = parse_time(text)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _number(text: str) -> float:
    try:
        value = float(text) if re.fullmatch(r"[+-]?[0-9.]+", text.strip()) else float("nan")
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError("must hold plain decimal numbers")
    return value


def _degrees(text: str, shape: str, bounds: tuple[int, ...]) -> tuple[float, ...]:
    parts = text.split(",")
    if len(parts) != len(bounds):
        raise ValueError(f"must be {shape}")
    numbers = tuple(_number(part) for part in parts)
    if any(abs(number) > bound for number, bound in zip(numbers, bounds, strict=True)):
        raise ValueError(f"must be {shape} in degrees: latitudes up to 90, longitudes up to 180")
    return numbers


def _box_around(lat: float, lon: float, radius_km: float) -> Box:
    """The smallest box that holds a circle on the sphere, over a pole if need be."""
    angle = min(radius_km * 1.000001 / EARTH_KM, pi)
    south, north = lat - degrees(angle), lat + degrees(angle)
    if south <= -90 or north >= 90:
        return Box(-180.0, max(south, -90.0), 180.0, min(north, 90.0))
    reach = degrees(asin(min(1.0, sin(angle) / cos(radians(lat)))))
    if reach >= 180:
        return Box(-180.0, south, 180.0, north)
    return Box((lon - reach + 540) % 360 - 180, south, (lon + reach + 540) % 360 - 180, north)
