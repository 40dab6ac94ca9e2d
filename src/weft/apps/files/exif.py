"""What a photo says of itself: size, time, camera, orientation and position (EXIF 2.32, section 4.6).

Whatever cannot be read is left out, and what is left out is never guessed. Runs in a process of its own
(`worker.py`), because photos come from anybody.

A time is given in UTC when the photo names its offset from it. Most cameras do not; their clock is then taken
as if it ran on UTC, so that times can be compared and sorted.
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image

TEXT_MAX = 200
"""Characters of a camera's name that are kept."""

_COMPANY = re.compile(
    r"\b(corporation|corp|company|co|inc|ltd|gmbh|electric|optical|techwin)\b[.,]*", re.IGNORECASE
)
_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_TURNED = (5, 6, 7, 8)

_TIME_TAGS = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)


def read_photo(path: Path) -> dict[str, Any]:
    """`width`, `height`, `orientation`, `camera`, `taken_at`, `location`: as many as can be read.

    Width and height are those of the upright picture. Raises what the decoder raises for a file that is no
    picture at all.
    """
    with Image.open(path) as image:
        width, height = image.size
        found: dict[str, Any] = {"width": width, "height": height}
        exif = _exif_of(image)
        orientation = exif.get(ExifTags.Base.Orientation)
        if isinstance(orientation, int) and 1 <= orientation <= 8:
            found["orientation"] = orientation
        if orientation in _TURNED:
            found["width"], found["height"] = height, width
        found |= {
            "camera": camera_of(exif.get(ExifTags.Base.Make), exif.get(ExifTags.Base.Model)),
            "taken_at": time_of(_part(exif, ExifTags.IFD.Exif)),
            "location": location_of(_part(exif, ExifTags.IFD.GPSInfo)),
        }
    return {name: value for name, value in found.items() if value is not None}


def camera_of(make: object, model: object) -> str | None:
    """Maker and model as people say them: once each, without the legal form of the company."""
    maker, name = _clean(make), _clean(model)
    short = " ".join(_COMPANY.sub(" ", maker).split()).strip(" ,.") or maker
    if not name:
        return short or None
    if name.split()[0].lower() in maker.lower().split():
        return name
    return f"{short} {name}".strip()


def time_of(tags: Mapping[int, Any]) -> str | None:
    """When the photo was taken, RFC 3339 in UTC."""
    for time_tag, offset_tag in _TIME_TAGS:
        match = _TIME.match(_clean(tags.get(time_tag)))
        if match is None:
            continue
        try:
            year, month, day, hour, minute, second = map(int, match.groups())
            zone = _zone(tags.get(offset_tag))
            clock = datetime(year, month, day, hour, minute, second, tzinfo=zone)
            # Not strftime: where a year has less than four digits it writes fewer.
            return clock.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        except (ValueError, OverflowError):
            continue
    return None


def location_of(tags: Mapping[int, Any]) -> dict[str, float] | None:
    """Degrees north and east (WGS 84), to seven places: a centimetre."""
    if _clean(tags.get(ExifTags.GPS.GPSStatus)) == "V":
        return None
    lat = _degrees(tags.get(ExifTags.GPS.GPSLatitude), tags.get(ExifTags.GPS.GPSLatitudeRef), "N", "S")
    lon = _degrees(tags.get(ExifTags.GPS.GPSLongitude), tags.get(ExifTags.GPS.GPSLongitudeRef), "E", "W")
    if lat is None or lon is None or abs(lat) > 90 or abs(lon) > 180:
        return None
    return {"lat": lat, "lon": lon}


def _exif_of(image: Image.Image) -> Image.Exif:
    """The EXIF, empty when it cannot be read; of a PNG this means to decode the picture."""
    # There is no end to what a decoder raises on bytes that were made to break it.
    try:
        return image.getexif()
    except Exception:
        return Image.Exif()


def _part(exif: Image.Exif, part: int) -> Mapping[int, Any]:
    """A sub-directory of the EXIF, empty when its pointer leads nowhere."""
    try:
        return exif.get_ifd(part)
    except Exception:
        return {}


def _clean(value: object) -> str:
    """Text up to the first zero byte, printable, with single spaces."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    shown = "".join(letter if letter.isprintable() else " " for letter in value.split("\0")[0])
    return " ".join(shown.split())[:TEXT_MAX]


def _zone(offset: object) -> timezone:
    match = _OFFSET.fullmatch(_clean(offset))
    if match is None:
        return UTC
    sign, hours, minutes = match.groups()
    east = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(east if sign == "+" else -east)


def _degrees(parts: object, reference: object, positive: str, negative: str) -> float | None:
    """Degrees, minutes and seconds as one signed number; None unless all of it makes sense."""
    side = _clean(reference).upper()[:1]
    try:
        degrees, minutes, seconds = (float(part) for part in parts)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = degrees + minutes / 60 + seconds / 3600
    if side not in (positive, negative) or not math.isfinite(value):
        return None
    return round(value if side == positive else -value, 7)
