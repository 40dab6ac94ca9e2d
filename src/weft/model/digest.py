"""SHA-256 with domain separation: a digest of one kind can never stand for another (FIPS 180-4)."""

from functools import cache
from hashlib import sha256
from typing import Annotated, NewType

import msgspec

Height = NewType("Height", int)
Round = NewType("Round", int)

Digest = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
"""32 bytes."""

ZERO: Digest = bytes(32)


def digest(domain: str, data: bytes) -> Digest:
    """SHA-256 of `weft:` domain, a zero byte and the data."""
    return sha256(_prefix(domain) + data).digest()


@cache
def _prefix(domain: str) -> bytes:
    return b"weft:" + domain.encode() + b"\0"
