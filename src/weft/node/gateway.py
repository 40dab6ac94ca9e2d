"""Writes on behalf of REST callers: the node signs for them with an account that it keeps.

A local network needs no key: the node's own gateway account signs. A closed network knows its callers by
bearer tokens, each of which stands for an account whose key the node holds (`docs/protocol/ledger.md` section
9).
"""

import hmac
import os
from collections.abc import Callable
from hashlib import sha256

from weft.model.digest import digest
from weft.model.genesis import Genesis
from weft.model.keys import Address, PrivateKey
from weft.model.transaction import Commitment, Idempotency, Transaction, sign_transaction
from weft.model.view import Wish

LIFETIME_MS = 10 * 60 * 1000
"""How long a transaction signed here may wait for its turn."""


class Gateway:
    """The accounts that this node signs for."""

    def __init__(
        self,
        genesis: Genesis,
        own: PrivateKey,
        find_key: Callable[[str], PrivateKey | None],
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._chain = genesis.chain
        self._find_key = find_key
        self._random_bytes = random_bytes
        self.own = own.public.address
        self._keys = {self.own: own}

    def recognize(self, token: str) -> Address | None:
        """The account that a bearer token stands for."""
        key = self._find_key(token)
        if key is None:
            return None
        self._keys[key.public.address] = key
        return key.public.address

    def sign(self, account: bytes, wish: Wish, wall_ms: int) -> bytes:
        """The raw transaction that makes `wish` come true, signed by `account`."""
        key = self._keys[Address(account)]
        idempotency = None
        if wish.idempotency_key is not None:
            idempotency = idempotency_of(wish.idempotency_key, wish.meaning)
        return sign_transaction(
            key,
            Transaction(
                1,
                self._chain,
                key.public,
                self._random_bytes(16),
                wall_ms + LIFETIME_MS,
                wish.contract,
                wish.call,
                wish.arguments,
                tuple(Commitment(item.commitment, len(item.content)) for item in wish.attachments),
                idempotency,
                bytes(64),
            ),
        )


def idempotency_of(key: str, meaning: bytes) -> Idempotency:
    """Tag and fingerprint of a wish (`docs/protocol/ledger.md` section 6)."""
    secret = key.encode()
    return Idempotency(digest("idempotency", secret), hmac.new(secret, meaning, sha256).digest())
