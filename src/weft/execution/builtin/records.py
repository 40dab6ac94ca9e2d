"""The contract `records`: JSON documents by collection and key (`docs/protocol/ledger.md` section 4).

State holds what is known of a record's newest version and how to find those before. Versions number
documents: a deletion hides the newest one and takes no number. An erasure forgets all versions before it.
"""

from collections.abc import Callable, Iterator
from typing import Literal

from weft.execution.context import Context, state_key
from weft.execution.contract import WRITERS, Call, Contract, Failure
from weft.execution.version import drop_pages, keep_version, read_versions, show_page
from weft.execution.view import Reader
from weft.model.call import PutRecords, RecordItem, RemoveRecord, is_collection, is_record_key
from weft.model.digest import Digest
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.receipt import Named
from weft.model.transaction import Commitment

NAME = "records"
ITEMS_MAX = 500


class Version(Record, frozen=True):
    """One entry of a record's history."""

    kind: Literal["put", "deleted", "erased"]
    number: Natural
    """Of the document; a deletion or erasure repeats the number of the last one."""
    commitment: Digest | None
    """To the document; None if this is not a put."""
    size: Natural
    """Bytes of the document."""
    owner: str
    """Who wrote this: an address in hex, or `local`."""
    height: Natural
    time_ms: Natural


class RecordState(Record, frozen=True):
    """The state's value for a record."""

    newest: Version
    earlier: tuple[Version, ...]
    """The few before it, oldest first."""
    pages: Natural
    """Full pages behind those."""

    @property
    def version(self) -> int:
        """The version that is there: 0 if there is none or it is hidden."""
        return self.newest.number if self.newest.kind == "put" else 0


def record_key(collection: str, key: str) -> bytes:
    """The state key of a record."""
    return state_key(NAME, _place(collection, key))


def decode_record(value: bytes) -> RecordState:
    """A state value, of now or of any height."""
    return decode(RecordState, value)


def find_record(state: Reader, collection: str, key: str) -> RecordState | None:
    """The record, also when it is deleted or erased."""
    value = state.get(record_key(collection, key))
    return None if value is None else decode_record(value)


def read_history(state: Reader, collection: str, key: str) -> Iterator[Version]:
    """The record's history since its last erasure, newest first."""
    held = find_record(state, collection, key)
    return iter(()) if held is None else _history(state.get, state_key(NAME, b""), collection, key, held)


def list_records(
    state: Reader, collection: str, after: str | None, limit: int
) -> list[tuple[str, RecordState]]:
    """Keys of a collection, rising from the one after `after`, without deleted and erased records."""
    prefix = record_key(collection, "")
    cursor, found = prefix + (after or "").encode(), list[tuple[str, RecordState]]()
    while rows := state.scan(prefix, cursor, limit):
        for row_key, value in rows:
            held = decode_record(value)
            if held.version:
                found.append((row_key[len(prefix) :].decode(), held))
            if len(found) == limit:
                return found
        cursor = rows[-1][0]
    return found


def _put(context: Context, arguments: PutRecords) -> Named:
    items = arguments.items
    if not 1 <= len(items) <= ITEMS_MAX:
        raise Failure("records.count", (("count", len(items)), ("limit", ITEMS_MAX)))
    if sorted(item.attachment for item in items) != list(range(len(context.attachments))):
        raise Failure("attachments.mismatch", (("count", len(context.attachments)),))
    versions = [_put_one(context, place, item) for place, item in enumerate(items)]
    return (("version", versions[0]),) if len(versions) == 1 else (("count", len(versions)),)


def _put_one(context: Context, place: int, item: RecordItem) -> int:
    if not (is_collection(item.collection) and is_record_key(item.key)):
        raise Failure("records.name", (("place", place),))
    held = _find(context, item.collection, item.key)
    _check_expected(held, item.collection, item.key, item.expected)
    document = context.attachments[item.attachment]
    number = 1 if held is None else held.newest.number + 1
    _store(context, item.collection, item.key, held, "put", number, document)
    context.emit(
        "record.put",
        (
            ("collection", item.collection),
            ("key", item.key),
            ("version", number),
            ("size", document.size),
            ("author", context.owner),
        ),
    )
    return number


