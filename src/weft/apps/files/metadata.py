"""What is said about a file: some by its content, some by its owner, as one JSON object.

The owner's fields are `title description tags taken_at location custom`; all others are what the content says
of itself. What the owner sends is a merge patch (RFC 7396) over what is there: null takes a field away, also
one that the content gave. `place` is the name of `location` and `taken_offset` the zone of `taken_at`: each
goes when the owner changes what it belongs to. On the ledger the object is two attachments, the position and
its name apart from the rest.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from weft.api.document import check_document
from weft.apps.files.errors import MetadataError
from weft.model.said import (
    CHECKS,
    METADATA_BYTES_MAX,
    TAGS_MAX,
    TIME,
    TITLE_MAX,
    check_names,
    check_said,
    check_text,
    check_texts,
    check_time,
)

BYTES_MAX = METADATA_BYTES_MAX

Metadata = dict[str, Any]

_UNSPEAKABLE = "metadata holds a number or a character that JSON cannot carry"

_OFFSET = re.compile(r"[+-]\d\d:\d\d", re.ASCII)

APART = ("location", "place", "machine_tags")
"""What is in other attachments: of the position, and of what programs found."""


def read_patch(raw: bytes) -> Metadata:
    """The merge patch that `raw` encodes; raises MetadataError or DocumentError."""
    check_document(raw, BYTES_MAX)
    try:
        patch = json.loads(raw)
        canonical_patch(patch)
    except ValueError:
        raise MetadataError(_UNSPEAKABLE) from None
    if not isinstance(patch, dict):
        raise MetadataError("metadata is not a JSON object")
    try:
        check_names(patch)
    except ValueError as error:
        raise MetadataError(str(error)) from None
    return patch


def apply_patch(metadata: Metadata, patch: Metadata) -> Metadata:
    """The metadata after the patch; raises MetadataError unless every field of the owner makes sense."""
    merged: Metadata = _merge(metadata, patch)
    if "taken_at" in patch:
        merged.pop("taken_offset", None)
        merged |= _offset_in(merged.get("taken_at"))
    if merged.get("location") != metadata.get("location"):
        merged.pop("place", None)
    try:
        merged = {**check_said(merged), **_in_utc(merged)}
    except ValueError as error:
        raise MetadataError(str(error)) from None
    encode_metadata(merged)
    return merged


def encode_metadata(metadata: Metadata) -> tuple[bytes, bytes | None]:
    """The two attachments: all but the position, and the position with its name if there is one."""
    rest = {name: value for name, value in metadata.items() if name not in APART}
    named = {"place": metadata["place"]} if "place" in metadata else {}
    try:
        encoded = _encode(rest)
        position = _encode(metadata["location"] | named) if "location" in metadata else None
    except (ValueError, RecursionError):
        raise MetadataError(_UNSPEAKABLE) from None
    if len(encoded) > BYTES_MAX:
        raise MetadataError(f"metadata of {len(encoded)} bytes; the limit is {BYTES_MAX}")
    return encoded, position


def decode_metadata(rest: bytes, position: bytes | None) -> Metadata:
    """What the two attachments say. A client may sign anything into them: what makes no sense is left out,
    of a list what makes none in it."""
    location = {} if position is None else _decode(position)
    place = location.pop("place", None)
    found = _decode(rest) | {"location": location or None, "place": place}
    found = _offset_in(found.get("taken_at")) | found
    metadata: Metadata = {}
    for name in [name for name in _ALL_CHECKS if name in found]:
        value, check = found[name], _ALL_CHECKS[name]
        if value is None:
            continue
        try:
            metadata[name] = check(value)
        except ValueError:
            if name in _LISTS and (kept := _sensible(value, check)):
                metadata[name] = kept
    metadata |= _in_utc(metadata)
    for name, needed in (("place", "location"), ("taken_offset", "taken_at")):
        if needed not in metadata:
            metadata.pop(name, None)
    return metadata


def canonical_patch(patch: Metadata) -> bytes:
    """The same bytes for the same meaning, whatever the order of names and the white space."""
    return _encode(patch)


def texts_of(value: object) -> Iterator[str]:
    """All strings within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from texts_of(item)


def parse_time(text: object) -> datetime:
    """The moment that an RFC 3339 text names; raises ValueError."""
    match = TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError("must be an RFC 3339 time such as 2008-10-22T16:28:39Z")
    day, clock, fraction, _, offset = match.groups()
    micros = (fraction or "0").ljust(6, "0")[:6]
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{micros}{offset or '+00:00'}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time that the calendar has") from None


def write_time(moment: datetime) -> str:
    """RFC 3339 in UTC, with as many digits as it needs."""
    text = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


def _offset_in(text: object) -> Metadata:
    """The zone that a time was given in, unless that is UTC."""
    match = None if not isinstance(text, str) or text.endswith("Z") else TIME.fullmatch(text)
    return {"taken_offset": match[5]} if match is not None and match[5] else {}


def _merge(target: object, patch: object) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def _in_utc(metadata: Metadata) -> Metadata:
    """Its times, as they are kept."""
    return {name: _time_in_utc(metadata[name]) for name in _TIMES if name in metadata}


def _time_in_utc(text: str) -> str:
    is_already = len(text) == 20 and text[10] == "T" and text[19] == "Z"
    return text if is_already else write_time(parse_time(text))


def _sensible(value: object, check: Callable[[object], list[str]]) -> list[str]:
    """Of a list, the texts that make sense, as many as there may be."""
    found = []
    for text in value if isinstance(value, list) else ():
        with suppress(ValueError):
            found += check([text])
    return list(dict.fromkeys(found))[:TAGS_MAX]


def _natural(value: object) -> int:
    if type(value) is not int or not 0 < value < 2**31:
        raise ValueError("a size, count, length or orientation is a small number")
    return value


def _offset(value: object) -> str:
    if not isinstance(value, str) or _OFFSET.fullmatch(value) is None:
        raise ValueError("an offset is written as +02:00")
    return value


_CONTENT_CHECKS: dict[str, Callable[[object], Any]] = {
    "taken_offset": _offset,
    "modified_at": check_time("modified_at"),
    "place": check_text("place", TITLE_MAX),
    "camera": check_text("camera", TITLE_MAX),
    "lens": check_text("lens", TITLE_MAX),
    "author": check_text("author", TITLE_MAX),
    "keywords": check_texts("keywords", "a keyword"),
    "width": _natural,
    "height": _natural,
    "orientation": _natural,
    "duration_ms": _natural,
    "pages": _natural,
}


_ALL_CHECKS = CHECKS | _CONTENT_CHECKS
_LISTS = ("tags", "keywords")
_TIMES = ("taken_at", "modified_at")


def _encode(value: object) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def _decode(raw: bytes) -> dict[str, Any]:
    """An object, or an empty one: an attachment is whatever its signer put into it."""
    if len(raw) > BYTES_MAX:
        return {}
    try:
        # Takes what JSON can carry and nothing else, at a tenth of the price.
        value = msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
