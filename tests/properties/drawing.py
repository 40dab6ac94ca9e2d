"""A DAG in a test is drawn as text: `B2: B1 A1 C1` is B's vertex of round 2 with its parents, own first.

A letter is a member, a prime makes a twin, round 0 is implied. `B2 +tx: ...` carries a transaction; the rest
of a line after `#` is a remark.
"""

import re

from weft.consensus.core import Core, first_base
from weft.consensus.messages import Arrived, Speak, Tick
from weft.model.limits import LOCAL
from weft.model.vertex import implied_reference, sign_vertex

from .world import START_MS, key_of, make_genesis

LABEL = re.compile(r"([A-Z])(\d+)('*)")


class Drawing:
    """Signed vertices by label, for one genesis."""

    def __init__(self, text="", size=4, weights=None, model="byzantine", **limits):
        self.genesis = make_genesis(weights or [1] * size, model, **limits)
        self.vertices = {}
        self.draw(text)

    def draw(self, text, time_ms=START_MS):
        """Add vertices; gives those added."""
        added = []
        for line in filter(None, (line.split("#")[0].strip() for line in text.splitlines())):
            head, _, parents = line.partition(":")
            label, *extra = head.split()
            batch = tuple(word[1:].encode() for word in extra if word.startswith("+"))
            times = [int(word[1:]) for word in extra if word.startswith("@")]
            author, round_, primes = LABEL.fullmatch(label).groups()
            place = ord(author) - ord("A")
            self.vertices[label] = sign_vertex(
                key_of(place),
                self.genesis.chain,
                0,
                place,
                int(round_),
                times[0] if times else time_ms + len(primes),
                tuple(self.reference(parent) for parent in parents.split()),
                batch,
            )
            added.append(self.vertices[label])
        return added

    def full(self, first, last, authors="ABCD"):
        """Rounds in which everybody names everybody."""
        for round_ in range(first, last + 1):
            for author in authors:
                others = [name for name in authors if name != author]
                self.draw(f"{author}{round_}: " + " ".join(f"{n}{round_ - 1}" for n in (author, *others)))
        return self

    def reference(self, label):
        author, round_, _ = LABEL.fullmatch(label).groups()
        if round_ == "0":
            return implied_reference(self.genesis.chain, 0, ord(author) - ord("A"))
        return self.vertices[label].reference

    def label(self, vertex):
        return next(label for label, drawn in self.vertices.items() if drawn == vertex)

    def core(self, me="A", local=LOCAL, speak=None, base=None):
        """A member's core at the time of the drawing."""
        place = ord(me) - ord("A")
        core = Core(self.genesis, place, key_of(place), base or first_base(self.genesis), local)
        core.handle(Tick(1, START_MS))
        if speak is not None:
            core.handle(Speak(speak))
        return core

    def arrive(self, core, *labels, sender=None, missing=(), asked=False):
        """Vertices come from their authors, or from `sender`; gives all effects."""
        effects = []
        for label in labels:
            vertex = self.vertices[label]
            came_from = vertex.author if sender is None else ord(sender) - ord("A")
            effects += core.handle(Arrived(vertex, came_from, tuple(missing), asked))
        return effects


def only(kind, effects):
    """The effects of one kind."""
    return [effect for effect in effects if isinstance(effect, kind)]
