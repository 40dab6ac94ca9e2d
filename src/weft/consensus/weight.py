"""Sets of members as bits, and what they weigh.

Member m is bit m. A set is one whole number, so the counts of sections 1 and 6 of
`docs/protocol/consensus.md` are an AND and a look into a table.
"""

from collections.abc import Iterable

_CHUNK = 8
_MASK = (1 << _CHUNK) - 1


class Scale:
    """Weighs sets of members."""

    __slots__ = ("_each", "_tables")

    def __init__(self, weights: tuple[int, ...]) -> None:
        self._each = weights[0] if len(set(weights)) == 1 else 0
        self._tables = [_table(weights[first : first + _CHUNK]) for first in range(0, len(weights), _CHUNK)]

    def weigh(self, members: int) -> int:
        """The weight of all members whose bit is set."""
        if self._each:
            return members.bit_count() * self._each
        weight = 0
        for table in self._tables:
            weight += table[members & _MASK]
            members >>= _CHUNK
        return weight


def _table(weights: tuple[int, ...]) -> list[int]:
    """The weight of each of the subsets of up to eight members."""
    sums = [0]
    for weight in weights:
        sums += [known + weight for known in sums]
    return sums + [0] * (_MASK + 1 - len(sums))


def bits_of(members: Iterable[int]) -> int:
    """The set of these members."""
    bits = 0
    for member in members:
        bits |= 1 << member
    return bits


def members_in(bits: int) -> Iterable[int]:
    """The members of a set, rising."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def largest_faulty(weights: tuple[int, ...], faulty: int) -> int:
    """The largest number of members that weigh at most `faulty` together (section 5)."""
    count = 0
    for weight in sorted(weights):
        faulty -= weight
        if faulty < 0:
            return count
        count += 1
    return count
