"""What programs found in the content of files: tags with a confidence, and how a picture looks.

They are never mixed with what people say: an attachment of their own, a field of their own (`machine_tags`),
which no patch can change. Looks are compared by the bits in which they differ. A look is cut into six parts:
two that differ in five bits at most have a part in common, so no others need comparing.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

FINDER = "weft-eyes-1"
"""What this version tells as; one that sees otherwise is another number."""
TAGS_MAX, TAG_MAX, COUNT_MAX = 32, 64, 10_000
APART_MAX = 5
"""Bits in which two looks that are alike differ, at most: one less than there are parts."""
BYTES_MAX = 8192
BITS_MIN = 8
"""Set bits that a look must have; most have 32. A picture of one colour has one or none, as all such have."""

Machine = list[dict[str, Any]]

_PARTS = (11, 11, 11, 11, 10, 10)
_LIKENESS = re.compile(r"[0-9a-f]{16}")


def encode_findings(seen: dict[str, Any]) -> bytes:
    """The attachment of what was seen."""
    return json.dumps(seen, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def decode_findings(raw: bytes, by: str) -> Machine:
    """What an attachment says, as users see it. Anybody may have signed it: what makes no sense is left out.

    Each is `tag`, `by` and `confidence`, a number from 0 to 1; faces have a `count`, looks a `likeness`.
    """
    try:
        seen = json.loads(raw) if len(raw) <= BYTES_MAX else None
    except (ValueError, RecursionError):
        return []
    if not isinstance(seen, dict):
        return []
    tags = seen.get("tags")
    rows = tags[:TAGS_MAX] if isinstance(tags, list) else []
    found = [tag for row in rows if (tag := _tag(row, by)) is not None]
    likeness = seen.get("likeness")
    if isinstance(likeness, str) and _LIKENESS.fullmatch(likeness):
        found.append({"tag": "look", "by": by, "confidence": 1.0, "likeness": likeness})
    return found


def likeness_of(machine: Machine) -> str | None:
    """How the picture looks, if a program has told; None where there is nothing to tell it from others by."""
    looks = (row["likeness"] for row in machine if "likeness" in row)
    return next((look for look in looks if int(look, 16).bit_count() >= BITS_MIN), None)


def words_of(machine: Machine) -> Iterator[str]:
    """What the index finds it by: words that nobody types."""
    for row in machine:
        yield tag_word(row["tag"])
    likeness = likeness_of(machine)
    if likeness is not None:
        yield from look_words(likeness)


def tag_word(tag: str) -> str:
    return f"xqmachine{tag.encode().hex()}"


def look_words(likeness: str) -> list[str]:
    """A word for each part."""
    bits, words = int(likeness, 16), []
    for number, width in enumerate(_PARTS):
        words.append(f"xqlook{number}x{bits & ((1 << width) - 1):03x}")
        bits >>= width
    return words


def bits_apart(one: str, other: str) -> int:
    """In how many bits two looks differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def _tag(row: object, by: str) -> dict[str, Any] | None:
    if not isinstance(row, dict):
        return None
    tag, confidence, count = row.get("tag"), row.get("confidence"), row.get("count")
    is_named = isinstance(tag, str) and 0 < len(tag) <= TAG_MAX and tag.isprintable()
    if not is_named or type(confidence) not in (int, float) or not 0 <= confidence <= 1:  # type: ignore[operator]
        return None
    counted = {"count": count} if type(count) is int and 0 < count <= COUNT_MAX else {}
    return {"tag": tag, "by": by, "confidence": confidence, **counted}
