"""A client's signed wish, and the content that travels beside it.

Identity is the digest of all but the signature, so a changed signature is not another transaction. Raw bytes
carry the identity without being decoded: the body is everything between the array's head and the signature.
"""

from collections.abc import Sequence
from typing import Annotated, overload

import msgspec

from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, Record, decode, decode_many, encode
from weft.model.errors import AttachmentError, ChainError, SizeError, TransactionError
from weft.model.keys import PrivateKey, PublicKey, Signature
from weft.model.limits import Limits

_FIELDS = 11
_SIGNATURE_BYTES = 66
_SIGNED_HEAD = bytes((0x90 | (_FIELDS - 1),))
"""MessagePack's head of an array one shorter: the signed body is an array of all fields but the signature."""


class _Commits:
    """An attachment's commitment, computed at the first look and kept with the value: it cannot change."""

    @overload
    def __get__(self, attachment: None, _: type) -> "_Commits": ...

    @overload
    def __get__(self, attachment: "Attachment", _: type) -> Digest: ...

    def __get__(self, attachment: "Attachment | None", _: type) -> "_Commits | Digest":
        if attachment is None:
            return self
        # Only looked up here while the value's own attributes do not have it.
        found = attachment.__dict__["commitment"] = digest("attachment", attachment.salt + attachment.content)
        return found


class Attachment(Record, frozen=True, dict=True, gc=True):
    """Content and the salt that hides it: 32 random bytes."""

    salt: Digest
    content: bytes

    commitment = _Commits()
    """The only thing of it that is signed, ordered and kept in blocks."""


class Commitment(Record, frozen=True):
    """What a transaction says of an attachment."""

    digest: Digest
    size: Natural
    """Bytes of content, without the salt."""


class Idempotency(Record, frozen=True):
    """Two wishes with one tag are one wish, if their fingerprints agree."""

    tag: Digest
    """Digest of the client's key."""
    fingerprint: Digest
    """HMAC-SHA-256, keyed by the client's key, over verb, path and meaning of the body."""


class Transaction(Record, frozen=True):
    """A contract, a call, arguments, and commitments to attachments, signed by an account."""

    version: Natural
    chain: Digest
    signer: PublicKey
    nonce: Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
    """Random: lets one account wish the same thing twice."""
    expires_ms: Natural
    """Ledger time after which it has no effect."""
    contract: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    call: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    arguments: bytes
    """The encoded arguments; only the contract reads them."""
    attachments: tuple[Commitment, ...]
    idempotency: Idempotency | None
    signature: Signature

    @property
    def attachment_bytes(self) -> int:
        return sum([item.size for item in self.attachments])


def sign_transaction(key: PrivateKey, transaction: Transaction) -> bytes:
    """The raw bytes of `transaction` with its signer's signature put in."""
    unsigned = encode(transaction)
    return unsigned[:-64] + key.sign(identity_of(unsigned))


def identity_of(raw: bytes) -> Digest:
    """The identity of a well-formed raw transaction."""
    return digest("transaction", _SIGNED_HEAD + raw[1:-_SIGNATURE_BYTES])


def decode_transaction(raw: bytes, chain: Digest, limits: Limits) -> Transaction:
    """A transaction that is valid but for its signature (`docs/protocol/consensus.md` section 2, rule 4).

    Raises EncodingError, SizeError, ChainError or TransactionError. Whether it may still be executed is
    execution's question.
    """
    _check_size(raw, limits)
    transaction = decode(Transaction, raw)
    _check(transaction, chain, limits)
    return transaction


def decode_transactions(batch: Sequence[bytes], chain: Digest, limits: Limits) -> list[Transaction]:
    """`decode_transaction` for each; raises on the first that is invalid, though not in the order of the
    batch."""
    for raw in batch:
        _check_size(raw, limits)
    transactions = decode_many(Transaction, batch)
    for transaction in transactions:
        _check(transaction, chain, limits)
    return transactions


def _check_size(raw: bytes, limits: Limits) -> None:
    if len(raw) > limits.transaction_bytes_max:
        raise SizeError(f"a transaction of {len(raw)} bytes; the limit is {limits.transaction_bytes_max}")


def _check(transaction: Transaction, chain: Digest, limits: Limits) -> None:
    if transaction.version != 1:
        raise TransactionError(f"transaction version {transaction.version} is not known; this is version 1")
    if transaction.chain != chain:
        raise ChainError(f"made for chain {transaction.chain.hex()}, this is {chain.hex()}")
    if not transaction.signer.is_well_formed():
        raise TransactionError(f"the signer's key is not one of curve {transaction.signer.curve}")
    _check_attachment_limits(transaction, limits)


def _check_attachment_limits(transaction: Transaction, limits: Limits) -> None:
    sizes = [item.size for item in transaction.attachments]
    if not sizes:
        return
    if len(sizes) > limits.transaction_attachments_max:
        raise SizeError(f"{len(sizes)} attachments; the limit is {limits.transaction_attachments_max}")
    if max(sizes) > limits.attachment_bytes_max:
        raise SizeError(f"an attachment of {max(sizes)} bytes; the limit is {limits.attachment_bytes_max}")
    if sum(sizes) > limits.vertex_attachment_bytes_max:
        raise SizeError(
            f"attachments of {sum(sizes)} bytes together; the limit is {limits.vertex_attachment_bytes_max}"
        )


def check_attachments(transaction: Transaction, attachments: tuple[Attachment, ...]) -> None:
    """Raise AttachmentError unless these are exactly the attachments committed to, in order."""
    if len(attachments) != len(transaction.attachments):
        raise AttachmentError(
            f"{len(attachments)} attachments came, the transaction states {len(transaction.attachments)}"
        )
    for place, (stated, given) in enumerate(zip(transaction.attachments, attachments, strict=True)):
        if stated.size != len(given.content) or stated.digest != given.commitment:
            raise AttachmentError(f"attachment {place} is not what the transaction commits to")
