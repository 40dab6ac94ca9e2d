"""A client's signed wish, and the content beside it."""

from typing import Any

import msgspec
import pytest

from tests.chain import Chain, attachment, key
from weft.model.digest import ZERO, digest
from weft.model.encoding import decode, encode
from weft.model.errors import (
    AttachmentError,
    ChainError,
    EncodingError,
    SizeError,
    TransactionError,
    WeftError,
)
from weft.model.keys import SECP256K1, PublicKey, is_signed
from weft.model.limits import Limits
from weft.model.transaction import (
    Attachment,
    Commitment,
    Transaction,
    check_attachments,
    decode_transaction,
    identity_of,
)

CHAIN = Chain()
RAW = CHAIN.put("ann", "a")
GOOD = decode(Transaction, RAW)
LIMITS = Limits()


def changed(**fields: Any) -> bytes:
    return encode(msgspec.structs.replace(GOOD, **fields))


def test_the_identity_covers_all_but_the_signature() -> None:
    """Another signature is the same transaction, another field is another."""
    assert identity_of(changed(signature=bytes(64))) == identity_of(RAW)
    for fields in ({"nonce": bytes(16)}, {"expires_ms": 1}, {"call": "get"}, {"attachments": ()}):
        assert identity_of(changed(**fields)) != identity_of(RAW)


def test_the_identity_is_the_digest_of_the_fields_as_an_array() -> None:
    """The raw bytes give the same without being decoded."""
    fields = msgspec.structs.astuple(GOOD)[:-1]
    assert identity_of(RAW) == digest("transaction", encode(fields))


def test_a_signed_transaction_carries_its_signers_signature() -> None:
    """Over its identity, on both curves."""
    for curve in (1, 2):
        raw = CHAIN.sign("ann", "records", "put", b"", curve=curve)
        transaction = decode_transaction(raw, CHAIN.genesis.chain, LIMITS)
        assert transaction.signer == key("ann", curve).public
        assert is_signed(transaction.signer, identity_of(raw), transaction.signature)


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (changed(version=2), TransactionError),
        (changed(chain=ZERO), ChainError),
        (changed(signer=PublicKey(9, bytes(32))), TransactionError),
        (changed(signer=PublicKey(SECP256K1, bytes(32))), TransactionError),
        (changed(arguments=bytes(64 * 1024)), SizeError),
        (changed(attachments=(Commitment(ZERO, 0),) * 513), SizeError),
        (changed(attachments=(Commitment(ZERO, 2**20 + 1),)), SizeError),
        (changed(attachments=(Commitment(ZERO, 2**20),) * 9), SizeError),
        (changed(nonce=bytes(15)), EncodingError),
        (changed(contract=""), EncodingError),
        (changed(call="c" * 65), EncodingError),
        (changed(signature=bytes(63)), EncodingError),
        (changed(expires_ms=-1), EncodingError),
        (RAW + b"\0", EncodingError),
        (RAW[:-1], EncodingError),
    ],
)
def test_what_no_validator_would_take_is_refused(raw: bytes, error: type[WeftError]) -> None:
    """With the class that says why."""
    with pytest.raises(error) as caught:
        decode_transaction(raw, CHAIN.genesis.chain, LIMITS)
    assert type(caught.value) is error


def test_limits_are_reached_and_not_passed() -> None:
    """The largest that is allowed is allowed."""
    largest = (Commitment(ZERO, 2**20),) * 8
    assert (
        decode_transaction(changed(attachments=largest), CHAIN.genesis.chain, LIMITS).attachment_bytes
        == 2**23
    )


def test_a_commitment_hides_and_binds() -> None:
    """The digest of salt and content; either changed is another."""
    one = Attachment(bytes(32), b"content")
    assert one.commitment == digest("attachment", bytes(32) + b"content")
    others = {
        Attachment(b"\1" + bytes(31), b"content").commitment,
        Attachment(bytes(32), b"other").commitment,
    }
    assert len(others | {one.commitment}) == 3


def test_attachments_are_exactly_those_committed_to() -> None:
    """In order, all of them, with the size that was stated."""
    given = (attachment(b"one"), attachment(b"two"))
    stated = tuple(Commitment(one.commitment, 3) for one in given)
    transaction = msgspec.structs.replace(GOOD, attachments=stated)
    check_attachments(transaction, given)
    lied = msgspec.structs.replace(GOOD, attachments=(stated[0], Commitment(stated[1].digest, 4)))
    for wish, wrong in (
        (transaction, given[:1]),
        (transaction, given[::-1]),
        (transaction, (given[0], attachment(b"two", "another salt"))),
        (lied, given),
    ):
        with pytest.raises(AttachmentError):
            check_attachments(wish, wrong)
