"""Feeds inputs to the core and carries out its effects in the order given. It does no thinking.

Promise: an effect begins only after all before it are done, and what a Persist of an own vertex (or of a
statement) names is on disk by then. Effects that came while the disk was busy are taken together: everything
that is to be persisted is appended first and synced once, which is earlier than the order asks for, never
later. The core goes on meanwhile; only its effects wait.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from weft.consensus.core import Core
from weft.consensus.messages import Base, Effect, Input, Persist, PersistStatement, Tick, Wake
from weft.model.encoding import encode
from weft.model.limits import MIB
from weft.node.ports import OTHER, OWN, WORD, AttachmentStore, Clock, Journal, Workers

SEGMENT_BYTES = 32 * MIB
"""Size at which the journal begins a new segment."""


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
    ) -> None:
        self.core = core
        self._me = me
        self._clock = clock
        self._workers = workers
        self._journal = journal
        self._attachments = attachments
        self._perform = perform
        self._effects: deque[Effect | Base] = deque()
        self._arrived = asyncio.Event()

    def feed(self, *inputs: Input) -> None:
        """Let time go on, then handle the inputs."""
        self._take(self.core.handle(Tick(self._clock.now_us(), self._clock.wall_ms())))
        for item in inputs:
            self._take(self.core.handle(item))

    def replace(self, core: Core) -> None:
        """Go on with another core; the journal learns of it before anything that the new one causes."""
        self.core = core
        self._effects.append(core.base())
        self._arrived.set()

    async def run(self) -> None:
        """Carry out effects until cancelled; raises what the disk raises, for then the node must stop."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            effects, self._effects = self._effects, deque()
            await self._persist(effects)
            for effect in effects:
                if not isinstance(effect, Base):
                    self._perform(effect)
            if self._journal.size > SEGMENT_BYTES:
                await self._roll(self.core.base())

    def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Wake):
                self._clock.call_at(effect.at_us, self.feed)
            else:
                self._effects.append(effect)
                self._arrived.set()

    async def _persist(self, effects: deque[Effect | Base]) -> None:
        must_sync = False
        for effect in effects:
            if isinstance(effect, Persist):
                vertex = effect.vertex
                self._journal.append(OWN if effect.is_own else OTHER, vertex.round, vertex.raw)
                must_sync |= effect.is_own
            elif isinstance(effect, PersistStatement):
                self._journal.append(WORD, 0, encode(effect.word))
                must_sync = True
            elif isinstance(effect, Base):
                await self._roll(effect)
        if must_sync:
            await self._workers.run("sync", self._sync)

    async def _roll(self, base: Base) -> None:
        """Begin a segment that can be replayed by itself: a base, and all that it has not ordered yet."""
        carried = self.core.unordered()
        await self._workers.run("sync", lambda: self._journal.roll(base.round, encode(base)))
        for vertex in carried:
            kind = OWN if vertex.author == self._me else OTHER
            self._journal.append(kind, vertex.round, vertex.raw)
        await self._workers.run("sync", self._sync)

    def _sync(self) -> None:
        self._attachments.sync()
        self._journal.sync()
