"""What this validator says next: which parents, which batch, and whether it has a reason to speak at all.

`docs/protocol/consensus.md` section 3 says what a vertex names, section 4 what is a reason. Nothing here can
make a vertex for a round in which this validator may have spoken already.
"""

from typing import Protocol

from weft.consensus.dag import Dag, Known
from weft.consensus.messages import Room
from weft.model.committee import Committee
from weft.model.digest import Digest
from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.limits import Limits, LocalLimits
from weft.model.vertex import Reference, Vertex, Wire, implied_reference, vertex_digest


class Signer(Protocol):
    """A validator's key."""

    def sign(self, message: Digest) -> bytes:
        """64 bytes of Ed25519 over a 32-byte digest, always the same for the same digest."""


class Proposer:
    """The own part: what waits to be said, what was said, and what of it is not ordered yet."""

    def __init__(
        self,
        genesis: Genesis,
        committee: Committee,
        me: int,
        signer: Signer,
        dag: Dag,
        local: LocalLimits,
        spoken: int,
    ) -> None:
        self._chain = genesis.chain
        self._limits: Limits = genesis.limits
        self._local = local
        self._committee = committee
        self._me = me
        self._signer = signer
        self._dag = dag
        self.is_speaking = False
        self.spoken = spoken
        """The last round in which this validator may have spoken."""
        self.known_from = spoken + 1
        """From this round on every own vertex is known here: another one is somebody else's."""
        self.previous = self._find_previous()
        self.newest: Vertex | None = None
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._waiting_attachment_bytes = 0
        self._is_wanted = False
        """A read waits for an own vertex that is still to be made."""
        self._own: dict[int, tuple[Vertex, bool]] = {}
        """Own vertices that carry something and are not ordered, by round; whether a read waits for it."""
        self._own_bytes = 0
        self._unfinished: dict[int, int] = {}
        """How many vertices of a round carry a batch and are neither ordered nor below the floor."""
        self._cut_to = dag.floor

    @property
    def has_reason(self) -> bool:
        """Whether to open a round (section 4)."""
        return bool(self._waiting or self._is_wanted or self._own or self._unfinished)

    @property
    def room(self) -> Room:
        """What may still join the batch that waits."""
        if self._own_bytes > self._local.unfinished_bytes_max:
            return Room(0, 0, 0)
        limits = self._limits
        return Room(
            limits.batch_transactions_max - len(self._waiting),
            limits.batch_bytes_max - self._waiting_bytes,
            limits.vertex_attachment_bytes_max - self._waiting_attachment_bytes,
        )

    @property
    def unfinished(self) -> tuple[bytes, ...]:
        """Transactions that wait or are in own vertices that are not ordered."""
        said = [transaction for vertex, _ in self._own.values() for transaction in vertex.batch]
        return (*said, *self._waiting)

    def submit(self, transactions: tuple[bytes, ...], attachment_bytes: int) -> None:
        """Transactions for the next own vertex; no more than `room`."""
        self._waiting += transactions
        self._waiting_bytes += sum(map(len, transactions))
        self._waiting_attachment_bytes += attachment_bytes
        limits = self._limits
        assert len(self._waiting) <= limits.batch_transactions_max, "more transactions than there is room for"
        assert self._waiting_bytes <= limits.batch_bytes_max, "more bytes than there is room for"
        assert self._waiting_attachment_bytes <= limits.vertex_attachment_bytes_max, "too many attachments"

    def want(self) -> None:
        """A read waits for the next own vertex to be ordered."""
        self._is_wanted = True

    def speak(self, round_first: int) -> None:
        """From now on, in rounds ≥ `round_first`."""
        self.is_speaking = True
        self.spoken = max(self.spoken, round_first - 1)
        self.known_from = max(self.known_from, round_first)

    def propose(self, round_: int, time_ms: int, is_vote: bool) -> Vertex | None:
        """The own vertex of `round_`, or None when too few vertices of the round before are kept."""
        assert self.is_speaking
        assert round_ > self.spoken, "never two things in one slot"
        parents = self._choose_parents(round_)
        if parents is None:
            return None
        is_vote = is_vote or self._own_bytes > self._local.unfinished_bytes_max
        batch = () if is_vote else tuple(self._waiting)
        if batch:
            self._waiting, self._waiting_bytes, self._waiting_attachment_bytes = [], 0, 0
        return self._sign(round_, time_ms, parents, batch)

    def note_complete(self, known: Known) -> None:
        """A vertex entered the DAG."""
        if known.vertex.batch:
            self._unfinished[known.round] = self._unfinished.get(known.round, 0) + 1
        if known.author == self._me:
            self._note_own(known)

    def note_ordered(self, known: Known) -> None:
        """A vertex was ordered."""
        if known.vertex.batch:
            self._lower(known.round)
        if known.author == self._me:
            self._take_own(known.round, known.vertex)

    def cut(self, floor: int) -> list[Vertex]:
        """The floor rose: own vertices with a batch that will never be ordered."""
        lost = []
        for round_ in range(self._cut_to + 1, floor + 1):
            self._unfinished.pop(round_, None)
            if round_ in self._own:
                vertex, is_wanted = self._own[round_]
                self._take_own(round_, vertex)
                self._is_wanted = self._is_wanted or is_wanted
                lost += [vertex] if vertex.batch else []
        self._cut_to = max(self._cut_to, floor)
        return lost

    def _find_previous(self) -> Reference:
        """The newest own vertex that is ordered, or the implied one."""
        ordered = [reference for reference in self._dag.ordered_before if reference.author == self._me]
        implied = implied_reference(self._chain, self._committee.epoch, self._me)
        return max(ordered, key=lambda reference: reference.round, default=implied)

    def _choose_parents(self, round_: int) -> tuple[Reference, ...] | None:
        """Own previous first, all of the round before, and late ones that are new (section 3)."""
        dag, me = self._dag, self._me
        if round_ == 1:
            members = [me, *(member for member in range(self._committee.size) if member != me)]
            return tuple(implied_reference(self._chain, self._committee.epoch, member) for member in members)
        row = dag.rows.get(round_ - 1)
        if row is None or row.weight < self._committee.quorum:
            return None
        first = row.vertices[: dag.size]
        named = [
            known for known in first if known is not None and (known.author == me or dag.is_nameable(known))
        ]
        if len(named) < row.authors.bit_count():
            self._fill_quorum(named, [known for known in first if known is not None and known not in named])
        by_author = {known.author: known.reference for known in named}
        for author in range(dag.size):
            if author not in by_author and (late := self._find_late(author, round_ - 1)) is not None:
                by_author[author] = late.reference
        by_author.pop(me, None)
        return self.previous, *(by_author[author] for author in sorted(by_author))

    def _fill_quorum(self, named: list[Known], shunned: list[Known]) -> None:
        """Name a liar's chain after all where there is no quorum without it: policy never stops rounds."""
        weights = self._committee.weights
        weight = sum(weights[known.author] for known in named)
        for known in shunned:
            if weight < self._committee.quorum:
                weight += weights[known.author]
                named.append(known)

    def _find_late(self, author: int, before: int) -> Known | None:
        """The author's newest vertex, if it is below `before`, above the floor and new to the own past."""
        newest = self._dag.newest[author]
        if not self._dag.floor < newest < before:
            return None
        known = self._dag.find_first(newest, author)
        return known if known and not known.is_seen and self._dag.is_nameable(known) else None

    def _sign(
        self, round_: int, time_ms: int, parents: tuple[Reference, ...], batch: tuple[bytes, ...]
    ) -> Vertex:
        chain, epoch, me = self._chain, self._committee.epoch, self._me
        message = vertex_digest(chain, epoch, me, round_, time_ms, parents, batch)
        signature = self._signer.sign(message)
        raw = encode(Wire(chain, epoch, me, round_, time_ms, parents, batch, signature))
        reference = Reference(me, round_, message)
        return Vertex(chain, epoch, me, round_, time_ms, parents, batch, signature, reference, raw)

    def _note_own(self, known: Known) -> None:
        _mark_past(known)
        is_wanted = self._is_wanted and self.is_speaking and known.round > self.spoken
        self.spoken = max(self.spoken, known.round)
        if known.round > self.previous.round:
            self.newest, self.previous = known.vertex, known.reference
        if known.vertex.batch or is_wanted:
            self._own[known.round] = known.vertex, is_wanted
            self._own_bytes += sum(map(len, known.vertex.batch))
        if is_wanted:
            self._is_wanted = False

    def _take_own(self, round_: int, vertex: Vertex) -> None:
        kept = self._own.get(round_)
        if kept is not None and kept[0] == vertex:
            del self._own[round_]
            self._own_bytes -= sum(map(len, vertex.batch))

    def _lower(self, round_: int) -> None:
        left = self._unfinished.get(round_, 0) - 1
        if left > 0:
            self._unfinished[round_] = left
        else:
            self._unfinished.pop(round_, None)


def _mark_past(own: Known) -> None:
    """Everything below an own vertex need not be named again."""
    waiting = [own]
    while waiting:
        known = waiting.pop()
        if not known.is_seen:
            known.is_seen = True
            waiting.extend(known.parents)
