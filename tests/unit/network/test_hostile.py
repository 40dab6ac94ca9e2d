"""A member that sends garbage, too much or too fast is cut off, and nothing else suffers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace

import grpc
import grpc.aio
import pytest

from tests.unit.network.neighbours import (
    QUICK,
    Node,
    Street,
    dial,
    dial_stream,
    hear_farewell,
    note,
)
from weft.model.encoding import encode
from weft.model.limits import LOCAL, MIB
from weft.model.message import FetchBlocks, FetchTree, Opening, Refused
from weft.network import hearing
from weft.network.entrance import Entrance
from weft.network.generated import peer_pb2
from weft.network.stream import BrokenError, Stream
from weft.network.tls import Tls
from weft.network.wire import ASK, BLOB, SERVICE, pack, pack_opening

LIAR = 2
TIGHT = replace(QUICK, items_per_s=1_000, items_burst=200, asks_per_s=100, asks_burst=10, flood_s=0.3)


@dataclass
class Scene:
    """Members 0 and 1 are honest and speak; member 2 is played by the test."""

    street: Street
    honest: tuple[Node, Node]
    tls: Tls
    channel: grpc.aio.Channel

    async def dial(self) -> Stream:
        """The liar's stream to member 0, before it says anything."""
        return await dial_stream(self.street, 0, self.tls)

    async def stream(self) -> Stream:
        """The same after both Openings."""
        stream = await self.dial()
        stream.write(pack_opening(self.honest[0].inbox.opening()))
        await stream.read()
        return stream

    async def others_still_talk(self) -> None:
        """What the honest members say to each other arrives, on the streams they had."""
        one, two = self.honest
        for sender, hearer in ((one, two), (two, one)):
            sender.network.send(hearer.me, note(77))
            await hearer.inbox.until(lambda h=hearer, s=sender: 77 in h.inbox.numbers(s.me))
            assert ("lost", hearer.me) not in sender.inbox.events

    async def cut_with(self, stream: Stream) -> str:
        """The reason given when the stream ends and the liar is cut off."""
        reason = await hear_farewell(stream)
        tally = self.honest[0].network.tallies[LIAR]
        assert tally.cuts == 1
        assert tally.last_cut == reason
        return reason


async def write_on(stream: Stream, frame: bytes) -> None:
    """As fast as the other side takes it, until the stream ends."""
    reading = asyncio.ensure_future(hear_farewell(stream))
    while not reading.done():
        if stream.can_write:
            stream.write(frame)
        await asyncio.sleep(0)
    await reading


