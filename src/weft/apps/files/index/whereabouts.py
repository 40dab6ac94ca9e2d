"""In which eras a key may stand, kept in memory: eight bytes a key instead of a look into every era.

A key is known by its first six bytes, so an era is named wrongly now and then (of a million keys one in some
hundred million) and after its file was removed; whoever asks looks there. None that has the key is left out.
"""

import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import chain, groupby

KEY_BYTES, ENTRY_BYTES = 6, 8
"""An entry is a key's beginning and its era."""
RECENT_MAX = 1 << 16
_ERA_BITS = 16


class Whereabouts:
    """One writer; any number of threads that ask."""

    def __init__(self, entries: bytes | bytearray = b"") -> None:
        """One after the other, in any order."""
        found = array("Q", bytes(entries))
        if sys.byteorder == "little":
            found.byteswap()
        self._sorted = _sort(found)
        self._recent: dict[int, tuple[int, ...]] = {}

    def add(self, key: bytes, era: int) -> None:
        number = _begin(key)
        known = self._recent.get(number, ())
        if era not in known:
            self._recent[number] = (*known, era)
        if len(self._recent) >= RECENT_MAX:
            recent = (number | era for number, eras in self._recent.items() for era in eras)
            # First there, then no longer here: who asks meanwhile looks here first.
            self._sorted = _sort(chain(self._sorted, recent))
            self._recent = {}

    def find(self, key: bytes) -> list[int]:
        """Eras, rising."""
        number = _begin(key)
        recent = self._recent.get(number, ())
        packed = self._sorted
        first = bisect_left(packed, number)
        last = first
        while last < len(packed) and packed[last] >> _ERA_BITS == number >> _ERA_BITS:
            last += 1
        return sorted({*recent, *(one % (1 << _ERA_BITS) for one in packed[first:last])})

    def stretch(self, after: bytes, count: int) -> bytes | None:
        """Some key so far behind `after` that about `count` lie between; None beyond the last."""
        packed = self._sorted
        end = bisect_right(packed, _begin(after) | ((1 << _ERA_BITS) - 1)) + count
        return None if end >= len(packed) else (packed[end] >> _ERA_BITS).to_bytes(KEY_BYTES, "big")


def begin(key: bytes) -> bytes:
    """Of a key that nobody can choose."""
    return key[:KEY_BYTES]


def spread(key: bytes) -> bytes:
    """Of a key that somebody may have chosen, so that many begin alike: nobody foresees how this begins."""
    return hash(key).to_bytes(8, "big", signed=True)[:KEY_BYTES]


def _sort(entries: Iterable[int]) -> "array[int]":
    """Each once."""
    return array("Q", (entry for entry, _ in groupby(sorted(entries))))


def _begin(key: bytes) -> int:
    return int.from_bytes(begin(key).ljust(KEY_BYTES, b"\0"), "big") << _ERA_BITS
