"""A member that does not remember what it said."""

from collections.abc import Iterable, Sequence

from weft.model.message import Announced, Item
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar


class Forget(Lie):
    """As if from an old copy of its disk: now and then, and after each start, it says other things in its
    last slots than it did before, one after the other over each other, to whoever is connected.

    It is a liar like any other; that it did not mean to makes no difference.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: list[Vertex] = []

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._depth = liar.random.choice((1, 2, 5))
        self._chance = liar.random.choice((0.02, 0.1))
        self._is_confused = bool(self._said)
        self._again: tuple[int, Sequence[Item]] = (0, ())

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        if self._again[0] != vertex.round:
            is_time = self._is_confused or self.liar.random.random() < self._chance
            self._again = vertex.round, self._say_again() if is_time else ()
            self._is_confused = False
        if not self._said or self._said[-1].round < vertex.round:
            self._said = [*self._said, vertex][-self._depth :]
        return (*self._again[1], item)

    def _say_again(self) -> list[Item]:
        """A chain of twins over the last vertices."""
        items: list[Item] = []
        before: Vertex | None = None
        for old in self._said:
            own, *others = old.parents
            own = own if before is None else before.reference
            before = self.retell(old, time_ms=old.time_ms + 7, parents=(own, *others), batch=())
            items.append(Announced(before.raw, ()))
            self.told["twin"] += 1
        return items
