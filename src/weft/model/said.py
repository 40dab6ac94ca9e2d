"""What owners may say of files and collections, checked alike by whoever signs it and by whoever reads it.

Text may hold whatever people write, joiners and spaces of all scripts too: what is refused are control
characters (but for tab and line ends), halves of a character, and the two signs that turn the direction of
all that follows.
"""

import re
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

OWNER_FIELDS = ("title", "description", "tags", "taken_at", "location", "custom")
METADATA_BYTES_MAX = 64 << 10
TITLE_MAX, DESCRIPTION_MAX, TAG_MAX, TAGS_MAX, NAME_BYTES_MAX = 500, 20_000, 100, 100, 255
LINE_MAX = 200

TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:([Zz])|([+-](?:[01]\d|2[0-3]):[0-5]\d))",
    re.ASCII,
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202d\u202e]")
_NO_LINE = re.compile(f"[\t\n\r\u2028\u2029{_CONTROL.pattern[1:]}")
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check_names(patch: Mapping[str, Any]) -> None:
    """Raise ValueError, which names it, for a field that is not an owner's."""
    unknown = sorted(set(patch) - set(OWNER_FIELDS))
    if unknown:
        raise ValueError(f"metadata has no field {str(unknown[0])[:80]!r}; it has {', '.join(OWNER_FIELDS)}")


def check_said(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata with what its owner says as it is kept; raises ValueError, which says what is wrong."""
    return {name: CHECKS[name](value) if name in CHECKS else value for name, value in metadata.items()}


def clean_name(name: str) -> str:
    """A file name without folders and control characters, of at most 255 bytes."""
    shown = _NO_LINE.sub("", re.split(r"[/\\]", name)[-1]).strip()
    cut = shown.encode()[:NAME_BYTES_MAX].decode("utf-8", "ignore")
    return cut if cut not in ("", ".", "..") else "unnamed"


def clean_line(text: str) -> str:
    """A name that people give: one line of at most 200 characters, in which a slash is a slash."""
    return _NO_LINE.sub("", text).strip()[:LINE_MAX] or "unnamed"


def check_text(field: str, length_max: int) -> Callable[[object], str]:
    """A check of text, by the name that its refusal gives it."""

    def check(value: object) -> str:
        if not isinstance(value, str) or len(value) > length_max:
            raise ValueError(f"{field} must be text of at most {length_max} characters")
        if _CONTROL.search(value):
            raise ValueError(f"{field} holds a control character")
        return value

    return check


def check_texts(field: str, one: str) -> Callable[[object], list[str]]:
    """A check of a list of texts, of which the same one counts once."""
    check = check_text(one, TAG_MAX)

    def check_all(value: object) -> list[str]:
        if not isinstance(value, list) or len(value) > TAGS_MAX:
            raise ValueError(f"{field} must be a list of at most {TAGS_MAX} texts")
        texts = [check(text).strip() for text in value]
        if not all(texts):
            raise ValueError(f"{one} must not be empty")
        return list(dict.fromkeys(texts))

    return check_all


def check_time(field: str) -> Callable[[object], str]:
    """A check of a time as RFC 3339 writes it."""

    def check(value: object) -> str:
        match = TIME.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"{field} must be an RFC 3339 time such as 2008-10-22T16:28:39Z")
        if not _is_in_calendar(match):
            raise ValueError(f"{field} must be a time that the calendar has")
        return match[0]

    return check


def _is_in_calendar(match: re.Match[str]) -> bool:
    year, month, day = map(int, match[1].split("-"))
    hour, minute, second = map(int, match[2].split(":"))
    if not (1 <= month <= 12 and hour < 24 and minute < 60 and second < 60):
        return False
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    # In the first and the last year, another zone's time may have no year in UTC.
    year_first = 1 if match[5] is None else 2
    is_year = year_first <= year <= 10_000 - year_first
    return is_year and 1 <= day <= _MONTH_DAYS[month - 1] + (is_leap and month == 2)


def _check_location(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or set(value) != {"lat", "lon"}:
        raise ValueError("location must be an object of lat and lon, and nothing else")
    for name, bound in (("lat", 90), ("lon", 180)):
        degrees = value[name]
        is_number = isinstance(degrees, Real) and not isinstance(degrees, bool)
        if not is_number or not -bound <= degrees <= bound:
            raise ValueError(f"location.{name} must be a number from -{bound} to {bound}")
    return {"lat": value["lat"], "lon": value["lon"]}


def _check_custom(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("custom must be a JSON object")
    return value


CHECKS: dict[str, Callable[[object], Any]] = {
    "title": check_text("title", TITLE_MAX),
    "description": check_text("description", DESCRIPTION_MAX),
    "tags": check_texts("tags", "a tag"),
    "taken_at": check_time("taken_at"),
    "location": _check_location,
    "custom": _check_custom,
}
