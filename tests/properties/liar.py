"""Members that carry effects otherwise than they should."""

from weft.model.message import Announced
from weft.model.vertex import decode_vertex, sign_vertex

from .world import Node, key_of


class Equivocator(Node):
    """Says one thing to one half and another to the other half, in every round."""

    def on_broadcast(self, effect):
        self.world.liars.add(self.place)
        if not isinstance(effect.item, Announced):
            super().on_broadcast(effect)
            return
        vertex = decode_vertex(effect.item.vertex)
        twin = twin_of(vertex)
        for other in range(self.world.size):
            if other != self.place:
                item = effect.item if other % 2 else Announced(twin.raw, ())
                self.world.send(self.place, other, item)


def twin_of(vertex, later_ms=1):
    """The same author's other word in the same slot."""
    return sign_vertex(
        key_of(vertex.author),
        vertex.chain,
        vertex.epoch,
        vertex.author,
        vertex.round,
        vertex.time_ms + later_ms,
        vertex.parents,
        (),
    )


class Selfish(Node):
    """Names nobody but itself and a bare quorum."""

    def handle(self, input_):
        proposer = self.core._proposer
        if not hasattr(proposer, "is_selfish"):
            proposer.__dict__["is_selfish"] = True
            choose = proposer._choose_parents
            proposer._choose_parents = lambda round_: self.reduce(choose(round_))
        super().handle(input_)

    def reduce(self, parents):
        before = None if parents is None else max(parent.round for parent in parents)
        if parents is None or sum(p.round == before for p in parents) < 3:
            return parents
        own = [p for p in parents if p.author == self.place][:1]
        rest = [p for p in parents if p.round == before and p.author != self.place]
        is_own_before = bool(own) and own[0].round == before
        return (*own, *rest[: 2 if is_own_before else 3])


class Whisperer(Node):
    """Sends its vertices to one member only."""

    def on_broadcast(self, effect):
        if isinstance(effect.item, Announced):
            self.world.send(self.place, 0, effect.item)
        else:
            super().on_broadcast(effect)
