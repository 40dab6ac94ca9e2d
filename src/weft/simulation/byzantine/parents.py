"""Parents that are wrong."""

from collections.abc import Iterable, Sequence

from weft.model.message import Announced, Item
from weft.model.vertex import Reference, Vertex, implied_reference
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

KINDS = (
    "none", "few", "twice", "foreign first", "stranger", "same round", "later round", "not implied", "own",
    "invented", "unsorted", "bare", "own from the beginning",
)  # fmt: skip


class Parents(Lie):
    """Says vertices that name nobody, too few, one author twice, members that there are not, parents of the
    same or a later round, vertices that never were; and, what is allowed, in any order, only a bare quorum,
    or over its very first vertex instead of its newest.

    What is invalid by its bytes cuts its author off; what names nothing that is waits for it in vain.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._kinds = liar.random.sample(KINDS, liar.random.randint(1, 4))
        self._mask = liar.random.choice((-1, liar.random.getrandbits(len(self.members))))
        self._chance = liar.random.choice((0.1, 0.5))
        self._made: tuple[Vertex, Vertex] | None = None

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        if self._made is None or self._made[0] != vertex:
            self._made = vertex, self._make(vertex)
        if not self._mask >> member & 1:
            return (item,)
        return (Announced(self._made[1].raw, item.attachments if isinstance(item, Announced) else ()),)

    def _make(self, vertex: Vertex) -> Vertex:
        if self.liar.random.random() > self._chance:
            return vertex
        kind = self.liar.random.choice(self._kinds)
        self.told[kind] += 1
        return self.retell(vertex, parents=self._lie(kind, vertex, list(vertex.parents)))

    def _lie(self, kind: str, vertex: Vertex, parents: list[Reference]) -> Sequence[Reference]:
        own, *others = parents
        round_, victim = vertex.round, self.liar.random.choice(self.victims or [self.liar.place])
        match kind:
            case "none":
                return ()
            case "few":
                return parents[: self.liar.genesis.committee.quorum // 2]
            case "twice":
                return (*parents, self.invent(victim, round_ - 1))
            case "foreign first":
                return (*others, own)
            case "stranger":
                return (*parents, self.invent(len(self.members), round_ - 1))
            case "same round":
                return (own, *(self.invent(parent.author, round_) for parent in others))
            case "later round":
                return (own, *(self.invent(parent.author, round_ + 5) for parent in others))
            case "not implied":
                return (*(one for one in parents if one.author != victim), self.invent(victim, 0))
            case "own":
                return (own, *(self.invent(own.author, round_ - 1) for _ in others))
            case "invented":
                return [self.invent(victim, round_ - 1) if one.author == victim else one for one in parents]
            case "unsorted":
                return (own, *self.liar.random.sample(others, len(others)))
            case "bare":
                return self._bare(own, others, round_ - 1)
            case _:
                implied = implied_reference(vertex.chain, vertex.epoch, own.author)
                return (implied, *others)

    def _bare(self, own: Reference, others: list[Reference], before: int) -> Sequence[Reference]:
        """No more than a quorum of the round before."""
        committee, named = self.liar.genesis.committee, [own]
        for parent in self.liar.random.sample(others, len(others)):
            if committee.weigh(one.author for one in named if one.round == before) < committee.quorum:
                named.append(parent)
        return named
