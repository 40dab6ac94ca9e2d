"""Messages of the past."""

from collections.abc import Iterable

from weft.model.message import Announced, Item
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

KEPT = 500


class Replay(Lie):
    """Says again what it and all others have said, to anybody, in any order: vertices, words, checkpoints,
    openings, evidence.

    Whatever is true may be passed on by anyone and changes nothing the second time.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._chance = liar.random.choice((0.1, 0.5))
        self._heard: list[Item] = []

    def send(self, member: int, item: Item) -> Iterable[Item | bytes]:
        said = super().send(member, item)
        self._keep(item)
        if not isinstance(item, Announced) or self.liar.random.random() > self._chance:
            return said
        again = self.liar.random.choices(self._heard, k=self.liar.random.choice((1, 5, 20)))
        for one in again:
            self.told[type(one).__name__] += 1
        return (*again, *said)

    def receives(self, member: int, item: Item) -> bool:
        self._keep(item)
        return True

    def _keep(self, item: Item) -> None:
        self._heard.append(item)
        del self._heard[:-KEPT]
