"""What a node keeps of others, and for others, has an end."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.chain import CONTRACTS, Chain, attachment, key, make_genesis
from tests.unit.node.test_fetch import Members
from tests.unit.node.together import Workers
from weft.consensus.core import Core, first_base
from weft.consensus.messages import Input, Persist, Refuse, Return, Tick
from weft.execution.executor import found as found_state
from weft.ledger.seal import seal_genesis
from weft.mempool.pool import Candidate
from weft.model import message
from weft.model.limits import LOCAL, LocalLimits
from weft.model.transaction import Attachment, identity_of
from weft.model.vertex import Vertex, implied_reference, sign_vertex
from weft.node import answer, compare, evidence, outgoing
from weft.node.admit import Admitted, Door
from weft.node.answer import Answers
from weft.node.apply import Applier
from weft.node.compare import Comparison
from weft.node.driver import Driver
from weft.node.evidence import Accusations
from weft.node.mark import Mark
from weft.node.neighbours import Neighbours
from weft.node.outgoing import Outgoing
from weft.node.reception import Reception
from weft.storage.memory import MemoryAttachments, MemoryJournal, MemoryStore

GENESIS = make_genesis()


def make_store(*names: str) -> MemoryStore:
    """A store with a block for each record."""
    sealed, nodes = seal_genesis(GENESIS, found_state(GENESIS, CONTRACTS))
    store, chain = MemoryStore(sealed, nodes, sealed.block.header.state_root), Chain(GENESIS)
    for name in names:
        chain.commit(chain.put("alice", name))
    Applier(GENESIS, CONTRACTS, store, MemoryAttachments()).apply_blocks(chain.blocks[1:])
    return store


class Clock:
    def now_us(self) -> int:
        return 1

    def wall_ms(self) -> int:
        return 1

    def call_at(self, at_us: int, call: Any) -> None:
        """Never."""


def make_driver(core: Core | None = None, journal: MemoryJournal | None = None) -> Driver:
    core = core or Core(GENESIS, 0, key("node0"), first_base(GENESIS))
    journal = journal or MemoryJournal()
    return Driver(0, core, Clock(), Workers(), journal, MemoryAttachments(), lambda _: None, 5, 1 << 20)


def make_answers(attachments: MemoryAttachments, driver: Driver, bytes_max: int) -> Answers:
    limits, store = LocalLimits(answer_bytes_max=bytes_max), make_store("a", "b")
    comparison = Comparison(GENESIS, CONTRACTS, store, Members(), Workers())
    return Answers(0, key("node0"), driver, store, attachments, comparison, limits)


def test_no_more_content_is_read_than_an_answer_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is asked for; one always fits."""
    monkeypatch.setattr(answer, "PIECES_AT_ONCE", 4)
    attachments = MemoryAttachments()
    given = [attachment(b"%d" % number * 1000) for number in range(10)]
    attachments.put(given)
    names = tuple(item.commitment for item in given)
    for bytes_max, count in ((10, 1), (2500, 2), (10**6, 4)):
        told = make_answers(attachments, make_driver(), bytes_max).answer(message.FetchAttachments(names))
        assert isinstance(told, message.Attachments)
        assert told.attachments == tuple(given[:count])


def test_a_block_larger_than_an_answer_is_given_in_pieces() -> None:
    """And one that is not there as nothing."""
    answers = make_answers(MemoryAttachments(), make_driver(), 300)
    assert answers.answer(message.FetchBlocks(1)) == message.Blocks(())
    first = answers.answer(message.FetchPiece(1, 0))
    assert isinstance(first, message.Piece)
    assert len(first.content) == 300 < first.size
    assert answers.answer(message.FetchPiece(9, 0)) == message.Piece(0, b"")


def test_who_may_have_spoken_says_so() -> None:
    """Also when it no longer has the vertex; who does not know says nothing."""
    driver = make_driver()
    answers = make_answers(MemoryAttachments(), driver, 300)
    told = answers.answer(message.AskNewest(0, bytes(32)))
    assert isinstance(told, message.Told)
    assert (told.bound, told.vertex) == (4, b"")
    driver.distrust()
    assert isinstance(answers.answer(message.AskNewest(0, bytes(32))), message.Refused)


async def test_nothing_is_carried_out_once_the_driver_has_halted() -> None:
    """Not even what was queued before."""
    done: list[Any] = []
    driver = make_driver()
    driver._perform = done.append
    driver.distrust()
    driver.halt(ValueError("stop"))
    with pytest.raises(ValueError, match="stop"):
        await driver.run()
    assert done == []


