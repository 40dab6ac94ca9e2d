"""A collection as the ledger's state and its attachment tell it. For threads: it touches the disk."""

from dataclasses import dataclass

from weft.apps.collections.contract import Collection, find_collection, list_collections, list_members
from weft.apps.files.errors import CollectionUnknownError
from weft.apps.files.metadata import clean_name
from weft.apps.files.ports import Ledger
from weft.model.call import FileId
from weft.model.transaction import Attachment


@dataclass(frozen=True, slots=True)
class CollectionView:
    """A collection as users see it."""

    id: str
    name: str | None
    """None while this node lacks the attachment that says it."""
    state: Collection


def load_collection(ledger: Ledger, id_: str) -> CollectionView:
    """Raises CollectionUnknownError, also for one that was deleted."""
    state = find_collection(ledger.state, bytes.fromhex(id_))
    if state is None or state.name is None:
        raise CollectionUnknownError(f"there is no collection {id_}")
    return _view(ledger, bytes.fromhex(id_), state)


def load_members(ledger: Ledger, id_: str) -> list[FileId]:
    """The files of a collection; raises CollectionUnknownError."""
    load_collection(ledger, id_)
    return list_members(ledger.state, bytes.fromhex(id_))


def load_page(ledger: Ledger, after: FileId | None, count: int) -> list[CollectionView]:
    """Collections that were not deleted, by rising id from the one after `after`."""
    found: list[CollectionView] = []
    while len(found) < count:
        rows = list_collections(ledger.state, after, count)
        found += [_view(ledger, id_, state) for id_, state in rows if state.name is not None]
        if len(rows) < count:
            break
        after = rows[-1][0]
    return found[:count]


def _view(ledger: Ledger, id_: FileId, state: Collection) -> CollectionView:
    assert state.name is not None
    content = ledger.attachments.find(state.name.digest)
    name = clean_name(content.content.decode("utf-8", "replace")) if isinstance(content, Attachment) else None
    return CollectionView(id_.hex(), name, state)
