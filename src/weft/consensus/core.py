"""One validator's part in agreement: inputs in, effects out.

Promise: what comes out depends on what went in and on nothing else; effects are carried out in the order
given, so an own vertex is on disk before anybody hears it. Each input is accepted, then this validator speaks
if it is time, then it asks for what is missing (`docs/protocol/consensus.md` sections 2 to 7 and 9).

`restore` replays the journal through the same code: feed it every vertex, keep Deliver and Return of what
comes out, and then say Speak.
"""

from collections.abc import Callable

from weft.consensus.ahead import Ahead
from weft.consensus.catchup import Catchup
from weft.consensus.check import Checked, Checker, Incomplete, Invalid, resolve
from weft.consensus.checkpoint import Witness
from weft.consensus.messages import (
    Accuse,
    Answered,
    Arrived,
    Base,
    Broadcast,
    Deliver,
    Discard,
    Doubt,
    Effect,
    Executed,
    Forget,
    Found,
    Heard,
    Hush,
    Input,
    Lost,
    Measured,
    Opened,
    Persist,
    Refuse,
    Repeat,
    Return,
    Room,
    Rooted,
    Speak,
    Submit,
    Tick,
    Vouched,
    Wake,
    Want,
)
from weft.consensus.order import Order, Step
from weft.consensus.propose import Proposer, Signer
from weft.consensus.relay import Relay
from weft.consensus.rounds import Rounds
from weft.consensus.waiting import Pending, Waiting
from weft.model.block import Checkpoint, SignedStatement
from weft.model.commit import first_order_hash
from weft.model.digest import Digest
from weft.model.genesis import Genesis
from weft.model.limits import LOCAL, LocalLimits
from weft.model.message import Announced
from weft.model.vertex import Reference, Vertex

ROUNDS_AT_ONCE = 8
"""Own vertices that one input may cause: a committee of one would go on for ever."""
FORGET_EVERY = 32
"""Rounds between two forgettings."""


def first_base(genesis: Genesis) -> Base:
    """Where a chain begins."""
    return Base(0, 0, first_order_hash(genesis.chain), genesis.created_ms, (), 0, 0)


