"""What is said about a file, as it is sent: merge patches, and the attachments that they become."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from weft.client.errors import ProblemError
from weft.client.signing import Call
from weft.model.call import CreateFile
from weft.model.document import check_document
from weft.model.said import METADATA_BYTES_MAX, OWNER_FIELDS, check_names, check_said

BAD_FIX = f"Send an object of {', '.join(OWNER_FIELDS)} (docs/reference/files.md)."
APART = ("location", "place", "machine_tags")
"""What is in other attachments: of the position, and of what programs found."""


def encode_json(value: object) -> bytes:
    """The same bytes for the same value."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def merge(target: object, patch: object) -> Any:
    """A JSON merge patch applied (RFC 7396, section 2)."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def make_creation(
    id_: bytes,
    blob: Mapping[str, Any],
    name: str,
    patch: Mapping[str, Any],
    readers: Sequence[str] | None = None,
) -> Call:
    """The call that makes a file of content that a node has looked at; `patch` is the owner's word."""
    contents = [bytes.fromhex(blob["sha256"]), *contents_of(name, patched(blob["metadata"], patch))]
    arguments = CreateFile(
        id=id_,
        size=blob["size"],
        media_type=blob["media_type"],
        digest=0,
        name=1,
        metadata=2,
        position=3 if len(contents) > 3 else None,
        readers=None if readers is None else tuple(readers),
    )
    return Call("files", "create", arguments, contents)


def check_readers(file: dict[str, Any], readers: Sequence[str] | None) -> dict[str, Any]:
    """The file that is there already. Raises ProblemError if others may see it than are wanted."""
    if readers is not None and file["readers"] != sorted(set(readers)):
        raise ProblemError(
            409,
            {
                "code": "file.readers",
                "detail": f"file {file['id']} of these bytes is there, and others may see it than these",
            },
        )
    return file


def contents_of(name: str, metadata: Mapping[str, Any]) -> Sequence[bytes]:
    """Name, metadata and, if there is one, the position with its name: an attachment each."""
    named = {"place": metadata["place"]} if "place" in metadata else {}
    position = [encode_json(metadata["location"] | named)] if "location" in metadata else []
    return [name.encode(), _encode_rest(metadata), *position]


def patched(metadata: Mapping[str, Any], patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """The patch applied. What was known of the place or the zone goes with the position or the time. Raises
    ProblemError `file.metadata` for what a node would refuse, and whoever reads it leave out."""
    try:
        check_document(encode_json(patch))
        check_names(patch)
        merged = check_said(merge(metadata, patch))
        size = len(_encode_rest(merged))
    except (ValueError, RecursionError) as error:
        raise _refused(str(error)) from None
    if size > METADATA_BYTES_MAX:
        raise _refused(f"metadata of {size} bytes; the limit is {METADATA_BYTES_MAX}")
    gone = {"place"} if merged.get("location") != metadata.get("location") else set()
    gone |= {"taken_offset"} if "taken_at" in patch else set()
    return {field: value for field, value in merged.items() if field not in gone}


def _encode_rest(metadata: Mapping[str, Any]) -> bytes:
    return encode_json({field: value for field, value in metadata.items() if field not in APART})


def _refused(detail: str) -> ProblemError:
    """As a node says it."""
    return ProblemError(400, {"code": "file.metadata", "detail": detail, "fix": BAD_FIX})
