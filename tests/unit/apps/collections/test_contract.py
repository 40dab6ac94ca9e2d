"""The contract `collections`."""

from typing import Any

import pytest

from tests.chain import Chain, key, make_genesis
from weft.apps.collections import contract
from weft.apps.collections.contract import (
    Collection,
    find_collection,
    is_member,
    list_collections,
    list_members,
    list_memberships,
)
from weft.model.call import (
    ChangeCollection,
    CreateCollection,
    DeleteCollection,
    ShareCollection,
    UpdateCollection,
)
from weft.model.encoding import Record

ID = b"0123456789abcdef"
FILES = tuple(bytes([number]) * 16 for number in range(1, 6))


def call(chain: Chain, signer: str, name: str, arguments: Record, *contents: bytes) -> str:
    """The code of the receipt."""
    (receipt,) = chain.run(chain.sign(signer, "collections", name, arguments, *contents))
    return receipt.code


def create(chain: Chain, signer: str = "ann") -> str:
    return call(chain, signer, "create", CreateCollection(ID, 0), b"Summer")


def change(chain: Chain, signer: str, add: tuple[bytes, ...] = (), remove: tuple[bytes, ...] = ()) -> str:
    return call(chain, signer, "change", ChangeCollection(ID, add, remove))


def share(chain: Chain, signer: str, account: str, access: Any = "write") -> str:
    return call(chain, signer, "share", ShareCollection(ID, address(account), access))


def address(name: str) -> str:
    return key(name).public.address.hex()


def collection(chain: Chain) -> Collection:
    found = find_collection(chain.state, ID)
    assert found is not None
    return found


def test_a_collection_holds_the_files_that_were_added() -> None:
    """Each once, by rising id; what is there or gone already stays so."""
    chain = Chain()
    assert create(chain) == ""
    assert change(chain, "ann", FILES[:3] + FILES[:1]) == ""
    assert change(chain, "ann", FILES[2:4], (FILES[0], FILES[4])) == ""
    assert list_members(chain.state, ID) == list(FILES[1:4])
    assert (collection(chain).owner, collection(chain).files, collection(chain).version) == (
        address("ann"),
        3,
        3,
    )
    assert [id_ for id_, _ in list_collections(chain.state, None, 10)] == [ID]
    assert create(chain) == "collections.exists"


def test_others_may_change_it_once_it_is_shared_with_them() -> None:
    """Add and remove files, nothing else; on an open network as on a closed one, and no longer than that."""
    for is_open in (True, False):
        chain = Chain(make_genesis(is_open, ann="writer", bob="writer", eve="administrator"))
        create(chain)
        assert change(chain, "bob", FILES[:1]) == "collections.owner"
        assert share(chain, "bob", "bob") == "collections.owner"
        assert share(chain, "ann", "bob") == ""
        assert share(chain, "ann", "bob") == ""
        assert collection(chain).writers == (address("bob"),)
        assert change(chain, "bob", FILES[:2]) == ""
        assert (
            call(chain, "bob", "update", UpdateCollection(ID, 0, None, None), b"Mine") == "collections.owner"
        )
        assert call(chain, "bob", "delete", DeleteCollection(ID, None)) == "collections.owner"
        assert share(chain, "ann", "bob", "none") == ""
        assert change(chain, "bob", (), FILES[:1]) == "collections.owner"
        assert change(chain, "eve", (), FILES[:1]) == ""
        assert list_members(chain.state, ID) == [FILES[1]]


def test_a_name_is_destroyed_when_it_changes_and_with_its_collection() -> None:
    """A deleted collection is empty, keeps its id, and cannot be changed."""
    chain = Chain()
    create(chain)
    change(chain, "ann", FILES)
    first = collection(chain).name
    assert call(chain, "ann", "update", UpdateCollection(ID, 0, None, 7), b"Winter") == "collections.version"
    assert call(chain, "ann", "update", UpdateCollection(ID, 0, None, 2), b"Autumn") == ""
    second = collection(chain).name
    assert first is not None
    assert second is not None
    assert chain.erased == [first.digest]
    assert call(chain, "ann", "delete", DeleteCollection(ID, 2)) == "collections.version"
    assert call(chain, "ann", "delete", DeleteCollection(ID, 3)) == ""
    assert chain.erased == [first.digest, second.digest]
    assert (collection(chain).name, collection(chain).files) == (None, 0)
    assert list_members(chain.state, ID) == []
    for code in (change(chain, "ann", FILES), share(chain, "ann", "bob")):
        assert code == "collections.missing"
    assert create(chain) == "collections.exists"


