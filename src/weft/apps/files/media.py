"""Which media type content is of, told by the content; a name decides only between kinds of plain text."""

import codecs
import mimetypes
from pathlib import PurePath

import filetype  # type: ignore[import-untyped]

HEAD_BYTES = 8192
"""How much of the beginning is looked at."""
UNKNOWN = "application/octet-stream"

_TEXTS = {"text/csv", "text/markdown", "text/calendar", "text/css", "application/json", "application/xml"}
_MARKUP = (
    (b"<svg", "image/svg+xml"),
    (b"<!doctype html", "text/html"),
    (b"<html", "text/html"),
    (b"<?xml", "application/xml"),
)


def media_type_of(head: bytes, name: str) -> str:
    """The media type of content that begins with `head`, in a file of that name."""
    found = filetype.guess(head)
    if found is not None:
        return str(found.mime)
    if not _is_text(head):
        return UNKNOWN
    return _markup_of(head) or _text_of(name)


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
