"""Old rounds."""

from collections.abc import Iterable

from weft.model.message import Announced, Item
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

ROUNDS_KEPT = 2_000


class Stale(Lie):
    """Says vertices of old rounds beside the new one: the very same again, and others in old slots, just
    above and far below the floor.

    What is final stays; what is below the floor is passed over; a second one in a slot is evidence.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._old: list[Vertex] = []

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        random, old = self.liar.random, self._old
        said: list[Item | bytes] = [item]
        if old and random.random() < 0.5:
            one = random.choice(old)
            self.told["again"] += 1
            said.insert(0, Announced(one.raw, ()))
        if old and random.random() < 0.2:
            one = random.choice(old[:10] + old[-10:])
            self.told["another"] += 1
            said.append(Announced(self.retell(one, time_ms=one.time_ms + 1, batch=()).raw, ()))
        if not old or old[-1].round < vertex.round:
            old.append(vertex)
            del old[:-ROUNDS_KEPT]
        return said