def test_there_are_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of files in a collection, of files a transaction, of accounts that may write."""
    chain = Chain()
    create(chain)
    many = tuple(number.to_bytes(16, "big") for number in range(contract.CHANGE_MAX + 1))
    assert change(chain, "ann", many) == "collections.count"
    monkeypatch.setattr(contract, "FILES_MAX", 4)
    monkeypatch.setattr(contract, "WRITERS_MAX", 1)
    monkeypatch.setattr(contract, "READERS_MAX", 1)
    monkeypatch.setattr(contract, "MEMBERSHIPS_MAX", 1)
    assert change(chain, "ann", FILES) == "collections.full"
    assert change(chain, "ann", FILES[:4]) == ""
    assert change(chain, "ann", FILES[4:], FILES[:1]) == ""
    assert share(chain, "ann", "bob") == ""
    assert share(chain, "ann", "eve") == "collections.full"
    assert share(chain, "ann", "eve", "read") == ""
    assert share(chain, "ann", "joe", "read") == "collections.full"
    other = CreateCollection(FILES[1], 0)
    assert call(chain, "eve", "create", other, b"Mine") == "collections.memberships"
    assert share(chain, "eve", "eve", "none") == ""
    assert call(chain, "eve", "create", other, b"Mine") == ""
    assert call(chain, "ann", "create", CreateCollection(FILES[0], 0), b"a", b"b") == "attachments.mismatch"


def test_members_are_found_by_their_name() -> None:
    """The owner, writers and readers, as long as they are. Whoever is named may leave, and others take nobody
    out. Nobody is one of a collection that was deleted."""
    chain = Chain(make_genesis(False, ann="writer", bob="writer", eve="writer", joe="administrator"))
    create(chain)
    assert share(chain, "ann", "bob", "read") == ""
    assert share(chain, "bob", "eve", "read") == "collections.owner"
    assert share(chain, "ann", "eve", "write") == ""
    assert (collection(chain).writers, collection(chain).readers) == ((address("eve"),), (address("bob"),))
    assert change(chain, "bob", FILES[:1]) == "collections.owner"
    for name in ("ann", "bob", "eve"):
        assert list_memberships(chain.state, address(name)) == [ID]
        assert is_member(chain.state, address(name), ID.hex())
    assert list_memberships(chain.state, address("joe")) == []
    assert share(chain, "ann", "eve", "read") == ""
    assert collection(chain).readers == tuple(sorted((address("eve"), address("bob"))))
    assert share(chain, "bob", "eve", "none") == "collections.owner"
    assert share(chain, "bob", "bob", "none") == ""
    assert share(chain, "ann", "ann", "none") == ""
    assert list_memberships(chain.state, address("bob")) == []
    assert list_memberships(chain.state, address("ann")) == [ID]
    assert call(chain, "ann", "delete", DeleteCollection(ID, None)) == ""
    for name in ("ann", "bob", "eve"):
        assert list_memberships(chain.state, address(name)) == []
    assert [key for key in chain.state.values if key.startswith((b"collections\0m", b"collections\0n"))] == []


def test_a_collection_is_hidden_and_shown() -> None:
    """When it is made or later, by its owner; its name stays."""
    chain = Chain()
    assert call(chain, "ann", "create", CreateCollection(ID, 0, True), b"Summer") == ""
    name = collection(chain).name
    assert collection(chain).is_private
    assert call(chain, "bob", "update", UpdateCollection(ID, None, False, None)) == "collections.owner"
    assert call(chain, "ann", "update", UpdateCollection(ID, None, False, 7)) == "collections.version"
    assert (
        call(chain, "ann", "update", UpdateCollection(ID, None, False, None), b"x") == "attachments.mismatch"
    )
    assert call(chain, "ann", "update", UpdateCollection(ID, None, False, 1)) == ""
    assert (collection(chain).is_private, collection(chain).name) == (False, name)
    assert chain.erased == []
