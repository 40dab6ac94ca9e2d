"""All that a contract may see and do."""

from tests.chain import BEGIN_MS, MemoryState, attachment, key
from weft.execution.context import Context, state_key
from weft.execution.view import View
from weft.model.genesis import Role
from weft.model.receipt import Event
from weft.model.transaction import Commitment

ROLES: tuple[Role | None, ...] = ("administrator", "writer", "reader", "auditor", "gateway", None)
ANN = key("ann").public.address


def context(view: View, contract: str = "poems", role: Role | None = None, is_open: bool = True) -> Context:
    stated = (Commitment(attachment(b"content").commitment, 7),)
    return Context(view, contract, ANN, role, is_open, 5, BEGIN_MS, bytes(32), stated)


def test_a_contract_reads_and_writes_under_its_own_name() -> None:
    """The same key of another contract is another key, also where one name begins with the other."""
    view = View(MemoryState())
    poems, other = context(view), context(view, "poem")
    poems.put(b"key", b"mine")
    other.put(b"s\0key", b"theirs")
    assert (poems.get(b"key"), other.get(b"key")) == (b"mine", None)
    assert poems.scan(b"") == [(b"key", b"mine")]
    assert view.get(state_key("poems", b"key")) == b"mine"
    poems.delete(b"key")
    assert poems.get(b"key") is None


def test_a_contract_scans_its_keys_page_by_page() -> None:
    """Rising, from the one after the last, within a prefix."""
    poems = context(View(MemoryState()))
    for name in (b"b2", b"a1", b"b1", b"b3", b"c1"):
        poems.put(name, name)
    assert poems.scan(b"b", limit=2) == [(b"b1", b"b1"), (b"b2", b"b2")]
    assert poems.scan(b"b", after=b"b2") == [(b"b3", b"b3")]


def test_what_a_contract_announces_and_erases_is_kept_in_order() -> None:
    """Under its name, until the executor takes it."""
    poems = context(View(MemoryState()))
    poems.emit("poem.read", (("lines", 4),))
    poems.erase(b"1" * 32)
    poems.erase(b"0" * 32)
    assert poems.events == [Event("poems", "poem.read", (("lines", 4),))]
    assert poems.erased == [b"1" * 32, b"0" * 32]


def test_an_owner_is_an_address_or_local() -> None:
    """`local` is the gateways of an open network, and nobody else."""
    owners = {
        (role, is_open): context(View(MemoryState()), role=role, is_open=is_open).owner
        for role in ROLES
        for is_open in (True, False)
    }
    assert [which for which, owner in owners.items() if owner == "local"] == [("gateway", True)]
    assert set(owners.values()) == {"local", ANN.hex()}
