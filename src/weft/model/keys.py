"""Keys, signatures and addresses: Ed25519 (RFC 8032) and secp256k1 ECDSA in low-s form (SEC 1, BIP 62).

Promise: one rule for Ed25519 on every node, libsodium's (no cofactor, canonical S, no small order), whether
signatures are verified one by one or many at once. A signature is always 64 bytes over a 32-byte digest.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, NewType

import coincurve
import msgspec
from coincurve._libsecp256k1 import ffi, lib
from nacl import bindings
from nacl._sodium import ffi as sodium_ffi
from nacl._sodium import lib as sodium

from weft.model.digest import Digest, digest
from weft.model.encoding import Record, encode
from weft.model.errors import SignatureError

ED25519 = 1
SECP256K1 = 2
CURVE_NAMES = {ED25519: "ed25519", SECP256K1: "secp256k1"}
_KEY_BYTES = {ED25519: 32, SECP256K1: 33}
_SECP256K1_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141

Address = NewType("Address", bytes)
"""20 bytes: the first of the digest of curve and key."""

Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]


class PublicKey(Record, frozen=True):
    """A curve and a key on it: 32 bytes of Ed25519, or 33 of secp256k1 in compressed form."""

    curve: int
    key: bytes

    @property
    def address(self) -> Address:
        return address_of(self)

    def is_well_formed(self) -> bool:
        """Whether the curve is known and the length is the curve's."""
        return _KEY_BYTES.get(self.curve) == len(self.key)


Signed = tuple[PublicKey, Digest, bytes]
"""Who is said to have signed what, and the signature."""


class PrivateKey:
    """A signing key made from a 32-byte seed; signing is deterministic (RFC 8032, RFC 6979)."""

    __slots__ = ("_secret", "public")

    def __init__(self, curve: int, seed: bytes) -> None:
        if len(seed) != 32:
            raise SignatureError(f"a seed has 32 bytes, this one has {len(seed)}")
        self._secret: bytes | coincurve.PrivateKey
        if curve == ED25519:
            public, self._secret = bindings.crypto_sign_seed_keypair(seed)
        elif curve == SECP256K1:
            if not 0 < int.from_bytes(seed, "big") < _SECP256K1_ORDER:
                raise SignatureError("this seed is not a number below the order of secp256k1")
            self._secret = coincurve.PrivateKey(seed)
            public = self._secret.public_key.format()
        else:
            raise SignatureError(f"curve {curve} is not known; 1 is ed25519, 2 is secp256k1")
        self.public = PublicKey(curve, public)

    def sign(self, message: Digest) -> bytes:
        """64 bytes of signature over a 32-byte digest."""
        if isinstance(self._secret, bytes):
            return _sign_eddsa(message, self._secret)
        return self._secret.sign_recoverable(message, hasher=None)[:64]

    def __repr__(self) -> str:
        return f"PrivateKey({CURVE_NAMES[self.public.curve]}, {self.public.address.hex()})"


@lru_cache(maxsize=4096)
def address_of(key: PublicKey) -> Address:
    """The address of an account."""
    return Address(digest("address", encode(key))[:20])


def is_signed(key: PublicKey, message: Digest, signature: bytes) -> bool:
    """Whether `signature` is `key`'s over the 32-byte digest `message`."""
    if len(signature) != 64 or not key.is_well_formed():
        return False
    try:
        if key.curve == ED25519:
            return _is_eddsa_signed(key.key, message, signature)
        return len(message) == 32 and _is_ecdsa_signed(_curve_point(key.key), message, signature)
    except ValueError:
        return False


def are_signed(items: Iterable[Signed]) -> list[bool]:
    """`is_signed` for each item. Runs without the interpreter lock for most of its time."""
    return [is_signed(key, message, signature) for key, message, signature in items]


def verify(key: PublicKey, message: Digest, signature: bytes) -> None:
    """Raise SignatureError unless `is_signed`."""
    if not is_signed(key, message, signature):
        raise SignatureError(f"the signature is not that of {key.address.hex()} over {message.hex()}")


# The package copies what was signed, in and out; for a round's few signatures that is a tenth of their cost.


def _sign_eddsa(message: Digest, secret: bytes) -> bytes:
    signed = sodium_ffi.new("unsigned char[]", 64 + len(message))
    if sodium.crypto_sign(signed, sodium_ffi.NULL, message, len(message), secret):
        raise AssertionError("signing with a key of the right length does not fail")
    return bytes(sodium_ffi.buffer(signed, 64))


def _is_eddsa_signed(key: bytes, message: Digest, signature: bytes) -> bool:
    signed, nothing = signature + message, sodium_ffi.NULL
    return not sodium.crypto_sign_open(nothing, nothing, signed, len(signed), key)


@lru_cache(maxsize=4096)
def _curve_point(key: bytes) -> coincurve.PublicKey:
    return coincurve.PublicKey(key)


def _is_ecdsa_signed(point: coincurve.PublicKey, message: Digest, signature: bytes) -> bool:
    """The package takes signatures in DER only; libsecp256k1 beneath it takes r and s as they are."""
    context, parsed = point.context.ctx, ffi.new("secp256k1_ecdsa_signature *")
    return bool(
        lib.secp256k1_ecdsa_signature_parse_compact(context, parsed, signature)
        and lib.secp256k1_ecdsa_verify(context, parsed, message, point.public_key)
    )
