"""A member that sends garbage, too much or too fast is cut off, and nothing else suffers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import grpc
import grpc.aio
import pytest

from tests.unit.network.neighbours import QUICK, Node, Street, dial, note
from weft.model.encoding import encode
from weft.model.limits import LOCAL, MIB
from weft.model.message import FetchBlocks, FetchTree, Opening, Refused
from weft.network.generated import peer_pb2
from weft.network.tls import Tls
from weft.network.wire import ASK, BLOB, EXCHANGE, pack, pack_opening

LIAR = 2
TIGHT = replace(QUICK, items_per_s=1_000, items_burst=200, asks_per_s=100, asks_burst=10, flood_s=0.3)


@dataclass
class Scene:
    """Members 0 and 1 are honest and speak; member 2 is played by the test."""

    street: Street
    honest: tuple[Node, Node]
    channel: grpc.aio.Channel

    async def stream(self) -> grpc.aio.StreamStreamCall:
        """The liar's stream to member 0, after both Openings."""
        call = self.channel.stream_stream(EXCHANGE)()
        await call.write(pack_opening(self.honest[0].inbox.opening()))
        assert await call.read() is not grpc.aio.EOF
        return call

    async def others_still_talk(self) -> None:
        """What the honest members say to each other arrives, on the streams they had."""
        one, two = self.honest
        for sender, hearer in ((one, two), (two, one)):
            sender.network.send(hearer.me, note(77))
            await hearer.inbox.until(lambda h=hearer, s=sender: 77 in h.inbox.numbers(s.me))
            assert ("lost", hearer.me) not in sender.inbox.events

    async def cut_with(self, call: grpc.aio.Call) -> str:
        """The reason given when the call ends and the liar is cut off."""
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await read_on(call)
        assert ended.value.code() == grpc.StatusCode.PERMISSION_DENIED
        tally = self.honest[0].network.tallies[LIAR]
        assert tally.cuts == 1
        assert tally.last_cut == ended.value.details()
        return tally.last_cut


async def read_on(call: grpc.aio.StreamStreamCall) -> None:
    """Until the call ends."""
    while await call.read() is not grpc.aio.EOF:
        pass


async def write_on(call: grpc.aio.StreamStreamCall, frame: bytes) -> None:
    """Until the call ends."""
    while True:
        await call.write(frame)


@asynccontextmanager
async def scene(bounds: object = QUICK) -> AsyncIterator[Scene]:
    street = Street(3, bounds=bounds)  # type: ignore[arg-type]
    one, two = await street.move_in(0), await street.move_in(1)
    await one.inbox.until(lambda: one.network.is_connected(1) and bool(one.inbox.heard[1]))
    await two.inbox.until(lambda: two.network.is_connected(0) and bool(two.inbox.heard[0]))
    try:
        async with dial(street, 0, Tls(street.genesis, street.keys[LIAR])) as channel:
            yield Scene(street, (one, two), channel)
    finally:
        await street.move_out(one)
        await street.move_out(two)


