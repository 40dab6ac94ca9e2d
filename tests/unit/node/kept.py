"""A node's data folder with all that a node keeps, written by the real applier into real stores."""

from pathlib import Path

from tests.chain import CONTRACTS, Chain, attachment, key, make_genesis
from weft.consensus.core import first_base
from weft.consensus.messages import Deliver
from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.model.block import Checkpoint, SignedStatement, Statement
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.stored import BOUND, OTHER, OWN, WORD
from weft.model.transaction import Attachment
from weft.model.vertex import Reference, implied_reference, sign_vertex
from weft.node.apply import Applier
from weft.storage.attachments import Attachments
from weft.storage.journal import Journal
from weft.storage.store import LmdbStore


class Keeper:
    """Member 0, which alone speaks, once a round; every round is a commit."""

    def __init__(self, data: Path, genesis: Genesis | None = None) -> None:
        self.genesis = genesis or make_genesis(alice="writer", root="administrator", gate="gateway")
        self.chain = Chain(self.genesis)
        sealed, nodes = seal_genesis(self.genesis, found(self.genesis, CONTRACTS))
        self.journal = Journal(data / "journal")
        self.store = LmdbStore(data / "store", sealed, nodes, sealed.block.header.state_root, 1 << 20)
        self.attachments = Attachments(data / "attachments", 1 << 20)
        self.applier = Applier(self.genesis, CONTRACTS, self.store, self.attachments)
        self.order_hash = first_order_hash(self.genesis.chain)
        self.round = 0
        self.time_ms = self.chain.time_ms
        self.newest: Reference = implied_reference(self.genesis.chain, 0, 0)
        self.journal.roll(0, encode(first_base(self.genesis)))

    def put(self, name: str, content: bytes, signer: str = "alice") -> tuple[bytes, Attachment]:
        """A record to be written, and its document."""
        given = attachment(content, name)
        return self.chain.put(signer, name, given), given

    def commit(
        self, *transactions: bytes, attachments: tuple[Attachment, ...] = (), after_ms: int = 30
    ) -> None:
        """One round with these transactions, all the way to the disk."""
        self.round += 1
        self.time_ms += after_ms
        self.attachments.put(attachments)
        vertex = sign_vertex(
            key("node0"), self.genesis.chain, 0, 0, self.round, self.time_ms, (self.newest,), transactions
        )
        self.newest = vertex.reference
        self.journal.append(OWN if self.round % 2 else OTHER, self.round, vertex.raw)
        self.attachments.sync()
        self.journal.sync()
        references = (vertex.reference,)
        self.order_hash = next_order_hash(self.order_hash, self.round, references, references, self.time_ms)
        commit = Commit(self.round, self.time_ms, references, references, self.order_hash)
        self.applier.apply([Deliver(commit, (vertex,))])

    def certify(self, signers: tuple[int, ...] = (0, 1, 3)) -> None:
        """A checkpoint of the head, and the own word on it in the journal."""
        header = self.store.head
        root = self.applier.root_at(header.height)
        assert root is not None
        statement = Statement(header.chain, header.epoch, header.height, header.hash, root)
        signatures = tuple((place, key(f"node{place}").sign(statement.digest)) for place in signers)
        self.store.put_checkpoint(Checkpoint(statement, signatures))
        self.journal.append(WORD, 0, encode(SignedStatement(statement, *signatures[0])))
        self.journal.append(BOUND, self.round, b"")

    def close(self) -> None:
        self.journal.close()
        self.attachments.close()
        self.store.close()


def fill(keeper: Keeper) -> None:
    """Records written, written again, deleted and erased; a failure; commits without blocks; checkpoints."""
    first, second, third = (keeper.put(name, b'{"poem":"%s"}' % name.encode() * 9) for name in "abc")
    keeper.commit(first[0], second[0], attachments=(first[1], second[1]))
    keeper.certify()
    keeper.commit()
    again = keeper.put("a", b'{"poem":"a new one"}')
    keeper.commit(third[0], again[0], attachments=(third[1], again[1]))
    keeper.commit(keeper.chain.remove("alice", "erase", "b"), keeper.chain.remove("bob", "delete", "none"))
    keeper.commit(keeper.chain.remove("alice", "delete", "c"), after_ms=5)
    keeper.certify()
    keeper.store.put_fact("evidence", b"of nothing")
    keeper.commit()
