"""Content without effect goes once nobody can need it, and nothing else goes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from structlog.testing import capture_logs

from tests.chain import BEGIN_MS, CONTRACTS, Chain, attachment, key, make_genesis
from weft.consensus.core import Core, first_base
from weft.consensus.messages import Arrived, Base, Deliver, Executed, Input, Root, Rooted, Speak, Submit, Tick
from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.mempool.pool import Pool
from weft.model.digest import digest
from weft.model.limits import LOCAL, Limits
from weft.model.transaction import Attachment, identity_of
from weft.model.vertex import Reference, Vertex, sign_vertex
from weft.node import discard
from weft.node.apply import Applier
from weft.node.discard import ROUNDS_AT_ONCE, Leftovers
from weft.storage.memory import MemoryAttachments, MemoryStore

DEPTH = 4
T = TypeVar("T")


class Inline:
    """Workers that work at once."""

    async def run(self, lane: str, call: Callable[[], T]) -> T:
        return call()


class Member:
    """Member 0 of a committee, from its core to its stores; alone, it orders whatever it says."""

    def __init__(self, members: int = 1, base: Base | None = None) -> None:
        self.genesis = make_genesis(members=members, limits=Limits(depth=DEPTH), ann="writer")
        self.chain = Chain(self.genesis)
        sealed, nodes = seal_genesis(self.genesis, found(self.genesis, CONTRACTS))
        self.store = MemoryStore(sealed, nodes, sealed.block.header.state_root)
        self.attachments = MemoryAttachments()
        self.applier = Applier(self.genesis, CONTRACTS, self.store, self.attachments)
        self.core = Core(self.genesis, 0, key("node0"), base or first_base(self.genesis))
        self.pool = Pool(LOCAL)
        self.leftovers = Leftovers(lambda: self.core, self.pool, self.store, self.attachments, Inline())
        self.delivered: list[Deliver] = []
        self._clock_ms = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.leftovers.run(()))

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def feed(self, *inputs: Input) -> None:
        """Give the core time, then these; commits wait in `delivered`."""
        self._clock_ms += 10
        for item in (Tick(1000 * self._clock_ms, BEGIN_MS + self._clock_ms), *inputs):
            for effect in self.core.handle(item):
                if isinstance(effect, Deliver):
                    self.delivered.append(effect)
                elif isinstance(effect, Root):
                    root = self.applier.root_at(effect.height)
                    assert root is not None
                    self.feed(Rooted(effect.height, root))

    async def apply(self) -> None:
        """Apply what was ordered, and let the leftovers take note."""
        applied = self.applier.apply(self.delivered)
        self.delivered = []
        for item in applied:
            if item.sealed is not None:
                self.feed(Executed(item.sealed.block.header, item.sealed.hash))
        self.leftovers.note(applied)
        await settle()

    async def say(self, *transactions: bytes) -> None:
        """An own round with these, ordered and applied."""
        self.feed(Submit(transactions, 0))
        await self.apply()

    async def pass_floor(self) -> None:
        """So many rounds that all that was said before is below the floor and looked at."""
        for number in range(DEPTH + 2 * ROUNDS_AT_ONCE):
            await self.say(self.chain.sign("ann", "nothing", str(number), b""))

    def put(self, name: str, signer: str = "ann", expires_ms: int | None = None) -> tuple[bytes, Attachment]:
        """A record to be written, whose content is here."""
        given = attachment(name.encode(), name)
        self.attachments.put([given])
        return self.chain.put(signer, name, given, expires_ms=expires_ms), given

    def has(self, given: Attachment) -> bool:
        return self.attachments.find(given.commitment) == given


async def settle() -> None:
    """Let everything happen that can."""
    for _ in range(50):
        await asyncio.sleep(0)


def speaking() -> Member:
    member = Member()
    member.feed(Speak(1))
    return member


async def test_content_of_what_failed_or_expired_goes_with_the_floor() -> None:
    """Not before: until then others may need it to complete the vertex. What was executed stays."""
    member = speaking()
    member.start()
    good, stays = member.put("good")
    late, expires = member.put("late", expires_ms=BEGIN_MS)
    bad, fails = member.put("bad")
    bad = member.chain.put("ann", "no\0name", fails)
    await member.say(good, bad, late)
    for _ in range(DEPTH - 1):
        await member.say(member.chain.sign("ann", "nothing", "x", b""))
    assert (member.has(fails), member.has(expires)) == (True, True)
    await member.pass_floor()
    assert [member.has(given) for given in (stays, fails, expires)] == [True, False, False]
    await member.stop()


async def test_what_an_executed_transaction_states_stays_although_a_failed_one_states_it_too() -> None:
    """Whichever comes first: nobody destroys somebody else's content by failing."""
    member = speaking()
    member.start()
    first, early = member.put("early")
    second, later = member.put("later")
    await member.say(first, member.chain.put("mallory", "no\0name", later))
    await member.say(second, member.chain.put("mallory", "m", early))
    await member.pass_floor()
    assert (member.has(early), member.has(later)) == (True, True)
    await member.stop()


