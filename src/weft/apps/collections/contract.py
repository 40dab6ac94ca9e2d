"""The contract `collections`: files put together by somebody, under a name (an album, a project).

On the ledger stand id, owner, members and which files are in it; its name is an attachment and is destroyed
when it changes. A collection says nothing about its files: an id in it may lead nowhere, as that of an erased
file does, and being in it makes no file visible. It is files that say that members of a collection may see
them; so each account's memberships are kept under its name.
"""

import msgspec

from weft.execution.contract import (
    WRITERS,
    Call,
    Context,
    Contract,
    Failure,
    Reader,
    state_key,
)
from weft.model.call import (
    ChangeCollection,
    CreateCollection,
    DeleteCollection,
    FileId,
    ShareCollection,
    UpdateCollection,
)
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.receipt import Named
from weft.model.transaction import Commitment

NAME = "collections"
FILES_MAX = 10_000
"""In one collection."""
CHANGE_MAX = 500
"""Files added and removed by one transaction."""
WRITERS_MAX = 100
READERS_MAX = 100
MEMBERSHIPS_MAX = 10_000
"""Collections that one account owns or is a member of."""


class Collection(Record, frozen=True):
    """The state's value for a collection."""

    owner: str
    """An address in hex, or `local`."""
    writers: tuple[str, ...]
    """Others who may add and remove files, in order."""
    readers: tuple[str, ...]
    """Others who may see what is shared with it, in order; writers may too."""
    is_private: bool
    """Only its members may see it; else whoever reads the network."""
    version: Natural
    name: Commitment | None
    """None: it was deleted."""
    files: Natural
    """How many."""
    created_height: Natural
    created_ms: Natural
    changed_height: Natural
    changed_ms: Natural

    @property
    def members(self) -> tuple[str, ...]:
        """Who may see what is shared with it."""
        return (self.owner, *self.writers, *self.readers)


def find_collection(state: Reader, id_: FileId) -> Collection | None:
    """The collection, also when it is deleted."""
    value = state.get(state_key(NAME, _place(id_)))
    return None if value is None else decode(Collection, value)


def list_collections(state: Reader, after: FileId | None, limit: int) -> list[tuple[FileId, Collection]]:
    """Collections by rising id from the one after `after`, deleted ones too."""
    prefix = state_key(NAME, b"c")
    rows = state.scan(prefix, prefix + (after or b""), limit)
    return [(key[len(prefix) :], decode(Collection, value)) for key, value in rows]


def list_members(state: Reader, id_: FileId) -> list[FileId]:
    """The files of a collection by rising id."""
    prefix = state_key(NAME, _files(id_))
    return [key[len(prefix) :] for key, _ in state.scan(prefix, prefix, FILES_MAX)]


def is_member(state: Reader, account: str, id_: str) -> bool:
    """Whether an account, or `local`, owns this collection (32 hex digits) or is a member of it."""
    return state.get(state_key(NAME, _memberships(account) + bytes.fromhex(id_))) is not None


def list_memberships(state: Reader, account: str) -> list[FileId]:
    """Collections that an account, or `local`, owns or is a member of, by rising id."""
    prefix = state_key(NAME, _memberships(account))
    return [key[len(prefix) :] for key, _ in state.scan(prefix, prefix, MEMBERSHIPS_MAX)]


def _create(context: Context, arguments: CreateCollection) -> Named:
    if context.get(_place(arguments.id)) is not None:
        raise Failure("collections.exists", (("id", arguments.id),))
    collection = Collection(
        owner=context.owner,
        writers=(),
        readers=(),
        is_private=arguments.is_private,
        version=0,
        name=_only(context, arguments.name),
        files=0,
        created_height=context.height,
        created_ms=context.time_ms,
        changed_height=context.height,
        changed_ms=context.time_ms,
    )
    _enter(context, collection.owner, arguments.id)
    return _keep(context, "collection.created", arguments.id, collection)


def _update(context: Context, arguments: UpdateCollection) -> Named:
    collection = _find_own(context, arguments.id, arguments.expected)
    assert collection.name is not None
    if arguments.name is None and context.attachments:
        raise _mismatch(context)
    if arguments.name is not None:
        context.erase(collection.name.digest)
        collection = msgspec.structs.replace(collection, name=_only(context, arguments.name))
    if arguments.is_private is not None:
        collection = msgspec.structs.replace(collection, is_private=arguments.is_private)
    return _keep(context, "collection.changed", arguments.id, collection)


def _change(context: Context, arguments: ChangeCollection) -> Named:
    collection = _find(context, arguments.id, None)
    if context.owner not in (collection.owner, *collection.writers) and context.role != "administrator":
        raise _foreign(context, arguments.id, collection)
    if len(arguments.add) + len(arguments.remove) > CHANGE_MAX:
        raise Failure("collections.count", (("limit", CHANGE_MAX),))
    count = collection.files
    for file in arguments.add:
        key = _files(arguments.id) + file
        if context.get(key) is None:
            context.put(key, encode(context.height))
            count += 1
    for file in arguments.remove:
        key = _files(arguments.id) + file
        if context.get(key) is not None:
            context.delete(key)
            count -= 1
    if count > FILES_MAX:
        raise Failure("collections.full", (("id", arguments.id), ("limit", FILES_MAX)))
    collection = msgspec.structs.replace(collection, files=count)
    return _keep(context, "collection.changed", arguments.id, collection)


