"""Rounds that nobody has reached."""

from collections.abc import Iterable

from weft.model.message import Announced, Item
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie

ROUND_MAX = 2**63 - 1


class Leap(Lie):
    """Says vertices of rounds far above, over parents that never were, some of them in honest names.

    They wait, within a bound, and are asked for in vain; nobody is behind because liars say so, and no round
    waits for them.
    """

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        random = self.liar.random
        if random.random() < 0.7:
            return (item,)
        far = random.choice((1, 2, 30, 2_000, 10**9, ROUND_MAX - vertex.round))
        return (item, *(self._leap(vertex, far) for _ in range(random.choice((1, 1, 20)))))

    def _leap(self, vertex: Vertex, far: int) -> Announced:
        round_ = vertex.round + far
        others = (member for member in self.members if member != self.liar.place)
        parents = [vertex.reference, *(self.invent(member, round_ - 1) for member in others)]
        self.told[f"{far if far < 10**10 else 'end'}"] += 1
        return Announced(self.retell(vertex, round_, parents=parents).raw, ())
