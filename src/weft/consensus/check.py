"""Whether a vertex may enter the DAG: Invalid(reason), Incomplete(missing) or Checked.

Promise: what is Invalid here is Invalid on every honest node, because only the vertex's own bytes and the
committee are asked (`docs/protocol/consensus.md` section 2, rules 2 and 3; admission has seen to rules 1
and 4). What is Incomplete becomes Checked when the rest is here. Only a Checked vertex can be inserted.
Nothing that depends on a clock, on the network or on what others think may ever stand in this file.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weft.model.committee import Committee
from weft.model.digest import Digest
from weft.model.vertex import Reference, Vertex, implied_reference

if TYPE_CHECKING:
    from weft.consensus.dag import Dag, Known


@dataclass(frozen=True, slots=True)
class Invalid:
    """No honest validator makes such a vertex; its author is to blame, not who passed it on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Incomplete:
    """These parents are not here."""

    missing: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """Valid, and every parent is in the DAG, ordered long ago, or too old to matter."""

    vertex: Vertex
    parents: "tuple[Known, ...]"
    """Those that are in the DAG."""


class Checker:
    """The rules for one chain, epoch and committee."""

    __slots__ = ("_committee", "_implied")

    def __init__(self, chain: Digest, committee: Committee) -> None:
        self._committee = committee
        self._implied = tuple(
            implied_reference(chain, committee.epoch, author) for author in range(committee.size)
        )

    def check(self, vertex: Vertex, dag: "Dag") -> Invalid | Incomplete | Checked:
        """The verdict on a vertex that admission let through."""
        flaw = self.find_flaw(vertex)
        return Invalid(flaw) if flaw else resolve(vertex, dag)

    def find_flaw(self, vertex: Vertex) -> str | None:
        """What makes the vertex invalid, if anything does."""
        if vertex.round < 1:
            return f"round {vertex.round}: round 0 is implied and never sent"
        if not vertex.parents or vertex.parents[0].author != vertex.author:
            return "the first parent is not a vertex of the author's own"
        return self._find_bad_parent(vertex)

    def _find_bad_parent(self, vertex: Vertex) -> str | None:
        """Rule 3, with one pass over the parents."""
        size, before, weights = self._committee.size, vertex.round - 1, self._committee.weights
        seen, weight = 0, 0
        for parent in vertex.parents:
            author = parent.author
            if author >= size:
                return f"a parent by member {author} of {size}"
            if seen >> author & 1:
                return f"two parents by member {author}"
            seen |= 1 << author
            if parent.round == before:
                weight += weights[author]
            elif parent.round > before:
                return f"a parent of round {parent.round} in round {vertex.round}"
            if not parent.round and parent != self._implied[author]:
                return f"a parent of round 0 that is not the implied vertex of member {author}"
        if weight < self._committee.quorum:
            return f"parents of round {before} weigh {weight}; a quorum is {self._committee.quorum}"
        return None


def resolve(vertex: Vertex, dag: "Dag") -> Incomplete | Checked:
    """Whether the parents are here, whatever else is true of the vertex."""
    parents, missing = [], []
    find = dag.known.get
    for reference in vertex.parents:
        known = find(reference)
        if known is not None:
            parents.append(known)
        elif not dag.is_settled(reference):
            missing.append(reference)
    return Incomplete(tuple(missing)) if missing else Checked(vertex, tuple(parents))
