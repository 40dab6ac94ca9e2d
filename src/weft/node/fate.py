"""What became of transactions: known from the store, or told to those who wait.

Promise: a fate is told only after the block that decides it is durable here, and it is the same whenever and
wherever it is asked.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial

from weft.model.block import Header
from weft.model.digest import Digest
from weft.model.receipt import decode_receipt
from weft.model.view import Fate
from weft.node.apply import Applied
from weft.node.ports import Store

EXPIRED_MAX = 100_000
"""Identities remembered as expired, so that whoever admitted them can say so."""

AT_ONCE = 250
"""Receipts that one who waits for many reads before others have their turn: less than a millisecond."""


def pending(identity: Digest) -> Fate:
    """Nothing is decided yet."""
    return Fate(identity, "pending", None, None, "", (), False)


class _Awaited:
    """Transactions that somebody waits for together."""

    __slots__ = ("done", "left", "told")

    def __init__(self, identities: Iterable[Digest]) -> None:
        self.left = dict.fromkeys(identities)
        self.told: dict[Digest, Callable[[], Fate]] = {}
        """Each is made by whoever waits: one commit may decide thousands."""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(self, identity: Digest, make: Callable[[], Fate]) -> None:
        del self.left[identity]
        self.told[identity] = make
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Fates:
    """Those who wait for transactions on this node."""

    def __init__(self, store: Store, certified_height: Callable[[], int]) -> None:
        self._store = store
        self._certified_height = certified_height
        self._waiting: dict[Digest, list[_Awaited]] = {}
        self._expired: OrderedDict[Digest, None] = OrderedDict()

    async def wait(self, identities: Iterable[Digest], timeout_s: float) -> dict[Digest, Fate]:
        """What is told of these from now on, as far as it is told in time."""
        awaited = _Awaited(identities)
        for identity in awaited.left:
            self._waiting.setdefault(identity, []).append(awaited)
        try:
            if awaited.left:
                await asyncio.wait([awaited.done], timeout=timeout_s)
        finally:
            self._give_up(awaited)
        told: dict[Digest, Fate] = {}
        for identity, make in awaited.told.items():
            if told and len(told) % AT_ONCE == 0:
                await asyncio.sleep(0)
            told[identity] = make()
        return told

    def find(self, identity: Digest) -> Fate | None:
        """The fate as far as this node has executed; None if it knows nothing."""
        place = self._store.find_transaction(identity)
        if place is not None:
            block = self._store.find_block(place.height)
            assert block is not None, "an identity stands in a block that is stored with it"
            is_certified = self._certified_height() >= place.height
            return _fate(identity, block.receipts[place.position], place.position, block.header, is_certified)
        if identity in self._expired:
            return Fate(identity, "expired", None, None, "transaction.expired", (), False)
        return None

    def settle(self, applied: Applied) -> None:
        """Tell those who wait for what this commit decided."""
        waiting = self._waiting
        if applied.sealed is not None and waiting:
            header, receipts = applied.sealed.block.header, applied.sealed.block.receipts
            is_certified = self._certified_height() >= header.height
            for position, identity in enumerate(applied.sealed.identities):
                if identity in waiting:
                    made = partial(_fate, identity, receipts[position], position, header, is_certified)
                    self._tell(identity, made)
        for identity, reason in applied.passed_over:
            if reason == "expired":
                self._expired[identity] = None
                if len(self._expired) > EXPIRED_MAX:
                    self._expired.popitem(last=False)
            if identity in waiting:
                # One that lay too far ahead is not decided: it may be proposed again when its time has come.
                self._tell(identity, partial(_given, self.find(identity) or pending(identity)))

    def _tell(self, identity: Digest, make: Callable[[], Fate]) -> None:
        for awaited in self._waiting.pop(identity):
            awaited.tell(identity, make)

    def _give_up(self, awaited: "_Awaited") -> None:
        for identity in awaited.left:
            others = [other for other in self._waiting[identity] if other is not awaited]
            if others:
                self._waiting[identity] = others
            else:
                del self._waiting[identity]


def _given(fate: Fate) -> Fate:
    return fate


def _fate(identity: Digest, raw_receipt: bytes, position: int, header: Header, is_certified: bool) -> Fate:
    receipt = decode_receipt(raw_receipt)
    return Fate(
        identity,
        receipt.status,
        header.height,
        position,
        receipt.code,
        receipt.result,
        is_certified,
        time_ms=header.time_ms,
        events=receipt.events,
    )
