"""Whether a vertex' time has come (`docs/protocol/consensus.md` section 2).

Promise: members that weigh at most f cannot push ledger time ahead of an honest clock by more than the bound,
and a node whose own clock is behind follows the others as soon as more than f say so.
"""

from weft.consensus.weight import Scale, bits_of
from weft.model.vertex import Vertex


class Ahead:
    """What each author said the time is, at its newest."""

    def __init__(self, size: int, scale: Scale, faulty: int, bound_ms: int) -> None:
        self._scale = scale
        self._faulty = faulty
        self._bound_ms = bound_ms
        self._said = [0] * size

    def note(self, vertex: Vertex) -> None:
        """A valid vertex says a time; it counts even while it is held."""
        if vertex.time_ms > self._said[vertex.author]:
            self._said[vertex.author] = vertex.time_ms

    def is_ahead(self, time_ms: int, wall_ms: int) -> bool:
        """Whether a vertex that says this time must be held."""
        return self.wait_ms(time_ms, wall_ms) > 0 and not self._is_supported(time_ms)

    def wait_ms(self, time_ms: int, wall_ms: int) -> int:
        """How long until this node's own clock allows the time."""
        return time_ms - self._bound_ms - wall_ms

    def _is_supported(self, time_ms: int) -> bool:
        least = time_ms - self._bound_ms
        authors = bits_of(author for author, said in enumerate(self._said) if said >= least)
        return self._scale.weigh(authors) > self._faulty
