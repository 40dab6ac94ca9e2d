"""What became of transactions: known from the store, or told to those who wait.

Promise: a fate is told only after the block that decides it is durable here, and it is the same whenever and
wherever it is asked.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from weft.model.block import Header
from weft.model.digest import Digest
from weft.model.receipt import decode_receipt
from weft.model.view import Fate
from weft.node.apply import Applied
from weft.node.ports import Store

EXPIRED_MAX = 100_000
"""Identities remembered as expired, so that whoever admitted them can say so."""


def pending(identity: Digest) -> Fate:
    """Nothing is decided yet."""
    return Fate(identity, "pending", None, None, "", (), False)


class Fates:
    """Those who wait for transactions on this node."""

    def __init__(self, store: Store, certified_height: Callable[[], int]) -> None:
        self._store = store
        self._certified_height = certified_height
        self._waiting: dict[Digest, asyncio.Future[Fate]] = {}
        self._expired: OrderedDict[Digest, None] = OrderedDict()

    def expect(self, identity: Digest) -> "asyncio.Future[Fate]":
        """A future that many may await (shielded); done when the fate is known."""
        future = self._waiting.get(identity)
        if future is None:
            future = self._waiting[identity] = asyncio.get_running_loop().create_future()
        return future

    def find(self, identity: Digest) -> Fate | None:
        """The fate as far as this node has executed; None if it knows nothing."""
        place = self._store.find_transaction(identity)
        if place is not None:
            block = self._store.find_block(place.height)
            assert block is not None, "an identity stands in a block that is stored with it"
            return self._fate(identity, block.receipts[place.position], place.position, block.header)
        if identity in self._expired:
            return Fate(identity, "expired", None, None, "transaction.expired", (), False)
        return None

    def settle(self, applied: Applied) -> None:
        """Tell those who wait for what this commit decided."""
        waiting = self._waiting
        if applied.sealed is not None:
            sealed = applied.sealed
            for position, identity in enumerate(sealed.identities):
                if identity in waiting:
                    receipt = sealed.block.receipts[position]
                    self._tell(identity, self._fate(identity, receipt, position, sealed.block.header))
        for identity, reason in applied.passed_over:
            if reason == "expired":
                self._expired[identity] = None
                if len(self._expired) > EXPIRED_MAX:
                    self._expired.popitem(last=False)
            if identity in waiting:
                # One that lay too far ahead is not decided: it may be proposed again when its time has come.
                self._tell(identity, self.find(identity) or pending(identity))

    def _tell(self, identity: Digest, fate: Fate) -> None:
        future = self._waiting.pop(identity)
        if not future.done():
            future.set_result(fate)

    def _fate(self, identity: Digest, raw_receipt: bytes, position: int, header: Header) -> Fate:
        receipt = decode_receipt(raw_receipt)
        return Fate(
            identity,
            receipt.status,
            header.height,
            position,
            receipt.code,
            receipt.result,
            self._certified_height() >= header.height,
            time_ms=header.time_ms,
            events=receipt.events,
        )
