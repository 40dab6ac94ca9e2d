"""Proofs that stand on their own, and their verification (`docs/protocol/ledger.md` section 10).

Whoever holds the genesis can check a proof with SHA-256 and signatures alone: from a content or a state value
up through transaction, block and headers to the signatures of a quorum of the founding committee. It answers
step by step and never raises, whatever the proof holds; a step that depends on one that failed is still
answered for itself.
"""

from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from weft.model import merkle
from weft.model.block import Checkpoint, Header
from weft.model.call import CreateFile, FileId
from weft.model.digest import ZERO, Digest, digest
from weft.model.encoding import Record, decode
from weft.model.errors import EncodingError
from weft.model.genesis import Genesis
from weft.model.keys import PublicKey, is_signed
from weft.model.receipt import decode_receipt
from weft.model.transaction import Attachment, Transaction, identity_of

BUCKET, BRANCH = b"\0", b"\1"
"""The first byte of a tree node's content."""

IsSigned = Callable[[PublicKey, Digest, bytes], bool]
"""Whether a signature is the key's over the digest."""

Entries = tuple[tuple[bytes, Digest], ...]
"""Of a bucket: state keys rising, each with the digest of its value."""


class TransactionProof(Record, frozen=True):
    """That a transaction stands in a block and what became of it."""

    transaction: bytes
    """Raw."""
    receipt: bytes
    """Encoded."""
    transaction_path: merkle.Proof
    receipt_path: merkle.Proof
    headers: tuple[Header, ...]
    """The block's header and all after it, up to the checkpointed one."""
    checkpoint: Checkpoint


class FileProof(Record, frozen=True):
    """That a file was made of the content with a SHA-256."""

    attachment: Attachment
    """Its content is the SHA-256 of the file's bytes."""
    transaction: TransactionProof


class StateProof(Record, frozen=True):
    """That a state key had a value, or none, after a checkpoint's height."""

    key: bytes
    value: bytes | None
    nodes: tuple[bytes, ...]
    """Contents of the tree's nodes on the way to the key, from the root on."""
    checkpoint: Checkpoint


class Step(NamedTuple):
    """One link of a proof."""

    name: str
    holds: bool
    detail: str


def is_proved(steps: list[Step]) -> bool:
    """Whether every step holds."""
    return bool(steps) and all(step.holds for step in steps)


def verify_file(
    genesis: Genesis, id_: FileId, content_digest: Digest, proof: FileProof, is_signed: IsSigned = is_signed
) -> list[Step]:
    """From the SHA-256 of this file's bytes to the genesis committee."""
    commitment = proof.attachment.commitment
    stated = _find_content(proof.transaction.transaction, id_)
    return [
        Step("content", proof.attachment.content == content_digest, f"SHA-256 {content_digest.hex()}"),
        Step("commitment", commitment == stated, f"salt and SHA-256 give {commitment.hex()}"),
        *verify_transaction(genesis, proof.transaction, is_signed),
    ]


def verify_transaction(
    genesis: Genesis, proof: TransactionProof, is_signed: IsSigned = is_signed
) -> list[Step]:
    """From a transaction and its receipt to the genesis committee."""
    header = proof.headers[0] if proof.headers else None
    return [
        *_transaction_steps(genesis, proof, is_signed),
        Step(
            "block",
            header is not None
            and merkle.verify(
                "transactions", header.transaction_root, proof.transaction, proof.transaction_path
            )
            and merkle.verify("receipts", header.receipt_root, proof.receipt, proof.receipt_path)
            and proof.transaction_path.index == proof.receipt_path.index,
            "no header" if header is None else f"height {header.height}, {header.hash.hex()}",
        ),
        _chain_step(proof.headers, proof.checkpoint),
        *_checkpoint_steps(genesis, proof.checkpoint, is_signed),
    ]


def verify_state(genesis: Genesis, proof: StateProof, is_signed: IsSigned = is_signed) -> list[Step]:
    """From a state key and its value, or its absence, to the genesis committee."""
    statement = proof.checkpoint.statement
    expected = None if proof.value is None else digest("value", proof.value)
    found, is_linked = _descend(statement.state_root, proof.key, proof.nodes)
    is_there = "absent" if expected is None else f"value {expected.hex()}"
    return [
        Step("value", is_linked and found == expected, f"key {proof.key.hex()}, {is_there}"),
        Step("tree", is_linked, f"{len(proof.nodes)} nodes from root {statement.state_root.hex()}"),
        *_checkpoint_steps(genesis, proof.checkpoint, is_signed),
    ]


