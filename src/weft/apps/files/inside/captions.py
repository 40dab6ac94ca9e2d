"""What people wrote into a photo with other programs: XMP (ISO 16684-1) and IPTC (IIM 4.2).

XMP is XML from anybody: documents with a type or entities are refused, so nothing in them can grow, and long
packets are not looked at.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from PIL import ImageFile, IptcImagePlugin

from weft.apps.files.inside.exif import camera_of
from weft.apps.files.inside.moment import parse_iso, parse_offset, tell
from weft.apps.files.inside.text import (
    TITLE_MAX,
    Facts,
    clean_keywords,
    clean_line,
    clean_text,
    decode_text,
)

XMP_BYTES_MAX = 1 << 20

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_DC = "{http://purl.org/dc/elements/1.1/}"
_EXIF, _EXIF_EX = "{http://ns.adobe.com/exif/1.0/}", "{http://cipa.jp/exif/1.0/}"
_AUX, _TIFF = "{http://ns.adobe.com/exif/1.0/aux/}", "{http://ns.adobe.com/tiff/1.0/}"
_PHOTOSHOP = "{http://ns.adobe.com/photoshop/1.0/}"
_MOMENTS = (f"{_EXIF}DateTimeOriginal", f"{_PHOTOSHOP}DateCreated")
_DEGREES = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d{1,10})?)(?:,(\d{1,2}(?:\.\d{1,10})?))?([NSEW])")


def read_xmp(packet: bytes) -> Iterator[Facts]:
    """Words, then what the camera said; nothing of a packet that is no XMP or is too long."""
    if len(packet) > XMP_BYTES_MAX:
        return
    found: dict[str, list[str]] = {}
    for described in fromstring(packet.strip(b"\0 \r\n\t"), forbid_dtd=True).iter(f"{_RDF}Description"):
        for name, text in described.attrib.items():
            found.setdefault(name, [text])
        for child in described:
            found.setdefault(child.tag, _values(child))
    yield from _words_of(found)
    yield from _facts_of(found)


def read_iptc(image: ImageFile.ImageFile) -> Iterator[Facts]:
    """Title, caption, by-line, keywords, and the time if nothing else says it."""
    info: dict[tuple[int, int], Any] = IptcImagePlugin.getiptcinfo(image) or {}

    def values(number: int) -> list[str]:
        value = info.get((2, number), [])
        return [decode_text(raw) for raw in (value if isinstance(value, list) else [value])]

    yield {
        "title": clean_line("\n".join(values(5)[:1]), TITLE_MAX),
        "description": clean_text("\n".join(values(120)[:1])),
        "author": clean_line(", ".join(values(80))),
        "keywords": clean_keywords(values(25)),
    }
    moment = re.fullmatch(r"(\d{8}) (\d{6})([+-]\d{4})?", " ".join(values(55)[:1] + values(60)[:1]))
    if moment is not None:
        zone = parse_offset(moment[3] or "")
        with suppress(ValueError):
            yield tell(datetime.strptime(moment[1] + moment[2], "%Y%m%d%H%M%S").replace(tzinfo=zone))


def _words_of(found: dict[str, list[str]]) -> Iterator[Facts]:
    yield {
        "title": clean_line(_first(found, f"{_DC}title"), TITLE_MAX),
        "description": clean_text(_first(found, f"{_DC}description")),
        "author": clean_line(", ".join(found.get(f"{_DC}creator", []))),
        "keywords": clean_keywords(found.get(f"{_DC}subject", [])),
    }


def _facts_of(found: dict[str, list[str]]) -> Iterator[Facts]:
    yield {
        "camera": camera_of(_first(found, f"{_TIFF}Make"), _first(found, f"{_TIFF}Model")),
        "lens": clean_line(_first(found, f"{_EXIF_EX}LensModel") or _first(found, f"{_AUX}Lens")),
    }
    lat, lon = (_degrees(_first(found, f"{_EXIF}GPS{name}")) for name in ("Latitude", "Longitude"))
    if lat is not None and lon is not None and abs(lat) <= 90 and abs(lon) <= 180:
        yield {"location": {"lat": lat, "lon": lon}}
    for name in _MOMENTS:
        clock = parse_iso(_first(found, name))
        if clock is not None:
            yield tell(clock)


def _first(found: dict[str, list[str]], name: str) -> str:
    return next(iter(found.get(name, [])), "")


def _values(element: Element) -> list[str]:
    """The items of a list, those without a language first; the text of what is none."""
    items = list(element.iter(f"{_RDF}li"))
    if not items:
        return [element.text or ""]
    items.sort(key=lambda item: item.get(_LANG, "x-default") != "x-default")
    return [item.text or "" for item in items]


def _degrees(text: str) -> float | None:
    """`43,28.0469N`, or with seconds."""
    match = _DEGREES.fullmatch(text)
    if match is None:
        return None
    value = int(match[1]) + float(match[2]) / 60 + float(match[3] or 0) / 3600
    return round(value if match[4] in "NE" else -value, 7)
