"""Keys, signatures and addresses of both curves."""

from hashlib import sha256

import pytest

from tests.chain import key
from weft.model.digest import digest
from weft.model.encoding import encode
from weft.model.errors import SignatureError
from weft.model.keys import ED25519, SECP256K1, PrivateKey, PublicKey, are_signed, is_signed, verify

MESSAGE = sha256(b"message").digest()
CURVES = [ED25519, SECP256K1]
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.mark.parametrize("curve", CURVES)
def test_a_signature_is_its_keys_over_its_message(curve: int) -> None:
    """Sixty-four bytes, the same each time, and of nobody else over nothing else."""
    ann, bob = key("ann", curve), key("bob", curve)
    signature = ann.sign(MESSAGE)
    assert len(signature) == 64
    assert signature == ann.sign(MESSAGE)
    assert is_signed(ann.public, MESSAGE, signature)
    assert not is_signed(bob.public, MESSAGE, signature)
    assert not is_signed(ann.public, sha256(b"other").digest(), signature)


@pytest.mark.parametrize("curve", CURVES)
def test_any_changed_bit_breaks_a_signature(curve: int) -> None:
    """In either half."""
    signature = key("ann", curve).sign(MESSAGE)
    for place in range(64):
        changed = signature[:place] + bytes((signature[place] ^ 1,)) + signature[place + 1 :]
        assert not is_signed(key("ann", curve).public, MESSAGE, changed)


def test_verifying_many_answers_as_verifying_one_by_one() -> None:
    """Whatever stands beside a signature in the list."""
    items = []
    for place in range(20):
        private = key(f"account {place}", CURVES[place % 2])
        good = private.sign(MESSAGE)
        items.append((private.public, MESSAGE, good if place % 3 else good[::-1]))
    assert are_signed(items) == [is_signed(*item) for item in items] == [bool(n % 3) for n in range(20)]


def test_the_second_form_of_an_ed25519_signature_is_refused() -> None:
    """S plus the group's order would verify under laxer rules (RFC 8032 section 5.1.7 refuses it)."""
    signature = key("ann").sign(MESSAGE)
    other = int.from_bytes(signature[32:], "little") + ED25519_ORDER
    assert not is_signed(key("ann").public, MESSAGE, signature[:32] + other.to_bytes(32, "little"))


@pytest.mark.parametrize("point", [bytes(32), b"\1" + bytes(31), b"\xec" + b"\xff" * 30 + b"\x7f"])
def test_a_key_of_small_order_signs_nothing(point: bytes) -> None:
    """Under such a key one signature fits many messages."""
    for signature in (bytes(64), point + bytes(32)):
        assert not is_signed(PublicKey(ED25519, point), MESSAGE, signature)


@pytest.mark.parametrize("number", [0, SECP256K1_ORDER, SECP256K1_ORDER + 1, 2**256 - 1])
def test_numbers_outside_of_the_group_are_no_secp256k1_signature(number: int) -> None:
    """Neither as r nor as s (SEC 1 section 4.1.4); and what is signed is 32 bytes."""
    public, signature = key("ann", SECP256K1).public, key("ann", SECP256K1).sign(MESSAGE)
    raw = number.to_bytes(32, "big")
    assert not is_signed(public, MESSAGE, raw + signature[32:])
    assert not is_signed(public, MESSAGE, signature[:32] + raw)
    assert not is_signed(public, MESSAGE[:31], signature)
    assert not is_signed(public, MESSAGE + b"\0", signature)


def test_the_high_form_of_a_secp256k1_signature_is_refused() -> None:
    """Order minus s is as good a signature to others; here one wish has one signature a signer (BIP 62)."""
    signature = key("ann", SECP256K1).sign(MESSAGE)
    high = SECP256K1_ORDER - int.from_bytes(signature[32:], "big")
    assert not is_signed(key("ann", SECP256K1).public, MESSAGE, signature[:32] + high.to_bytes(32, "big"))


@pytest.mark.parametrize(
    "public",
    [
        PublicKey(0, bytes(32)),
        PublicKey(-1, bytes(32)),
        PublicKey(3, bytes(33)),
        PublicKey(ED25519, bytes(31)),
        PublicKey(ED25519, bytes(33)),
        PublicKey(SECP256K1, bytes(32)),
        PublicKey(SECP256K1, bytes(33)),
        PublicKey(SECP256K1, b"\4" + bytes(64)),
        PublicKey(SECP256K1, b"\2" + b"\xff" * 32),
    ],
)
def test_what_is_no_key_signs_nothing(public: PublicKey) -> None:
    """Unknown curves, wrong lengths, points that are none: an answer, not an exception."""
    assert not is_signed(public, MESSAGE, bytes(64))
    assert not is_signed(public, MESSAGE, b"")


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, b"", bytes(63), bytes(65)])
def test_what_is_no_signature_is_refused(curve: int, signature: bytes) -> None:
    """Numbers out of range and other lengths."""
    assert not is_signed(key("ann", curve).public, MESSAGE, signature)


def test_an_address_is_bound_to_curve_and_key() -> None:
    """Twenty bytes of their digest."""
    public = key("ann").public
    assert public.address == digest("address", encode(public))[:20]
    assert len({key("ann", curve).public.address for curve in CURVES}) == 2


def test_verify_raises_unless_signed() -> None:
    """With the signer's address in the sentence."""
    ann = key("ann")
    verify(ann.public, MESSAGE, ann.sign(MESSAGE))
    with pytest.raises(SignatureError, match=ann.public.address.hex()):
        verify(ann.public, MESSAGE, bytes(64))


@pytest.mark.parametrize(
    ("curve", "seed"),
    [
        (ED25519, bytes(31)),
        (SECP256K1, bytes(33)),
        (3, bytes(32)),
        (SECP256K1, bytes(32)),
        (SECP256K1, SECP256K1_ORDER.to_bytes(32, "big")),
    ],
)
def test_a_seed_that_makes_no_key_is_refused(curve: int, seed: bytes) -> None:
    """Wrong lengths, unknown curves, and numbers that are not in the group."""
    with pytest.raises(SignatureError):
        PrivateKey(curve, seed)


def test_a_private_key_does_not_show_itself() -> None:
    """What is printed of it is its curve and address."""
    shown = repr(key("ann"))
    assert shown == f"PrivateKey(ed25519, {key('ann').public.address.hex()})"
