"""A drawn DAG as it comes to a member's whole core: one vertex at a time, by chance, asked for where needed.

The core is the shipped one with all its doors: what it delivers is compared with the judge's order.
"""

import random
from collections.abc import Iterator

from tests.properties.world import START_MS, key_of, make_genesis
from weft.consensus.core import Core, first_base
from weft.consensus.messages import Answered, Arrived, Deliver, Fetch, Opened, Refuse, Tick, Wake
from weft.model.limits import LOCAL
from weft.model.vertex import Reference, Vertex, implied_reference
from weft.simulation.vectors import Case

from .plain import author_of, round_of

Order = list[tuple[int, list[str]]]


def find_core_differences(case: Case, seed: int) -> Iterator[str]:
    """Each way in which a whole core, to which the case comes vertex by vertex, differs from the judge."""
    # Rounds that order nothing leave no record.
    expected = [(final.round, list(final.order)) for final in case.final if final.order]
    has_twins = any("'" in line for line in case.dag)
    for asked in (True, False):
        arriving = Arriving(case)
        found = arriving.take(random.Random(seed), asked)
        may_lack = has_twins and not asked
        if found != (expected[: len(found)] if may_lack else expected):
            yield f"expected {expected}, the core delivered {found} (asked: {asked})"
        yield from arriving.refused


class Arriving:
    """A member of the committee that only listens, and whoever answers it."""

    def __init__(self, case: Case) -> None:
        limits = {"depth": case.depth, "slots_per_round": case.slots_per_round}
        self.genesis = make_genesis(list(case.weights), case.model, **limits)
        self.vertices = {vertex.reference: vertex for vertex in map(self._draw, case.dag)}
        liars = {author_of(line) for line in case.dag if "'" in line.split(":")[0]}
        me = next(place for place in range(len(case.weights)) if chr(ord("A") + place) not in liars)
        self.core = Core(self.genesis, me, key_of(me), first_base(self.genesis), LOCAL)
        self.order: Order = []
        self.refused: list[str] = []
        self._now_us = 1
        self._wake_us = 0
        self._handle(Tick(self._now_us, START_MS))
        for member in range(len(case.weights)):
            if member != me:
                self._handle(Opened(member, (0,) * len(case.weights)))

    def take(self, chance: random.Random, asked: bool) -> Order:
        """Let all arrive in an order drawn by chance; what the core delivers, once it has what it asks for.

        Unless `asked`, the core leaves twins out that nobody builds on, so that it may decide less.
        """
        for vertex in chance.sample(list(self.vertices.values()), len(self.vertices)):
            self._handle(Arrived(vertex, vertex.author, (), asked))
        for _ in range(len(self.vertices)):
            if self._wake_us > self._now_us:
                self._now_us = self._wake_us
                self._handle(Tick(self._now_us, START_MS))
        return self.order

    def _handle(self, input_: object) -> None:
        inputs = [input_]
        while inputs:
            for effect in self.core.handle(inputs.pop(0)):  # type: ignore[arg-type]
                match effect:
                    case Deliver(commit):
                        names = [reference.digest.decode() for reference in commit.ordered]
                        self.order.append((commit.round, names))
                    case Fetch(member, references):
                        found = [self.vertices[name] for name in references]
                        inputs += [Arrived(vertex, member, (), True) for vertex in found]
                        inputs.append(Answered(member, references, (), ()))
                    case Wake(at_us):
                        self._wake_us = at_us
                    case Refuse(member, reason):
                        self.refused.append(f"member {member}: {reason}")

    def _draw(self, line: str) -> Vertex:
        head, _, rest = line.partition(":")
        reference = self._read(head)
        parents = tuple(map(self._read, rest.split()))
        return Vertex(
            self.genesis.chain, 0, reference.author, reference.round, START_MS, parents, (), bytes(64),
            reference, head.encode(),
        )  # fmt: skip

    def _read(self, label: str) -> Reference:
        author = ord(author_of(label)) - ord("A")
        if round_of(label) == 0:
            return implied_reference(self.genesis.chain, 0, author)
        return Reference(author, round_of(label), label.encode())
