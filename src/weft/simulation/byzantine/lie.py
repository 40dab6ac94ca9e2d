"""What all lies have in common: a liar's node that minds no twin of its own, and a count of the lies told."""

from collections import Counter
from collections.abc import Iterable, Sequence

from weft.consensus.core import Core
from weft.model.message import Announced, Evidence, Item
from weft.model.vertex import Reference, Vertex, decode_vertex, sign_vertex
from weft.simulation.ports import Behaviour, Liar


class Lie(Behaviour):
    """A behaviour that counts what it does in `told`, by kind: a lie that never takes place proves nothing.

    The liar's own core takes what others have of its twins as if it were another member's, for an honest one
    would stop. It never accuses its own side.
    """

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()
        self._core: Core | None = None
        self._decoded: Vertex | None = None

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._meet()

    def send(self, member: int, item: Item) -> Iterable[Item | bytes]:
        self._meet()
        if isinstance(item, Evidence) and decode_vertex(item.first).author in self.side:
            return ()
        vertex = self.find_own(item)
        return (item,) if vertex is None else self.say(member, vertex, item)

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        """What is sent instead of `item`, which brings an own vertex."""
        return (item,)

    def bend(self, core: Core) -> None:
        """The own node has begun to use this core: change how it thinks."""

    @property
    def side(self) -> tuple[int, ...]:
        """All liars, this one included."""
        return (self.liar.place, *self.liar.fellows)

    @property
    def victims(self) -> list[int]:
        """The honest members."""
        return [member for member in self.members if member not in self.side]

    @property
    def members(self) -> range:
        return range(len(self.liar.genesis.members))

    def find_own(self, item: Item) -> Vertex | None:
        """The vertex that an item brings, if it is this liar's."""
        if not isinstance(item, Announced):
            return None
        if self._decoded is None or self._decoded.raw != item.vertex:
            self._decoded = decode_vertex(item.vertex)
        return self._decoded if self._decoded.author == self.liar.place else None

    def retell(
        self,
        vertex: Vertex,
        round_: int | None = None,
        time_ms: int | None = None,
        parents: Sequence[Reference] | None = None,
        batch: Sequence[bytes] | None = None,
    ) -> Vertex:
        """The same with something else in it, signed."""
        return sign_vertex(
            self.liar.signer,
            vertex.chain,
            vertex.epoch,
            self.liar.place,
            vertex.round if round_ is None else round_,
            vertex.time_ms if time_ms is None else time_ms,
            vertex.parents if parents is None else tuple(parents),
            vertex.batch if batch is None else tuple(batch),
        )

    def invent(self, author: int, round_: int) -> Reference:
        """A vertex that never was."""
        return Reference(author, round_, self.liar.random.randbytes(32))

    def _meet(self) -> None:
        """After every start, and when it has followed blocks, the node uses another core."""
        if self._core is not self.liar.core:
            self._core = self.liar.core
            self._core.__dict__["_is_foreign_own"] = _minds_nothing
            self.bend(self._core)


def _minds_nothing(vertex: Vertex) -> bool:
    return False
