"""The way back: blocks from members that may lie, and words that may not be believed."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from tests.chain import CONTRACTS, Chain, attachment, make_genesis
from tests.unit.node.test_fetch import Members
from tests.unit.node.together import Workers, play
from weft.consensus.core import Core, first_base
from weft.execution.executor import found as found_state
from weft.ledger.seal import seal_genesis
from weft.model import message
from weft.model.block import Block
from weft.model.digest import Digest
from weft.model.encoding import encode
from weft.model.errors import DivergedError
from weft.node.admit import Door
from weft.node.apply import Applier
from weft.node.fetch import Fetcher
from weft.node.rejoin import Rejoin, Word
from weft.storage.memory import MemoryAttachments, MemoryStore

GENESIS = make_genesis()


class Source(Members):
    """Members of which 1 serves a chain of blocks, in answers of so many bytes at most."""

    def __init__(self, chain: Chain) -> None:
        super().__init__()
        self.chain = chain
        self.blocks = list(chain.blocks)
        self.answer_bytes_max = 10**9
        self.wished: list[Digest] = []

    async def ask(self, member: int, request: message.Request) -> message.Answer:
        if member != 1:
            return message.Refused("nothing")
        match request:
            case message.FetchCheckpoint():
                return message.Newest(self.chain.checkpoint(len(self.chain.blocks) - 1), None)
            case message.FetchBlocks(height):
                fits = len(encode(self.blocks[height])) <= self.answer_bytes_max
                return message.Blocks(tuple(self.blocks[height : height + 2]) if fits else ())
            case message.FetchPiece(height, offset):
                raw = encode(self.blocks[height])
                return message.Piece(len(raw), raw[offset : offset + self.answer_bytes_max])
            case message.FetchAttachments(commitments):
                self.wished += commitments
        return message.Refused("nothing")


class Case:
    def __init__(self, chain: Chain) -> None:
        self.source = Source(chain)
        sealed, nodes = seal_genesis(GENESIS, found_state(GENESIS, CONTRACTS))
        self.store = MemoryStore(sealed, nodes, sealed.block.header.state_root)
        attachments = MemoryAttachments()
        self.applier = Applier(GENESIS, CONTRACTS, self.store, attachments)
        door = Door(GENESIS, Workers())
        fetcher = Fetcher(0, GENESIS.committee, door, attachments, self.source, Workers(), lambda _: None)
        self.rejoin = Rejoin(
            GENESIS, 0, door, self.source, self.store, attachments, fetcher, self.apply, Workers()
        )

    async def apply(self, blocks: Sequence[Block]) -> None:
        self.applier.apply_blocks(blocks)


def make_chain(*names: str) -> Chain:
    chain = Chain(GENESIS)
    for name in names:
        chain.commit(chain.put("alice", name, b'"%s"' % name.encode()))
    return chain


async def test_blocks_are_followed_to_the_checkpoint() -> None:
    """Whole, or in pieces where one is larger than an answer."""
    for bytes_max in (10**9, 100):
        case = Case(make_chain("a", "b", "c", "d"))
        case.source.answer_bytes_max = bytes_max
        await case.rejoin._follow_to(4)
        assert case.store.head == case.source.chain.head
        assert case.source.cuts == []


async def test_content_of_what_failed_is_not_asked_for() -> None:
    """The others have destroyed it: nobody ever answered."""
    chain, kept, refused = make_chain("a"), attachment(b"1", "kept"), attachment(b"2", "refused")
    chain.commit(chain.put("alice", "b", kept), chain.put("alice", "a", refused, expected=7))
    case = Case(chain)
    await case.rejoin._follow_to(2)
    assert kept.commitment in case.source.wished
    assert refused.commitment not in case.source.wished


async def test_a_block_that_is_not_what_its_header_says_is_its_bringers_fault() -> None:
    """Not a divergence of this node: nothing of it is executed."""
    case = Case(make_chain("a", "b", "c"))
    whole = case.source.blocks[2]
    for change in ({"transactions": (b"\xff",)}, {"receipts": ()}, {"header": case.source.blocks[1].header}):
        case.source.blocks[2] = msgspec.structs.replace(whole, **change)
        assert await case.rejoin._segment(1, 3) == []
    assert case.source.cuts == [1, 1, 1]


async def test_a_quorum_that_goes_on_from_another_block_means_that_we_diverged() -> None:
    """Nobody is cut off for it."""
    case = Case(make_chain("a", "b"))
    case.applier.apply_blocks(make_chain("other").blocks[1:])
    with pytest.raises(DivergedError, match="block 2 does not follow"):
        await case.rejoin._segment(1, 2)
    assert case.source.cuts == []


async def test_blocks_that_were_stored_meanwhile_are_passed_over() -> None:
    """Whoever stored them."""
    case = Case(make_chain("a", "b", "c"))
    case.applier.apply_blocks(case.source.blocks[1:3])
    assert [applied.commit.round for applied in case.applier.apply_blocks(case.source.blocks[1:])] == [3]
    assert case.applier.apply_blocks(case.source.blocks[1:]) == []


def test_a_bare_number_far_above_all_rounds_is_not_believed() -> None:
    """A liar could silence this validator for ever with it."""
    core = Core(GENESIS, 0, None, first_base(GENESIS))  # type: ignore[arg-type]
    assert Word(1, 3, None, ()).counts(core)
    assert not Word(1, 10**12, None, ()).counts(core)


class Slow(Source):
    """Member 1 is quick, member 2 never answers, and member 3 says little and late."""

    async def ask(self, member: int, request: message.Request) -> message.Answer:
        await asyncio.sleep({1: 0.001, 2: 10.0, 3: 9.0}[member])
        if member == 2:
            return message.Refused("no answer in 10 s")
        if member == 3 and isinstance(request, message.FetchPiece):
            return message.Piece(200 << 20, b"x")
        answer = await super().ask(1, request)
        if member == 3 and isinstance(answer, message.Blocks):
            return message.Blocks(answer.blocks[:1])
        return answer


def slow_case(*names: str) -> Case:
    case = Case(make_chain(*names))
    slow = Slow(case.source.chain)
    for part in (case.rejoin, case.rejoin._fetcher):
        vars(part)["_peers"] = slow
    return case


def test_members_that_bring_little_and_late_hold_nobody_up_for_long() -> None:
    """Each is given up once; then the quickest is asked."""

    async def story() -> None:
        case = slow_case(*map(str, range(60)))
        loop = asyncio.get_running_loop()
        case.rejoin._slowness[1] = 0.1
        begun = loop.time()
        await case.rejoin._follow_to(60)
        assert case.store.head.height == 60
        assert loop.time() - begun < 60

    play(story())


def test_a_piece_without_end_is_given_up() -> None:
    """By a member that answers in no time."""

    async def story() -> None:
        case = Case(make_chain("a"))

        async def ask(member: int, request: message.Request) -> message.Answer:
            await asyncio.sleep(0.01)
            if member == 1 and isinstance(request, message.FetchBlocks):
                return message.Blocks(())
            if member == 1 and isinstance(request, message.FetchPiece):
                return message.Piece(200 << 20, b"x")
            return await Source(case.source.chain).ask(1, request)

        vars(case.source)["ask"] = ask
        await case.rejoin._follow_to(1)
        assert case.store.head.height == 1

    play(story())


def test_heights_are_told_by_those_who_answer() -> None:
    """Not only by all: a busy network would be ahead again each time that the last one has answered."""

    async def story() -> None:
        case = slow_case("a", "b")
        begun = asyncio.get_running_loop().time()
        assert await case.rejoin._ask_heights() == [2, 2]
        assert asyncio.get_running_loop().time() - begun < 9.5

    play(story())
