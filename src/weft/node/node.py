"""One member of the network: owns the pool, the core and the applier, and introduces them to the edges.

The node decides little: inputs go to the core through the driver, effects come back and are carried out here
one by one, commits go to the applier, and what it made goes to those who wait. Everything runs on one event
loop, except what is handed to `Workers`.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from weft.consensus.core import Core
from weft.consensus.messages import (
    Accuse,
    Alarm,
    Base,
    Behind,
    Broadcast,
    Certify,
    Deliver,
    Discard,
    Doubt,
    Effect,
    Executed,
    Fetch,
    Forget,
    Hush,
    Input,
    Lost,
    Measured,
    Opened,
    Persist,
    PersistStatement,
    Refuse,
    Return,
    Root,
    Rooted,
    Send,
    Speak,
    Submit,
    Vouched,
    Wake,
    Want,
)
from weft.execution.contract import Contract
from weft.mempool.pool import Candidate, Pool
from weft.model import message
from weft.model.block import Block
from weft.model.digest import Digest
from weft.model.errors import BehindError, DivergedError, FullError, KeyUsedError
from weft.model.genesis import Genesis
from weft.model.limits import LocalLimits
from weft.model.transaction import identity_of
from weft.node import ports
from weft.node.admit import Door
from weft.node.again import Again
from weft.node.answer import Answers
from weft.node.apply import Applied, Applier
from weft.node.backlog import Backlog
from weft.node.checkpoint import Checkpoints
from weft.node.compare import Comparison
from weft.node.discard import Leftovers
from weft.node.driver import Driver
from weft.node.evidence import Accusations
from weft.node.fate import Fates
from weft.node.fetch import Fetcher
from weft.node.follow import Ledger
from weft.node.mark import Mark
from weft.node.neighbours import Neighbours
from weft.node.outgoing import Outgoing
from weft.node.prune import Pruning
from weft.node.reception import Reception
from weft.node.recover import Recovered
from weft.node.rejoin import Rejoin
from weft.node.watch import Watch

log = structlog.get_logger("weft.node")

HEAR_OPENINGS_S = 2.0
"""How long a restarted validator listens before it speaks."""
OFFER_AGAIN_S = 1.0
"""Between two looks at a disk that was low while transactions waited."""


class Node:
    """A validator."""

    def __init__(
        self,
        genesis: Genesis,
        me: int,
        url: str,
        signer: ports.Signer,
        contracts: Mapping[str, Contract],
        recovered: Recovered,
        clock: ports.Clock,
        workers: ports.Workers,
        journal: ports.Journal,
        store: ports.Store,
        attachments: ports.AttachmentStore,
        data: Path,
        connect: Callable[[ports.Inbox], ports.Peers],
        limits: LocalLimits,
        machine: ports.Machine = ports.MACHINE,
    ) -> None:
        self.genesis = genesis
        self.me = me
        self.url = url
        self.store = store
        self.attachments = attachments
        self.workers = workers
        self.clock = clock
        self.limits = limits
        self.watch = Watch(genesis, me, data, clock.now_us, machine)
        self.peers = connect(self)
        self.pool = Pool(limits)
        self.watch.pool.set_function(lambda: len(self.pool))
        self.door = Door(genesis, workers, machine.is_signed, machine.are_signed)
        self.checkpoints = Checkpoints(store, workers, self.watch)
        self.ledger = Ledger(store, workers)
        self.fates = Fates(store, lambda: self.checkpoints.height)
        round_first = recovered.round_first if recovered.is_trusted else None
        self.driver = Driver(
            me, recovered.core, clock, workers, journal, attachments, self._perform, round_first,
            limits.journal_segment_bytes,
        )  # fmt: skip
        self._signer = signer
        self._pruning = Pruning(journal, store, workers)
        self._recovered = recovered
        self.blobs: ports.Blobs = ports.NoBlobs()
        """Who keeps content on this node; an application takes this place."""
        self._applier = Applier(genesis, contracts, store, attachments)
        self._backlog = Backlog(workers, self._applier.apply, self._settle, self._applier.is_due)
        self._leftovers = Leftovers(lambda: self.core, self.pool, store, attachments, workers)
        self._reception = Reception(self.door, attachments, self.peers, self.watch, self._feed)
        self.fetcher = Fetcher(me, genesis.committee, self.door, attachments, self.peers, workers, self._feed)
        self._outgoing = Outgoing(
            me, genesis.committee.size, attachments, self.peers, workers, self._spawn, limits
        )
        self._again = Again(self._begin_stream, self._spawn)
        self._accusations = Accusations(genesis.committee.size, store, workers, self.watch)
        self._comparison = Comparison(genesis, contracts, store, self.peers, workers)
        self._answers = Answers(me, signer, self.driver, store, attachments, self._comparison, limits)
        self._rejoin = Rejoin(
            genesis, me, self.door, self.peers, store, attachments, self.fetcher, self._apply_blocks, workers,
            machine.random_bytes,
        )  # fmt: skip
        self._caught_up = asyncio.Event()
        self._caught_up.set()
        self._ordered = Mark()
        """The newest own round that is ordered and executed here."""
        self._opened: set[int] = set()
        self._opening = asyncio.Event()
        self._tasks: dict[asyncio.Future[Any], None] = {}
        self.neighbours = Neighbours(genesis.committee)
        self._is_speaking = False
        self._is_put_off = False
        """What waits is offered to the core when the disk has been looked at again."""
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # What others may read.

    @property
    def core(self) -> Core:
        return self.driver.core

    @property
    def is_catching_up(self) -> bool:
        return not self._caught_up.is_set()

    @property
    def is_speaking(self) -> bool:
        return self._is_speaking

    @property
    def divergence(self) -> str | None:
        """Why this node must not serve, if it must not."""
        return self._comparison.divergence

    # Life.

    async def run(self) -> None:
        """Work until cancelled. Raises what must stop a node: a disk that fails, a key used elsewhere."""
        begin = asyncio.create_task(self._begin())
        vital = [
            asyncio.ensure_future(work) for work in (self.driver.run(), self._backlog.run(), self._failure)
        ]
        try:
            done, _ = await asyncio.wait(vital, return_when=asyncio.FIRST_COMPLETED)
            for future in vital:
                if future in done:
                    future.result()
        finally:
            tasks = (begin, *vital, *self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.peers.stop()

    def stop_because(self, error: BaseException) -> None:
        """End `run` with this error."""
        if not self._failure.done():
            self._failure.set_exception(error)

    async def _begin(self) -> None:
        """Start-up: apply what the journal has, look at the own state, hear the others, then speak."""
        try:
            recovered = self._recovered
            applied = await self.workers.run("apply", lambda: self._applier.apply(recovered.delivered))
            await self.workers.run("apply", self._comparison.check_own)
            self._recovered = replace(recovered, delivered=())
            await self.peers.start()
            if self.divergence is not None:
                self._feed(Hush())
                return
            self._spawn(self._leftovers.run(applied))
            self._tell_head()
            await self._hear_openings()
            if recovered.is_behind or self.core.base().height > self.store.head.height:
                await self._catch_up()
            await self._speak(recovered)
        except Exception as error:
            self.stop_because(error)

    async def _hear_openings(self) -> None:
        others = self.genesis.committee.size - 1
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAR_OPENINGS_S):
                while len(self._opened) < others:
                    self._opening.clear()
                    await self._opening.wait()

    def _tell_head(self) -> None:
        """A core that begins knows nothing of what is executed and vouched for."""
        if self.checkpoints.newest is not None:
            self._feed(Vouched(self.checkpoints.newest))
        if self.store.head.height:
            self._feed(Executed(self.store.head, self.store.head_hash))

    async def _speak(self, recovered: Recovered) -> None:
        await self._caught_up.wait()
        repeats = await self._reception.repeats(recovered.unsaid)
        if self.driver.round_first is None:
            log.warning("journal.distrusted", fix="waiting for the other members' word on what was said")
            newest = await self._rejoin.ask_newest(lambda: self.core, self._feed)
            await self.driver.bind(newest, recovered.round_first)
            await self._caught_up.wait()
            repeats = ()
        if self.divergence is not None:
            return
        assert self.driver.round_first is not None, "what the others said binds for good"
        self._is_speaking = True
        self._feed(Speak(self.driver.round_first, repeats))
        self._spawn(self._rejoin.pass_rounds(lambda: self.core, self.driver.round_first))
        self._offer()
        self.watch.ready(self.url, self.store.head.height, self.driver.round_first)

    # Transactions in.

    def admit(self, candidates: Sequence[Candidate]) -> dict[Digest, FullError]:
        """Take transactions into the pool together; those that it has no room for, and why."""
        taken, refused = self.pool.admit_many(candidates)
        self.attachments.put([attachment for one in taken for attachment in one.attachments])
        self._outgoing.expect(taken)
        self._offer()
        return refused

    async def barrier(self) -> None:
        """Return once a vertex of this node's own, made from now on, is ordered and executed here."""
        round_first, newest = self.driver.round_first, self.core.own_newest
        if not self._is_speaking or round_first is None:
            raise BehindError("this node does not speak yet, so nobody can confirm that a read is current")
        ordered = self._ordered.wait(max(round_first, newest.round + 1 if newest is not None else 0))
        self._feed(Want())
        await ordered

    def _offer(self) -> None:
        """Give the core what it has room for."""
        if not self._is_speaking or not self.pool.waiting:
            return
        if self.is_catching_up or self.divergence is not None:
            return
        if self.watch.is_disk_low:
            if not self._is_put_off:
                self._is_put_off = True
                self._spawn(self._offer_later())
            return
        room = self.core.room()
        transactions, attachment_bytes = self.pool.cut(room.transactions, room.bytes, room.attachment_bytes)
        if transactions:
            self._feed(Submit(transactions, attachment_bytes))

    async def _offer_later(self) -> None:
        """Nobody says when a disk has room again, and in a silent network nothing else asks."""
        await asyncio.sleep(OFFER_AGAIN_S)
        self._is_put_off = False
        self._offer()

    # The network's side: Inbox.

    def opening(self) -> message.Opening:
        core = self.core
        return message.Opening(
            self.genesis.chain, self.genesis.committee.epoch, core.newest(), self.store.head.height, self.url
        )

    def opened(self, member: int, opening: message.Opening) -> None:
        self.neighbours.opened(member, opening)
        self._begin_stream(member, opening.newest)
        self.peers.send(member, self._comparison.stated)
        self._spawn(self._comparison.connected(member))
        self._opened.add(member)
        self._opening.set()

    def _begin_stream(self, member: int, newest: tuple[int, ...]) -> None:
        """What a member only claims to have of ours stops nobody who speaks: a vertex with our signature on
        it does, and it will come, because whoever has it builds on it."""
        own = self.core.own_newest
        if self._is_speaking and len(newest) == self.genesis.committee.size:
            claimed = min(newest[self.me], own.round if own is not None else 0)
            newest = (*newest[: self.me], claimed, *newest[self.me + 1 :])
        self._feed(Opened(member, newest))

    def lost(self, member: int) -> None:
        self._opened.discard(member)
        self._outgoing.lost(member)
        self._feed(Lost(member))

    def measured(self, member: int, rtt_us: int) -> None:
        self._feed(Measured(member, rtt_us))

    def receive(self, member: int, item: message.Item, size: int) -> Awaitable[None] | None:
        if self._backlog.is_full:
            return self._backlog.wait_for_room(partial(self.receive, member, item, size))
        match item:
            case message.Announced():
                return self._reception.vertex(member, item)
            case message.Signed(word):
                if word.member == member:
                    self.neighbours.signed(member, word.statement.height)
                self._reception.word(member, word)
            case message.Certified(checkpoint):
                if checkpoint.statement.height > self.checkpoints.height:
                    self._reception.checkpoint(member, checkpoint)
            case message.Opening():
                self.neighbours.opened(member, item)
            case message.Resumed(newest):
                self._again.wish(member, newest)
            case message.Stated():
                return self._comparison.hear(member, item)
            case message.Evidence():
                return self._accusations.hear(self._reception, member, item)
        return None

    async def answer(self, member: int, request: message.Request) -> message.Answer:
        if isinstance(request, message.FetchVertices):
            return self._answers.answer(request)
        if isinstance(request, message.AskNewest):
            answer = self._answers.answer(request)
            # Who asks may speak only two rounds above what it hears; in an idle network none would open.
            self._feed(Want())
            return answer
        if isinstance(request, message.ProveBlob):
            return await self.blobs.prove_blob(member, request)
        return await self.workers.run("read", lambda: self._answers.answer(request))

    def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        return self.blobs.read_blob(name, offset)

    # Effects out.

    def _feed(self, *inputs: Input) -> None:
        self.driver.feed(*inputs)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Persist(vertex, True):
                self._outgoing.persisted(vertex)
            case Persist() | PersistStatement() | Wake():
                pass
            case Broadcast(item):
                self._outgoing.broadcast(item)
            case Send(member, item):
                self._outgoing.send(member, item)
            case Fetch():
                self._spawn(self.fetcher.fetch(effect))
            case Deliver():
                self._backlog.add(effect)
            case Return(transactions):
                self.pool.give_back([identity_of(raw) for raw in transactions])
                self._offer()
            case Discard(vertices):
                self._spawn(self._leftovers.take(vertices))
            case Root(height):
                root = self._applier.root_at(height)
                if root is not None:
                    self._feed(Rooted(height, root))
            case Certify(checkpoint):
                self._spawn(self.checkpoints.keep(checkpoint))
                self._offer()  # until it came, vertices may only have voted
            case Accuse(first, second):
                if self._accusations.wants(first.author, first.round):
                    self._spawn(self._accusations.keep(first, second))
                    self.peers.broadcast(message.Evidence(*sorted((first.raw, second.raw))))
            case Refuse(member, reason):
                self._reception.refuse(member, reason)
            case Behind():
                self._spawn(self._catch_up())
            case Forget(round_):
                self._spawn(self._pruning.forget(round_))
            case Alarm():
                if self._comparison.is_against_us(effect):
                    self._feed(Hush())
                self._spawn(self._comparison.compare_with(effect))
            case Doubt(round_):
                self._doubt(round_)

    def _settle(self, applied: Sequence[Applied]) -> None:
        """Blocks are durable: tell the core, the followers, and those who wait."""
        for item in applied:
            self.fates.settle(item)
            self.pool.forget([identity for identity, _ in item.passed_over])
            if item.sealed is not None:
                self.pool.forget(item.sealed.identities)
                self._feed(Executed(item.sealed.block.header, item.sealed.hash))
        own = (ref.round for item in applied for ref in item.commit.ordered if ref.author == self.me)
        self._ordered.reach(max(own, default=0))
        self._leftovers.note(applied)
        self.watch.applied(applied)
        self.ledger.announce([item.sealed.block for item in applied if item.sealed is not None])
        self._offer()

    async def _apply_blocks(self, blocks: Sequence[Block]) -> None:
        self._settle(await self.workers.run("apply", lambda: self._applier.apply_blocks(blocks)))

    # When things go wrong.

    async def _catch_up(self) -> None:
        """Follow blocks to the newest checkpoint, then start a new core from there."""
        if self.is_catching_up or self.divergence is not None:
            return
        self._caught_up.clear()
        log.info("node.catching_up", height=self.store.head.height)
        self._feed(Hush())
        await self._backlog.is_empty()
        try:
            base = await self._rejoin.catch_up(lambda: self.core)
        except DivergedError as error:
            self._comparison.must_not_serve(str(error))
            return
        self._start_core(base)
        self._caught_up.set()
        self._offer()
        log.info("node.caught_up", height=self.store.head.height, round=base.round)

    def _start_core(self, base: Base) -> None:
        driver, old = self.driver, self.core
        if driver.round_first is not None:
            driver.round_first = max(driver.round_first, base.spoken + 1)
        driver.replace(Core(self.genesis, self.me, self._signer, base, self.limits))
        for member in range(self.genesis.committee.size):
            if member != self.me and self.peers.is_connected(member):
                self._feed(Opened(member, self.core.newest()))
        self.peers.broadcast(message.Resumed(self.core.newest()))
        self._tell_head()
        self.pool.give_back([identity_of(raw) for raw in old.unfinished()])
        if self._is_speaking and self.divergence is None:
            assert driver.round_first is not None, "it was known when this node began to speak"
            self._feed(Speak(driver.round_first))
            if self._ordered.is_awaited:
                self._feed(Want())

    def _doubt(self, round_: int) -> None:
        round_first = self.driver.round_first
        if self._is_speaking:
            self.driver.halt(
                KeyUsedError(
                    f"somebody has a vertex of round {round_} signed with this node's key that this node did "
                    "not make: the key is used elsewhere, or this disk is older than what was said"
                )
            )
        elif round_first is not None and round_ >= round_first:
            self.driver.distrust()

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside the rest; what it raises stops the node."""
        task = asyncio.ensure_future(work)
        self._tasks[task] = None
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[Any]") -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop_because(error)