def tree_path(key: bytes) -> bytes:
    """Where a state key hangs in the tree: the hex digits of its SHA-256, one branching each."""
    return sha256(key).hexdigest().encode()


def node_digest(content: bytes) -> Digest:
    """The digest of a tree node; no node at all has the digest ZERO."""
    return digest("state", content) if content else ZERO


def node_children(content: bytes) -> tuple[Digest, ...]:
    """The sixteen digests below a branch."""
    return tuple(content[at : at + 32] for at in range(1, 513, 32))


def node_entries(content: bytes) -> Entries:
    """What a bucket holds; raises EncodingError."""
    return decode(Entries, content[1:])


def _transaction_steps(genesis: Genesis, proof: TransactionProof, is_signed: IsSigned) -> Iterator[Step]:
    transaction = _find_transaction(proof.transaction)
    if transaction is None:
        yield Step("transaction", False, "the bytes are not a transaction")
        return
    identity, signer = identity_of(proof.transaction), transaction.signer
    is_ours = transaction.chain == genesis.chain and is_signed(signer, identity, transaction.signature)
    yield Step("transaction", is_ours, f"{identity.hex()} signed by {signer.address.hex()}")
    try:
        receipt = decode_receipt(proof.receipt)
    except EncodingError:
        yield Step("receipt", False, "the bytes are not a receipt")
        return
    holds = receipt.transaction == identity and receipt.status == "executed"
    yield Step("receipt", holds, f"{receipt.status} {receipt.code}".rstrip())


def _find_transaction(raw: bytes) -> Transaction | None:
    try:
        return decode(Transaction, raw)
    except EncodingError:
        return None


def _find_content(raw: bytes, id_: FileId) -> Digest | None:
    """The commitment to the SHA-256 of this file's content, if the transaction makes the file.

    Anybody may put other 32 bytes on the ledger."""
    transaction = _find_transaction(raw)
    if transaction is None or (transaction.contract, transaction.call) != ("files", "create"):
        return None
    try:
        made = decode(CreateFile, transaction.arguments)
    except EncodingError:
        return None
    is_stated = made.id == id_ and made.digest < len(transaction.attachments)
    return transaction.attachments[made.digest].digest if is_stated else None


def _chain_step(headers: tuple[Header, ...], checkpoint: Checkpoint) -> Step:
    if not headers:
        return Step("chain", False, "no headers")
    last, statement = headers[-1], checkpoint.statement
    holds = (last.hash, last.height) == (statement.header, statement.height) and all(
        after.parent == before.hash and after.height == before.height + 1
        for before, after in pairwise(headers)
    )
    return Step("chain", holds, f"{len(headers)} headers, {headers[0].height} to {headers[-1].height}")


def _checkpoint_steps(genesis: Genesis, checkpoint: Checkpoint, is_signed: IsSigned) -> Iterator[Step]:
    """The quorum's signatures, and the committee that they are of."""
    statement, committee = checkpoint.statement, genesis.committee
    is_ours = statement.chain == genesis.chain and statement.epoch == committee.epoch
    members = [member for member, _ in checkpoint.signatures]
    are_members = members == sorted(set(members)) and all(0 <= place < committee.size for place in members)
    are_signed = are_members and all(
        is_signed(committee.members[member].public, statement.digest, signature)
        for member, signature in checkpoint.signatures
    )
    weight = committee.weigh(members) if are_members else 0
    yield Step(
        "signatures",
        are_signed and weight >= committee.quorum,
        f"{len(members)} members of weight {weight}; the quorum is {committee.quorum}",
    )
    yield Step("committee", is_ours, f"chain {genesis.chain.hex()}, epoch {committee.epoch}")


def _descend(root: Digest, key: bytes, nodes: tuple[bytes, ...]) -> tuple[Digest | None, bool]:
    """The digest that the tree has for the key's value, and whether the nodes lead from the root to it."""
    path, expected = tree_path(key), root
    for depth, content in enumerate(nodes):
        if node_digest(content) != expected or not content:
            return None, False
        if content[:1] == BUCKET:
            try:
                entries = dict(node_entries(content))
            except EncodingError:
                return None, False
            return entries.get(key), depth == len(nodes) - 1
        if content[:1] != BRANCH or len(content) != 513 or depth >= len(path):
            return None, False
        expected = node_children(content)[int(path[depth : depth + 1], 16)]
    return None, expected == ZERO
