"""Too much."""

from collections.abc import Iterable

from weft.model.block import SignedStatement, Statement
from weft.model.message import Announced, Item, Resumed, Signed, Stated
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

KINDS = ("twins", "orphans", "words", "states", "resumed")


class Flood(Lie):
    """Sends hundreds of twins, of vertices that can never be complete, of words for other heights, of states
    that it claims to have, and of wishes to hear everything again, at a time.

    Each is bounded: what waits for a peer, words and heights looked into by member, and the answers.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._kinds = liar.random.sample(KINDS, liar.random.randint(1, 2))
        self._every = liar.random.choice((5, 20))
        self._count = liar.random.choice((30, 200))
        self._made: tuple[int, list[Item]] = (0, [])
        self._flooded: dict[int, int] = {}
        """The newest round with which each member was flooded: what overflows a queue is not said again."""

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        if vertex.round % self._every or vertex.round <= self._flooded.get(member, 0):
            return (item,)
        self._flooded[member] = vertex.round
        if self._made[0] != vertex.round:
            kind = self.liar.random.choice(self._kinds)
            self._made = vertex.round, [self._make(kind, vertex, number) for number in range(self._count)]
            self.told[kind] += self._count
        return (item, *self._made[1])

    def _make(self, kind: str, vertex: Vertex, number: int) -> Item:
        random, place = self.liar.random, self.liar.place
        match kind:
            case "twins":
                twin = self.retell(vertex, time_ms=vertex.time_ms + number + 1, batch=())
                return Announced(twin.raw, ())
            case "orphans":
                others = [self.invent(one, vertex.round + number) for one in self.members if one != place]
                orphan = self.retell(
                    vertex, vertex.round + number + 1, parents=(vertex.reference, *others), batch=()
                )
                return Announced(orphan.raw, ())
            case "words":
                chain, height = self.liar.genesis.chain, random.randrange(2**40)
                statement = Statement(chain, 0, height, random.randbytes(32), random.randbytes(32))
                return Signed(SignedStatement(statement, place, self.liar.signer.sign(statement.digest)))
            case "states":
                return Stated(random.randrange(100), random.randbytes(32), random.randbytes(32))
            case _:
                return Resumed(tuple(0 for _ in self.members))
