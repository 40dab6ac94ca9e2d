"""Answers to what this node asks for."""

import asyncio

import pytest

from tests.chain import attachment, key, make_genesis
from tests.unit.node.together import Workers
from weft.consensus.messages import Answered, Fetch, Input
from weft.model import message
from weft.model.digest import Digest
from weft.model.vertex import Reference, implied_reference, sign_vertex
from weft.network.tally import Tally
from weft.node import fetch
from weft.node.admit import Door
from weft.node.fetch import Fetcher
from weft.node.ports import Erased
from weft.storage.memory import MemoryAttachments

GENESIS = make_genesis()
LOST, OTHER = attachment(b"lost").commitment, attachment(b"other").commitment


class Members:
    """Peers that answer what they are told to."""

    def __init__(self) -> None:
        self.said: dict[int, message.Answer] = {}
        self.cuts: list[int] = []
        self.asked: list[int] = []
        self.tallies = [Tally() for _ in range(4)]
        self.delay_s = 0.0
        self.silent: int | None = None

    async def ask(self, member: int, request: message.Request) -> message.Answer:
        self.asked.append(member)
        await asyncio.sleep(1_000 if member == self.silent else self.delay_s)
        return self.said.get(member, message.Refused("nothing"))

    def is_connected(self, member: int) -> bool:
        return member != 2

    def cut_off(self, member: int, reason: str) -> None:
        self.cuts.append(member)

    def erased(self, member: int, *claims: tuple[Digest, int]) -> None:
        """Lets a member say, signed, that these were erased."""
        answer = message.Attachments((), claims, member, bytes(64))
        signature = key(f"node{member}").sign(answer.erased_digest)
        self.said[member] = message.Attachments((), claims, member, signature)


class Case:
    def __init__(self) -> None:
        self.members = Members()
        self.attachments = MemoryAttachments()
        self.fed: list[Input] = []
        door = Door(GENESIS, Workers())
        self.fetcher = Fetcher(
            0, GENESIS.committee, door, self.attachments, self.members, Workers(), self.fed.append
        )


async def test_an_erasure_is_believed_when_more_than_f_name_one_height() -> None:
    """A liar's height does not become the tombstone's."""
    case = Case()
    for member, height in ((1, 10**15), (3, 7), (2, 7)):
        assert case.attachments.find(LOST) is None
        case.members.erased(member, (LOST, height))
        await case.fetcher.find_attachments((LOST,), member)
    assert case.attachments.find(LOST) == Erased(7)


async def test_claims_that_lead_nowhere_leave_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten, not the newest refused."""
    monkeypatch.setattr(fetch, "CLAIMS_MAX", 2)
    case = Case()
    names = [attachment(b"%d" % number).commitment for number in range(5)]
    case.members.erased(1, *((name, 3) for name in names))
    await case.fetcher.find_attachments(names, 1)
    case.members.erased(3, (names[-1], 3))
    assert await case.fetcher.find_attachments(names, 3) == (names[-1],)


async def test_an_unsigned_claim_is_nothing() -> None:
    """Nor is one in another member's name."""
    case = Case()
    case.members.said[1] = message.Attachments((), ((LOST, 3),), 1, bytes(64))
    case.members.erased(3, (LOST, 3))
    case.members.said[2] = case.members.said[3]
    for member in (1, 2):
        assert await case.fetcher.find_attachments((LOST,), member) == ()
    assert case.attachments.find(LOST) is None


async def test_a_reader_asks_each_connected_member_once() -> None:
    """Until nothing is missing."""
    case = Case()
    case.members.said[3] = message.Attachments((attachment(b"lost"),), (), 3, bytes(64))
    await case.fetcher.seek((LOST,))
    assert case.attachments.find(LOST) == attachment(b"lost")
    await case.fetcher.seek((LOST,))
    assert case.members.asked == [1, 3]
    await case.fetcher.seek((OTHER,))
    assert case.members.asked == [1, 3, 1, 3]


async def test_a_member_that_does_not_answer_does_not_use_up_a_readers_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The next one is asked beside it, and then nobody waits for the first."""
    monkeypatch.setattr(fetch, "SEEK_S", 0.04)
    case = Case()
    case.members.said[3] = message.Attachments((attachment(b"lost"),), (), 3, bytes(64))
    case.members.silent = 1
    await case.fetcher.seek((LOST,))
    assert case.attachments.find(LOST) == attachment(b"lost")
    assert case.members.asked == [1, 3]


async def test_only_so_many_readers_ask_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are not kept waiting for it, and nobody waits without end."""
    monkeypatch.setattr(fetch, "SEEKS_MAX", 2)
    monkeypatch.setattr(fetch, "SEEK_S", 0.01)
    case = Case()
    case.members.delay_s = 1000
    await asyncio.gather(*(case.fetcher.seek((LOST,)) for _ in range(5)))
    assert case.members.asked.count(1) == 2


async def test_an_answer_that_nobody_asked_for_cuts_its_member_off() -> None:
    """More vertices than were asked for too; the core is told in any case that the request has ended."""
    case = Case()
    parents = tuple(implied_reference(GENESIS.chain, 0, (1 + place) % 4) for place in range(4))
    vertex = sign_vertex(key("node1"), GENESIS.chain, 0, 1, 1, 5, parents, ())
    wished = (Reference(1, 1, bytes(32)),)
    for vertices in ((vertex.raw,), (vertex.raw, vertex.raw), (b"\xff",)):
        case.members.said[1] = message.Vertices(vertices, ())
        await case.fetcher.fetch(Fetch(1, wished, ()))
    assert case.members.cuts == [1, 1, 1]
    assert case.fed == [Answered(1, wished, (), ())] * 3