def _delete(context: Context, arguments: RemoveRecord) -> Named:
    collection, key = arguments.collection, arguments.key
    held = _find(context, collection, key)
    _check_expected(held, collection, key, arguments.expected)
    if held is None or not held.version:
        raise _missing(collection, key)
    _store(context, collection, key, held, "deleted", held.newest.number, None)
    return _announce(context, "record.deleted", collection, key, held.newest.number)


def _erase(context: Context, arguments: RemoveRecord) -> Named:
    collection, key = arguments.collection, arguments.key
    held = _find(context, collection, key)
    _check_expected(held, collection, key, arguments.expected)
    if held is None or held.newest.kind == "erased":
        raise _missing(collection, key)
    for version in _history(context.get, b"", collection, key, held):
        if version.commitment is not None:
            context.erase(version.commitment)
    drop_pages(context, _pages(collection, key), held.pages)
    _store(context, collection, key, None, "erased", held.newest.number, None)
    return _announce(context, "record.erased", collection, key, held.newest.number)


def _store(
    context: Context,
    collection: str,
    key: str,
    held: RecordState | None,
    kind: Literal["put", "deleted", "erased"],
    number: int,
    document: Commitment | None,
) -> None:
    """Write the record with a new newest version, and what was `held` behind it."""
    commitment, size = (None, 0) if document is None else (document.digest, document.size)
    newest = Version(kind, number, commitment, size, context.owner, context.height, context.time_ms)
    earlier: tuple[Version, ...] = ()
    pages = 0
    if held is not None:
        prefix = _pages(collection, key)
        earlier, pages = keep_version(context, prefix, held.earlier, held.pages, held.newest)
    context.put(_place(collection, key), encode(RecordState(newest, earlier, pages)))


def _announce(context: Context, type_: str, collection: str, key: str, number: int) -> Named:
    data = (("collection", collection), ("key", key), ("version", number), ("author", context.owner))
    context.emit(type_, data)
    return (("version", number),)


def _find(context: Context, collection: str, key: str) -> RecordState | None:
    value = context.get(_place(collection, key))
    return None if value is None else decode_record(value)


def _check_expected(held: RecordState | None, collection: str, key: str, expected: int | None) -> None:
    version = 0 if held is None else held.version
    if expected is not None and expected != version:
        raise Failure(
            "records.version",
            (("collection", collection), ("key", key), ("version", version), ("expected", expected)),
        )


def _history(
    get: Callable[[bytes], bytes | None], prefix: bytes, collection: str, key: str, held: RecordState
) -> Iterator[Version]:
    yield held.newest
    yield from read_versions(get, prefix + _pages(collection, key), Version, held.earlier, held.pages)


def _missing(collection: str, key: str) -> Failure:
    return Failure("records.missing", (("collection", collection), ("key", key)))


def _place(collection: str, key: str) -> bytes:
    """A zero byte ends the collection, so that a scan of it gives its keys in order and no other's."""
    return b"r" + collection.encode() + b"\0" + key.encode()


def _pages(collection: str, key: str) -> bytes:
    return b"p" + _place(collection, key) + b"\0"


def _show(place: bytes) -> str:
    """`COLLECTION/KEY`."""
    if place[:1] == b"p":
        return show_page(_show, place[1:-5] + place[-4:])
    return place[1:].replace(b"\0", b"/").decode("utf-8", "backslashreplace")


CONTRACT = Contract(
    NAME,
    {
        "put": Call(PutRecords, WRITERS, _put),
        "delete": Call(RemoveRecord, WRITERS, _delete),
        "erase": Call(RemoveRecord, WRITERS, _erase),
    },
    show=_show,
)