OPENING_ELSEWHERE = Opening(bytes(32), 0, (), 0, "")


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"\xff garbage", "no frame"),
        (pack((b"\xff garbage",)), "not the encoding"),
        (pack((b"",)), "not the encoding"),
        (pack((encode(note(1)) + b"\0",)), "not the encoding"),
        (pack((encode(FetchBlocks(1)),)), "not the encoding"),
        (pack((encode(OPENING_ELSEWHERE),)), "second Opening"),
        (pack((encode(note(1)),) * 1_001), "1001 items"),
        (pack((encode(note(1, 3 * MIB)),) * 2), "2 items and"),
        (pack((encode(note(1, LOCAL.message_bytes_max)),)), "an item of"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_no_honest_member_sends_cuts_off(frame: bytes, reason: str) -> None:
    """The first frame that is not right ends the stream with the reason, and the member is refused."""
    async with scene() as there:
        call = await there.stream()
        await call.write(frame)
        assert reason in await there.cut_with(call)
        again = there.channel.stream_stream(EXCHANGE)()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await again.read()
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        await there.others_still_talk()


@pytest.mark.parametrize("first", [pack((encode(note(1)),)), pack(()), pack((encode(OPENING_ELSEWHERE),))])
async def test_a_stream_that_does_not_begin_with_our_chains_opening_is_cut(first: bytes) -> None:
    """The first frame is one Opening of this chain."""
    async with scene() as there:
        call = there.channel.stream_stream(EXCHANGE)()
        await call.write(first)
        assert "Opening" in await there.cut_with(call)
        assert not there.honest[0].inbox.heard[LIAR]


async def test_a_stream_on_which_nothing_is_said_ends() -> None:
    """It costs memory, so it has the time of a dial to begin; being slow is no offence."""
    async with scene(replace(QUICK, dial_timeout_s=0.2)) as there:
        call = there.channel.stream_stream(EXCHANGE)()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await call.read()
        assert ended.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        assert there.honest[0].network.tallies[LIAR].cuts == 0


async def test_a_message_far_too_large_ends_the_stream_unread() -> None:
    """gRPC refuses it by its length; who does it again and again is cut off for the streams it begins."""
    async with scene(replace(QUICK, streams_burst=3, streams_per_s=0.001)) as there:
        huge = bytes(2 * LOCAL.message_bytes_max + 1)
        for _ in range(3):
            call = await there.stream()
            await call.write(huge)
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await call.read()
            assert ended.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "too often" in await there.cut_with(there.channel.stream_stream(EXCHANGE)())
        await there.others_still_talk()


async def test_a_flood_is_read_slower_and_then_cut_off() -> None:
    """Above the rate the member is held back, and what never rests is a flood."""
    async with scene(TIGHT) as there:
        call = await there.stream()
        frame = pack((encode(note(1)),) * 100)

        flooding = asyncio.ensure_future(write_on(call, frame))
        await there.others_still_talk()
        with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
            await flooding
        tally = there.honest[0].network.tallies[LIAR]
        assert "too fast" in tally.last_cut
        assert tally.throttled
        assert tally.items_received < 2_000
        await there.others_still_talk()


async def test_who_is_slow_to_take_items_is_not_sent_more_than_a_window() -> None:
    """While the Inbox is busy nothing more is read: the sender is held back and memory stays as it is."""
    async with scene() as there:
        one = there.honest[0]
        call = await there.stream()
        one.inbox.is_open.clear()
        written = 0

        async def write() -> None:
            nonlocal written
            while True:
                await call.write(pack((encode(note(written, MIB)),)))
                written += 1

        writing = asyncio.ensure_future(write())
        try:
            async with asyncio.timeout(10):
                before = -1
                while before != written:
                    before = written
                    await asyncio.sleep(0.5)
            assert before < 32
            one.inbox.is_open.set()
            await one.inbox.until(lambda: len(one.inbox.numbers(LIAR)) > before)
            assert one.network.tallies[LIAR].cuts == 0
        finally:
            writing.cancel()
            await asyncio.wait([writing])


async def test_the_newest_stream_of_a_member_counts() -> None:
    """A member whose connection broke unnoticed is not locked out by its own remains."""
    async with scene() as there:
        first = await there.stream()
        second = await there.stream()
        with pytest.raises(grpc.aio.AioRpcError, match="another stream"):
            await first.read()
        await second.write(pack((encode(note(5)),)))
        inbox = there.honest[0].inbox
        await inbox.until(lambda: 5 in inbox.numbers(LIAR))
        assert there.honest[0].network.tallies[LIAR].cuts == 0


@pytest.mark.parametrize(
    "question", [b"\xff", peer_pb2.Request(body=b"\xff").SerializeToString(), bytes(MIB + 1)]
)
async def test_a_question_that_is_none_cuts_off(question: bytes) -> None:
    """The same for questions, and all that is open with the member ends."""
    async with scene() as there:
        stream = await there.stream()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await there.channel.unary_unary(ASK)(question)
        assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
        await there.cut_with(stream)
        await there.others_still_talk()


async def test_questions_without_end_are_refused_and_cut_off() -> None:
    """A member has a bounded number of questions under way, and a rate."""
    async with scene(TIGHT) as there:
        there.honest[0].inbox.is_open.clear()
        question = peer_pb2.Request(body=encode(FetchTree(1, b""))).SerializeToString()
        calls = [there.channel.unary_unary(ASK)(question) for _ in range(2 * TIGHT.asks_max + 1)]
        done, _ = await asyncio.wait(
            [asyncio.ensure_future(_code(call)) for call in calls], return_when="FIRST_COMPLETED"
        )
        assert done.pop().result() == grpc.StatusCode.OK
        there.honest[0].inbox.is_open.set()
        while not there.honest[0].network.tallies[LIAR].cuts:
            await asyncio.gather(*(_code(there.channel.unary_unary(ASK)(question)) for _ in range(20)))
        assert "too fast" in there.honest[0].network.tallies[LIAR].last_cut
        await there.others_still_talk()


async def _code(call: grpc.aio.Call) -> grpc.StatusCode:
    return await call.code()


async def test_too_many_blobs_at_once_are_refused() -> None:
    """Each open blob holds memory, so a member has only so many."""
    async with scene() as there:
        there.honest[0].inbox.blobs["b"] = bytes(16 * MIB)
        wish = peer_pb2.BlobRequest(name="b").SerializeToString()
        calls = [there.channel.unary_stream(BLOB)(wish) for _ in range(2 * QUICK.blobs_max)]
        for call in calls:
            await call.read()
        one_more = there.channel.unary_stream(BLOB)(wish)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await one_more.read()
        assert refused.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        await there.others_still_talk()


async def test_whoever_is_cut_off_while_it_is_answered_is_told_so(caplog: pytest.LogCaptureFixture) -> None:
    """At whatever moment of the first word: gRPC takes no status before that word is sent."""
    often = replace(QUICK, refuse_first_s=0.01, refuse_max_s=0.02, streams_burst=1_000)
    async with scene(often) as there:
        for turn in range(40):
            beginnings = [asyncio.ensure_future(_begin(there)) for _ in range(3)]
            await asyncio.sleep(turn * 0.0002)
            with pytest.raises(grpc.aio.AioRpcError):
                await there.channel.unary_unary(ASK)(b"\xff")
            await asyncio.gather(*beginnings)
            await asyncio.sleep(0.02)
        await there.others_still_talk()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def _begin(there: Scene) -> None:
    """A stream from its beginning to its end, whatever that is."""
    call = there.channel.stream_stream(EXCHANGE)()
    with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(pack_opening(there.honest[0].inbox.opening()))
        await read_on(call)


class LyingServer:
    """Member 2 as a server that answers nothing the way it should."""

    def __init__(self, first: bytes, then: bytes, answer: bytes) -> None:
        self._first, self._then, self._answer = first, then, answer

    async def __aenter__(self) -> Street:
        street = Street(3)
        tls = Tls(street.genesis, street.keys[LIAR])
        self._server = grpc.aio.server()

        async def exchange(_: object, context: grpc.aio.ServicerContext) -> None:
            await context.read()
            await context.write(self._first)
            await context.read()
            await context.write(self._then)
            await context.read()

        async def ask(_: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return self._answer

        methods = {
            "Exchange": grpc.stream_stream_rpc_method_handler(exchange),
            "Ask": grpc.unary_unary_rpc_method_handler(ask),
        }
        service = EXCHANGE.split("/")[1]
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
        self._server.add_secure_port(street.addresses[LIAR], tls.server_credentials())
        await self._server.start()
        return street

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(0)


@pytest.mark.parametrize(
    "first", [b"\xff", pack(()), pack((encode(note(1)),)), pack((encode(OPENING_ELSEWHERE),))]
)
async def test_a_server_that_does_not_open_rightly_is_cut_off(first: bytes) -> None:
    """No stream to it opens, and its own are refused too."""
    async with LyingServer(first, b"", b"") as street:
        one = await street.move_in(0)
        await one.inbox.until(lambda: one.network.tallies[LIAR].cuts > 0, poll=True)
        assert one.inbox.events == []
        await street.move_out(one)


@pytest.mark.parametrize("then", [b"\xff", pack((), pong=99), pack((encode(note(1)),), pong=1), pack(())])
async def test_a_server_that_says_more_than_pongs_is_cut_off(then: bytes) -> None:
    """On our stream the other side only answers our ping."""
    chain = Street(3).genesis.chain
    first = pack_opening(Opening(chain, 0, (0, 0, 0), 0, ""))
    async with LyingServer(first, then, b"") as street:
        one = await street.move_in(0)
        await one.inbox.until(lambda: one.network.tallies[LIAR].cuts > 0, poll=True)
        assert one.inbox.events[:2] == [("opened", LIAR), ("lost", LIAR)]
        await street.move_out(one)


@pytest.mark.parametrize(
    "answer", [b"\xff", b"", peer_pb2.Answer(body=encode(FetchBlocks(1))).SerializeToString()]
)
async def test_a_server_that_answers_nonsense_is_cut_off(answer: bytes) -> None:
    """Neither garbage nor the answer to another question is handed on."""
    chain = Street(3).genesis.chain
    first = pack_opening(Opening(chain, 0, (0, 0, 0), 0, ""))
    async with LyingServer(first, pack((), pong=1), answer) as street:
        one = await street.move_in(0)
        await one.inbox.until(lambda: one.network.is_connected(LIAR))
        assert isinstance(await one.network.ask(LIAR, FetchBlocks(1)), Refused)
        assert one.network.tallies[LIAR].cuts == 1
        await street.move_out(one)