@asynccontextmanager
async def scene(bounds: object = QUICK) -> AsyncIterator[Scene]:
    street = Street(3, bounds=bounds)  # type: ignore[arg-type]
    one, two = await street.move_in(0), await street.move_in(1)
    await one.inbox.until(lambda: one.network.is_connected(1) and bool(one.inbox.heard[1]))
    await two.inbox.until(lambda: two.network.is_connected(0) and bool(two.inbox.heard[0]))
    try:
        tls = Tls(street.genesis, street.keys[LIAR])
        async with dial(street, 0, tls) as channel:
            yield Scene(street, (one, two), tls, channel)
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
        (pack((), pong=1), "neither answers"),
        (pack((), farewell="bye"), "takes leave"),
        (pack((encode(note(1)),)) + b"\0", "no frame"),
        (pack((encode(note(1, LOCAL.message_bytes_max + 99)),)), "a frame of"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_what_no_honest_member_sends_cuts_off(frame: bytes, reason: str) -> None:
    """The first frame that is not right ends the stream with the reason, and the member is refused."""
    async with scene() as there:
        stream = await there.stream()
        stream.write(frame)
        said = await there.cut_with(stream)
        assert reason in said
        assert await hear_farewell(await there.dial()) == said, "refused for the same reason"
        await there.others_still_talk()


@pytest.mark.parametrize("first", [pack((encode(note(1)),)), pack(()), pack((encode(OPENING_ELSEWHERE),))])
async def test_a_stream_that_does_not_begin_with_our_chains_opening_is_cut(first: bytes) -> None:
    """The first frame is one Opening of this chain."""
    async with scene() as there:
        stream = await there.dial()
        stream.write(first)
        assert "Opening" in await there.cut_with(stream)
        assert not there.honest[0].inbox.heard[LIAR]


async def test_a_stream_on_which_nothing_is_said_ends() -> None:
    """It costs memory, so it has the time of a dial to begin; being slow is no offence."""
    async with scene(replace(QUICK, dial_timeout_s=0.2)) as there:
        assert await hear_farewell(await there.dial()) == "nothing was said on this stream"
        assert there.honest[0].network.tallies[LIAR].cuts == 0


async def test_a_frame_far_too_large_is_refused_unread() -> None:
    """By its length, before any of it is taken in."""
    async with scene() as there:
        stream = await there.stream()
        stream.write(bytes(3 * LOCAL.message_bytes_max))
        assert f"a frame of {3 * LOCAL.message_bytes_max} bytes" in await there.cut_with(stream)
        await there.others_still_talk()


async def test_streams_begun_too_often_cut_off() -> None:
    """A member that begins anew again and again costs handshakes."""
    async with scene(replace(QUICK, streams_burst=3, streams_per_s=0.001)) as there:
        for _ in range(3):
            (await there.stream()).drop("")
        assert "too often" in await there.cut_with(await there.dial())
        await there.others_still_talk()


async def test_pongs_that_are_not_read_do_not_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who pings on and never listens is cut off when the connection takes no more."""
    async with scene() as there:
        stream = await there.stream()
        # Large ones, for it would take a million of the real ones.
        monkeypatch.setattr(hearing, "pack", lambda items, pong: bytes(60_000))
        stream._transport.pause_reading()  # type: ignore[union-attr]
        tally = there.honest[0].network.tallies[LIAR]
        while not tally.cuts and tally.frames_received < 10_000:
            stream.write(pack((), ping=1))
            await asyncio.sleep(0)
        assert "not read" in tally.last_cut
        monkeypatch.undo()
        await there.others_still_talk()


async def test_a_flood_is_read_slower_and_then_cut_off() -> None:
    """Above the rate the member is held back, and what never rests is a flood."""
    async with scene(TIGHT) as there:
        stream = await there.stream()
        flooding = asyncio.ensure_future(write_on(stream, pack((encode(note(1)),) * 100)))
        await there.others_still_talk()
        # The reason may be lost: what it had not read yet makes the system end the connection hard.
        with suppress(BrokenError):
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
        stream = await there.stream()
        one.inbox.is_open.clear()
        written, before = 0, -1
        while before != written:
            before = written
            for _ in range(200):
                if stream.can_write:
                    stream.write(pack((encode(note(written, MIB)),)))
                    written += 1
                await asyncio.sleep(0.0025)
        assert before < 32
        one.inbox.is_open.set()
        await one.inbox.until(lambda: len(one.inbox.numbers(LIAR)) == before)
        assert one.inbox.numbers(LIAR) == list(range(before))
        assert one.network.tallies[LIAR].cuts == 0


async def test_the_newest_stream_of_a_member_counts() -> None:
    """A member whose connection broke unnoticed is not locked out by its own remains."""
    async with scene() as there:
        first = await there.stream()
        second = await there.stream()
        assert await hear_farewell(first) == "the member began another stream"
        second.write(pack((encode(note(5)),)))
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
    """At whatever moment of the first words."""
    often = replace(QUICK, refuse_first_s=0.01, refuse_max_s=0.02, streams_burst=1_000)
    async with scene(often) as there:
        for turn in range(40):
            beginnings = [asyncio.ensure_future(_begin(there)) for _ in range(3)]
            await asyncio.sleep(turn * 0.0002)
            # A stream whose handshake took longer than the refusal is cut with the next question.
            while not all(beginning.done() for beginning in beginnings):
                with pytest.raises(grpc.aio.AioRpcError):
                    await there.channel.unary_unary(ASK)(b"\xff")
                await asyncio.sleep(0.02)
            assert all(await asyncio.gather(*beginnings))
        await there.others_still_talk()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def _begin(there: Scene) -> str:
    """Why a stream ends that begins as it should."""
    stream = await there.dial()
    stream.write(pack_opening(there.honest[0].inbox.opening()))
    return await hear_farewell(stream)


class LyingServer:
    """Member 2 as a server that answers nothing the way it should."""

    def __init__(self, first: bytes, then: bytes, answer: bytes) -> None:
        self._first, self._then, self._answer = first, then, answer
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Street:
        street = Street(3)
        tls = Tls(street.genesis, street.keys[LIAR])
        self._server = grpc.aio.server()

        async def ask(_: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return self._answer

        methods = {"Ask": grpc.unary_unary_rpc_method_handler(ask)}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        port = self._server.add_secure_port("127.0.0.1:0", tls.server_credentials())
        await self._server.start()
        self._entrance = Entrance(tls, self._take, street.local, street.bounds)
        self._entrance.listen(street.addresses[LIAR])
        self._tasks.append(asyncio.create_task(self._entrance.run(port)))
        return street

    def _take(self, _: int | None, stream: Stream) -> None:
        self._tasks.append(asyncio.create_task(self._lie(stream)))

    async def _lie(self, stream: Stream) -> None:
        with suppress(BrokenError):
            await stream.read()
            stream.write(self._first)
            await stream.read()
            stream.write(self._then)
            await stream.read()

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._entrance.close()
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
