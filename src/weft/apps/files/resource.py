"""Files as the REST interface shows them."""

from typing import Annotated, Any

import msgspec

from weft.api.face import Place, place_of, time_text
from weft.api.schemas import Hash, NextCursor, Time
from weft.apps.files.index import FileView
from weft.apps.files.reader import VersionView
from weft.apps.files.wish import Looked
from weft.model.call import Principal
from weft.model.view import Fate

Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Metadata = Annotated[
    dict[str, Any],
    msgspec.Meta(
        description="`title description tags taken_at location custom` of the owner or the content, "
        "`taken_offset modified_at place camera lens author keywords width height orientation duration_ms "
        "pages` of the content alone; `machine_tags` (`tag by confidence`, faces with `count`, looks with "
        "`likeness`) of programs that looked at it; only what there is."
    ),
]
Readers = Annotated[
    list[Principal] | None,
    msgspec.Meta(
        description="Who may see it beside its owner, administrators and auditors: accounts, and "
        "collections, which stand for their members. Null: whoever reads the network."
    ),
]


class File(msgspec.Struct):
    """A file. `transaction` made it; in the answer to a change, the one that changed it."""

    id: Id
    sha256: Hash
    size: int
    media_type: str
    name: str
    metadata: Metadata
    version: int
    owner: Annotated[str, msgspec.Meta(description="An account's address, or `local`.")]
    created_at: Time
    updated_at: Time
    transaction: Place
    readers: Readers


class Sharing(msgspec.Struct, forbid_unknown_fields=True):
    """Who may see a file beside its owner, administrators and auditors; null: whoever reads the network."""

    readers: Readers


class FilePage(msgspec.Struct):
    """A page of a search. `total` and the facets are exact up to 10,000 hits, and of all files."""

    items: list[File]
    next_cursor: NextCursor
    total: int
    total_exact: bool
    height: int
    facets: Annotated[
        dict[str, dict[str, int]], msgspec.Meta(description="By facet: values and their hits, most first.")
    ]


class Alike(msgspec.Struct):
    """A picture that looks alike; `bits`: in how many of 64 the two looks differ, 0 to 5."""

    bits: int
    file: File


class FilesAlike(msgspec.Struct):
    """Pictures that look like a file, the likest first, itself not among them. Empty until a program has told
    how the file looks."""

    items: list[Alike]
    height: int


class MonthCount(msgspec.Struct):
    """A month as YYYY-MM in UTC, and how many files were taken in it."""

    month: Annotated[str, msgspec.Meta(pattern="^-?[0-9]{4}-[0-9]{2}$")]
    count: int


class FileTimeline(msgspec.Struct):
    """All hits of a search by month, newest first; `undated` have no time of taking."""

    months: list[MonthCount]
    undated: int
    height: int


class FileVersion(msgspec.Struct):
    """One version of a file; `name` and `metadata` are null when it is erased."""

    version: int
    name: str | None
    metadata: dict[str, Any] | None
    author: str
    height: int
    time: Time
    erased_height: int | None


class FileHistory(msgspec.Struct):
    """Versions, newest first; of an erased file only the last."""

    items: list[FileVersion]
    next_cursor: NextCursor


class FileErased(msgspec.Struct):
    """The file is gone: this node's copies were overwritten before this answer."""

    id: Id
    erased_height: int
    transaction: Place


class FileProof(msgspec.Struct):
    """From the SHA-256 of the content to the committee's signatures; `encoded` is base64 of the whole."""

    id: Id
    sha256: Hash
    proof: dict[str, Any]
    encoded: str


class Blob(msgspec.Struct):
    """Content that waits for a file, and what it says of itself."""

    sha256: Hash
    size: int
    media_type: str
    metadata: Metadata


def show_blob(looked: Looked) -> Blob:
    """What was found of content that is kept."""
    return Blob(looked.sha256, looked.size, looked.media_type, looked.metadata)


def show_file(file: FileView, fate: Fate | None = None) -> File:
    """The resource; `fate` of the write that this is the answer to."""
    place = place_of(fate) if fate else Place(file.tx_id, file.tx_height, file.tx_position)
    return File(
        id=file.id,
        sha256=file.sha256 or "",
        size=file.size,
        media_type=file.media_type,
        name=file.name,
        metadata=file.metadata,
        version=file.version,
        owner=file.owner,
        created_at=time_text(file.created_ms),
        updated_at=time_text(file.updated_ms),
        transaction=place,
        readers=None if file.readers is None else list(file.readers),
    )


def show_version(version: VersionView, erased_height: int | None) -> FileVersion:
    return FileVersion(
        version=version.version,
        name=version.name,
        metadata=version.metadata,
        author=version.author,
        height=version.height,
        time=time_text(version.time_ms),
        erased_height=erased_height,
    )
