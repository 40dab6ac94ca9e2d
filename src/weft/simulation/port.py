"""One life of one member on the network: its streams, its questions, and, if it lies, its behaviours."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from weft.model import message
from weft.model.encoding import encode
from weft.model.errors import BlobError, EncodingError, WeftError
from weft.model.limits import LOCAL
from weft.network.bounds import BOUNDS
from weft.network.pace import Allowance, Standing
from weft.network.tally import Tally
from weft.node.ports import Inbox
from weft.simulation.loop import Host
from weft.simulation.network import Network, Sent, Stream
from weft.simulation.ports import Behaviour

ITEM_UNIT_BYTES = 16 << 10
"""An item counts once, and once more for each of these, as in the shipped network."""

Said = Callable[[int, message.Item], None]


class Port:
    """One life of one member on the network (`weft.node.ports.Peers`)."""

    def __init__(
        self,
        network: Network,
        me: int,
        host: Host,
        inbox: Inbox,
        step: Callable[[str], None],
        said: Said,
        cut: Callable[[int, str], None],
        behaviours: Sequence[Behaviour],
    ) -> None:
        self.me = me
        self.inbox = inbox
        self.tallies = [Tally() for _ in range(network.size)]
        self.streams: dict[int, Stream] = {}
        self._network = network
        self._host = host
        self._step = step
        self._said = said
        self._cut = cut
        self._behaviours = behaviours
        self._standings = [Standing(BOUNDS) for _ in range(network.size)]
        self._paces = [Allowance(BOUNDS.items_per_s, BOUNDS.items_burst) for _ in range(network.size)]
        self._pauses = [BOUNDS.pause_first_s] * network.size
        self._asked: list[dict[asyncio.Future[bytes | None], None]] = [{} for _ in range(network.size)]
        self._newest: tuple[message.Item, Sent] | None = None
        self._is_up = False

    # As the node uses it.

    async def start(self) -> int:
        self._is_up = True
        self._network.ports[self.me] = self
        for other in range(self._network.size):
            if other != self.me:
                self._dial(other)
        return 1

    async def stop(self) -> None:
        self.down()

    def send(self, member: int, item: message.Item) -> None:
        """Through the behaviours of a liar, then on its way."""
        if not self._is_up:
            return
        self._step("send")
        self._said(member, item)
        if not self._behaviours:
            self._push(member, self._encoded(item))
            return
        outgoing: list[message.Item | bytes] = [item]
        for behaviour in self._behaviours:
            outgoing = [
                out
                for one in outgoing
                for out in ((one,) if isinstance(one, bytes) else behaviour.send(member, one))
            ]
        for one in outgoing:
            self.slip(member, one)

    def slip(self, member: int, item: message.Item | bytes) -> None:
        """Send as it is, past everything."""
        self._push(member, Sent(item if isinstance(item, bytes) else encode(item)))

    def broadcast(self, item: message.Item) -> None:
        for other in range(self._network.size):
            if other != self.me:
                self.send(other, item)

    async def ask(self, member: int, request: message.Request) -> message.Answer:
        if not self._is_up:
            return message.Refused("this node is down")
        self._step("ask")
        if not self.is_connected(member):
            return message.Refused("not connected")
        network, asked = self._network, self._asked[member]
        answered: asyncio.Future[bytes | None] = network.loop.create_future()
        asked[answered] = None
        network.items += 1
        network.later(network.delay_s(self.me, member), self._deliver_request, member, request, answered)
        try:
            async with asyncio.timeout(BOUNDS.ask_timeout_s):
                raw = await answered
        except TimeoutError:
            return message.Refused(f"no answer in {BOUNDS.ask_timeout_s:g} s")
        finally:
            asked.pop(answered, None)
        if raw is None:
            return message.Refused("the stream broke")
        try:
            return message.decode_answer(raw)
        except EncodingError as error:
            self.cut_off(member, str(error))
            return message.Refused(str(error))

    async def read_blob(self, member: int, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        raise BlobError("no member of a simulated network keeps blobs")
        yield b""

    def cut_off(self, member: int, reason: str) -> None:
        self._cut(member, reason)
        self.tallies[member].cuts += 1
        self._standings[member].cut(reason, self._network.loop.time())
        self.sever(member)
        other = self._network.ports.get(member)
        if other is not None:
            other.sever(self.me)

    def is_connected(self, member: int) -> bool:
        return self.tallies[member].is_connected

    # As the world uses it.

    def down(self) -> None:
        """The process is gone: so are its streams, and those to it."""
        if not self._is_up:
            return
        self._is_up = False
        if self._network.ports.get(self.me) is self:
            del self._network.ports[self.me]
        for stream in self.streams.values():
            stream.is_over = True
        for other in list(self._network.ports.values()):
            if self.me in other.streams:
                self._network.later(0.001, other.sever_stream, other.streams[self.me])

    def sever(self, member: int) -> None:
        """Our stream to a member breaks."""
        if member in self.streams:
            self.sever_stream(self.streams[member])

    def sever_if_cut(self, member: int) -> None:
        if self._network.links[self.me][member].is_cut:
            self.sever(member)

    def sever_stream(self, stream: Stream) -> None:
        """It breaks; with one that was open end the questions under way, as the shipped network hangs up."""
        if stream.is_over:
            return
        member, tally = stream.end.me, self.tallies[stream.end.me]
        stream.is_over = True
        del self.streams[member]
        tally.queue_bytes = 0
        if stream.awaited is not None and not stream.awaited.done():
            stream.awaited.set_result(None)
        if stream.is_open:
            tally.is_connected = False
            for answered in self._asked[member]:
                _resolve(answered, None)
            self._call(self.inbox.lost, member)
        self._redial(member)

    def refuses(self, member: int) -> bool:
        return self._standings[member].refused_for(self._network.loop.time()) > 0

    # Dialling.

    def _redial(self, member: int) -> None:
        pause = self._pauses[member]
        self._pauses[member] = min(2 * pause, BOUNDS.pause_max_s)
        self._network.later(pause * self._network.random.uniform(0.5, 1), self._dial, member)

    def _dial(self, member: int) -> None:
        if not self._is_up or member in self.streams:
            return
        network = self._network
        other = network.ports.get(member)
        is_cut = network.links[self.me][member].is_cut or network.links[member][self.me].is_cut
        if other is None or is_cut or other.refuses(self.me) or self.refuses(member):
            self._redial(member)
            return
        stream = self.streams[member] = Stream(self, other)
        self._call(self._greet, stream)

    def _greet(self, stream: Stream) -> None:
        opening = Sent(encode(self.inbox.opening()))
        self._network.later(
            self._network.delay_s(self.me, stream.end.me), stream.end._welcome, stream, opening
        )

    def _welcome(self, stream: Stream, opening: Sent) -> None:
        if not stream.is_over:
            if self._is_up:
                self._call(self._take, stream, opening)
            else:
                stream.begin.sever_stream(stream)

    def _take(self, stream: Stream, opening: Sent) -> None:
        """Read what comes on a stream, its Opening first; tell who dialled ours."""
        stream.arrived.append(opening)
        task = self._network.loop.create_task(self._read(stream))
        task.add_done_callback(self._end)
        own = self.inbox.opening()
        delay_s = self._network.delay_s(self.me, stream.begin.me)
        self._network.later(delay_s, stream.begin._open, stream, own)

    def _open(self, stream: Stream, opening: message.Opening) -> None:
        if not stream.is_over and self._is_up:
            self._call(self._begin, stream, opening)

    def _begin(self, stream: Stream, opening: message.Opening) -> None:
        member, network = stream.end.me, self._network
        stream.is_open = True
        self._pauses[member] = BOUNDS.pause_first_s
        self.tallies[member].is_connected = True
        self.inbox.opened(member, opening)
        rtt_s = 2 * network.links[self.me][member].delay_s
        self.tallies[member].rtt_us = round(rtt_s * 1e6)
        self.inbox.measured(member, round(rtt_s * 1e6))

    # Items on their way.

    def _encoded(self, item: message.Item) -> Sent:
        """A broadcast hands over the same item for each member."""
        if self._newest is None or self._newest[0] is not item:
            sent = Sent(encode(item))
            assert len(sent.raw) <= LOCAL.message_bytes_max, "an item must fit in a message"
            self._newest = item, sent
        return self._newest[1]

    def _push(self, member: int, sent: Sent) -> None:
        network, tally, stream = self._network, self.tallies[member], self.streams.get(member)
        network.items += 1
        if stream is None or not stream.is_open:
            tally.items_dropped += 1
            return
        if tally.queue_bytes + len(sent.raw) > network.queue_bytes_max:
            tally.overflows += 1
            self.sever(member)
            return
        tally.queue_bytes += len(sent.raw)
        link, chance = network.links[self.me][member], network.random.random()
        if link.is_cut or chance < link.lost:
            stream.has_holes = True
            return
        due_s = network.loop.time() + network.delay_s(self.me, member)
        if chance > 1 - link.overtaken:
            due_s += network.random.random() * 0.05
        else:
            due_s = stream.last_s = max(due_s, stream.last_s)
        network.loop.call_at(due_s, _arrive, stream, sent, context=network.context)
        if chance > 1 - link.overtaken - link.doubled:
            network.later(network.random.random() * 0.05, _arrive, stream, sent)

    async def _read(self, stream: Stream) -> None:
        """Hand over what arrives, one after the other, as fast as the node takes it."""
        member, tally = stream.begin.me, stream.begin.tallies[self.me]
        while not stream.is_over:
            while not stream.arrived:
                if stream.is_over:
                    return
                stream.awaited = self._network.loop.create_future()
                await stream.awaited
            sent = stream.arrived.popleft()
            tally.queue_bytes = max(0, tally.queue_bytes - len(sent.raw))
            if not await self._keep_pace(member, sent):
                return
            try:
                item = sent.item
            except EncodingError as error:
                self.cut_off(member, str(error))
                return
            if all(behaviour.receives(member, item) for behaviour in self._behaviours):
                rest = self.inbox.receive(member, item, len(sent.raw))
                if rest is not None:
                    await rest

    async def _keep_pace(self, member: int, sent: Sent) -> bool:
        """Read a member that is too fast slower, and cut off one that never rests."""
        pace, now = self._paces[member], self._network.loop.time()
        wait_s = pace.take(1 + len(sent.raw) / ITEM_UNIT_BYTES, now)
        if wait_s and pace.strained_for(now) > BOUNDS.flood_s:
            self.cut_off(member, f"too fast for {BOUNDS.flood_s:g} s without a rest")
            return False
        if wait_s:
            await asyncio.sleep(wait_s)
        return True

    # Questions.

    def _deliver_request(
        self, member: int, request: message.Request, answered: "asyncio.Future[bytes | None]"
    ) -> None:
        network, other = self._network, self._network.ports.get(member)
        link = network.links[self.me][member]
        if other is not None and not link.is_cut and network.random.random() >= link.lost:
            other._call(other._serve, self.me, encode(request), answered)

    def _serve(self, member: int, raw: bytes, answered: "asyncio.Future[bytes | None]") -> None:
        task = self._network.loop.create_task(self._answer(member, message.decode_request(raw), answered))
        task.add_done_callback(self._end)

    async def _answer(
        self, member: int, request: message.Request, answered: "asyncio.Future[bytes | None]"
    ) -> None:
        def honestly() -> Awaitable[message.Answer]:
            return self._answer_honestly(member, request)

        answer: message.Answer | bytes = await self._chain(member, request, honestly)
        raw = answer if isinstance(answer, bytes) else encode(answer)
        network, link = self._network, self._network.links[self.me][member]
        network.items += 1
        if not link.is_cut and network.random.random() >= link.lost:
            network.later(network.delay_s(self.me, member), _resolve, answered, raw)

    async def _chain(
        self, member: int, request: message.Request, answer: Callable[[], Awaitable[message.Answer]]
    ) -> message.Answer | bytes:
        for behaviour in self._behaviours[:0:-1]:
            answer = _behind(behaviour, member, request, answer)
        if self._behaviours:
            return await self._behaviours[0].answer(member, request, answer)
        return await answer()

    async def _answer_honestly(self, member: int, request: message.Request) -> message.Answer:
        try:
            return await self.inbox.answer(member, request)
        except WeftError as error:
            return message.Refused(str(error))

    def _call(self, call: Callable[..., None], *arguments: object) -> None:
        """In the member's own time: a paused one does it later."""
        self._network.loop.call_soon(call, *arguments, context=self._host.context)

    def _end(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _arrive(stream: Stream, sent: Sent) -> None:
    if not stream.is_over:
        stream.arrived.append(sent)
        if stream.awaited is not None and not stream.awaited.done():
            stream.awaited.set_result(None)


def _resolve(answered: "asyncio.Future[bytes | None]", raw: bytes | None) -> None:
    if not answered.done():
        answered.set_result(raw)


def _behind(
    behaviour: Behaviour,
    member: int,
    request: message.Request,
    answer: Callable[[], Awaitable[message.Answer]],
) -> Callable[[], Awaitable[message.Answer]]:
    async def say() -> message.Answer:
        said = await behaviour.answer(member, request, answer)
        return message.decode_answer(said) if isinstance(said, bytes) else said

    return say
