"""What can be asked of the index, read from text strictly and turned into conditions.

Words are found in name, title, description, tags, keywords, place, camera, lens, author and custom texts,
whatever their case and accents, in any order; all must be there. A condition is a value that says what is
wanted; each index puts it in its own language. Nothing that a user wrote is part of SQL.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import asin, cos, degrees, isfinite, pi, radians, sin

from weft.apps.files.errors import QueryError
from weft.apps.files.findings import TAG_MAX, tag_word
from weft.apps.files.metadata import parse_time

TEXT_MAX, TERMS_MAX = 1000, 50
EARTH_KM = 6371.0088
RADIUS_KM = 10.0
"""How far `near` reaches when nothing is said."""
UNIT = 10_000_000
"""Positions are compared in ten-millionths of a degree, about a centimetre."""
SORTS = ("created_at", "taken_at", "name", "size", "relevance")
FACETS = ("tags", "media_type", "camera", "year")

_DIGEST = re.compile(r"[0-9a-f]{64}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TERM = re.compile(r'\s*(?:"([^"]*)"|([^\s"]+))')


@dataclass(frozen=True, slots=True)
class Term:
    """Text whose words stand one after the other in one field. `is_prefix`: the last word may go on."""

    text: str
    is_prefix: bool = False
    is_camera: bool = False
    """Only the camera's name counts."""


@dataclass(frozen=True, slots=True)
class Words:
    """All of the terms."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """At least one of the tags, or none of them."""

    tags: tuple[str, ...]
    is_wanted: bool = True


@dataclass(frozen=True, slots=True)
class MediaType:
    """One type; or all that begin so, when it ends with a slash."""

    name: str


@dataclass(frozen=True, slots=True)
class Taken:
    """A time of taking between these two milliseconds, themselves included; None is open."""

    first_ms: int | None = None
    last_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Undated:
    """No time of taking is known, or one is."""

    is_undated: bool


@dataclass(frozen=True, slots=True)
class Content:
    """This SHA-256, in hex."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Duplicated:
    """Another file has the same content; if viewers are named, one that they may see."""

    principals: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """Degrees, edges included. `west` > `east` goes over the antimeridian."""

    west: float
    south: float
    east: float
    north: float

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """West and east in units, in one part or two."""
        west, east = to_units(self.west), to_units(self.east)
        return ((west, east),) if west <= east else ((west, 180 * UNIT), (-180 * UNIT, east))


@dataclass(frozen=True, slots=True)
class Near:
    """At most so far along a great circle (haversine, mean radius of the Earth)."""

    lat: float
    lon: float
    radius_km: float

    @property
    def box(self) -> Box:
        """The smallest that holds the circle."""
        return _box_around(self.lat, self.lon, self.radius_km)


@dataclass(frozen=True, slots=True)
class Listed:
    """These ids, in hex."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Visible:
    """Every reader of the network may see it, or one of these is its owner or named among its readers."""

    principals: tuple[str, ...]
    """Addresses of accounts in hex or `local`, and ids of collections in hex."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No file is so."""


Condition = (
    Words
    | Tagged
    | MediaType
    | Taken
    | Undated
    | Content
    | Duplicated
    | Box
    | Near
    | Listed
    | Visible
    | Nothing
)


@dataclass(frozen=True, slots=True)
class Query:
    """A search. Conditions must all hold."""

    conditions: tuple[Condition, ...] = ()
    sort: str = "created_at"
    is_rising: bool = False
    facets: tuple[str, ...] = ()

    def seen_by(self, principals: tuple[str, ...]) -> "Query":
        """The same among the files that these may see, as if there were no others."""
        seen = [Duplicated(principals) if isinstance(one, Duplicated) else one for one in self.conditions]
        return replace(self, conditions=(*seen, Visible(principals)))


def to_units(angle: float) -> int:
    return round(angle * UNIT)


