"""Which media type content is of, told by the content; a name decides only between kinds of plain text."""

import codecs
import mimetypes
from pathlib import PurePath

import filetype  # type: ignore[import-untyped]

HEAD_BYTES = 8192
"""How much of the beginning is looked at."""
UNKNOWN = "application/octet-stream"

_TEXTS = {"text/csv", "text/markdown", "text/calendar", "text/css", "application/json", "application/xml"}
BRANDS_END = 256
"""Up to where a file's brands are looked at."""

_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"), "image/heic"),
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"M4V ", b"M4VH", b"M4VP"), "video/x-m4v"),
    **dict.fromkeys((b"M4A ", b"M4B ", b"M4P "), "audio/mp4"),
    **dict.fromkeys((b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3g2a", b"3g2b"), "video/3gpp"),
    **dict.fromkeys((b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1"), "video/mp4"),
    b"qt  ": "video/quicktime",
}
_MARKUP = (
    (b"<svg", "image/svg+xml"),
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<?xml", "application/xml"),
)


def media_type_of(head: bytes, name: str) -> str:
    """The media type of content that begins with `head`, in a file of that name."""
    boxed = _boxed(head)
    if boxed is not None:
        return boxed
    found = filetype.guess(head)
    if found is not None:
        return str(found.mime)
    if not _is_text(head):
        return UNKNOWN
    return _markup_of(head) or _text_of(name)


def _boxed(head: bytes) -> str | None:
    """The type of a file of ISO boxes (ISO 14496-12) by its first brand that names one; before there were
    brands, only QuickTime had boxes."""
    kind, size = head[4:8], int.from_bytes(head[:4], "big")
    if kind in (b"moov", b"mdat", b"wide") and (size == 1 or size >= 8):
        return "video/quicktime"
    if kind != b"ftyp" or size < 16:
        return None
    brands = [head[8:12], *(head[place : place + 4] for place in range(16, min(size, BRANDS_END), 4))]
    return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)


def _is_text(head: bytes) -> bool:
    """UTF-8 without control characters; a character cut at the end of the head is no fault."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except UnicodeDecodeError:
        return False
    return bool(head) and not any(ord(letter) < 32 and letter not in "\t\n\r\f" for letter in text)


def _markup_of(head: bytes) -> str | None:
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:1024].lower()
    if start.startswith(b"<?xml") and b"<svg" in start:
        return "image/svg+xml"
    return next((kind for mark, kind in _MARKUP if start.startswith(mark)), None)


def _text_of(name: str) -> str:
    guessed = mimetypes.guess_type(PurePath(name).name)[0]
    return guessed if guessed in _TEXTS else "text/plain"
