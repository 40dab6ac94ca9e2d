"""Feeds inputs to the core and carries out its effects in the order given. It does no thinking.

Promise: an effect begins only after all before it are done, and what a Persist of an own vertex (or of a
statement) names is on disk by then. Effects that came while the disk was busy are taken together: everything
that is to be persisted is appended first and synced once, which is earlier than the order asks for, never
later. The core goes on meanwhile; only its effects wait. What need not wait for the disk is done
before `feed` returns.

A new segment of the journal takes its turn among the effects, so that its base says no more than the records
before it do: a base that ran ahead of them would skip commits when the journal is replayed. While nobody can
tell what this validator has said, neither can a base.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from weft.consensus.core import Core
from weft.consensus.messages import Base, Doubt, Effect, Input, Persist, PersistStatement, Tick, Wake
from weft.model.encoding import encode
from weft.model.vertex import Vertex
from weft.node.ports import BOUND, OTHER, OWN, WORD, AttachmentStore, Clock, Journal, Workers

SPOKEN_UNKNOWN = 2**63 - 1
"""In the place of a base's `spoken`: only the other members can tell what this validator has said."""


@dataclass(frozen=True, slots=True)
class Roll:
    """Begin a segment that can be replayed by itself: a base, and all that it has not ordered yet."""

    base: Base
    carried: tuple[Vertex, ...]


class Driver:
    """One core and what it causes."""

    def __init__(
        self,
        me: int,
        core: Core,
        clock: Clock,
        workers: Workers,
        journal: Journal,
        attachments: AttachmentStore,
        perform: Callable[[Effect], None],
        round_first: int | None,
        segment_bytes: int,
    ) -> None:
        self.core = core
        self._me = me
        self._clock = clock
        self._workers = workers
        self._journal = journal
        self._attachments = attachments
        self._perform = perform
        self._segment_bytes = self._full_bytes = segment_bytes
        """Above `_full_bytes` the next segment begins."""
        self.round_first = round_first
        """The first round in which this validator may speak; None while only the others can tell."""
        self._effects: deque[Effect | Roll] = deque()
        self._arrived = asyncio.Event()
        self._is_rolling = False
        self._is_carrying_out = False
        self._failure: Exception | None = None

    def feed(self, *inputs: Input) -> None:
        """Let time go on, then handle the inputs. An exception out of the core ends `run` too: effects are
        lost with it, and what the core says from then on is not to be carried out."""
        try:
            self._take(self.core.handle(Tick(self._clock.now_us(), self._clock.wall_ms()), *inputs))
        except Exception as error:
            self.halt(error)
            raise
        if self._journal.size > self._full_bytes and not self._is_rolling:
            self._roll()

    def replace(self, core: Core) -> None:
        """Go on with another core; the journal learns of it before anything that the new one causes."""
        self.core = core
        self._roll()

    def distrust(self) -> None:
        """The journal does not tell all that was said, and from now on says so itself."""
        self.round_first = None
        self._roll()

    async def bind(self, newest: int, round_first: int) -> None:
        """The others' word: nothing was said above the round after `newest`. On disk when this returns."""
        self._journal.append(BOUND, newest, b"")
        self.round_first = max(round_first, newest + 2)
        await self._workers.run("sync", self._sync)

    def halt(self, error: Exception) -> None:
        """Carry out nothing more; `run` raises the error."""
        self._failure = self._failure or error
        self._arrived.set()

    async def run(self) -> None:
        """Carry out effects until cancelled; raises what the disk raises, for then the node must stop."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            self._is_carrying_out = True
            effects, self._effects = self._effects, deque()
            await self._persist(effects)
            if self._failure is not None:
                raise self._failure
            for effect in effects:
                if not isinstance(effect, Roll):
                    self._perform(effect)
            self._is_carrying_out = False
            self._carry_on()

    def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Wake):
                self._clock.call_at(effect.at_us, self.feed)
            elif isinstance(effect, Doubt):
                # It must not wait behind the disk: whoever may speak has to know it now.
                self._perform(effect)
            else:
                self._effects.append(effect)
        self._carry_on()

    def _carry_on(self) -> None:
        """On the spot, as far as nothing must be on disk first; then it is `run`'s turn."""
        if self._is_carrying_out:
            return
        self._is_carrying_out = True
        try:
            while self._effects and self._failure is None:
                effect = self._effects[0]
                if isinstance(effect, Roll) or _must_sync(effect):
                    break
                self._effects.popleft()
                if isinstance(effect, Persist):
                    self._append(effect.vertex)
                self._perform(effect)
        except Exception as error:
            self.halt(error)
        self._is_carrying_out = False
        if self._effects:
            self._arrived.set()

    def _roll(self) -> None:
        base = self.core.base()
        spoken = SPOKEN_UNKNOWN if self.round_first is None else max(base.spoken, self.round_first - 1)
        base = msgspec.structs.replace(base, spoken=spoken)
        self._effects.append(Roll(base, tuple(self.core.unordered())))
        self._is_rolling = True
        self._carry_on()

    async def _persist(self, effects: deque[Effect | Roll]) -> None:
        must_sync = False
        for effect in effects:
            if isinstance(effect, Persist):
                self._append(effect.vertex)
                must_sync |= effect.is_own
            elif isinstance(effect, PersistStatement):
                self._journal.append(WORD, 0, encode(effect.word))
                must_sync = True
            elif isinstance(effect, Roll):
                await self._begin_segment(effect)
                must_sync = True
        if must_sync:
            await self._workers.run("sync", self._sync)

    async def _begin_segment(self, roll: Roll) -> None:
        base = roll.base
        await self._workers.run("sync", lambda: self._journal.roll(base.round, encode(base)))
        self._is_rolling = False
        for vertex in roll.carried:
            self._append(vertex)
        # What it begins with does not count: if that alone were too much, segments would begin without end.
        self._full_bytes = self._journal.size + self._segment_bytes

    def _append(self, vertex: Vertex) -> None:
        kind = OWN if vertex.author == self._me else OTHER
        self._journal.append(kind, vertex.round, vertex.raw)

    def _sync(self) -> None:
        self._attachments.sync()
        self._journal.sync()


def _must_sync(effect: Effect) -> bool:
    """Whether what comes after it may only happen once it is on disk."""
    return isinstance(effect, PersistStatement) or (isinstance(effect, Persist) and effect.is_own)