def words(text: str) -> Condition | None:
    """Words, "phrases" and prefix*; None when there is nothing to look for. Raises QueryError."""
    if len(text) > TEXT_MAX:
        raise QueryError(f"q has {len(text)} characters; the limit is {TEXT_MAX}")
    if text.count('"') % 2:
        raise QueryError(f"a quote in q is not closed: {text[:80]}")
    found = _TERM.findall(text)
    if len(found) > TERMS_MAX:
        raise QueryError(f"q has {len(found)} words; the limit is {TERMS_MAX}")
    terms = tuple(term for phrase, word in found if (term := _term(phrase, word)))
    if not terms:
        return Nothing() if found else None
    return Words(terms)


def camera(name: str) -> Condition:
    """Words that stand in the camera's name one after the other, whatever their case."""
    return Words((Term(name, is_camera=True),)) if _is_speaking(name) else Nothing()


def tag(text: str) -> Tagged:
    """Raises ValueError."""
    return Tagged((_bare(text),))


def any_tag(tags: Iterable[Tagged]) -> Tagged:
    return Tagged(tuple(text for one in tags for text in one.tags))


def no_tag(text: str) -> Tagged:
    """Raises ValueError."""
    return Tagged((_bare(text),), is_wanted=False)


def machine_tag(text: str) -> Condition:
    """What a program found in the content, as it tells it; raises ValueError."""
    if len(text) > TAG_MAX:
        raise ValueError(f"must have at most {TAG_MAX} characters")
    return Words((Term(tag_word(text.strip())),))


def looks(part: str) -> Condition:
    """Pictures whose look has this part in common (`findings.look_words`)."""
    return Words((Term(part),))


def media_type(text: str) -> Condition:
    """One type, or all of a kind: `image/*`; raises ValueError."""
    kind, slash, rest = _bare(text).lower().partition("/")
    return MediaType(f"{kind}/" if rest == "*" and kind else f"{kind}{slash}{rest}")


def taken_from(text: str) -> Condition:
    return Taken(first_ms=_moment_ms(text, is_end=False))


def taken_to(text: str) -> Condition:
    return Taken(last_ms=_moment_ms(text, is_end=True))


def undated(text: str) -> Condition:
    """Whether no time of taking is known; raises ValueError."""
    return Undated(_truth(text))


def duplicates(text: str) -> Condition | None:
    """Only files whose content another file has too; raises ValueError."""
    return Duplicated() if _truth(text) else None


def sha256(text: str) -> Condition:
    """The content's digest; raises ValueError."""
    if _DIGEST.fullmatch(text) is None:
        raise ValueError("must be 64 lower-case hex digits")
    return Content(text)


def collection_id(text: str) -> str:
    """A collection's id; raises ValueError."""
    if re.fullmatch("[0-9a-f]{32}", text) is None:
        raise ValueError("must be 32 lower-case hex digits")
    return text


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
    if name == "relevance":
        return name, False
    return name, not text.startswith("-")


def parse_facets(text: str) -> tuple[str, ...]:
    """Names of facets with commas between; raises ValueError."""
    names = tuple(dict.fromkeys(text.split(",")))
    if not set(names) <= set(FACETS):
        raise ValueError(f"must name some of {', '.join(FACETS)}, with commas between")
    return names


def _term(phrase: str, word: str) -> Term | None:
    """One term; None when there is no letter or digit in it, for that would match nothing."""
    if not word:
        return Term(phrase) if _is_speaking(phrase) else None
    bare = word.removesuffix("*")
    if "*" in bare or not bare:
        raise QueryError(f"a * in q may only end a word: {word[:80]}")
    return Term(bare, is_prefix=bare != word) if _is_speaking(bare) else None


def _is_speaking(text: str) -> bool:
    """Whether there is a letter or digit in it."""
    if any(ord(letter) < 32 or letter == "\x7f" for letter in text):
        raise QueryError("there is a control character among the words to search for")
    return any(map(str.isalnum, text))


def _bare(text: str) -> str:
    """Without spaces around it; raises ValueError for what no text of an index can hold."""
    if "\0" in text:
        raise ValueError("must hold no NUL")
    return text.strip()


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


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
