"""Vertices that are valid and cannot enter the DAG yet.

A vertex waits for parents, for attachments, or for its time to come (`docs/protocol/consensus.md` section 2).
What came unasked is bounded for each peer, in number and bytes; over a bound the highest rounds go, and are
fetched later (section 10). What was asked for is bounded by the asking.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator

from weft.model.digest import Digest
from weft.model.limits import LocalLimits
from weft.model.vertex import Reference, Vertex

Piece = Reference | Digest
"""What a vertex may wait for: a parent, or an attachment by its commitment."""


class Pending:
    """A vertex and what keeps it."""

    __slots__ = ("is_asked", "is_held", "missing", "sender", "vertex", "wishers")

    def __init__(
        self, vertex: Vertex, sender: int, missing: Iterable[Piece], is_held: bool, is_asked: bool
    ) -> None:
        self.vertex = vertex
        self.sender = sender
        self.missing = dict.fromkeys(missing)
        self.is_held = is_held
        """Its time is too far ahead."""
        self.is_asked = is_asked
        self.wishers = 1 << sender
        """Members that sent it, or something that waits for it in the end."""

    @property
    def is_ready(self) -> bool:
        return not (self.missing or self.is_held)


Rank = tuple[int, Digest, Reference]
"""Of vertices over a bound the one of the highest rank goes."""


class Share:
    """What one peer has waiting here that nobody asked for."""

    __slots__ = ("ahead", "bytes", "dropped", "vertices")

    def __init__(self) -> None:
        self.vertices: list[Rank] = []
        """Rising: a peer that sends more and more must not make each of them dearer."""
        self.bytes = 0
        self.ahead: list[Rank] = []
        """Those of them that are held for the future."""
        self.dropped: Reference | None = None
        """The newest vertex that went over the bound: asked for when there is room again."""

    @property
    def held(self) -> int:
        """How many are held for the future."""
        return len(self.ahead)


class Waiting:
    """All vertices that wait, by what they wait for."""

    def __init__(self, peers: int, local: LocalLimits) -> None:
        self._local = local
        self.pending: dict[Reference, Pending] = {}
        self.children: dict[Piece, dict[Reference, None]] = {}
        """A missing piece, and those that wait for it in the order in which they came."""
        self.claimed: dict[Reference, None] = {}
        """Those that more than their author's own chain waits for (section 2)."""
        self._rounds: dict[int, dict[Reference, None]] = {}
        """Pending vertices and missing parents by round: what the floor will pass."""
        self._slots: dict[tuple[int, int], dict[Reference, None]] = {}
        """Pending vertices by round and author."""
        self._shares = [Share() for _ in range(peers)]

        self.held: dict[Reference, int] = {}
        """Vertices held for the future, and the time they say."""
        self.has_dropped = False
        """Whether something went over a bound and was not asked for since."""

    def __bool__(self) -> bool:
        return bool(self.pending)

    def find_other(self, vertex: Vertex) -> Vertex | None:
        """A waiting vertex of the same slot with another digest."""
        for reference in self._slots.get((vertex.round, vertex.author), ()):
            if reference != vertex.reference:
                return self.pending[reference].vertex
        return None

    def add(self, pending: Pending) -> list[Reference]:
        """Keep a vertex until it is ready, if its peer's bound leaves room; gives what is newly claimed."""
        reference = pending.vertex.reference
        self.pending[reference] = pending
        self._rounds.setdefault(reference.round, {})[reference] = None
        self._slots.setdefault((reference.round, reference.author), {})[reference] = None
        for child in self.children.get(reference, ()):
            pending.wishers |= self.pending[child].wishers
        if pending.is_held:
            self.held[reference] = pending.vertex.time_ms
        for piece in pending.missing:
            self.children.setdefault(piece, {})[reference] = None
            if isinstance(piece, Reference):
                self._rounds.setdefault(piece.round, {})[piece] = None
        parents = [piece for piece in pending.missing if isinstance(piece, Reference)]
        is_claimed = reference in self.claimed
        claimed = self._claim([name for name in parents if is_claimed or name.author != reference.author])
        if not pending.is_asked:
            self._charge(pending)
        return claimed

    def spread(self, pending: Pending) -> Iterator[tuple[Piece, int]]:
        """What a vertex waits for in the end and is not here, with the members who wish for it; not again
        what those are known to wish for already."""
        pieces = [(piece, pending.wishers) for piece in pending.missing]
        for piece, wishers in pieces:
            below = self.pending.get(piece) if isinstance(piece, Reference) else None
            if below is None:
                yield piece, wishers
            elif wishers & ~below.wishers:
                below.wishers |= wishers
                pieces += [(further, wishers) for further in below.missing]

    def is_missing(self, piece: Piece) -> bool:
        """Whether somebody waits for this piece and it is not here, not even as one that waits."""
        return piece in self.children and piece not in self.pending

    def satisfy(self, piece: Piece) -> list[Pending]:
        """The piece is here now, or need not be: those that are ready by it, taken out."""
        ready = []
        for child in self.children.pop(piece, ()):
            pending = self.pending[child]
            del pending.missing[piece]
            if pending.is_ready:
                ready.append(self.remove(child))
        self._unlist(piece)
        return ready

    def release(self, reference: Reference) -> list[Pending]:
        """The vertex' time has come: itself if it is ready, taken out."""
        pending = self.pending[reference]
        pending.is_held = False
        del self.held[reference]
        if not pending.is_asked:
            _take(self._shares[pending.sender].ahead, reference)
        return [self.remove(reference)] if pending.is_ready else []

    def raise_floor(self, floor: int) -> list[Pending]:
        """Drop what is at or below the floor; those that are ready because a parent is, taken out."""
        ready: list[Pending] = []
        for round_ in sorted(number for number in self._rounds if number <= floor):
            # Freeing one round may empty a later one that the floor passes too.
            passed = tuple(self._rounds.get(round_, ()))
            for reference in passed:
                if reference in self.pending:
                    self.remove(reference)
            for reference in passed:
                ready += self.satisfy(reference)
        return [pending for pending in ready if pending.vertex.round > floor]

    def remove(self, reference: Reference) -> Pending:
        """Take a vertex out, whatever it waits for."""
        pending = self.pending.pop(reference)
        self.held.pop(reference, None)
        slot = reference.round, reference.author
        del self._slots[slot][reference]
        if not self._slots[slot]:
            del self._slots[slot]
        for piece in pending.missing:
            children = self.children[piece]
            del children[reference]
            if not children:
                del self.children[piece]
                self._unlist(piece)
        self._unlist(reference)
        if not pending.is_asked:
            share = self._shares[pending.sender]
            _take(share.vertices, reference)
            share.bytes -= len(pending.vertex.raw)
            if pending.is_held:
                _take(share.ahead, reference)
        return pending

    def take_dropped(self) -> list[tuple[int, Reference]]:
        """(peer, newest vertex dropped) for each peer whose share is half empty again."""
        taken = []
        for peer, share in enumerate(self._shares):
            if share.dropped is not None and self._is_half_empty(share):
                taken.append((peer, share.dropped))
                share.dropped = None
        self.has_dropped = any(share.dropped is not None for share in self._shares)
        return taken

    def _claim(self, references: list[Reference]) -> list[Reference]:
        """Each reference, and what its author's own chain lacks below it; gives those that are new."""
        new = []
        while references:
            reference = references.pop()
            if reference not in self.claimed:
                self.claimed[reference] = None
                new.append(reference)
                below = self.pending[reference].missing if reference in self.pending else ()
                references += [piece for piece in below if isinstance(piece, Reference)]
        return new

    def _is_half_empty(self, share: Share) -> bool:
        return (
            2 * share.bytes <= self._local.incomplete_bytes_max
            and 2 * len(share.vertices) <= self._local.incomplete_vertices_max
            and 2 * share.held <= self._local.held_vertices_max
        )

    def _unlist(self, piece: Piece) -> None:
        """Forget the round of what neither waits nor is waited for, so that the index stays bounded."""
        if isinstance(piece, Reference) and piece not in self.pending and piece not in self.children:
            self.claimed.pop(piece, None)
            row = self._rounds.get(piece.round)
            if row is not None:
                row.pop(piece, None)
                if not row:
                    del self._rounds[piece.round]

    def _charge(self, pending: Pending) -> None:
        share, local = self._shares[pending.sender], self._local
        rank = _rank(pending.vertex.reference)
        insort(share.vertices, rank)
        share.bytes += len(pending.vertex.raw)
        if pending.is_held:
            insort(share.ahead, rank)
        while share.held > local.held_vertices_max:
            self._drop(share, share.ahead[-1][2])
        while len(share.vertices) > local.incomplete_vertices_max or share.bytes > local.incomplete_bytes_max:
            self._drop(share, share.vertices[-1][2])

    def _drop(self, share: Share, reference: Reference) -> None:
        self.remove(reference)
        if share.dropped is None or share.dropped.round < reference.round:
            share.dropped = reference
        self.has_dropped = True


def _rank(reference: Reference) -> Rank:
    return reference.round, reference.digest, reference


def _take(ranks: list[Rank], reference: Reference) -> None:
    del ranks[bisect_left(ranks, _rank(reference))]