async def test_what_waits_in_the_pool_keeps_its_content() -> None:
    """It may still be executed."""
    member = speaking()
    member.start()
    raw, given = member.put("waiting")
    member.pool.admit(identity_of(raw), raw, 0)
    await member.say(member.chain.put("mallory", "no\0name", given))
    await member.pass_floor()
    assert member.has(given)
    await member.stop()


def drawn(member: Member, author: int, round_: int, *batch: bytes) -> Vertex:
    """A vertex on three of the round before that nobody has seen; below the floor those count as here."""
    before = [author, *(other for other in range(4) if other != author)][:3]
    parents = tuple(Reference(other, round_ - 1, digest("vertex", bytes((other,)))) for other in before)
    return sign_vertex(
        key(f"node{author}"), member.genesis.chain, 0, author, round_, BEGIN_MS, parents, batch
    )


@pytest.mark.parametrize("round_", [97, 98], ids=["unordered", "incomplete"])
async def test_what_is_in_the_graph_and_not_ordered_keeps_its_content(round_: int) -> None:
    """Although another vertex that states it was never ordered; what no other states goes."""
    genesis = make_genesis()
    member = Member(4, Base(0, 100, digest("order", genesis.chain), BEGIN_MS, (), 0, 0))
    member.start()
    await settle()
    wanted, given = member.put("wanted")
    lonely, gone = member.put("lonely")
    vertex = drawn(member, 1, round_, wanted)
    member.feed(Arrived(vertex, 1, (), False))
    held = member.core.unordered() if round_ == 97 else member.core.waiting()
    assert held == [vertex]
    await member.leftovers.take([drawn(member, 2, 50, wanted, lonely)])
    await settle()
    assert (member.has(given), member.has(gone)) == (True, False)
    await member.stop()


async def test_what_the_next_own_vertex_states_keeps_its_content() -> None:
    """Its transactions are with the core; the pool forgets them once a commit has passed them over."""
    genesis = make_genesis()
    member = Member(4, Base(0, 100, digest("order", genesis.chain), BEGIN_MS, (), 0, 0))
    member.start()
    await settle()
    wanted, given = member.put("wanted")
    lonely, gone = member.put("lonely")
    member.feed(Submit((wanted,), 0))
    assert (member.core.unordered(), member.core.unfinished()) == ([], (wanted,))
    await member.leftovers.take([drawn(member, 2, 50, wanted, lonely)])
    await settle()
    assert (member.has(given), member.has(gone)) == (True, False)
    await member.stop()


async def test_a_commit_that_is_ordered_and_not_applied_is_waited_for() -> None:
    """What it executes stays; before it was applied, nothing said so."""
    member = speaking()
    member.start()
    await member.pass_floor()
    raw, given = member.put("under way")
    lonely, gone = member.put("lonely")
    member.feed(Submit((raw,), 0))
    await member.leftovers.take([drawn(member, 0, 1, raw, lonely)])
    await settle()
    assert (member.has(given), member.has(gone)) == (True, True)
    await member.apply()
    assert (member.has(given), member.has(gone)) == (True, False)
    await member.stop()


async def test_what_is_stated_meanwhile_stays() -> None:
    """A vertex that arrives while a commit is waited for finds its content here, and keeps it."""
    member = speaking()
    member.start()
    await member.pass_floor()
    raw, given = member.put("under way")
    lonely, again = member.put("again")
    member.feed(Submit((raw,), 0))
    await member.leftovers.take([drawn(member, 0, 1, lonely)])
    await settle()
    assert member.attachments.missing([again.commitment]) == []
    await member.apply()
    assert (member.has(given), member.has(again)) == (True, True)
    await member.stop()


async def test_a_start_finds_what_an_earlier_process_left() -> None:
    """Content that nothing states goes once all that was on its way at the start has ended."""
    member = speaking()
    left, (good, stays) = attachment(b"left"), member.put("good")
    member.attachments.put([left])
    await member.say(good)
    member.start()
    await settle()
    assert member.has(left)
    await member.pass_floor()
    assert (member.has(left), member.has(stays)) == (False, True)
    await member.stop()


async def test_what_is_too_much_to_note_is_left_to_the_next_survey(monkeypatch: pytest.MonkeyPatch) -> None:
    """And said."""
    monkeypatch.setattr(discard, "NOTED_MAX", 2)
    member = speaking()
    member.start()
    await settle()
    given = [member.put(str(number))[1] for number in range(3)]
    with capture_logs() as logs:
        await member.say(*(member.chain.put("ann", "no\0name", one) for one in given))
    assert [(line["event"], line["left"]) for line in logs] == [("discard.full", 1)]
    await member.pass_floor()
    assert [member.has(one) for one in given] == [False, False, True]
    await member.stop()
