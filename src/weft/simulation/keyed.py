"""Keys without curves: a keyed hash stands in for a signature, many times as fast.

Nothing is secret here. That nobody signs with another's key is a convention of the simulator: who lies is
given its own key and no other.
"""

from functools import lru_cache
from hashlib import blake2b, sha256

from weft.model.digest import Digest
from weft.model.keys import ED25519, PrivateKey, PublicKey


class KeyedKey(PrivateKey):
    """In the place of a real one."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        self.public = PublicKey(ED25519, sha256(name.encode()).digest())

    def sign(self, message: Digest) -> bytes:
        return _sign(self.public.key, message)


def is_keyed(key: PublicKey, message: Digest, signature: bytes) -> bool:
    """In the place of `weft.model.keys.is_signed`."""
    return _sign(key.key, message) == signature


@lru_cache(maxsize=4096)
def _sign(key: bytes, message: bytes) -> bytes:
    return blake2b(message, key=key).digest()
