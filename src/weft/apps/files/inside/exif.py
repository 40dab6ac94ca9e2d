"""What a photo says in its EXIF (2.32, section 4.6): camera, lens, time, position, and some words."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

from weft.apps.files.inside.moment import find_zone, parse_offset, tell
from weft.apps.files.inside.text import TITLE_MAX, Facts, clean_line, clean_text, decode_text, split_keywords

_COMPANY = re.compile(
    r"\b(corporation|corp|company|co|inc|ltd|gmbh|electric|optical|techwin)\b[.,]*", re.IGNORECASE
)
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)")
_DAY = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)")
_FILLERS = {"digital", "camera", "dsc", "image", "jpeg", "exif"}
"""What cameras write where their owner has written nothing, besides their own name."""

_TIME_TAGS = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)
_XP_TITLE, _XP_COMMENT, _XP_KEYWORDS = 0x9C9B, 0x9C9C, 0x9C9E
"""Of Windows, in UTF-16."""


def read_exif(exif: Image.Exif) -> Iterator[Facts]:
    """`camera`, `lens`, `taken_at`, `taken_offset`, `location`: as many as can be read."""
    tags, satellite = _part(exif, ExifTags.IFD.Exif), _part(exif, ExifTags.IFD.GPSInfo)
    yield {
        "camera": camera_of(_text(exif, ExifTags.Base.Make), _text(exif, ExifTags.Base.Model)),
        "lens": camera_of(_text(tags, ExifTags.Base.LensMake), _text(tags, ExifTags.Base.LensModel)),
        "location": location_of(satellite),
    }
    yield time_of(tags, satellite)


def read_words(exif: Image.Exif) -> Iterator[Facts]:
    """`title`, `description`, `author`, `keywords`, where a person wrote them and not the camera."""
    description = clean_text(_text(exif, ExifTags.Base.ImageDescription))
    named = f"{_text(exif, ExifTags.Base.Make)} {_text(exif, ExifTags.Base.Model)}"
    if set(_words(description)) <= {*_words(named), *_FILLERS}:
        description = ""
    yield {
        "title": clean_line(_wide(exif.get(_XP_TITLE)), TITLE_MAX),
        "description": description or clean_text(_wide(exif.get(_XP_COMMENT))),
        "author": clean_line(_text(exif, ExifTags.Base.Artist)),
        "keywords": split_keywords(_wide(exif.get(_XP_KEYWORDS))),
    }


def camera_of(make: object, model: object) -> str | None:
    """Maker and model as people say them: once each, without the legal form of the company."""
    maker, name = clean_line(make), clean_line(model)
    short = " ".join(_COMPANY.sub(" ", maker).split()).strip(" ,.") or maker
    if not name:
        return short or None
    if name.split()[0].lower() in maker.lower().split():
        return name
    return f"{short} {name}".strip()


def time_of(tags: Mapping[int, Any], satellite: Mapping[int, Any]) -> Facts:
    """When the photo was taken; the zone is what the camera says, else what the receiver's time tells."""
    for time_tag, offset_tag in _TIME_TAGS:
        match = _TIME.match(clean_line(tags.get(time_tag)))
        if match is None:
            continue
        try:
            year, month, day, hour, minute, second = map(int, match.groups())
            clock = datetime(year, month, day, hour, minute, second)
        except ValueError:
            continue
        zone = parse_offset(clean_line(tags.get(offset_tag)))
        received = satellite_time(satellite)
        if zone is None and received is not None:
            zone = find_zone(clock, received)
        if facts := tell(clock.replace(tzinfo=zone)):
            return facts
    return {}


def satellite_time(tags: Mapping[int, Any]) -> datetime | None:
    """What the receiver's clock showed, in UTC, without saying so."""
    match = _DAY.match(clean_line(tags.get(ExifTags.GPS.GPSDateStamp)))
    if match is None:
        return None
    try:
        year, month, day = map(int, match.groups())
        hour, minute, second = (int(part) for part in tags[ExifTags.GPS.GPSTimeStamp])
        return datetime(year, month, day, hour, minute, second)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def location_of(tags: Mapping[int, Any]) -> dict[str, float] | None:
    """Degrees north and east (WGS 84), to seven places: a centimetre."""
    if clean_line(tags.get(ExifTags.GPS.GPSStatus)) == "V":
        return None
    lat = _degrees(tags.get(ExifTags.GPS.GPSLatitude), tags.get(ExifTags.GPS.GPSLatitudeRef), "N", "S")
    lon = _degrees(tags.get(ExifTags.GPS.GPSLongitude), tags.get(ExifTags.GPS.GPSLongitudeRef), "E", "W")
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    return {"lat": lat, "lon": lon}


def _part(exif: Image.Exif, part: int) -> Mapping[int, Any]:
    """A sub-directory of the EXIF, empty when its pointer leads nowhere."""
    # There is no end to what a decoder raises on bytes that were made to break it.
    try:
        return exif.get_ifd(part)
    except Exception:
        return {}


def _text(tags: Mapping[int, Any], tag: int) -> object:
    """Pillow takes text for Latin-1; much of it is UTF-8."""
    value = tags.get(tag)
    return decode_text(value.encode("latin-1", "replace")) if isinstance(value, str) else value


def _wide(value: object) -> str:
    """UTF-16 text, which Pillow gives as bytes or as a tuple of them."""
    try:
        return bytes(value).decode("utf-16-le", "replace").split("\0")[0]  # type: ignore[call-overload,no-any-return]
    except (TypeError, ValueError):
        return ""


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _degrees(parts: object, reference: object, positive: str, negative: str) -> float | None:
    """Degrees, minutes and seconds as one signed number; None unless all of it makes sense."""
    side = clean_line(reference).upper()[:1]
    try:
        degrees, minutes, seconds = (float(part) for part in parts)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if side not in (positive, negative) or not math.isfinite(value):
        return None
    return round(value if side == positive else -value, 7)
