"""Builds and signs transactions: the client's own word, which no node can change."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import time

import msgspec

from weft.model.digest import Digest, digest
from weft.model.encoding import Record, encode
from weft.model.errors import KeyFileError, SignatureError
from weft.model.keys import CURVE_NAMES, PrivateKey
from weft.model.transaction import Attachment, Commitment, Transaction, identity_of, sign_transaction

LIFETIME_MS = 10 * 60 * 1000
"""How long a transaction may wait for its turn; the ledger's limit is 24 h."""
_CURVES = {name: curve for curve, name in CURVE_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Call:
    """What to do: a contract's call, its arguments, and content that travels beside it."""

    contract: str
    call: str
    arguments: Record
    contents: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction ready to be sent, any number of times, to any node."""

    raw: bytes
    attachments: tuple[Attachment, ...]

    @property
    def id(self) -> str:
        return identity_of(self.raw).hex()


def sign(key: PrivateKey, chain: Digest, call: Call, skew_s: float = 0.0) -> Signed:
    """Salt the contents, commit to them and sign. `skew_s`: how far the nodes' clock is ahead of ours."""
    attachments = tuple(Attachment(os.urandom(32), content) for content in call.contents)
    transaction = Transaction(
        version=1,
        chain=chain,
        signer=key.public,
        nonce=os.urandom(16),
        expires_ms=int((time() + skew_s) * 1000) + LIFETIME_MS,
        contract=call.contract,
        call=call.call,
        arguments=encode(call.arguments),
        attachments=tuple(Commitment(item.commitment, len(item.content)) for item in attachments),
        idempotency=None,
        signature=bytes(64),
    )
    return Signed(sign_transaction(key, transaction), attachments)


def derive_file_id(key: PrivateKey, sha256: Digest, number: int) -> bytes:
    """An id that only this key can derive, so that putting the same bytes again finds the file that is there.

    To everybody else it is random. `number` counts on when a file of that id was erased.
    """
    secret = key.sign(digest("file-id", sha256 + number.to_bytes(4, "big")))
    return digest("file-id", secret)[:16]


class _KeyText(msgspec.Struct):
    curve: str
    seed: str


def load_key(path: Path) -> PrivateKey:
    """The key in a key file, which only its owner may be able to read; raises KeyFileError."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & 0o077:
                raise KeyFileError(f"{path} has mode {mode & 0o777:04o}: others than its owner can use it")
            text = msgspec.json.decode(file.read(), type=_KeyText)
        return PrivateKey(_CURVES[text.curve], bytes.fromhex(text.seed))
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from None
    except (msgspec.MsgspecError, KeyError, ValueError, SignatureError):
        # The reason is not passed on: a parser's message may quote the secret.
        raise KeyFileError(f"{path} is not a key file of Weft") from None
