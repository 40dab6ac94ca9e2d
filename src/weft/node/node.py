"""One member of the network: owns the pool, the core and the applier, and introduces them to the edges.

The node decides little: inputs go to the core through the driver, effects come back and are carried out here
one by one, commits go to the applier, and what it made goes to those who wait. Everything runs on one event
loop, except what is handed to `Workers`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from weft.consensus.core import Core
from weft.consensus.messages import (
    Accuse,
    Alarm,
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
    Wake,
    Want,
)
from weft.execution.contract import Contract
from weft.mempool.pool import Pool
from weft.model import message
from weft.model.block import Block, Checkpoint
from weft.model.digest import Digest
from weft.model.encoding import decode, encode
from weft.model.errors import DivergedError, WeftError
from weft.model.genesis import Genesis
from weft.model.limits import LocalLimits
from weft.model.transaction import Attachment, Transaction, identity_of
from weft.model.vertex import Vertex, decode_vertex
from weft.node.admit import Door
from weft.node.answer import Answers
from weft.node.apply import Applied, Applier
from weft.node.backlog import Backlog
from weft.node.compare import Comparison
from weft.node.discard import Leftovers
from weft.node.driver import Driver
from weft.node.fate import Fates
from weft.node.fetch import Fetcher
from weft.node.follow import Ledger
from weft.node.mark import Mark
from weft.node.ports import (
    BOUND,
    AttachmentStore,
    Clock,
    Inbox,
    Journal,
    Peers,
    Signer,
    Store,
    Workers,
)
from weft.node.reception import Reception
from weft.node.recover import Recovered
from weft.node.rejoin import Rejoin
from weft.node.watch import Watch

log = structlog.get_logger("weft.node")

HEAR_OPENINGS_S = 2.0
"""How long a restarted validator listens before it speaks."""


class Node:
    """A validator."""

    def __init__(
        self,
        genesis: Genesis,
        me: int,
        url: str,
        signer: Signer,
        contracts: Mapping[str, Contract],
        recovered: Recovered,
        clock: Clock,
        workers: Workers,
        journal: Journal,
        store: Store,
        attachments: AttachmentStore,
        data: Path,
        connect: Callable[[Inbox], Peers],
        read_blob: Callable[[str, int], AsyncGenerator[bytes, None]],
        limits: LocalLimits,
    ) -> None:
        self.genesis = genesis
        self.me = me
        self.url = url
        self.store = store
        self.attachments = attachments
        self.workers = workers
        self.clock = clock
        self.limits = limits
        self.watch = Watch(genesis, data)
        self.peers = connect(self)
        self.pool = Pool(limits)
        self.watch.pool.set_function(lambda: len(self.pool))
        self.door = Door(genesis, workers)
        self.ledger = Ledger(store, workers)
        self.fates = Fates(store, lambda: self.certified_height)
        self.driver = Driver(me, recovered.core, clock, workers, journal, attachments, self._perform)
        self._signer = signer
        self._journal = journal
        self._recovered = recovered
        self._read_blob = read_blob
        self._applier = Applier(genesis, contracts, store, attachments)
        self._backlog = Backlog(workers, self._applier.apply, self._settle)
        self._leftovers = Leftovers(lambda: self.core, self.pool, store, attachments, workers)
        self._reception = Reception(self.door, attachments, self.peers, self.watch, self._feed)
        self._fetcher = Fetcher(genesis.committee, self.door, attachments, self.peers, self._feed)
        self._comparison = Comparison(genesis, store, self.peers, workers)
        self._answers = Answers(
            me, signer, lambda: self.core, lambda: self._bound, store, attachments, self._comparison, limits
        )
        self._rejoin = Rejoin(
            genesis, me, self.door, self.peers, store, attachments, self._fetcher, self._apply_blocks, workers
        )
        self._caught_up = asyncio.Event()
        self._caught_up.set()
        self._fresh: dict[Digest, Attachment] = {}
        """Attachments of transactions in the pool: at hand when their vertex is sent."""
        self._ordered = Mark()
        """The newest own round that is ordered and executed here."""
        newest = store.newest_checkpoint
        self._certified = Mark(newest.statement.height if newest is not None else 0)
        """The newest height that a checkpoint vouches for."""
        self._opened: set[int] = set()
        self._opening = asyncio.Event()
        self._tasks: set[asyncio.Future[Any]] = set()
        self._heights = [0] * genesis.committee.size
        self._urls = [""] * genesis.committee.size
        self._bound: int | None = 0 if recovered.is_trusted else None
        self._is_speaking = False
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # What others may read.

    @property
    def core(self) -> Core:
        return self.driver.core

    @property
    def certified_height(self) -> int:
        return self._certified.reached

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
            for future in done:
                future.result()
        finally:
            tasks = (begin, *vital, *self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._fetcher.stop()
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
            await self.peers.start()
            if self.divergence is not None:
                self._diverged()
                return
            self._spawn(self._leftovers.run(applied))
            if self.store.head.height:
                self._feed(Executed(self.store.head, self.store.head_hash))
            await self._hear_openings()
            if self.core.base().height > self.store.head.height:
                await self._catch_up()
            await self._speak(recovered.round_first)
        except Exception as error:
            self.stop_because(error)

    async def _hear_openings(self) -> None:
        others = self.genesis.committee.size - 1
        with suppress(TimeoutError):
            async with asyncio.timeout(HEAR_OPENINGS_S):
                while len(self._opened) < others:
                    self._opening.clear()
                    await self._opening.wait()

    async def _speak(self, round_first: int) -> None:
        await self._caught_up.wait()
        if self._bound is None:
            log.warning("journal.distrusted", fix="waiting for the other members' word on what was said")
            newest = await self._rejoin.ask_newest(lambda: self.core, self._feed)
            self._journal.append(BOUND, newest, b"")
            await self.workers.run("sync", self._journal.sync)
            self._bound = newest + 1
            round_first = max(round_first, newest + 2)
            await self._caught_up.wait()
        self._is_speaking = True
        self._feed(Speak(round_first))
        self._offer()
        log.info("node.ready", height=self.store.head.height, round_first=round_first)

    # Transactions in.

    def admit(
        self, identity: Digest, transaction: Transaction, raw: bytes, attachments: tuple[Attachment, ...]
    ) -> None:
        """Take an admitted transaction into the pool; raises FullError."""
        if self.pool.admit(identity, raw, transaction.attachment_bytes):
            self.attachments.put(attachments)
            self._fresh.update((item.commitment, item) for item in attachments)
        self._offer()

    async def barrier(self) -> None:
        """Return once a vertex of this node's own, made from now on, is ordered and executed here."""
        newest = self.core.own_newest
        ordered = self._ordered.wait(newest.round + 1 if newest is not None else 1)
        self._feed(Want())
        await ordered

    async def certified(self, height: int) -> None:
        """Return once a checkpoint vouches for this height."""
        await self._certified.wait(height)

    def _offer(self) -> None:
        """Give the core what it has room for."""
        if not self._is_speaking or not self.pool.waiting or self.watch.is_disk_low:
            return
        room = self.core.room()
        transactions, attachment_bytes = self.pool.cut(room.transactions, room.bytes, room.attachment_bytes)
        if transactions:
            self._feed(Submit(transactions, attachment_bytes))

    # The network's side: Inbox.

    def opening(self) -> message.Opening:
        core = self.core
        return message.Opening(
            self.genesis.chain, self.genesis.committee.epoch, core.newest(), self.store.head.height, self.url
        )

    def opened(self, member: int, opening: message.Opening) -> None:
        self._note(member, opening)
        self._opened.add(member)
        self._opening.set()
        self._feed(Opened(member, opening.newest))
        self.peers.send(member, self._comparison.stated)

    def lost(self, member: int) -> None:
        self._opened.discard(member)
        self._feed(Lost(member))

    def measured(self, member: int, rtt_us: int) -> None:
        self._feed(Measured(member, rtt_us))

    async def receive(self, member: int, item: message.Item, size: int) -> None:
        await self._backlog.has_room()
        match item:
            case message.Opening():
                self._note(member, item)
            case message.Stated():
                await self._comparison.hear(member, item)
            case message.Evidence():
                pair = await self._reception.evidence(member, item)
                if pair is not None:
                    self._keep_evidence(*pair)
            case message.Signed(word):
                if word.member == member:
                    self._heights[member] = max(self._heights[member], word.statement.height)
                self._reception.word(member, word)
            case message.Certified(checkpoint):
                if checkpoint.statement.height > self._certified.reached:
                    self._reception.checkpoint(member, checkpoint)
            case message.Resumed(newest):
                self._feed(Opened(member, newest))
            case message.Announced():
                await self._reception.vertex(member, item)

    async def answer(self, member: int, request: message.Request) -> message.Answer:
        if isinstance(request, message.FetchVertices):
            return self._answers.answer(request)
        if isinstance(request, message.AskNewest):
            answer = self._answers.answer(request)
            # Who asks may speak only two rounds above what it hears; in an idle network none would open.
            self._feed(Want())
            return answer
        return await self.workers.run("read", lambda: self._answers.answer(request))

    def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        return self._read_blob(name, offset)

    def _note(self, member: int, opening: message.Opening) -> None:
        self._urls[member] = opening.url
        self._heights[member] = max(self._heights[member], opening.height)

    def peer_facts(self, member: int) -> tuple[str, bool, int]:
        """(url, connected, newest known height) of another member."""
        return self._urls[member], self.peers.is_connected(member), self._heights[member]

    # Effects out.

    def _feed(self, item: Input) -> None:
        self.driver.feed(item)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Persist() | PersistStatement() | Wake():
                pass
            case Broadcast(item):
                self.peers.broadcast(self._complete(item))
            case Send(member, item):
                self.peers.send(member, self._complete(item))
            case Fetch():
                self._fetcher.start(effect)
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
                self._spawn(self._certify(checkpoint))
            case Accuse(first, second):
                self._keep_evidence(first, second)
                pair = sorted((first.raw, second.raw))
                self.peers.broadcast(message.Evidence(*pair))
            case Refuse(member, reason):
                self._reception.refuse(member, reason)
            case Behind():
                self._spawn(self._catch_up())
            case Forget(round_):
                keep = min(round_, self.store.head.round)
                self._spawn(self.workers.run("sync", lambda: self._journal.drop(keep)))
            case Alarm():
                self._spawn(self._alarmed(effect))
            case Doubt(round_):
                self._doubt(round_)

    def _complete(self, item: message.Item) -> message.Item:
        """An own vertex goes out with its attachments; one that was erased stays behind."""
        if not isinstance(item, message.Announced):
            return item
        found = [
            self._fresh.get(commitment.digest) or self.attachments.find(commitment.digest)
            for raw in decode_vertex(item.vertex).batch
            for commitment in decode(Transaction, raw).attachments
        ]
        return message.Announced(
            item.vertex, tuple(attachment for attachment in found if isinstance(attachment, Attachment))
        )

    def _settle(self, applied: Sequence[Applied]) -> None:
        """Blocks are durable: tell the core, the followers, and those who wait."""
        for item in applied:
            self.fates.settle(item)
            self.pool.forget(identity for identity, _ in item.passed_over)
            if item.sealed is not None:
                self.pool.forget(item.sealed.identities)
                self._feed(Executed(item.sealed.block.header, item.sealed.hash))
        own = max(
            (ref.round for item in applied for ref in item.commit.ordered if ref.author == self.me), default=0
        )
        self._ordered.reach(own)
        self._leftovers.note(applied)
        if not len(self.pool):
            self._fresh.clear()
        self.watch.applied(applied)
        self.ledger.announce()
        self._offer()

    async def _apply_blocks(self, blocks: Sequence[Block]) -> None:
        try:
            applied = await self.workers.run("apply", lambda: self._applier.apply_blocks(blocks))
        except DivergedError as error:
            self._comparison.divergence = str(error)
            self._diverged()
            raise
        self._settle(applied)

    async def _certify(self, checkpoint: Checkpoint) -> None:
        await self.workers.run("apply", lambda: self.store.put_checkpoint(checkpoint))
        self._certified.reach(checkpoint.statement.height)
        self.watch.certified(checkpoint)

    # When things go wrong.

    async def _catch_up(self) -> None:
        """Follow blocks to the newest checkpoint, then start a new core from there."""
        if self.is_catching_up:
            return
        self._caught_up.clear()
        log.info("node.catching_up", height=self.store.head.height)
        self._feed(Hush())
        await self._backlog.is_empty()
        old = self.core.base()
        base = await self._rejoin.catch_up(old.spoken, old.height)
        self.driver.replace(Core(self.genesis, self.me, self._signer, base, self.limits))
        for member in range(self.genesis.committee.size):
            if member != self.me and self.peers.is_connected(member):
                self._feed(Opened(member, self.core.newest()))
        self.peers.broadcast(message.Resumed(self.core.newest()))
        self._feed(Executed(self.store.head, self.store.head_hash))
        if self._is_speaking:
            self._feed(Speak(base.spoken + 1))
        self._caught_up.set()
        log.info("node.caught_up", height=self.store.head.height, round=base.round)

    def _doubt(self, round_: int) -> None:
        if self._is_speaking:
            self.stop_because(
                WeftError(
                    f"somebody has a vertex of round {round_} signed with this node's key that this node did "
                    "not make: the key is used elsewhere, or this disk is older than what was said"
                )
            )
        self._bound = None

    def _keep_evidence(self, first: Vertex, second: Vertex) -> None:
        """Two vertices of one slot, both signed by its author: proof that it lied."""
        pair = message.Evidence(*sorted((first.raw, second.raw)))
        name = f"evidence:{first.author}:{first.round}"
        self.watch.accused(first.author, first.round)
        self._spawn(self.workers.run("apply", lambda: self.store.put_fact(name, encode(pair))))

    async def _alarmed(self, alarm: Alarm) -> None:
        others = [member for member in alarm.members if member != self.me]
        if alarm.weight >= self.genesis.committee.quorum:
            self._comparison.diverged(alarm.height, None)
            self._diverged()
        for member in others:
            key = await self._comparison.investigate(member, alarm.height)
            if key is not None and self.divergence is not None:
                self._comparison.diverged(alarm.height, key)

    def _diverged(self) -> None:
        """Stop serving rather than lie."""
        self._feed(Hush())
        log.error("node.diverged", reason=self.divergence, fix=DivergedError.fix)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run beside the rest; what it raises stops the node."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.stop_because(error)
