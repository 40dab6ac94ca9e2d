"""Blocks, commits and checkpoints as the tests of the stores need them: well-formed, otherwise free."""

from weft.model.block import Block, Checkpoint, Header, Sealed, Statement
from weft.model.commit import Commit
from weft.model.digest import ZERO, Digest, digest
from weft.model.encoding import encode
from weft.model.receipt import Writes

CHAIN = digest("genesis", b"a chain of the tests")


def make_sealed(
    height: int,
    writes: Writes = (),
    transactions: tuple[bytes, ...] = (),
    order: bytes = b"order",
    commitments: tuple[Digest, ...] = (),
) -> Sealed:
    """The block at `height`, of round ten times that."""
    header = Header(CHAIN, 0, height, ZERO, 10 * height, ZERO, 1000 * height, ZERO, ZERO, ZERO, 0)
    block = Block(header, transactions, transactions)
    identities = tuple(digest("transaction", raw) for raw in transactions)
    return Sealed(block, header.hash, identities, commitments, tuple(sorted(writes)), (), order)


def make_commit(round_: int) -> Commit:
    return Commit(round_, 100 * round_, (), (), digest("order", encode(round_)))


def make_checkpoint(height: int) -> Checkpoint:
    return Checkpoint(Statement(CHAIN, 0, height, ZERO, ZERO), ((0, bytes(64)),))


GENESIS = make_sealed(0, ((b"owner", b"all"),))
ROOT: Digest = digest("state", b"first")
