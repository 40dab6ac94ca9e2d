"""A collection as the ledger's state and its attachment tell it. For threads: it touches the disk."""

from dataclasses import dataclass

from weft.apps.collections.contract import Collection, find_collection, list_collections, list_members
from weft.apps.files.errors import CollectionUnknownError
from weft.apps.files.ports import Ledger
from weft.apps.files.viewer import Viewer
from weft.model.call import FileId
from weft.model.said import clean_line
from weft.model.transaction import Attachment


@dataclass(frozen=True, slots=True)
class CollectionView:
    """A collection as users see it."""

    id: str
    name: str | None
    """None while this node lacks the attachment that says it."""
    state: Collection


def load_collection(ledger: Ledger, id_: str, viewer: Viewer) -> CollectionView:
    """Raises CollectionUnknownError, also for one that was deleted, or CollectionPrivateError."""
    state = find_collection(ledger.state, bytes.fromhex(id_))
    if state is None or state.name is None:
        raise CollectionUnknownError(f"there is no collection {id_}")
    viewer.check_collection(id_, state)
    return _view(ledger, bytes.fromhex(id_), state)


def load_members(ledger: Ledger, id_: str, viewer: Viewer) -> list[FileId]:
    """The files of a collection; raises CollectionUnknownError or CollectionPrivateError."""
    load_collection(ledger, id_, viewer)
    return list_members(ledger.state, bytes.fromhex(id_))


def load_page(ledger: Ledger, after: FileId | None, count: int, viewer: Viewer) -> list[CollectionView]:
    """Collections that were not deleted and that the viewer may see, by rising id from the one after
    `after`."""
    found: list[CollectionView] = []
    while len(found) < count:
        rows = list_collections(ledger.state, after, count)
        seen = [row for row in rows if row[1].name is not None and viewer.sees_collection(row[1])]
        found += [_view(ledger, id_, state) for id_, state in seen]
        if len(rows) < count:
            break
        after = rows[-1][0]
    return found[:count]


def _view(ledger: Ledger, id_: FileId, state: Collection) -> CollectionView:
    assert state.name is not None
    content = ledger.attachments.find(state.name.digest)
    name = clean_line(content.content.decode("utf-8", "replace")) if isinstance(content, Attachment) else None
    return CollectionView(id_.hex(), name, state)
