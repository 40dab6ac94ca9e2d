"""The same wish twice (`docs/protocol/ledger.md` section 6): tags of transactions, kept for a day.

A tag stands under the day of ledger time in which it was used, so a tag that counts is found under today or
yesterday, and those to forget are the first in key order. Each transaction that adds one forgets two: what is
kept stays bounded by what was asked for in two days, and no commit has more to do than its transactions.
"""

from collections.abc import Iterator

from weft.execution.context import state_key
from weft.execution.view import View
from weft.model.digest import Digest
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.failure import Failure
from weft.model.transaction import Idempotency

MEMORY_MS = 24 * 3600 * 1000
_PREFIX = state_key("idempotency", b"")
_FORGET = 2
_PAGE = 16


class Remembered(Record, frozen=True):
    """The first transaction with a tag, whether it took effect or was refused."""

    identity: Digest
    fingerprint: Digest
    time_ms: Natural


class Tags:
    """The tags as one commit sees and adds to them."""

    def __init__(self, view: View, time_ms: int) -> None:
        self._view = view
        self._time_ms = time_ms
        self._day = time_ms // MEMORY_MS
        self._old = _find_old(view, self._day)

    def check(self, space: bytes, wish: Idempotency) -> None:
        """Raise Failure if the tag was used in this space within the last 24 hours."""
        for day in (self._day, self._day - 1):
            value = self._view.get(_key(day, space, wish.tag)) if day >= 0 else None
            if value is None:
                continue
            first = decode(Remembered, value)
            if self._time_ms - first.time_ms < MEMORY_MS:
                is_same = first.fingerprint == wish.fingerprint
                code = "idempotency.repeated" if is_same else "idempotency.conflict"
                raise Failure(code, (("first", first.identity),))

    def add(self, space: bytes, wish: Idempotency, identity: Digest) -> None:
        """Remember a transaction that was executed or refused, and forget two from before yesterday."""
        value = encode(Remembered(identity, wish.fingerprint, self._time_ms))
        self._view.put(_key(self._day, space, wish.tag), value)
        for _, key in zip(range(_FORGET), self._old, strict=False):
            self._view.put(key, None)


def _find_old(view: View, day: int) -> Iterator[bytes]:
    """Keys from before yesterday. It holds nothing that holds it, or each commit's view would outlive it."""
    first_kept, after = _PREFIX + max(day - 1, 0).to_bytes(4, "big"), b""
    while rows := view.scan(_PREFIX, after, _PAGE):
        for key, _ in rows:
            if key >= first_kept:
                return
            yield key
        after = rows[-1][0]


def _key(day: int, space: bytes, tag: Digest) -> bytes:
    return _PREFIX + day.to_bytes(4, "big") + space + tag
