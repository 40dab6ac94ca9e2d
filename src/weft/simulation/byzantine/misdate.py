"""Clocks that lie."""

from collections.abc import Callable
from functools import partial

from weft.consensus.core import Core
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

SHIFTS_MS = (-3_600_000, -10_000, -1_000, 400, 499, 501, 2_000, 60_000, 3_600_000, 2**62)


class Misdate(Lie):
    """Says another time than it is, far ahead, far behind or just within what is tolerated; always the same,
    another each round, or none at all. Fellows may agree on one.

    Ledger time never falls and is not pushed ahead by f; what is too far ahead waits.
    """

    def begin(self, liar: Liar) -> None:
        self._shifts = liar.random.sample(SHIFTS_MS, liar.random.choice((1, 1, 3)))
        if liar.random.random() < 0.5:
            self._shifts = [SHIFTS_MS[sum(liar.genesis.chain) % len(SHIFTS_MS)]]
        super().begin(liar)

    def bend(self, core: Core) -> None:
        proposer = core.__dict__["_proposer"]
        proposer.__dict__["propose"] = partial(self._propose, proposer.propose)

    def _propose(
        self, propose: Callable[[int, int, bool], Vertex | None], round_: int, time_ms: int, is_vote: bool
    ) -> Vertex | None:
        shift_ms = self.liar.random.choice(self._shifts)
        self.told["ahead" if shift_ms > 0 else "behind"] += 1
        return propose(round_, max(0, time_ms + shift_ms), is_vote)
