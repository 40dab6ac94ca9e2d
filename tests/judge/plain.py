"""The decision rule and the order, written again as plainly as possible.

Nothing here is shared with the product: vertices are labels (`A3`, `A3'`), the DAG is a dict from a label to
the labels of its parents, sets are sets, and every question is answered from the whole graph each time it is
asked. Section numbers are those of docs/protocol/consensus.md.
"""

import re
from dataclasses import dataclass, field
from functools import cache, cached_property


@dataclass
class PlainRule:
    """The rule of section 6 and the order of section 7 on a whole DAG."""

    model: str
    weights: list[int]
    slots_per_round: int
    depth: int
    dag: dict[str, list[str]]
    fates: dict[tuple[int, str], str] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        return [chr(ord("A") + place) for place in range(len(self.weights))]

    @cached_property
    def quorum(self) -> int:
        total = sum(self.weights)
        faulty = (total - 1) // 3 if self.model == "byzantine" else 0
        return (total + faulty) // 2 + 1

    @cached_property
    def newest(self) -> int:
        return max((round_of(vertex) for vertex in self.dag), default=0)

    def is_quorum(self, vertices) -> bool:
        authors = {author_of(vertex) for vertex in vertices}
        return sum(self.weights[self.names.index(author)] for author in authors) >= self.quorum

    def slot_order(self, round_: int) -> list[str]:
        first = (round_ // 3) % len(self.names)
        return self.names[first:] + self.names[:first]

    def slots(self, round_: int) -> list[str]:
        return self.slot_order(round_)[: self.slots_per_round]

    @cached_property
    def rows(self) -> dict[int, list[str]]:
        return {number: [v for v in self.dag if round_of(v) == number] for number in range(self.newest + 1)}

    def vertices(self, round_: int, author: str | None = None) -> list[str]:
        return [vertex for vertex in self.rows.get(round_, ()) if author in (None, author_of(vertex))]

    def past(self, vertex: str) -> set[str]:
        found, waiting = set(), [vertex]
        while waiting:
            for parent in self.dag[waiting.pop()]:
                if parent in self.dag and parent not in found:
                    found.add(parent)
                    waiting.append(parent)
        return found

    def certifies(self, vertex: str, candidate: str) -> bool:
        before = round_of(vertex) - 1
        voters = [p for p in self.dag[vertex] if round_of(p) == before and candidate in self.dag.get(p, ())]
        return self.is_quorum(voters)

    def direct(self, round_: int, author: str) -> str:
        blamers = [
            vertex
            for vertex in self.vertices(round_ + 1)
            if not any(author_of(p) == author and round_of(p) == round_ for p in self.dag[vertex])
        ]
        if self.is_quorum(blamers):
            return "direct skip"
        for candidate in self.vertices(round_, author):
            if self.is_quorum([v for v in self.vertices(round_ + 2) if self.certifies(v, candidate)]):
                return f"direct commit {candidate}"
        return "undecided"

    def indirect(self, round_: int, author: str) -> str:
        for later in range(round_ + 3, self.newest + 1):
            for anchor_author in self.slots(later):
                fate = self.fates[later, anchor_author]
                if fate == "undecided":
                    return "undecided"
                if "commit" in fate:
                    past = self.past(fate.split()[-1])
                    for candidate in self.vertices(round_, author):
                        if any(self.certifies(v, candidate) for v in past if round_of(v) == round_ + 2):
                            return f"indirect commit {candidate}"
                    return "indirect skip"
        return "undecided"

    def decide(self) -> dict[str, str]:
        """Every slot's fate, from the newest slot to the oldest."""
        for round_ in range(self.newest, 0, -1):
            for author in reversed(self.slots(round_)):
                fate = self.direct(round_, author)
                self.fates[round_, author] = self.indirect(round_, author) if fate == "undecided" else fate
        return {f"{author}{round_}": fate for (round_, author), fate in self.fates.items()}

    def order(self) -> list[tuple[int, list[str]]]:
        """The final rounds, each with what it orders; `decide` comes first."""
        final, done = [], set()
        for round_ in range(1, self.newest + 1):
            fates = [self.fates[round_, author] for author in self.slots(round_)]
            if "undecided" in fates:
                break
            committed = [fate.split()[-1] for fate in fates if "commit" in fate]
            reached = set(committed).union(*(self.past(vertex) for vertex in committed))
            fresh = {vertex for vertex in reached - done if round_of(vertex) > round_ - self.depth}
            done |= fresh
            final.append((round_, sorted(fresh, key=self.place)))
        return final

    def place(self, vertex: str) -> tuple[int, int, str]:
        return round_of(vertex), self.slot_order(round_of(vertex)).index(author_of(vertex)), vertex


def author_of(vertex: str) -> str:
    return vertex[0]


@cache
def round_of(vertex: str) -> int:
    return int(re.sub(r"\D", "", vertex))