class Core:
    """The only mutable object that outsiders hold."""

    def __init__(
        self, genesis: Genesis, me: int, signer: Signer, base: Base, local: LocalLimits = LOCAL
    ) -> None:
        committee, limits = genesis.committee, genesis.limits
        self._me = me
        self._committee = committee
        self._limits = limits
        self._epoch = base.epoch
        slots, depth = genesis.slots_per_round, limits.depth
        self._order = Order(committee, slots, depth, base.round, base.order_hash, base.time_ms, base.ordered)
        self._dag = dag = self._order.dag
        self._checker = Checker(genesis.chain, committee)
        self._waiting = Waiting(committee.size, local)
        self._ahead = Ahead(committee.size, dag.scale, committee.faulty, local.ahead_ms_max)
        self._rounds = Rounds(me, committee, dag, base.round)
        self._proposer = Proposer(genesis, committee, me, signer, dag, local, base.spoken)
        self._relay = Relay(me, dag, self._rounds, self._proposer)
        self._catchup = Catchup(me, committee.faulty, limits.depth, dag, self._waiting)
        window, height = limits.checkpoint_window_ms, base.height
        self._witness = Witness(genesis.chain, committee, dag.scale, me, signer, window, base.round, height)
        self.recent = dag.recent
        self._now_us = self._wall_ms = self._wake_us = 0
        self._speak_us: int | None = None
        self._began_at = base.round
        self._repeated: tuple[Reference, ...] = ()
        """Own vertices that are said again when they enter."""
        self._effects: list[Effect] = []
        self._handlers: dict[type, Callable[..., None]] = {
            Tick: self._tick,
            Submit: self._submit,
            Want: self._want,
            Arrived: self._arrived,
            Found: self._found,
            Answered: self._answered,
            Opened: self._opened,
            Lost: self._lost,
            Measured: self._measured,
            Executed: self._executed,
            Rooted: self._rooted,
            Heard: self._heard,
            Vouched: self._vouched,
            Speak: self._begin_to_speak,
            Hush: self._hush,
        }

    def handle(self, *inputs: Input) -> list[Effect]:
        """Accept inputs of one moment in turn; gives what is to be done, in this order."""
        self._effects = []
        for input_ in inputs:
            self._handlers[type(input_)](input_)
        self._speak()
        if not self._proposer.has_reason:
            self._effects += self._witness.give_word()
        self._effects += self._catchup.ask(self._now_us, self._rounds.complete)
        self._set_wake()
        return self._effects

    def restore(self, vertex: Vertex, is_own: bool) -> list[Effect]:
        """Replay a vertex from the journal, in the order of the journal, before Speak."""
        assert not self._proposer.is_speaking
        assert is_own == (vertex.author == self._me)
        self._effects = []
        if is_own:
            self._proposer.spoken = max(self._proposer.spoken, vertex.round)
        if self._is_new(vertex.reference):
            self._take_in(vertex, ())
        return self._effects

    # What outsiders may look at.

    def room(self) -> Room:
        """What the next Submit may carry."""
        return Room(0, 0, 0) if self._only_votes() else self._proposer.room

    def newest(self) -> tuple[int, ...]:
        """The newest round held of each author."""
        return tuple(self._dag.newest)

    def find_vertex(self, reference: Reference) -> Vertex | None:
        """A complete vertex, if it is kept."""
        known = self._dag.known.get(reference)
        return known.vertex if known else None

    def is_forgotten(self, reference: Reference) -> bool:
        """Whether this vertex is not here and never will be."""
        return reference not in self._dag.known and self._dag.is_settled(reference)

    def base(self) -> Base:
        """Where a core that knows what this one knows may start, given `unordered` too."""
        order, spoken, signed = self._order, self._proposer.spoken, self._witness.signed
        ordered = order.ordered_above_floor()
        return Base(self._epoch, order.final, order.order_hash, order.time_ms, ordered, spoken, signed)

    def unordered(self) -> list[Vertex]:
        """All that is complete, above the floor and not ordered, parents before children."""
        left = [k for k in self._dag.known.values() if not k.is_ordered and k.round > self._dag.floor]
        return [known.vertex for known in sorted(left, key=lambda known: known.round)]

    def waiting(self) -> list[Vertex]:
        """All that arrived and is not complete yet."""
        return [pending.vertex for pending in self._waiting.pending.values()]

    def unfinished(self) -> tuple[bytes, ...]:
        """Own transactions that are not ordered yet: back to the pool when another core takes over."""
        return self._proposer.unfinished

    @property
    def own_newest(self) -> Vertex | None:
        return self._proposer.newest

    @property
    def last_final(self) -> int:
        return self._order.final

    @property
    def floor(self) -> int:
        return self._dag.floor

    @property
    def round(self) -> int:
        """The highest round whose complete vertices weigh a quorum."""
        return self._rounds.complete

    @property
    def newest_checkpoint(self) -> Checkpoint | None:
        return self._witness.newest

    @property
    def own_word(self) -> SignedStatement | None:
        return self._witness.own_word

    # Inputs.

    def _tick(self, input_: Tick) -> None:
        self._now_us, self._wall_ms = input_.now_us, input_.wall_ms
        self._release_due()
        self._effects += self._witness.tick(self._now_us)

    def _submit(self, input_: Submit) -> None:
        self._proposer.submit(input_.transactions, input_.attachment_bytes)

    def _want(self, _: Want) -> None:
        self._proposer.want()

    def _arrived(self, input_: Arrived) -> None:
        vertex = input_.vertex
        if vertex.author == input_.sender and not input_.asked:
            self._catchup.note_pushed(vertex.author, vertex.round)
        if vertex.reference in self._waiting.pending:
            self._note_again(self._waiting.pending[vertex.reference], input_)
            return
        if vertex.round and (not self._is_new(vertex.reference) or self._is_foreign_own(vertex)):
            return
        verdict = self._checker.check(vertex, self._dag)
        match verdict:
            case Invalid(reason):
                self._effects.append(Refuse(vertex.author, reason))
            case Incomplete() | Checked():
                self._accept(input_, verdict)

    def _found(self, input_: Found) -> None:
        for commitment in input_.commitments:
            self._enter([pending.vertex for pending in self._waiting.satisfy(commitment)])

    def _answered(self, input_: Answered) -> None:
        self._catchup.answer(input_.member, input_.references, input_.commitments, input_.forgotten)

    def _opened(self, input_: Opened) -> None:
        """The stream to a member begins: all of mine that it lacks, in order, then words (section 3)."""
        member, newest = input_.member, input_.newest
        if len(newest) != self._committee.size:
            self._effects.append(Refuse(member, f"an opening with {len(newest)} rounds"))
            return
        self._catchup.connect(member, self._now_us)
        if newest[self._me] > self._proposer.spoken:
            self._effects.append(Doubt(newest[self._me]))
        self._effects += self._relay.begin(member, newest)
        self._effects += self._witness.opening(member)
        self._effects += self._catchup.note_claim(member, newest[member], self.round, self._now_us)

    def _lost(self, input_: Lost) -> None:
        self._catchup.disconnect(input_.member)

    def _measured(self, input_: Measured) -> None:
        self._rounds.measure(input_.member, input_.rtt_us)

    def _executed(self, input_: Executed) -> None:
        self._effects += self._witness.note_executed(input_.header, input_.hash, self._now_us)
        self._forget()

    def _rooted(self, input_: Rooted) -> None:
        self._effects += self._witness.note_root(input_.height, input_.state_root, self._now_us)
        self._forget()

    def _heard(self, input_: Heard) -> None:
        self._effects += self._witness.hear(input_.word)
        self._forget()

    def _vouched(self, input_: Vouched) -> None:
        self._effects += self._witness.vouch(input_.checkpoint)
        self._forget()

    def _begin_to_speak(self, input_: Speak) -> None:
        self._began_at = self._order.final
        self._proposer.speak(input_.round_first)
        self._repeated = tuple(repeat.vertex.reference for repeat in input_.repeats)
        for repeat in input_.repeats:
            self._repeat(repeat)
        self._effects += self._witness.speak(self._now_us)

    def _hush(self, _: Hush) -> None:
        self._proposer.is_speaking = False
        self._witness.hush()

    # A vertex on its way into the DAG.

    def _repeat(self, repeat: Repeat) -> None:
        """Say the very same again once all that it needs is here; never beside another of its slot."""
        vertex = repeat.vertex
        if vertex.reference in self._dag.known:
            self._effects.append(Broadcast(Announced(vertex.raw, ())))
        elif self._is_new(vertex.reference) and self._find_other(vertex) is None:
            self._take_in(vertex, repeat.missing)

    def _take_in(self, vertex: Vertex, attachments: tuple[Digest, ...]) -> None:
        """What this node's own disk tells is valid, and needs only what it names and these attachments."""
        verdict = resolve(vertex, self._dag)
        parents = verdict.missing if isinstance(verdict, Incomplete) else ()
        if parents or attachments:
            self._wait(Pending(vertex, self._me, (*parents, *attachments), False, True))
        else:
            self._enter([vertex])

    def _is_new(self, reference: Reference) -> bool:
        dag = self._dag
        return not (reference in dag.known or reference in self._waiting.pending or dag.is_settled(reference))

    def _is_foreign_own(self, vertex: Vertex) -> bool:
        """Whether the vertex bears my signature although I did not make it."""
        if vertex.author != self._me:
            return False
        proposer = self._proposer
        is_twin = self._dag.find_first(vertex.round, self._me) is not None
        if not is_twin and vertex.round < proposer.known_from:
            return False
        self._effects.append(Doubt(vertex.round))
        # Before Speak the others' copy of what this disk has lost is taken in: they build on it.
        return proposer.is_speaking or is_twin

    def _accept(self, input_: Arrived, verdict: Incomplete | Checked) -> None:
        """A valid vertex: into the DAG if nothing keeps it, else among the waiting."""
        vertex = input_.vertex
        self._ahead.note(vertex)
        self._effects += self._catchup.note_claim(vertex.author, vertex.round, self.round, self._now_us)
        if self._is_idle_twin(vertex) and not input_.asked:
            return
        is_held = self._ahead.is_ahead(vertex.time_ms, self._wall_ms)
        if is_held or input_.missing or isinstance(verdict, Incomplete):
            parents = verdict.missing if isinstance(verdict, Incomplete) else ()
            self._wait(Pending(vertex, input_.sender, (*parents, *input_.missing), is_held, input_.asked))
        else:
            self._enter(self._enter_checked(verdict))
        self._release_due()

    def _is_idle_twin(self, vertex: Vertex) -> bool:
        """Accuse the author of a twin; a twin that nobody names is evidence and nothing else (section 2)."""
        other = self._find_other(vertex)
        if other is None:
            return False
        if self._dag.note_twins(vertex.author, vertex.round):
            self._effects.append(Accuse(other, vertex))
        return vertex.reference not in self._waiting.claimed

    def _find_other(self, vertex: Vertex) -> Vertex | None:
        """Another vertex of the same slot, complete or waiting."""
        known = self._dag.find_first(vertex.round, vertex.author)
        if known is not None:
            return known.vertex if known.reference != vertex.reference else None
        return self._waiting.find_other(vertex) if self._waiting else None

    def _wait(self, pending: Pending) -> None:
        self._catchup.wake(self._waiting.add(pending), self._now_us, pending.wishers)
        if pending.vertex.reference in self._waiting.pending:
            self._wish_for(pending)

    def _wish_for(self, pending: Pending) -> None:
        """Ask for all that it waits for in the end."""
        is_far_behind = self._catchup.is_far_behind(self.round)
        for piece, wishers in self._waiting.spread(pending):
            rtt = self._rounds.rtt_us(piece.author) if isinstance(piece, Reference) else None
            self._catchup.wish(piece, self._now_us, rtt, wishers, is_far_behind)

    def _note_again(self, pending: Pending, input_: Arrived) -> None:
        """A waiting vertex came again: one more member wishes for what it lacks, which may be here now."""
        if not pending.wishers >> input_.sender & 1:
            pending.wishers |= 1 << input_.sender
            self._wish_for(pending)
        for commitment in [piece for piece in pending.missing if isinstance(piece, bytes)]:
            if commitment not in input_.missing:
                self._enter([pending.vertex for pending in self._waiting.satisfy(commitment)])

    def _release_due(self) -> None:
        """Let go what is held no longer than the clock, or the others, say; if anything, the least time."""
        held = self._waiting.held
        if held and not self._ahead.is_ahead(min(held.values()), self._wall_ms):
            for reference, time_ms in tuple(held.items()):
                if reference in held and not self._ahead.is_ahead(time_ms, self._wall_ms):
                    self._enter([pending.vertex for pending in self._waiting.release(reference)])

    def _enter(self, complete: list[Vertex]) -> None:
        """Complete vertices enter the DAG, with all that waited for nothing else."""
        while complete:
            vertex = complete.pop(0)
            if vertex.round <= self._dag.floor:
                continue
            checked = resolve(vertex, self._dag)
            assert isinstance(checked, Checked), "what waits for nothing has all its parents here"
            complete += self._enter_checked(checked)

    def _enter_checked(self, checked: Checked) -> list[Vertex]:
        """A complete vertex enters the DAG; gives those that are complete by it."""
        self._effects.append(Persist(checked.vertex, checked.vertex.author == self._me))
        if checked.vertex.reference in self._repeated:
            self._effects.append(Broadcast(Announced(checked.vertex.raw, ())))
        return self._insert(checked)

    def _insert(self, checked: Checked) -> list[Vertex]:
        """Into the DAG; gives those that are complete by it."""
        vertex = checked.vertex
        other = self._dag.find_first(vertex.round, vertex.author)
        if other is not None and self._dag.note_twins(other.author, other.round):
            self._effects.append(Accuse(other.vertex, vertex))
        known = self._order.insert(checked)
        self._rounds.note_complete(known, self._now_us)
        self._proposer.note_complete(known)
        if known.author == self._me:
            self._rounds.note_own(known)
        freed = self._waiting.satisfy(known.reference) if self._waiting else []
        for step in self._order.advance():
            self._finish(step)
            freed += self._waiting.raise_floor(self._dag.floor) if self._waiting else []
        if self._waiting.has_dropped:
            for peer, reference in self._waiting.take_dropped():
                self._catchup.wish_again(reference, peer, self._now_us)
        return [pending.vertex for pending in freed]

    def _finish(self, step: Step) -> None:
        """A round is final."""
        if step.commit is not None:
            self._effects.append(Deliver(step.commit, tuple(known.vertex for known in step.ordered)))
        for known in step.ordered:
            self._proposer.note_ordered(known)
        cut = self._proposer.cut(step.slots.round - self._limits.depth)
        self._effects += [Return(vertex.batch) for vertex in cut]
        self._rounds.note_final(step.slots.round, step.slots.is_direct)
        self._forget()

    def _forget(self) -> None:
        """Keep what others may still ask for (section 7)."""
        kept_from = min(self._order.final, self._witness.round) - 2 * self._limits.depth
        if kept_from < self._dag.kept_from + FORGET_EVERY:
            return
        lost = [known.vertex for known in self._dag.forget(kept_from) if known.author != self._me]
        if lost:
            self._effects.append(Discard(tuple(lost)))
        self._effects.append(Forget(kept_from))
        self._catchup.tidy()

    # Speaking.

    def _speak(self) -> None:
        """Say what is due; each own vertex may complete a round and so open the next."""
        self._speak_us = None
        for _ in range(ROUNDS_AT_ONCE):
            vertex = self._next_vertex()
            if vertex is None:
                self._effects += self._relay.pass_on()
                return
            checked = resolve(vertex, self._dag)
            assert isinstance(checked, Checked), "only what is in the DAG is named"
            self._effects += (Persist(vertex, True), Broadcast(Announced(vertex.raw, ())))
            self._effects += self._witness.give_word()
            self._enter(self._insert(checked))
        self._speak_us = self._now_us

    def _next_vertex(self) -> Vertex | None:
        """The own vertex of the open round, if it is time (sections 4 and 5)."""
        proposer = self._proposer
        round_ = self._rounds.open_round
        if not proposer.is_speaking or round_ <= proposer.spoken:
            return None
        if round_ not in self._dag.rows and not proposer.has_reason:
            return None
        ready_us = self._rounds.ready_at(round_)
        if ready_us > self._now_us:
            self._speak_us = ready_us
            return None
        return proposer.propose(round_, self._wall_ms, self._only_votes())

    def _only_votes(self) -> bool:
        """Checkpoints, or finality itself, must first keep up (sections 7 and 12).

        A core that begins to speak does not know how old the newest checkpoint is: until it has seen one it
        counts from where it began, so that all may restart at once and go on.
        """
        final = self._order.final
        return (
            final - max(self._witness.round, self._began_at) > self._limits.depth
            or self._rounds.complete - final > self._limits.rounds_unfinished_max
        )

    # What to do later.

    def _set_wake(self) -> None:
        """One timer: the earliest of all that waits for time to pass."""
        times = (self._speak_us, self._held_us(), self._catchup.next_us, self._witness.next_us)
        earliest = min([time for time in times if time is not None], default=None)
        if earliest is not None and not self._now_us < self._wake_us <= earliest:
            self._wake_us = earliest
            self._effects.append(Wake(earliest))

    def _held_us(self) -> int | None:
        """When the first held vertex is due by the clock."""
        held = self._waiting.held.values()
        return self._now_us + 1000 * max(1, self._ahead.wait_ms(min(held), self._wall_ms)) if held else None
