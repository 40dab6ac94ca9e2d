"""A file as a row of an index."""

import json
from dataclasses import fields
from typing import Any

import msgspec

from weft.apps.files.index import FileView
from weft.apps.files.metadata import Metadata

SHOWN = [field.name for field in fields(FileView)]
"""Columns of what is shown."""


def file_of(row: tuple[Any, ...]) -> FileView:
    """The file of a row of the columns `SHOWN`."""
    facts = dict(zip(SHOWN, row, strict=True))
    for name in ("id", "sha256", "tx_id"):
        facts[name] = None if facts[name] is None else bytes(facts[name]).hex()
    facts["metadata"] = msgspec.json.decode(facts["metadata"])
    facts["readers"] = None if facts["readers"] is None else tuple(facts["readers"].split())
    return FileView(**facts)


def encode_readers(readers: tuple[str, ...] | None) -> str | None:
    """With spaces between."""
    return None if readers is None else " ".join(readers)


def encode_metadata(metadata: Metadata) -> str:
    """As JSON, in which no NUL can stand."""
    try:
        return msgspec.json.encode(metadata).decode()
    except OverflowError:
        # A number of the owner's that is beyond 64 bits.
        return json.dumps(metadata, ensure_ascii=False)
