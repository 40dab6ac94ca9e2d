"""From outcomes to blocks."""

import msgspec

from tests.chain import BEGIN_MS, CONTRACTS, Chain, key, make_genesis
from weft.execution.executor import found
from weft.ledger.seal import opens_window, seal_genesis
from weft.model import merkle
from weft.model.commit import first_order_hash
from weft.model.digest import ZERO
from weft.model.genesis import Account
from weft.model.limits import Limits


def test_the_genesis_is_block_zero() -> None:
    """It has no parent and no transactions, and binds the founding state."""
    genesis = make_genesis(ann="administrator")
    writes = found(genesis, CONTRACTS)
    sealed, nodes = seal_genesis(genesis, writes)
    header = sealed.block.header
    assert (header.height, header.parent, header.time_ms) == (0, ZERO, BEGIN_MS)
    assert header.order_hash == first_order_hash(genesis.chain)
    assert (sealed.writes, sealed.hash, header.state_height) == (writes, header.hash, 0)
    assert dict(nodes)[b""]
    assert header.state_root == Chain(genesis).roots[0] != ZERO


def test_founding_accounts_are_bound_by_the_first_hash() -> None:
    """Two geneses that differ in a role differ in chain, state root and hash."""
    one, other = (make_genesis(ann=role) for role in ("reader", "writer"))  # type: ignore[arg-type]
    first, second = (Chain(genesis) for genesis in (one, other))
    assert one.chain != other.chain
    assert first.head.state_root != second.head.state_root
    assert first.head.hash != second.head.hash


def test_a_block_binds_parent_order_transactions_and_receipts() -> None:
    """Each by its own root or hash."""
    chain = Chain()
    outcome = chain.commit(chain.put("ann", "a"), chain.put("bob", "b"))
    header, parent = chain.head, chain.blocks[0].header
    assert (header.height, header.parent, header.round) == (1, parent.hash, 1)
    assert header.transaction_root == merkle.root("transactions", outcome.transactions)
    assert header.receipt_root == merkle.root("receipts", outcome.receipts)
    assert header.order_hash != parent.order_hash


def test_a_commit_without_receipts_makes_no_block() -> None:
    """Unless 128 rounds went by since the last one: then an empty block, for checkpoints to keep up."""
    chain = Chain()
    chain.commit(rounds=127)
    assert chain.head.height == 0
    chain.commit(rounds=1)
    assert (chain.head.height, chain.head.round, chain.blocks[1].transactions) == (1, 128, ())
    chain.commit(chain.put("ann", "a", expires_ms=1), rounds=5)
    assert chain.head.height == 1


def test_a_header_repeats_the_root_of_the_newest_window_before_it() -> None:
    """Windows of 50 ms: block 1 stands in the genesis' window, block 2 opens one, 3 and 4 repeat its root."""
    chain = Chain()
    for after_ms in (10, 50, 10, 10):
        chain.commit(chain.put("ann", "a"), after_ms=after_ms)
    repeated = [(block.header.state_height, block.header.state_root) for block in chain.blocks]
    assert [height for height, _ in repeated] == [0, 0, 0, 2, 2]
    assert all(root == chain.roots[height] for height, root in repeated)


def test_a_window_opens_when_its_number_changes() -> None:
    """Not when 50 ms went by: times 49 and 50 stand in different windows."""
    parent = Chain().head
    limits = Limits()
    for before, after, opens in ((0, 49, False), (49, 50, True), (50, 50, False), (50, 149, True)):
        header, other = (msgspec.structs.replace(parent, time_ms=time_ms) for time_ms in (after, before))
        assert opens_window(header, other, limits) == opens
    assert opens_window(parent, None, limits)


def test_two_nodes_that_executed_differently_differ_in_that_very_block() -> None:
    """One state value altered before a block: a receipt of it shows, before any state root could."""
    one, other = Chain(), Chain()
    for chain in (one, other):
        chain.commit(chain.put("ann", "a"))
    altered = max(place for place in other.state.values if place.startswith(b"records\0"))
    other.state.values[altered] = one.state.values[altered].replace(b"\x02", b"\x03", 1)
    for chain in (one, other):
        chain.commit(chain.put("ann", "a"))
    assert one.blocks[1] == other.blocks[1]
    assert one.head.receipt_root != other.head.receipt_root


def test_an_erasure_leaves_every_root_as_a_replay_finds_it() -> None:
    """Execution never looks at content: the same transactions again give the same hashes."""
    first = Chain(make_genesis(gate="gateway"))
    first.commit(first.put("gate", "a"), first.put("ann", "b"))
    first.commit(first.remove("gate", "erase", "a"))
    first.commit(first.put("gate", "a"))
    again = Chain(first.genesis)
    for block in first.blocks[1:]:
        again.commit(*block.transactions)
    assert again.blocks == first.blocks
    assert again.roots == first.roots
    assert again.erased == first.erased != []


def test_an_account_of_the_genesis_is_encoded_as_members_set_would() -> None:
    """So replaying a founding and appointing later lead to the same state."""
    chain = Chain(make_genesis(ann="administrator"))
    held = chain.state.get(b"members\0a" + key("ann").public.address)
    assert held is not None
    assert msgspec.msgpack.decode(held, type=Account) == Account(key("ann").public, "administrator")
