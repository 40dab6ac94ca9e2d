"""Vertices that not everybody gets, or late."""

from collections.abc import Iterable

from weft.model.message import Item
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar


class Withhold(Lie):
    """Sends its vertices to some members only, to fellows alone, or to some of them much later.

    Whoever got one names it, so the others must fetch it; what nobody has may delay no round.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._span = liar.random.choice((1, 5, 40))
        self._late_s = liar.random.choice((0.0, 0.005, 0.05, 1.0))
        """After which the others get it after all; 0 is never."""
        self._until = 0
        self._chosen: list[int] = []

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        if vertex.round >= self._until:
            self._until = vertex.round + self._span
            victims = self.victims
            self._chosen = self.liar.random.sample(victims, self.liar.random.randint(0, len(victims)))
        if member not in self._chosen:
            return (item,)
        self.told["withheld"] += 1
        if self._late_s:
            self.liar.call_later(self._late_s, lambda: self.liar.send(member, item))
        return ()
