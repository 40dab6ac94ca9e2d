"""What the service wishes of the ledger, which the node signs for somebody, and what it comes to."""

from dataclasses import dataclass
from os import urandom

from weft.apps.files.contract import NAME
from weft.apps.files.index import FileView
from weft.apps.files.metadata import Metadata, encode_metadata
from weft.model.call import CreateFile, Principal, ShareFile, UpdateFile
from weft.model.encoding import encode
from weft.model.transaction import Attachment
from weft.model.view import Fate, Wish


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to. `file` None: it is not executed here yet, or did not take effect."""

    file: FileView | None
    fate: Fate | None
    """None: there was nothing to do, the file is there already."""


@dataclass(frozen=True, slots=True)
class Known:
    """A file that an owner has of some content. `is_here`: this node holds the content itself."""

    sha256: str
    id: str
    is_here: bool
    readers: tuple[Principal, ...] | None


@dataclass(frozen=True, slots=True)
class Looked:
    """What content says of itself."""

    sha256: str
    size: int
    media_type: str
    metadata: Metadata


def wish_creation(
    looked: Looked,
    name: str,
    metadata: Metadata,
    readers: tuple[Principal, ...] | None,
    key: str | None,
    meaning: bytes,
) -> Wish:
    """A file of content that this node has looked at."""
    rest, position = encode_metadata(metadata)
    arguments = CreateFile(
        id=urandom(16),
        size=looked.size,
        media_type=looked.media_type,
        digest=0,
        name=1,
        metadata=2,
        position=None if position is None else 3,
        readers=readers,
    )
    contents = (bytes.fromhex(looked.sha256), name.encode(), rest, position)
    return Wish(NAME, "create", encode(arguments), _attach(contents), key, meaning)


def wish_change(file: FileView, metadata: Metadata, expected: int, key: str | None, meaning: bytes) -> Wish:
    """Other metadata."""
    rest, position = encode_metadata(metadata)
    arguments = UpdateFile(
        id=bytes.fromhex(file.id),
        name=0,
        metadata=1,
        position=None if position is None else 2,
        expected=expected,
    )
    contents = (file.name.encode(), rest, position)
    return Wish(NAME, "update", encode(arguments), _attach(contents), key, meaning)


def wish_sharing(id_: str, readers: tuple[Principal, ...] | None, key: str | None, meaning: bytes) -> Wish:
    """Other readers."""
    return Wish(NAME, "share", encode(ShareFile(bytes.fromhex(id_), readers)), (), key, meaning)


def _attach(contents: tuple[bytes | None, ...]) -> tuple[Attachment, ...]:
    return tuple(Attachment(urandom(32), content) for content in contents if content is not None)
