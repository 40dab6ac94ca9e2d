"""Honest by every rule, and partial: whom a liar names is its own choice."""

from collections.abc import Callable, Iterable
from functools import partial

from weft.consensus.core import Core
from weft.model.message import Announced, Item
from weft.model.vertex import Reference, Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

Parents = tuple[Reference, ...] | None


class Choose(Lie):
    """Names others than an honest node would, within the rules, and thinks so itself."""

    def bend(self, core: Core) -> None:
        proposer = core.__dict__["_proposer"]
        proposer.__dict__["_choose_parents"] = partial(self._reduce, proposer._choose_parents)

    def shuns(self, author: int, round_: int) -> bool:
        """Whether the author's vertex is left out in this round if it can be."""
        return False

    def _reduce(self, choose: Callable[[int], Parents], round_: int) -> Parents:
        parents = choose(round_)
        if parents is None or round_ == 1:
            return parents
        own, *others = parents
        others.sort(key=lambda parent: self.shuns(parent.author, round_))
        committee, named = self.liar.genesis.committee, [own]
        for parent in others:
            weight = committee.weigh(one.author for one in named if one.round == round_ - 1)
            if weight < committee.quorum or not self.shuns(parent.author, round_):
                named.append(parent)
        self.told["unnamed"] += len(parents) - len(named)
        return (own, *sorted(named[1:], key=lambda parent: parent.author))


class Censor(Choose):
    """Never names one honest member if a quorum can be had without, and does not hear one client. Fellows
    choose the same member.

    Others name that member; the client goes to another node.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._client = liar.random.randrange(4)

    def shuns(self, author: int, round_: int) -> bool:
        return author == min(self.victims, default=-1)

    def serves(self, client: int) -> bool:
        self.told["refused"] += client == self._client
        return client != self._client


class Split(Choose):
    """Names just a quorum, other members in other rounds so that votes and blames stay as even as can be,
    and speaks at the last moment, when the others have given up waiting.

    Slots may stay undecided until patience has grown, and not longer.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._late_s = liar.random.choice((0.0, 0.0, 0.001, 0.02))
        self._period = liar.random.choice((2, 3, 4))

    def shuns(self, author: int, round_: int) -> bool:
        return (round_ + author + self.side.index(self.liar.place)) % self._period != 0

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        assert isinstance(item, Announced)
        if not self._late_s or (vertex.round + member) % 2:
            return (item,)
        self.told["late"] += 1
        self.liar.call_later(self._late_s, lambda: self.liar.send(member, item))
        return ()