async def test_what_need_not_wait_for_the_disk_is_done_at_once_and_in_order() -> None:
    """An effect behind one that must be on disk waits for it, however it is fed."""
    done: list[Any] = []
    waits = Return((b"behind",))

    class Told:
        def handle(self, _: Input, *effects: Any) -> list[Any]:
            return list(effects)

    driver = make_driver(Told())  # type: ignore[arg-type]

    def perform(effect: Any) -> None:
        done.append(effect)
        if effect == Refuse(1, "first"):
            driver.feed(Refuse(2, "fed by the first"))  # type: ignore[arg-type]
            assert done == [effect]

    driver._perform = perform
    driver.feed(Refuse(1, "first"), Refuse(1, "second"))  # type: ignore[arg-type]
    at_once = [Refuse(1, "first"), Refuse(1, "second"), Refuse(2, "fed by the first")]
    assert done == at_once
    own, other = say(0, 1, 0), say(1, 1, 0)
    driver.feed(Persist(other, False), Persist(own, True), waits)  # type: ignore[arg-type]
    driver.feed(Refuse(3, "behind that"))  # type: ignore[arg-type]
    assert done[3:] == [Persist(other, False)]
    running = asyncio.ensure_future(driver.run())
    for _ in range(20):
        await asyncio.sleep(0)
    assert done[4:] == [Persist(own, True), waits, Refuse(3, "behind that")]
    driver.feed(Refuse(4, "at once again"))  # type: ignore[arg-type]
    assert done[7:] == [Refuse(4, "at once again")]
    running.cancel()


async def test_a_mistake_in_carrying_out_ends_the_driver() -> None:
    """Not who fed it: it may be a stream that has done nothing wrong."""

    class Told:
        def handle(self, _: Input, *effects: Any) -> list[Any]:
            return list(effects)

    driver = make_driver(Told())  # type: ignore[arg-type]
    done: list[Any] = []

    def perform(effect: Any) -> None:
        done.append(effect)
        raise ZeroDivisionError

    driver._perform = perform
    driver.feed(Refuse(1, "first"), Refuse(1, "second"))  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        await driver.run()
    assert done == [Refuse(1, "first")]


def test_a_mistake_of_the_core_is_raised_where_it_was_fed_and_halts() -> None:
    """Whoever fed it."""

    class Broken:
        def handle(self, *inputs: Input) -> list[Any]:
            raise ZeroDivisionError

    driver = make_driver(Broken())  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        driver.feed(Tick(1, 1))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(driver.run())


async def test_few_lies_of_each_member_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """One would be enough."""
    monkeypatch.setattr(evidence, "PAIRS_MAX", 2)

    class Watch:
        def accused(self, member: int, round_: int) -> None:
            """Counts elsewhere."""

    store = make_store()
    accusations = Accusations(4, store, Workers(), Watch())  # type: ignore[arg-type]
    for round_ in (1, 1, 2, 3, 4):
        await accusations.keep(*(say(3, round_, time_ms) for time_ms in (1, 2)))
    assert [store.find_fact(f"evidence:3:{round_}") is not None for round_ in (1, 2, 3)] == [
        True,
        True,
        False,
    ]
    assert not accusations.wants(3, 9)
    assert accusations.wants(2, 9)
    assert accusations.wants(10**9, 9), "it is looked into, and found to be garbage"


async def test_evidence_that_nobody_wants_is_not_looked_into() -> None:
    """Each may state thousands of signatures, and every member sends it to every other."""
    seen: list[bytes] = []

    class CountingDoor(Door):
        async def vertex(self, raw: bytes, attachments: tuple[Attachment, ...]) -> Admitted:
            seen.append(raw)
            return await super().vertex(raw, attachments)

    members = Members()
    door = CountingDoor(GENESIS, Workers())
    watch = type("Watch", (), {"refused": lambda *_: None})()
    reception = Reception(door, MemoryAttachments(), members, watch, lambda *_: None)
    first, second = (say(3, 1, time_ms) for time_ms in (1, 2))
    item = message.Evidence(first.raw, second.raw)
    assert await reception.evidence(1, item, lambda author, round_: False) is None
    assert (seen, members.cuts) == ([], [])
    assert await reception.evidence(1, item, lambda author, round_: True) == (first, second)
    assert await reception.evidence(1, message.Evidence(b"x", b"x"), lambda author, round_: True) is None
    assert members.cuts == [1]


