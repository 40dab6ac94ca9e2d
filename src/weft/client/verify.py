"""Checks what nodes tell, with nothing but the genesis: hashes, links, and the committee's signatures."""

from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from weft.client.errors import UnprovedError
from weft.model import merkle
from weft.model.block import Checkpoint, Header, Statement
from weft.model.call import FileId
from weft.model.digest import Digest
from weft.model.encoding import decode
from weft.model.errors import ChainError, EncodingError
from weft.model.genesis import Genesis
from weft.model.proof import FileProof, Step, TransactionProof, is_proved, verify_file, verify_transaction


def check_chain(genesis: Genesis, status: Mapping[str, Any]) -> None:
    """Raise ChainError unless a node is of the network that the genesis founds."""
    if status["chain_id"] != genesis.chain.hex():
        raise ChainError(f"the node is of chain {status['chain_id']}, the genesis of {genesis.chain.hex()}")


def check_transaction(
    genesis: Genesis, id_: str, position: int, blocks: Sequence[Mapping[str, Any]]
) -> list[Step]:
    """Steps from a transaction to the signatures of the committee; raises UnprovedError if one fails.

    `blocks`: as nodes show them, from the transaction's block up to one that a checkpoint stands on.
    """
    try:
        proof = _prove(genesis, position, blocks)
        steps = verify_transaction(genesis, proof)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UnprovedError(f"the node's blocks lack what a proof needs: {error!r}") from None
    named = next((step for step in steps if step.name == "transaction"), None)
    if named is None or named.detail.partition(" ")[0] != id_:
        raise UnprovedError(f"another transaction than {id_} stands at position {position}")
    return _proved(steps)


def check_file(genesis: Genesis, id_: FileId, content: Digest, encoded: str) -> list[Step]:
    """Steps from the SHA-256 of this file's bytes to the committee; raises UnprovedError if one fails."""
    try:
        proof = decode(FileProof, b64decode(encoded, validate=True))
    except (EncodingError, ValueError) as error:
        raise UnprovedError(f"the node's proof cannot be read: {error}") from None
    return _proved(verify_file(genesis, id_, content, proof))


def _proved(steps: list[Step]) -> list[Step]:
    if not is_proved(steps):
        failed = next(step for step in steps if not step.holds)
        raise UnprovedError(f"the step {failed.name!r} does not hold: {failed.detail}")
    return steps


def _prove(genesis: Genesis, position: int, blocks: Sequence[Mapping[str, Any]]) -> TransactionProof:
    raw = [b64decode(one["raw"]) for one in blocks[0]["transactions"]]
    receipts = [b64decode(one["raw"]) for one in blocks[0]["receipts"]]
    return TransactionProof(
        transaction=raw[position],
        receipt=receipts[position],
        transaction_path=merkle.prove(raw, position),
        receipt_path=merkle.prove(receipts, position),
        headers=tuple(_header_of(genesis, block) for block in blocks),
        checkpoint=_checkpoint_of(genesis, blocks[-1]["checkpoint"]),
    )


def _header_of(genesis: Genesis, block: Mapping[str, Any]) -> Header:
    return Header(
        chain=genesis.chain,
        epoch=block["epoch"],
        height=block["height"],
        parent=bytes.fromhex(block["parent"]),
        round=block["round"],
        order_hash=bytes.fromhex(block["order_hash"]),
        time_ms=block["time_ms"],
        transaction_root=bytes.fromhex(block["transaction_root"]),
        receipt_root=bytes.fromhex(block["receipt_root"]),
        state_root=bytes.fromhex(block["state_root"]),
        state_height=block["state_height"],
    )


def _checkpoint_of(genesis: Genesis, shown: Mapping[str, Any]) -> Checkpoint:
    statement = Statement(
        genesis.chain,
        shown["epoch"],
        shown["height"],
        bytes.fromhex(shown["header"]),
        bytes.fromhex(shown["state_root"]),
    )
    signatures = tuple((one["member"], bytes.fromhex(one["signature"])) for one in shown["signatures"])
    return Checkpoint(statement, signatures)
