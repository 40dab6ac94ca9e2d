"""Two things in one slot."""

from collections.abc import Iterable

from weft.model.message import Announced, Evidence, Item
from weft.model.vertex import Vertex, decode_vertex, sign_vertex
from weft.simulation.ports import Behaviour, Liar


class Equivocate(Behaviour):
    """Says one thing to one half of the members and another to the other half, in some rounds."""

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._twins: dict[int, tuple[Vertex, int] | None] = {}
        self._chance = liar.random.choice((0.1, 0.5, 1.0))

    def send(self, member: int, item: Item) -> Iterable[Item | bytes]:
        if not isinstance(item, Announced):
            return (item,)
        vertex = decode_vertex(item.vertex)
        if vertex.author != self.liar.place:
            return (item,)
        if vertex.round not in self._twins:
            is_time = self.liar.random.random() < self._chance
            half = self.liar.random.getrandbits(len(self.liar.genesis.members))
            self._twins[vertex.round] = (self._twin_of(vertex), half) if is_time else None
        found = self._twins[vertex.round]
        if found is None or not found[1] >> member & 1:
            return (item,)
        return (Announced(found[0].raw, item.attachments),)

    def receives(self, member: int, item: Item) -> bool:
        """The own node would stop if it heard of its twin."""
        return not isinstance(item, Evidence)

    def _twin_of(self, vertex: Vertex) -> Vertex:
        return sign_vertex(
            self.liar.signer,
            vertex.chain,
            vertex.epoch,
            vertex.author,
            vertex.round,
            vertex.time_ms + 1,
            vertex.parents,
            vertex.batch[: len(vertex.batch) // 2],
        )
