"""Who makes this node ask in vain pays for it.

Any member can name vertices that never were, thousands at a time, and each of them is asked of everybody. So
a piece that is asked for is charged to a member whose vertex lacks it until it is found, and what only that
member's vertices lack waits while it owes too much. Debts shrink with time. An honest member names what it
has, and owes nothing for long.
"""

from collections import OrderedDict
from collections.abc import Callable

from weft.consensus.waiting import Piece
from weft.consensus.weight import members_in

VAIN_MAX = 2_048
"""Pieces not found that a member may owe."""
US_EACH = 2_000
"""Microseconds in which one of them is forgiven, times the members that were asked."""


class Debts:
    """By member: pieces asked for and not found, and those that are put off because of that."""

    def __init__(self, size: int) -> None:
        self._owed = [0] * size
        self._put_off: list[OrderedDict[Piece, None]] = [OrderedDict() for _ in range(size)]
        self._kept_max = [VAIN_MAX] * size
        """Above it what nobody waits for any more is looked for among what is put off."""
        self._each_us = US_EACH * size
        self._paid_us = 0

    def find_payer(self, members: int) -> int | None:
        """Of a set of members one that does not owe too much."""
        return next((member for member in members_in(members) if self._owed[member] < VAIN_MAX), None)

    def charge(self, member: int) -> None:
        """The others begin to be asked for what a vertex of this member's lacks."""
        self._owed[member] += 1

    def refund(self, member: int) -> None:
        """It was found."""
        self._owed[member] = max(0, self._owed[member] - 1)

    def put_off(self, members: int, piece: Piece, is_wished: Callable[[Piece], bool]) -> None:
        """Not now: one of these members must owe less."""
        member = next(iter(members_in(members)))
        pieces = self._put_off[member]
        pieces[piece] = None
        if len(pieces) > self._kept_max[member]:
            for one in [one for one in pieces if not is_wished(one)]:
                del pieces[one]
            self._kept_max[member] = 2 * len(pieces) + VAIN_MAX

    def take_due(self, now_us: int) -> list[Piece]:
        """Time has passed: what may be asked for again."""
        forgiven = (now_us - self._paid_us) // self._each_us
        if forgiven <= 0:
            return []
        self._paid_us += forgiven * self._each_us
        due: list[Piece] = []
        if not any(self._owed) and not any(self._put_off):
            return due
        for member, pieces in enumerate(self._put_off):
            self._owed[member] = max(0, self._owed[member] - forgiven)
            for _ in range(min(len(pieces), VAIN_MAX - self._owed[member])):
                due.append(pieces.popitem(last=False)[0])
        return due

    @property
    def next_us(self) -> int | None:
        """When something that is put off may be asked for."""
        return self._paid_us + self._each_us if any(self._put_off) else None
