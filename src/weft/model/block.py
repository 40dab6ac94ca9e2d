"""The sealed ledger entry of a commit, and the signatures that vouch for it."""

from dataclasses import dataclass

from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, Record, encode
from weft.model.keys import Signature
from weft.model.receipt import Writes


class Header(Record, frozen=True):
    """What a block is known by (`docs/protocol/ledger.md` section 10)."""

    chain: Digest
    epoch: Natural
    height: Natural
    """0 is the genesis."""
    parent: Digest
    """Hash of the header before; zeros at height 0."""
    round: Natural
    """The commit's."""
    order_hash: Digest
    """The commit's: binds the order of every vertex up to here."""
    time_ms: Natural
    """The commit's."""
    transaction_root: Digest
    """Merkle root over the raw transactions, domain `transactions`."""
    receipt_root: Digest
    """Merkle root over the encoded receipts, domain `receipts`."""
    state_root: Digest
    """Root of the state tree after `state_height`."""
    state_height: Natural
    """The newest height before this one that opened a checkpoint window."""

    @property
    def hash(self) -> Digest:
        return digest("header", encode(self))


class Block(Record, frozen=True):
    """A header with what it commits to."""

    header: Header
    transactions: tuple[bytes, ...]
    """Raw, in order; only those that left a receipt."""
    receipts: tuple[bytes, ...]
    """Encoded, one a transaction."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A block and all that is stored with it in one atomic write."""

    block: Block
    hash: Digest
    identities: tuple[Digest, ...]
    """One a transaction: where `find_transaction` will find it."""
    commitments: tuple[Digest, ...]
    """Stated by the executed ones: what `find_commitment` will find, and nobody may state again."""
    writes: Writes
    """The block's net effect on the state."""
    erased: tuple[Digest, ...]
    """Commitments whose content must now be destroyed."""
    order: bytes
    """The encoded Commit that the block was made of."""


class Statement(Record, frozen=True):
    """What a validator signs after executing a block."""

    chain: Digest
    epoch: Natural
    height: Natural
    header: Digest
    """Hash of the header at this height."""
    state_root: Digest
    """Root of the state tree after this very height."""

    @property
    def digest(self) -> Digest:
        return digest("checkpoint", encode(self))


class SignedStatement(Record, frozen=True):
    """One validator's word."""

    statement: Statement
    member: Natural
    signature: Signature


class Checkpoint(Record, frozen=True):
    """A statement with signatures of members that weigh at least a quorum."""

    statement: Statement
    signatures: tuple[tuple[Natural, Signature], ...]
    """(member, signature), members rising."""
