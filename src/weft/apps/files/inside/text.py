"""Text from anybody, made fit to be kept: printable, of bounded length."""

import re
from collections.abc import Iterable
from contextlib import suppress

LINE_MAX = 200
"""Characters of a name of a camera, a lens or a person."""
TITLE_MAX = 500
DESCRIPTION_MAX = 4000
KEYWORD_MAX, KEYWORDS_MAX = 100, 100

Facts = dict[str, object]


def clean_line(value: object, length_max: int = LINE_MAX) -> str:
    """Text up to the first zero byte, printable, with single spaces; empty of what is no text."""
    return " ".join(_printable(value, "").split())[:length_max].strip()


def clean_text(value: object, length_max: int = DESCRIPTION_MAX) -> str:
    """The same with its line breaks."""
    lines = (" ".join(line.split()) for line in _printable(value, "\n").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:length_max].strip()


def clean_keywords(values: Iterable[object]) -> list[str]:
    """Each once, in their order."""
    words = dict.fromkeys(clean_line(value, KEYWORD_MAX) for value in values)
    return [word for word in words if word][:KEYWORDS_MAX]


def split_keywords(value: object) -> list[str]:
    """Keywords that stand in one text, with commas or semicolons between."""
    return clean_keywords(re.split(r"[;,\n]", clean_text(value)))


def decode_text(raw: bytes) -> str:
    """UTF-8 if it is that, else Latin-1, which any bytes are."""
    with suppress(UnicodeDecodeError):
        return raw.decode()
    return raw.decode("latin-1")


def _printable(value: object, kept: str) -> str:
    if isinstance(value, bytes):
        value = decode_text(value.split(b"\0")[0])
    if not isinstance(value, str):
        return ""
    text = value.split("\0")[0].replace("\r\n", "\n").replace("\r", "\n")
    return "".join(letter if letter.isprintable() or letter in kept else " " for letter in text)
