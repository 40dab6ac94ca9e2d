"""A collection as the ledger's state and its attachment tell it. For threads: it touches the disk."""

from dataclasses import dataclass

from weft.apps.collections.contract import Collection, find_collection, list_collections, list_members
from weft.apps.files.errors import CollectionUnknownError
from weft.apps.files.ports import Ledger
from weft.apps.files.viewer import Viewer
from weft.model.call import FileId
from weft.model.said import clean_line
from weft.model.transaction import Attachment

ROWS_MAX = 5000
"""Collections looked at for one page, deleted ones too: they stay on the ledger."""
ROWS_AT_ONCE = 500


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


def load_page(
    ledger: Ledger, after: FileId | None, limit: int, viewer: Viewer
) -> tuple[list[CollectionView], FileId | None]:
    """Collections that were not deleted and that the viewer may see, by rising id from the one after `after`;
    and the id to go on after, None at the end. At most `ROWS_MAX` are looked at, so where many are deleted or
    private a page may hold fewer than `limit`, even none, and others follow."""
    found: list[CollectionView] = []
    looked, at_once = 0, limit + 1
    while looked < ROWS_MAX:
        rows = list_collections(ledger.state, after, at_once)
        for id_, state in rows:
            if state.name is None or not viewer.sees_collection(state):
                continue
            if len(found) == limit:
                return found, bytes.fromhex(found[-1].id)
            found.append(_view(ledger, id_, state))
        if len(rows) < at_once:
            return found, None
        after, looked, at_once = rows[-1][0], looked + len(rows), ROWS_AT_ONCE
    return found, after


def _view(ledger: Ledger, id_: FileId, state: Collection) -> CollectionView:
    assert state.name is not None
    content = ledger.attachments.find(state.name.digest)
    name = clean_line(content.content.decode("utf-8", "replace")) if isinstance(content, Attachment) else None
    return CollectionView(id_.hex(), name, state)
