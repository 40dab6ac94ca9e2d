"""Our stream to one member: dial, say what is queued, begin again when it breaks.

Promise: items reach the member in the order sent, without a gap, from the Opening on; or the stream breaks,
`lost` is called, and a new Opening makes it good. Nothing waits for a slow member: its queue is bounded, and
one that overflows is dropped with its stream. Calls to the Inbox are made from the link's own task, never
from inside `push`.
"""

import asyncio
import random
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

import grpc
import grpc.aio

from weft.model.errors import EncodingError, PeerError
from weft.model.limits import LocalLimits
from weft.model.message import Opening
from weft.network.bounds import Bounds
from weft.network.pace import Standing
from weft.network.tally import Tally
from weft.network.tls import Tls
from weft.network.wire import (
    EXCHANGE,
    ITEM_OVERHEAD,
    dialer_options,
    pack,
    pack_opening,
    unpack,
    unpack_opening,
)


class Speaker(Protocol):
    """What a link needs of the node."""

    def opening(self) -> Opening: ...

    def opened(self, member: int, opening: Opening) -> None: ...

    def lost(self, member: int) -> None: ...

    def measured(self, member: int, rtt_us: int) -> None: ...


class Judge(Protocol):
    """Who refuses members."""

    def cut_off(self, member: int, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Route:
    """Where a member is and how to tell that it is the one."""

    chain: bytes
    member: int
    name: str
    address: str


class BrokenError(Exception):
    """The stream is over; the text says why."""


class Link:
    """One member that we speak to."""

    def __init__(
        self,
        route: Route,
        tls: Tls,
        speaker: Speaker,
        judge: Judge,
        standing: Standing,
        tally: Tally,
        local: LocalLimits,
        bounds: Bounds,
    ) -> None:
        self.channel: grpc.aio.Channel | None = None
        """The connection under the open stream; questions go over it too."""
        self._route = route
        self._tls = tls
        self._speaker = speaker
        self._judge = judge
        self._standing = standing
        self._tally = tally
        self._local = local
        self._bounds = bounds
        self._queue: deque[bytes] = deque()
        self._due = asyncio.Event()
        self._broken = asyncio.Event()
        self._why_broken = ""
        self._hurry = asyncio.Event()
        self._pings = 0
        self._unanswered: tuple[int, float] | None = None
        self._pinged = float("-inf")

    async def run(self) -> None:
        """Keep a stream to the member, until cancelled."""
        pause = self._bounds.pause_first_s
        while True:
            if refused := self._standing.refused_for(monotonic()):
                await asyncio.sleep(refused)
            begun = monotonic()
            try:
                await self._hold_stream()
            except BrokenError as broken:
                self._tally.last_failure = str(broken)
            if monotonic() - begun > self._bounds.pause_max_s:
                pause = self._bounds.pause_first_s
            await self._rest(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, self._bounds.pause_max_s)

    def hurry(self) -> None:
        """The member has just been heard: dial now."""
        self._hurry.set()

    def push(self, item: bytes) -> None:
        """Queue an encoded item; dropped while there is no stream."""
        tally = self._tally
        if not tally.is_connected:
            tally.items_dropped += 1
            return
        if tally.queue_bytes + len(item) > self._local.peer_queue_bytes_max:
            tally.overflows += 1
            tally.items_dropped += 1
            self.sever(f"{tally.queue_bytes} bytes are queued and the member does not read on")
            return
        tally.queue_bytes += len(item)
        self._queue.append(item)
        self._due.set()

    def sever(self, reason: str) -> None:
        """End the stream, if there is one; what is queued is dropped."""
        self._disconnect()
        self._why_broken = reason
        self._broken.set()

    async def _rest(self, pause_s: float) -> None:
        self._hurry.clear()
        try:
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _hold_stream(self) -> None:
        """One stream from its dial to its end; always ends with BrokenError, unless cancelled."""
        route, tally = self._route, self._tally
        self._broken.clear()
        self._why_broken = ""
        options = dialer_options(self._local, self._tls.server_name(route.member))
        credentials = self._tls.channel_credentials(route.member)
        async with grpc.aio.secure_channel(route.address, credentials, options=options) as channel:
            call = channel.stream_stream(EXCHANGE)()
            opening = await self._greet(call)
            if self._broken.is_set():
                raise BrokenError(self._why_broken)
            self.channel = channel
            tally.is_connected = True
            tally.streams_opened += 1
            self._unanswered = None
            self._pinged = float("-inf")
            self._due.set()
            try:
                self._speaker.opened(route.member, opening)
                await self._converse(call)
            finally:
                self._disconnect()
                tally.streams_lost += 1
                self._speaker.lost(route.member)

    def _disconnect(self) -> None:
        tally = self._tally
        tally.is_connected = False
        tally.items_dropped += len(self._queue)
        tally.queue_bytes = 0
        self._queue.clear()
        self.channel = None

    async def _greet(self, call: grpc.aio.StreamStreamCall) -> Opening:
        """Exchange Openings."""
        try:
            async with asyncio.timeout(self._bounds.dial_timeout_s):
                await call.write(pack_opening(self._speaker.opening()))
                raw = await call.read()
            if raw is grpc.aio.EOF:
                raise BrokenError("the member ended the stream before its Opening")
            return unpack_opening(raw, self._route.chain, self._local, self._bounds)[0]
        except TimeoutError:
            self._tally.dials_failed += 1
            raise BrokenError(
                f"no Opening from {self._route.address} in {self._bounds.dial_timeout_s:g} s"
            ) from None
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            self._tally.dials_failed += 1
            raise BrokenError(_reason(error)) from None
        except (PeerError, EncodingError) as error:
            raise self._cut(error) from None

    async def _converse(self, call: grpc.aio.StreamStreamCall) -> None:
        # Not a TaskGroup: before Python 3.13 it may lose a cancellation that comes while it ends.
        parts = self._write(call), self._read(call), self._until_severed()
        tasks = [asyncio.ensure_future(part) for part in parts]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        first = done.pop()
        if first.cancelled():  # by gRPC, as whoever waits for a call whose channel is closed
            raise BrokenError("the connection was closed")
        first.result()

    async def _until_severed(self) -> None:
        await self._broken.wait()
        raise BrokenError(self._why_broken)

    async def _write(self, call: grpc.aio.StreamStreamCall) -> None:
        tally = self._tally
        while True:
            await self._due.wait()
            self._due.clear()
            while self._queue or self._pinged == float("-inf"):
                items, size = self._take_due()
                frame = pack(items, ping=self._next_ping(size))
                try:
                    await call.write(frame)
                except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                    raise BrokenError(_reason(error)) from None
                tally.frames_sent += 1
                tally.items_sent += len(items)
                tally.bytes_sent += size

    def _take_due(self) -> tuple[list[bytes], int]:
        """The next frame's items and their bytes: as many as fit, or one alone."""
        items: list[bytes] = []
        size = room = 0
        while self._queue and len(items) < self._bounds.frame_items:
            room += len(self._queue[0]) + ITEM_OVERHEAD
            if items and room + ITEM_OVERHEAD > self._bounds.frame_bytes:
                break
            items.append(self._queue.popleft())
            size += len(items[-1])
        self._tally.queue_bytes -= size
        return items, size

    def _next_ping(self, size: int) -> int:
        """The number of the ping that goes with a frame of this size, or 0."""
        now = monotonic()
        if (
            self._unanswered is not None
            or size > self._bounds.ping_frame_bytes
            or now - self._pinged < self._bounds.ping_every_s
        ):
            return 0
        self._pings += 1
        self._pinged = now
        self._unanswered = self._pings, now
        return self._pings

    async def _read(self, call: grpc.aio.StreamStreamCall) -> None:
        """After its Opening a server only answers pings."""
        while True:
            try:
                raw = await call.read()
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
                raise BrokenError(_reason(error)) from None
            if raw is grpc.aio.EOF:
                raise BrokenError("the member ended the stream")
            try:
                frame = unpack(raw, self._local, self._bounds)
                if self._unanswered is None or frame.pong != self._unanswered[0] or frame.items:
                    raise PeerError("a frame that is not the pong to our ping")
            except PeerError as error:
                raise self._cut(error) from None
            rtt_us = round((monotonic() - self._unanswered[1]) * 1e6)
            self._unanswered = None
            self._tally.rtt_us = rtt_us
            self._speaker.measured(self._route.member, rtt_us)

    def _cut(self, error: Exception) -> BrokenError:
        self._judge.cut_off(self._route.member, str(error))
        return BrokenError(str(error))


def _reason(error: grpc.aio.AioRpcError | asyncio.InvalidStateError) -> str:
    return str(error.details() if isinstance(error, grpc.aio.AioRpcError) else error)
