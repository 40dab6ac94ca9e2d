"""The state as a commit sees it: what stands below, with what was written since on top.

Promise: a read sees every write before it; `undo` takes back all since `begin`; nothing below ever changes.
Views stack, so that several commits can be executed before one of them is stored.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from heapq import merge
from typing import Protocol

from weft.model.receipt import Writes

_PAGE = 256


class Reader(Protocol):
    """Keys and values: the stored state, or a view over it."""

    def get(self, key: bytes) -> bytes | None: ...

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, rising."""


class View:
    """Read-your-writes over a reader."""

    __slots__ = ("_base", "_before", "_changes", "_sorted")

    def __init__(self, base: Reader) -> None:
        self._base = base
        self._changes: dict[bytes, bytes | None] = {}
        self._before: dict[bytes, tuple[bytes | None] | None] = {}
        """Keys written since `begin`: what the view held before, None if nothing."""
        self._sorted: list[bytes] | None = None
        """The changed keys in order, kept only once somebody has scanned."""

    def get(self, key: bytes) -> bytes | None:
        changes = self._changes
        return changes[key] if key in changes else self._base.get(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Set a value, or delete it with None."""
        changes = self._changes
        if key not in self._before:
            self._before[key] = (changes[key],) if key in changes else None
        if self._sorted is not None and key not in changes:
            insort(self._sorted, key)
        changes[key] = value

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        found: list[tuple[bytes, bytes]] = []
        last = None
        # The rank decides between two rows of one key: what was written here hides what stands below.
        own = ((key, 0, self._changes[key]) for key in self._own_keys(prefix, after))
        below = ((key, 1, value) for key, value in self._rows_below(prefix, after, limit))
        for key, _, value in merge(own, below):
            if key != last and value is not None:
                found.append((key, value))
            last = key
            if len(found) >= limit:
                break
        return found

    def begin(self) -> None:
        """What follows is one transaction."""
        self._before = {}

    def undo(self) -> None:
        """Take back all that was written since `begin`."""
        for key, held in self._before.items():
            if held is not None:
                self._changes[key] = held[0]
                continue
            del self._changes[key]
            if self._sorted is not None:
                del self._sorted[bisect_left(self._sorted, key)]
        self._before = {}

    def written(self) -> Writes:
        """What was written since `begin`, keys rising."""
        changes = self._changes
        return tuple((key, changes[key]) for key in sorted(self._before))

    def writes(self) -> Writes:
        """The net effect of all transactions, keys rising."""
        return tuple(sorted(self._changes.items()))

    def _own_keys(self, prefix: bytes, after: bytes) -> Iterator[bytes]:
        if self._sorted is None:
            self._sorted = sorted(self._changes)
        keys = self._sorted
        place = max(bisect_left(keys, prefix), bisect_right(keys, after))
        while place < len(keys) and keys[place].startswith(prefix):
            yield keys[place]
            place += 1

    def _rows_below(self, prefix: bytes, after: bytes, limit: int) -> Iterator[tuple[bytes, bytes]]:
        page = min(limit, _PAGE)
        while rows := self._base.scan(prefix, after, page):
            yield from rows
            if len(rows) < page:
                return
            after = rows[-1][0]
