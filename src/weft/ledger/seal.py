"""From outcomes to blocks (`docs/protocol/ledger.md` section 10).

Promise: a block's header binds its transactions, its receipts, the whole history before it and, one window
late, the state. Late, because the state's root is the dearest thing to compute: it is taken once a
window, and a header repeats the newest one that a block before it opened a window for. The signatures of a
checkpoint cover the root after its very height.
"""

from typing import Protocol

from weft.ledger.state_tree import update
from weft.model import merkle
from weft.model.block import Block, Header, Sealed
from weft.model.commit import Commit, first_order_hash
from weft.model.digest import ZERO, Digest
from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.limits import Limits
from weft.model.receipt import Writes

Nodes = list[tuple[bytes, bytes]]


class Executed(Protocol):
    """What sealing needs of an outcome."""

    @property
    def transactions(self) -> tuple[bytes, ...]: ...
    @property
    def identities(self) -> tuple[Digest, ...]: ...
    @property
    def receipts(self) -> tuple[bytes, ...]: ...
    @property
    def writes(self) -> Writes: ...
    @property
    def commitments(self) -> tuple[Digest, ...]: ...
    @property
    def erased(self) -> tuple[Digest, ...]: ...


def seal_genesis(genesis: Genesis, writes: Writes) -> tuple[Sealed, Nodes]:
    """Block 0, whose state the genesis' contracts wrote, and the nodes of its state tree.

    Block 0 alone carries the root after itself; a store begins with it and is rooted at (0, state_root).
    """
    root, nodes = update(lambda path: None, writes)
    header = Header(
        chain=genesis.chain,
        epoch=0,
        height=0,
        parent=ZERO,
        round=0,
        order_hash=first_order_hash(genesis.chain),
        time_ms=genesis.created_ms,
        transaction_root=merkle.root("transactions", ()),
        receipt_root=merkle.root("receipts", ()),
        state_root=root,
        state_height=0,
    )
    return Sealed(Block(header, (), ()), header.hash, (), (), writes, (), b""), nodes


def seal(
    genesis: Genesis,
    parent: Header,
    parent_hash: Digest,
    rooted: tuple[int, Digest],
    commit: Commit,
    outcome: Executed,
) -> Sealed | None:
    """The block after `parent`, or None when the commit makes none.

    `rooted` is the newest height up to `parent` that opened a window, and the state root after it.
    """
    if not outcome.receipts and not is_due(commit.round, parent, genesis.limits):
        return None
    state_height, state_root = rooted
    header = Header(
        chain=parent.chain,
        epoch=parent.epoch,
        height=parent.height + 1,
        parent=parent_hash,
        round=commit.round,
        order_hash=commit.order_hash,
        time_ms=commit.time_ms,
        transaction_root=merkle.root("transactions", outcome.transactions),
        receipt_root=merkle.root("receipts", outcome.receipts),
        state_root=state_root,
        state_height=state_height,
    )
    block = Block(header, outcome.transactions, outcome.receipts)
    return Sealed(
        block,
        header.hash,
        outcome.identities,
        outcome.commitments,
        outcome.writes,
        outcome.erased,
        encode(commit),
    )


def is_due(round_: int, parent: Header, limits: Limits) -> bool:
    """Whether a commit of this round makes a block on `parent` even if it leaves no receipt."""
    return round_ - parent.round >= limits.rounds_without_block_max


def opens_window(header: Header, parent: Header | None, limits: Limits) -> bool:
    """Whether the state root after this height is wanted; the genesis, which has no parent, opens one."""
    if parent is None:
        return True
    return header.time_ms // limits.checkpoint_window_ms != parent.time_ms // limits.checkpoint_window_ms
