"""Rows of the ledger, read from the store or as they are announced."""

import asyncio
from collections.abc import Callable

import pytest

from tests.chain import CONTRACTS, Chain, key, make_genesis
from tests.unit.node.together import Workers
from weft.consensus.messages import Deliver
from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.model.block import Block
from weft.model.call import SetRole
from weft.model.commit import Commit, next_order_hash
from weft.model.vertex import sign_vertex
from weft.model.view import EventRow
from weft.node import follow
from weft.node.apply import Applier
from weft.node.follow import Ledger
from weft.storage.memory import MemoryAttachments, MemoryStore


def make_ledger() -> tuple[MemoryStore, list[Block]]:
    """Four blocks; roles are given in the second and the last."""
    chain = Chain(make_genesis(ann="administrator"))
    sealed, nodes = seal_genesis(chain.genesis, found(chain.genesis, CONTRACTS))
    store = MemoryStore(sealed, nodes, sealed.block.header.state_root)
    applier = Applier(chain.genesis, CONTRACTS, store, MemoryAttachments())

    def give(name: str) -> bytes:
        return chain.sign("ann", "members", "set", SetRole(key(name).public, "writer"))

    order_hash = chain.head.order_hash
    batches = ((chain.put("bob", "a"), chain.put("bob", "members")), (give("x"), chain.put("bob", "c")))
    for round_, batch in enumerate((*batches, (chain.put("bob", "d"),), (give("y"), give("z"))), start=1):
        vertex = sign_vertex(key("node0"), chain.genesis.chain, 0, 0, round_, chain.time_ms, (), batch)
        named, time_ms = (vertex.reference,), chain.time_ms + round_
        order_hash = next_order_hash(order_hash, round_, named, named, time_ms)
        applier.apply([Deliver(Commit(round_, time_ms, named, named, order_hash), (vertex,))])
    blocks = [store.find_block(height) for height in range(1, 5)]
    return store, [block for block in blocks if block is not None]


async def read(ledger: Ledger, is_wanted: Callable[[EventRow], bool], contract: str | None) -> list[EventRow]:
    """The rows up to the end of the last block."""
    rows = []
    async for row in ledger.follow((0, -1), contract):
        if is_wanted(row):
            rows.append(row)
        if row.height == 4 and row.event is None:
            return rows
    raise AssertionError("following never ends")


def test_a_contracts_rows_are_those_of_all_that_are_its_own_and_the_ends_of_blocks() -> None:
    """With the same places, whether the blocks were announced or are read from the store."""
    store, blocks = make_ledger()

    def is_wanted(row: EventRow) -> bool:
        return row.event is None or row.event.contract == "members"

    async def run() -> None:
        expected = await read(Ledger(store, Workers()), is_wanted, None)
        assert [(row.height, row.event is None) for row in expected] == [
            (1, True), (2, False), (2, True), (3, True), (4, False), (4, False), (4, True),
        ]  # fmt: skip
        for announced in ([], blocks, blocks[2:]):
            ledger = Ledger(store, Workers())
            ledger.announce(announced)
            assert await read(ledger, lambda row: True, "members") == expected

    asyncio.run(run())


def test_of_newest_blocks_few_bytes_are_kept_and_the_rows_stay_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The others are read from the store."""
    store, blocks = make_ledger()
    monkeypatch.setattr(follow, "BYTES_REMEMBERED", 2 * follow.BLOCK_BYTES)

    async def run() -> None:
        expected = await read(Ledger(store, Workers()), lambda row: True, None)
        ledger = Ledger(store, Workers())
        ledger.announce(blocks)
        assert list(ledger._newest) == [4]
        assert await read(ledger, lambda row: True, None) == expected

    asyncio.run(run())
