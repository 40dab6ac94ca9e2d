"""The arguments of the calls that every network has, as clients encode them and contracts decode them.

`attachment` numbers count into the transaction's list of commitments. `expected` makes a call conditional:
None is any state, 0 means that there must be nothing, n that version n must be the newest.
"""

import re
from typing import Annotated, Literal

import msgspec

from weft.model.encoding import Natural, Record
from weft.model.genesis import Role
from weft.model.keys import PublicKey

FileId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
"""Random, made by who creates the file; 32 lower-case hex digits for users."""

CollectionId = FileId
"""The same, of a collection of files."""

AccountName = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
"""An account's address in hex."""

Principal = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{40}|[0-9a-f]{32})\Z")]
"""Who may see a file: an account's address, or the id of a collection, which stands for its members."""

_COLLECTION = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RECORD_KEY = re.compile(r"(?!\.\.?\Z)[^/\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,256}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
_FINDER = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


def is_collection(text: str) -> bool:
    """Whether a collection may be called so."""
    return _COLLECTION.fullmatch(text) is not None


def is_record_key(text: str) -> bool:
    """Whether a record may be called so: 1 to 256 bytes, no slash, no control characters, not `.` or `..`.

    Programs take the two out of a path on its way: nobody could ask for such a record.
    """
    return _RECORD_KEY.fullmatch(text) is not None and len(text.encode()) <= 256


def is_finder(text: str) -> bool:
    """Whether this names a program, as findings do."""
    return _FINDER.fullmatch(text) is not None


def is_media_type(text: str) -> bool:
    """Whether this is a type and a subtype in lower case, without parameters (RFC 6838 section 4.2)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


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
    readers: tuple[Principal, ...] | None = None
    """Who may see it beside its owner, administrators and auditors; None: whoever reads the network."""


class ShareFile(Record, frozen=True):
    """`files.share`: who may see it from now on, as `files.create` says it."""

    id: FileId
    readers: tuple[Principal, ...] | None


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


class CreateCollection(Record, frozen=True):
    """`collections.create`. Attachment: its name (UTF-8)."""

    id: CollectionId
    name: Natural
    is_private: bool = False
    """Only its members, administrators and auditors may see it."""


class UpdateCollection(Record, frozen=True):
    """`collections.update`: another name, the one before being destroyed; who may see it. None: as it is."""

    id: CollectionId
    name: Natural | None
    is_private: bool | None
    expected: Natural | None


class ChangeCollection(Record, frozen=True):
    """`collections.change`: files come and go, 500 at most; what is there or gone already stays so."""

    id: CollectionId
    add: tuple[FileId, ...]
    remove: tuple[FileId, ...]


class ShareCollection(Record, frozen=True):
    """`collections.share`: another account becomes a member, or is none any more."""

    id: CollectionId
    account: AccountName
    access: Literal["none", "read", "write"]
    """`read`: may see what is shared with the collection. `write`: may add and remove files as well."""


class DeleteCollection(Record, frozen=True):
    """`collections.delete`: takes it apart and destroys its name; its files stay."""

    id: CollectionId
    expected: Natural | None


class TagFile(Record, frozen=True):
    """`files.tag`: what a program found in the content. Attachment: its findings (JSON)."""

    id: FileId
    by: str
    """The program and its version: `[a-z0-9][a-z0-9.-]{0,63}`."""
    findings: Natural


class SetRole(Record, frozen=True):
    """`members.set`: gives an account a role, or none. For administrators."""

    key: PublicKey
    role: Role | None
