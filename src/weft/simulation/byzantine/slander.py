"""Accusations against the innocent."""

from collections.abc import Iterable

from weft.model.message import Announced, Evidence, Item
from weft.model.vertex import Vertex, decode_vertex, sign_vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

KEPT = 200
KINDS = ("two rounds", "same twice", "forged", "two authors", "garbage")


class Slander(Lie):
    """Accuses honest members with pairs that prove nothing: vertices of two rounds or of two authors, one
    vertex twice, a true one beside a forged one, bytes that are no vertex.

    Nobody believes it; forgeries cut it off.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._chance = liar.random.choice((0.02, 0.3))
        self._heard: list[Vertex] = []

    def receives(self, member: int, item: Item) -> bool:
        if isinstance(item, Announced):
            vertex = decode_vertex(item.vertex)
            if vertex.author not in self.side:
                self._heard.append(vertex)
                del self._heard[:-KEPT]
        return True

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        if not self._heard or self.liar.random.random() > self._chance:
            return (item,)
        kind = self.liar.random.choice(KINDS)
        self.told[kind] += 1
        return (item, Evidence(*self._pair(kind, self.liar.random.choice(self._heard))))

    def _pair(self, kind: str, victim: Vertex) -> tuple[bytes, bytes]:
        match kind:
            case "two rounds":
                others = [one for one in self._heard if one.author == victim.author]
                return victim.raw, self.liar.random.choice(others).raw
            case "two authors":
                return victim.raw, self.liar.random.choice(self._heard).raw
            case "same twice":
                return victim.raw, victim.raw
            case "forged":
                return victim.raw, self._forge(victim).raw
            case _:
                return victim.raw, victim.raw[:-1]

    def _forge(self, victim: Vertex) -> Vertex:
        return sign_vertex(
            self.liar.signer,
            victim.chain,
            victim.epoch,
            victim.author,
            victim.round,
            victim.time_ms + 1,
            victim.parents,
            (),
        )