def say(author: int, round_: int, time_ms: int, *batch: bytes) -> Vertex:
    parents = tuple(implied_reference(GENESIS.chain, 0, (author + place) % 4) for place in range(4))
    return sign_vertex(key(f"node{author}"), GENESIS.chain, 0, author, round_, time_ms, parents, batch)


def test_liars_alone_raise_no_height() -> None:
    """More than f must name it."""
    heard = Neighbours(GENESIS.committee)
    heard.signed(3, 10**12)
    assert heard.height_reached == 0
    heard.signed(1, 5)
    heard.signed(1, 4)
    assert heard.height_reached == 5


async def test_who_gave_up_waiting_is_forgotten() -> None:
    """Also when the number is never reached."""
    mark = Mark()
    left, waits = mark.wait(3), mark.wait(2)
    left.cancel()
    await asyncio.sleep(0)
    assert list(mark._waiting) == [waits]
    mark.reach(2)
    await waits
    assert not mark.is_awaited
    await mark.wait(1)


async def test_a_state_is_looked_into_at_so_many_heights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each member, and only while it can be asked."""
    monkeypatch.setattr(compare, "HEIGHTS_MAX", 2)
    members = Members()
    comparison = Comparison(GENESIS, CONTRACTS, make_store("a", "b", "c"), members, Workers())
    for height in (1, 1, 2, 3):
        await comparison.investigate(1, height)
        await comparison.investigate(2, height)
    assert members.asked == [1, 1]


class Queues(Members):
    """Members with queues that are read when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[int, message.Item]] = []

    def send(self, member: int, item: message.Item) -> None:
        self.sent.append((member, item))

    def broadcast(self, item: message.Item) -> None:
        for member in (1, 2, 3):
            self.send(member, item)


class Way:
    """A node's way out, and a vertex with content."""

    def __init__(self) -> None:
        self.queues, self.attachments = Queues(), MemoryAttachments()
        self.tasks: list[asyncio.Task[None]] = []
        self.outgoing = Outgoing(0, 4, self.attachments, self.queues, Workers(), self.spawn, LOCAL)
        self.given = attachment(b"content")
        self.raw = Chain(GENESIS).put("alice", "a", self.given)
        self.vertex = say(0, 1, 1, self.raw)
        self.bare = message.Announced(self.vertex.raw, ())
        self.whole = message.Announced(self.vertex.raw, (self.given,))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))


async def test_a_vertex_goes_out_with_what_was_at_hand_or_with_what_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was admitted is at hand, but not without end."""
    for fresh_max, is_kept in ((10, False), (10, True), (0, True)):
        monkeypatch.setattr(outgoing, "FRESH_MAX", fresh_max)
        way = Way()
        way.outgoing.expect([Candidate(identity_of(way.raw), way.raw, (way.given,), len(way.given.content))])
        way.outgoing.persisted(way.vertex)
        if is_kept:
            way.attachments.put([way.given])
        way.outgoing.broadcast(way.bare)
        assert way.queues.sent == [(member, way.whole) for member in (1, 2, 3)]
        assert not way.outgoing._fresh


async def test_items_wait_in_order_while_a_queue_is_half_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each member for itself; what waits for a member whose stream broke is let go."""
    monkeypatch.setattr(outgoing, "PAUSE_S", 0)
    way = Way()
    way.attachments.put([way.given])
    way.queues.tallies[1].queue_bytes = LOCAL.peer_queue_bytes_max
    for member in (1, 2):
        way.outgoing.send(member, way.bare)
    await asyncio.sleep(0.01)
    assert way.queues.sent == [(2, way.whole)]
    stated = message.Resumed((1, 2, 3, 4))
    way.outgoing.broadcast(stated)
    assert way.queues.sent[1:] == [(2, stated), (3, stated)]
    way.queues.tallies[1].queue_bytes = 0
    await asyncio.gather(*way.tasks)
    assert way.queues.sent[3:] == [(1, way.whole), (1, stated)]
    way.queues.tallies[1].queue_bytes = LOCAL.peer_queue_bytes_max
    way.outgoing.send(1, way.bare)
    way.outgoing.lost(1)
    way.queues.tallies[1].queue_bytes = 0
    await asyncio.gather(*way.tasks)
    assert len(way.queues.sent) == 5