def _share(context: Context, arguments: ShareCollection) -> Named:
    account, access = arguments.account, arguments.access
    collection = _find(context, arguments.id, None)
    if not _is_own(context, collection) and not (access == "none" and account == context.owner):
        raise _foreign(context, arguments.id, collection)
    members = set(collection.members)
    for field, is_wanted, limit in (
        ("writers", access == "write", WRITERS_MAX),
        ("readers", access == "read", READERS_MAX),
    ):
        accounts = set(getattr(collection, field)) - {account} | ({account} if is_wanted else set())
        if len(accounts) > limit:
            raise Failure("collections.full", (("id", arguments.id), ("limit", limit)))
        collection = msgspec.structs.replace(collection, **{field: tuple(sorted(accounts))})
    if account not in members and account in collection.members:
        _enter(context, account, arguments.id)
    if account in members and account not in collection.members:
        _leave(context, account, arguments.id)
    return _keep(context, "collection.changed", arguments.id, collection)


def _delete(context: Context, arguments: DeleteCollection) -> Named:
    collection = _find_own(context, arguments.id, arguments.expected)
    assert collection.name is not None
    context.erase(collection.name.digest)
    for key, _ in context.scan(_files(arguments.id), _files(arguments.id), FILES_MAX):
        context.delete(key)
    for account in sorted(set(collection.members)):
        _leave(context, account, arguments.id)
    collection = msgspec.structs.replace(collection, name=None, files=0, writers=(), readers=())
    return _keep(context, "collection.deleted", arguments.id, collection)


def _find(context: Context, id_: FileId, expected: int | None) -> Collection:
    """The collection, if it is there and at the expected version."""
    value = context.get(_place(id_))
    collection = None if value is None else decode(Collection, value)
    if collection is None or collection.name is None:
        raise Failure("collections.missing", (("id", id_),))
    if expected is not None and expected != collection.version:
        named = (("id", id_), ("version", collection.version), ("expected", expected))
        raise Failure("collections.version", named)
    return collection


def _find_own(context: Context, id_: FileId, expected: int | None) -> Collection:
    """The same, if the signer may do with it as an owner does."""
    collection = _find(context, id_, expected)
    if not _is_own(context, collection):
        raise _foreign(context, id_, collection)
    return collection


def _is_own(context: Context, collection: Collection) -> bool:
    return context.owner == collection.owner or context.role == "administrator"


def _enter(context: Context, account: str, id_: FileId) -> None:
    """One membership more."""
    count = _count(context, account) + 1
    if count > MEMBERSHIPS_MAX:
        raise Failure("collections.memberships", (("account", account), ("limit", MEMBERSHIPS_MAX)))
    context.put(_memberships(account) + id_, encode(context.height))
    context.put(_counted(account), encode(count))


def _leave(context: Context, account: str, id_: FileId) -> None:
    """One less."""
    count = _count(context, account) - 1
    context.delete(_memberships(account) + id_)
    if count:
        context.put(_counted(account), encode(count))
    else:
        context.delete(_counted(account))


def _count(context: Context, account: str) -> int:
    value = context.get(_counted(account))
    return 0 if value is None else decode(int, value)


def _foreign(context: Context, id_: FileId, collection: Collection) -> Failure:
    return Failure(
        "collections.owner", (("id", id_), ("owner", collection.owner), ("account", context.owner))
    )


def _only(context: Context, number: int) -> Commitment:
    """The one attachment of the transaction."""
    if number != 0 or len(context.attachments) != 1:
        raise _mismatch(context)
    return context.attachments[0]


def _mismatch(context: Context) -> Failure:
    return Failure("attachments.mismatch", (("count", len(context.attachments)),))


def _keep(context: Context, type_: str, id_: FileId, collection: Collection) -> Named:
    changed = msgspec.structs.replace(
        collection,
        version=collection.version + 1,
        changed_height=context.height,
        changed_ms=context.time_ms,
    )
    context.put(_place(id_), encode(changed))
    named = (("id", id_), ("version", changed.version), ("owner", changed.owner))
    context.emit(type_, named)
    return named[:2]


def _place(id_: FileId) -> bytes:
    return b"c" + id_


def _files(id_: FileId) -> bytes:
    return b"f" + id_


def _memberships(account: str) -> bytes:
    return b"m" + account.encode()


def _counted(account: str) -> bytes:
    return b"n" + account.encode()


def _show(place: bytes) -> str:
    """The id, and the file's behind it; or the account, and the collection's id behind it."""
    if place[:1] == b"n":
        return place[1:].decode()
    if place[:1] == b"m":
        return f"{place[1:-16].decode()}/{place[-16:].hex()}"
    return place[1:17].hex() + ("/" + place[17:].hex() if place[:1] == b"f" else "")


CONTRACT = Contract(
    NAME,
    {
        "create": Call(CreateCollection, WRITERS, _create),
        "update": Call(UpdateCollection, WRITERS, _update),
        "change": Call(ChangeCollection, WRITERS, _change),
        "share": Call(ShareCollection, WRITERS, _share),
        "delete": Call(DeleteCollection, WRITERS, _delete),
    },
    show=_show,
)
