"""The vertices that are complete here, by reference and by slot.

Promise: whatever is in the DAG has all its past in the DAG, down to the floor. Within a round every vertex
has a bit: an author's first vertex the author's own bit, twins the bits above the committee's. So a set of
vertices of a round is a whole number, and only where there are twins must it be folded into a set of authors
before it is weighed (`docs/protocol/consensus.md` section 6: a vote belongs to a vertex, not to its author).
"""

from collections.abc import Iterable, Iterator, Sequence

from weft.consensus.check import Checked
from weft.consensus.weight import Scale
from weft.model.committee import Committee
from weft.model.vertex import Reference, Vertex

LIES_REMEMBERED = 1024
"""Slots with twins, an author: a liar fills neither memory nor the evidence on disk."""


class Known:
    """A vertex in the DAG, and what was counted about it."""

    __slots__ = (
        "author",
        "bit",
        "certificates",
        "is_ordered",
        "is_seen",
        "named",
        "parents",
        "previous",
        "reference",
        "round",
        "vertex",
        "voted",
        "votes",
    )

    def __init__(self, vertex: Vertex, parents: tuple["Known", ...], bit: int) -> None:
        self.vertex = vertex
        self.reference = vertex.reference
        self.author = vertex.author
        self.round = vertex.round
        self.parents = parents
        self.bit = bit
        self.previous: Known | None = parents[0] if parents and parents[0].author == vertex.author else None
        """The author's own vertex that it continues, if that is kept."""
        self.voted = 0
        """The vertices of the round before that it votes for."""
        self.named = 0
        """Their authors: whom it does not blame."""
        self.votes = 0
        """The vertices of the next round that vote for it."""
        self.certificates = 0
        """The vertices of the round after that which certify it."""
        self.is_ordered = False
        self.is_seen = False
        """In the past of an own vertex."""
        before = vertex.round - 1
        for parent in parents:
            if parent.round == before:
                self.voted |= parent.bit
                parent.votes |= bit
        for reference in vertex.parents:
            if reference.round == before:
                self.named |= 1 << reference.author


class Row:
    """The vertices of one round."""

    __slots__ = ("_size", "authors", "bits", "vertices", "weight")

    def __init__(self, size: int) -> None:
        self._size = size
        self.vertices: list[Known | None] = [None] * size
        """By bit: each author's first vertex at the author's place, twins behind."""
        self.bits = 0
        """All vertices."""
        self.authors = 0
        """Their authors."""
        self.weight = 0
        """Of the authors."""

    def next_bit(self, author: int) -> int:
        """The bit of the next vertex by `author`."""
        return 1 << (author if self.vertices[author] is None else len(self.vertices))

    def put(self, known: Known, weight: int) -> None:
        self.bits |= known.bit
        first = self.vertices[known.author]
        if first is None:
            self.vertices[known.author] = known
            self.authors |= known.bit
            self.weight += weight
        else:
            self.vertices.append(known)

    def fold(self, bits: int) -> int:
        """The authors of a set of vertices, each once."""
        if not bits >> self._size:
            return bits
        authors = bits & ((1 << self._size) - 1)
        for twin in self.vertices[self._size :]:
            if twin is not None and twin.bit & bits:
                authors |= 1 << twin.author
        return authors

    def of(self, author: int) -> Sequence[Known]:
        """All vertices of the slot, the first complete one first."""
        first = self.vertices[author]
        if first is None:
            return ()
        if len(self.vertices) == self._size:
            return (first,)
        twins = [twin for twin in self.vertices[self._size :] if twin is not None and twin.author == author]
        return (first, *twins)

    def __iter__(self) -> Iterator[Known]:
        return (known for known in self.vertices if known is not None)


