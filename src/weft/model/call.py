"""The arguments of the calls that every network has, as clients encode them and contracts decode them.

`attachment` numbers count into the transaction's list of commitments. `expected` makes a call conditional:
None is any state, 0 means that there must be nothing, n that version n must be the newest.
"""

from typing import Annotated

import msgspec

from weft.model.encoding import Natural, Record
from weft.model.genesis import Role
from weft.model.keys import PublicKey

FileId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
"""Random, made by who creates the file; 32 lower-case hex digits for users."""


class RecordItem(Record, frozen=True):
    """One document of a put."""

    collection: str
    key: str
    attachment: Natural
    expected: Natural | None


class PutRecords(Record, frozen=True):
    """`records.put`: 1 to 500 documents, all or nothing."""

    items: tuple[RecordItem, ...]


class RemoveRecord(Record, frozen=True):
    """`records.delete` hides the record; `records.erase` destroys the content of all its versions."""

    collection: str
    key: str
    expected: Natural | None


class CreateFile(Record, frozen=True):
    """`files.create`. Attachments: SHA-256 (32 bytes), name (UTF-8), metadata and position (JSON)."""

    id: FileId
    size: Natural
    media_type: str
    digest: Natural
    name: Natural
    metadata: Natural
    position: Natural | None


class UpdateFile(Record, frozen=True):
    """`files.update`: a new version of name, metadata and position."""

    id: FileId
    name: Natural
    metadata: Natural
    position: Natural | None
    expected: Natural | None


class EraseFile(Record, frozen=True):
    """`files.erase`: destroys content, name, digest, metadata and position of all versions."""

    id: FileId
    expected: Natural | None


class SetRole(Record, frozen=True):
    """`members.set`: gives an account a role, or none. For administrators."""

    key: PublicKey
    role: Role | None
