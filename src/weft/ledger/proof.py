"""Builds the proofs that `model.proof` verifies, from what a store holds."""

from collections.abc import Sequence

from weft.ledger import state_tree
from weft.model import merkle
from weft.model.block import Block, Checkpoint, Header
from weft.model.proof import StateProof, TransactionProof


def prove_transaction(
    block: Block, position: int, after: Sequence[Header], checkpoint: Checkpoint
) -> TransactionProof:
    """The proof for the transaction at `position`; `after` are the headers up to the checkpointed one."""
    return TransactionProof(
        block.transactions[position],
        block.receipts[position],
        merkle.prove(block.transactions, position),
        merkle.prove(block.receipts, position),
        (block.header, *after),
        checkpoint,
    )


def prove_state(read: state_tree.Read, key: bytes, value: bytes | None, checkpoint: Checkpoint) -> StateProof:
    """The proof for a value, or its absence; `read` must give the tree after the checkpoint's height."""
    return StateProof(key, value, state_tree.prove(read, key), checkpoint)