class Dag:
    """Everything complete that is kept."""

    def __init__(self, committee: Committee, floor: int, ordered: Iterable[Reference]) -> None:
        self._weights = committee.weights
        self.size = committee.size
        self.scale = Scale(committee.weights)
        self.known: dict[Reference, Known] = {}
        self.rows: dict[int, Row] = {}
        self.floor = floor
        """Vertices of this round or an earlier one count as present and are never ordered any more."""
        self.kept_from = max(1, floor + 1)
        """The oldest round that may still be here."""
        self.ordered_before = dict.fromkeys(ordered)
        """Ordered above the floor when this DAG began, and not kept."""
        self.newest = [0] * committee.size
        """The newest round of each author that is in the DAG or ordered."""
        self.twins: dict[int, dict[int, None]] = {}
        """Authors that lied, and the rounds in which they have two vertices."""
        for reference in self.ordered_before:
            self.newest[reference.author] = max(self.newest[reference.author], reference.round)

    def is_settled(self, reference: Reference) -> bool:
        """Whether a parent that is not in the DAG need not be."""
        return reference.round <= self.floor or not reference.round or reference in self.ordered_before

    def insert(self, checked: Checked) -> Known:
        """Take in a vertex that is not here yet."""
        vertex = checked.vertex
        assert vertex.reference not in self.known
        row = self.rows.get(vertex.round)
        if row is None:
            row = self.rows[vertex.round] = Row(self.size)
        known = Known(vertex, checked.parents, row.next_bit(vertex.author))
        row.put(known, self._weights[vertex.author])
        self.known[vertex.reference] = known
        if vertex.round > self.newest[vertex.author]:
            self.newest[vertex.author] = vertex.round
        return known

    def find_first(self, round_: int, author: int) -> Known | None:
        """The first vertex of the slot that became complete here: the only one of it ever named."""
        row = self.rows.get(round_)
        return row.vertices[author] if row else None

    def forget(self, round_: int) -> list[Known]:
        """Let go of everything below `round_`; gives what left without having been ordered."""
        never_ordered = []
        for gone in range(self.kept_from, round_):
            for known in self.rows.pop(gone, ()):
                del self.known[known.reference]
                # Without this each vertex would hold all history before it in memory.
                known.parents, known.previous = (), None
                if not known.is_ordered:
                    never_ordered.append(known)
        self.kept_from = max(self.kept_from, round_)
        self._forget_twins()
        if self.ordered_before:
            kept = (reference for reference in self.ordered_before if reference.round > self.floor)
            self.ordered_before = dict.fromkeys(kept)
        return never_ordered

    def find(self, reference: Reference) -> Known | None:
        """The vertex, if it is complete and kept."""
        return self.known.get(reference)

    def recent(self, rounds: int, links_max: int) -> list[tuple[Vertex, bool]]:
        """Vertices of the newest rounds, oldest first, each with whether it is ordered; fewer rounds where
        those would name more than `links_max` parents. Shown to people."""
        newest, links = max(self.rows, default=0), 0
        found: list[tuple[Vertex, bool]] = []
        for round_ in range(newest, max(newest - rounds, 0), -1):
            row = [(known.vertex, known.is_ordered) for known in self.rows.get(round_, ())]
            links += sum(len(vertex.parents) for vertex, _ in row)
            if links > links_max:
                break
            found = row + found
        return found

    def is_nameable(self, known: Known) -> bool:
        """Whether an honest validator names this vertex: none whose past, by way of its author's own chain,
        holds a slot that is known to have twins (section 2). Policy, so that liars grow no trees of twins.
        """
        lies = self.twins.get(known.author)
        if lies:
            link = known.previous
            while link is not None and link.round > self.floor:
                if link.round in lies:
                    return False
                link = link.previous
        return True

    def note_twins(self, author: int, round_: int) -> bool:
        """Remember that the slot has twins; False when that is known already, or there are too many."""
        rounds = self.twins.setdefault(author, {})
        if round_ in rounds or len(rounds) >= LIES_REMEMBERED:
            return False
        rounds[round_] = None
        return True

    def _forget_twins(self) -> None:
        for author in tuple(self.twins):
            rounds = dict.fromkeys(round_ for round_ in self.twins[author] if round_ > self.floor)
            if rounds:
                self.twins[author] = rounds
            else:
                del self.twins[author]
