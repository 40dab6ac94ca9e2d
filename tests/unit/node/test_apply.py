"""Commits become blocks, in both kinds of stores."""

from pathlib import Path

from tests.chain import CONTRACTS, Chain, attachment, key
from tests.unit.node.kept import Keeper
from weft.consensus.messages import Deliver
from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.model.commit import Commit, next_order_hash
from weft.model.receipt import decode_receipt
from weft.model.stored import Erased
from weft.model.transaction import Attachment
from weft.model.vertex import sign_vertex
from weft.node.apply import Applied, Applier
from weft.storage.memory import MemoryAttachments, MemoryStore


def codes(applied: list[Applied]) -> list[list[str]]:
    """The codes of each block's receipts."""
    return [
        [decode_receipt(raw).code for raw in item.sealed.block.receipts] for item in applied if item.sealed
    ]


def test_a_stolen_commitment_destroys_nothing(tmp_path: Path) -> None:
    """Mallory states what ann's block made public, then erases her own record: ann's content stays."""
    keeper = Keeper(tmp_path)
    raw, poem = keeper.put("poem", b'"a poem"')
    keeper.commit(raw, attachments=(poem,))
    keeper.commit(keeper.chain.put("mallory", "stolen", poem), attachments=(poem,))
    keeper.commit(keeper.chain.remove("mallory", "erase", "stolen"))
    keeper.close()
    keeper = Keeper(tmp_path)
    assert keeper.store.find_commitment(poem.commitment) == 1
    assert keeper.attachments.find(poem.commitment) == poem
    block = keeper.store.find_block(2)
    assert block is not None
    assert [decode_receipt(raw).code for raw in block.receipts] == ["attachments.used"]
    keeper.close()


def test_a_group_sees_the_commitments_of_its_earlier_commits() -> None:
    """Commits that are stored in one write come out as if each had been stored before the next."""
    chain, poem = Chain(), attachment(b'"a poem"')
    raws = [
        [chain.put("ann", "a", poem)],
        [chain.put("mallory", "m", poem)],
        [chain.remove("ann", "erase", "a")],
        [chain.put("mallory", "m", poem)],
    ]
    together, one_by_one = Twin(chain, poem), Twin(chain, poem)
    delivered = [together.order(chain, round_, batch) for round_, batch in enumerate(raws, start=1)]
    applied = together.applier.apply(delivered)
    assert codes(applied) == [[""], ["attachments.used"], [""], ["attachments.used"]]
    assert [item.void for item in applied] == [(), (poem.commitment,), (), (poem.commitment,)]
    for item in delivered:
        one_by_one.applier.apply([item])
    assert one_by_one.store.head == together.store.head
    for twin in (together, one_by_one):
        assert twin.store.find_commitment(poem.commitment) == 1
        assert twin.attachments.find(poem.commitment) == Erased(3)


class Twin:
    """An applier over stores in memory."""

    def __init__(self, chain: Chain, *given: Attachment) -> None:
        sealed, nodes = seal_genesis(chain.genesis, found(chain.genesis, CONTRACTS))
        self.store = MemoryStore(sealed, nodes, sealed.block.header.state_root)
        self.attachments = MemoryAttachments()
        self.attachments.put(given)
        self.applier = Applier(chain.genesis, CONTRACTS, self.store, self.attachments)
        self._hash = chain.head.order_hash

    def order(self, chain: Chain, round_: int, batch: list[bytes]) -> Deliver:
        """The commit of a round whose only vertex carries this batch."""
        time_ms = chain.time_ms + 10 * round_
        vertex = sign_vertex(key("node0"), chain.genesis.chain, 0, 0, round_, time_ms, (), tuple(batch))
        named = (vertex.reference,)
        self._hash = next_order_hash(self._hash, round_, named, named, time_ms)
        return Deliver(Commit(round_, time_ms, named, named, self._hash), (vertex,))
