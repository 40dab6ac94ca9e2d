"""Our stream to one member: dial, say what is queued, begin again when it breaks.

Promise: items reach the member in the order sent, without a gap, from the Opening on; or the stream breaks,
`lost` is called, and a new Opening makes it good. Nothing waits for a slow member: its queue is bounded, and
one that overflows is dropped with its stream. Calls to the Inbox are made from the link's own task, never
from inside `push`.
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol

from weft.model.errors import EncodingError, PeerError
from weft.model.limits import LocalLimits
from weft.model.message import Opening
from weft.network.bounds import Bounds
from weft.network.caller import Route
from weft.network.guest import Judge
from weft.network.pace import Standing
from weft.network.stream import BrokenError, Stream, dial
from weft.network.tally import Tally
from weft.network.tls import Tls
from weft.network.wire import (
    FRAME_OVERHEAD,
    ITEM_OVERHEAD,
    REASON_CHARACTERS,
    Frame,
    find_opening,
    pack,
    pack_opening,
    unpack,
)


class Speaker(Protocol):
    """What a link needs of the node."""

    def opening(self) -> Opening: ...

    def opened(self, member: int, opening: Opening) -> None: ...

    def lost(self, member: int) -> None: ...

    def measured(self, member: int, rtt_us: int) -> None: ...


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
        hang_up: Callable[[], Awaitable[None]],
        local: LocalLimits,
        bounds: Bounds,
    ) -> None:
        """`hang_up` ends what else goes on with the member while our stream is open."""
        self._route = route
        self._tls = tls
        self._speaker = speaker
        self._judge = judge
        self._standing = standing
        self._tally = tally
        self._hang_up = hang_up
        self._local = local
        self._bounds = bounds
        self._queue: deque[bytes] = deque()
        self._stream: Stream | None = None
        self._is_flushing = False
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
        if not self._is_flushing:
            # Not now: what else is said in this turn goes along.
            self._is_flushing = True
            asyncio.get_running_loop().call_soon(self._flush)

    def sever(self, reason: str) -> None:
        """End the stream, if there is one; what is queued is dropped."""
        self._disconnect()
        if self._stream is not None:
            self._stream.drop(reason)

    async def _rest(self, pause_s: float) -> None:
        self._hurry.clear()
        try:
            async with asyncio.timeout(pause_s):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _hold_stream(self) -> None:
        """One stream from its dial to its end; always ends with BrokenError, unless cancelled."""
        member, tally = self._route.member, self._tally
        stream = self._stream = Stream(self._bounds.reply_bytes_max, self._flush)
        try:
            opening = await self._dial(stream)
            tally.is_connected = True
            tally.streams_opened += 1
            self._unanswered = None
            self._pinged = float("-inf")
            try:
                self._speaker.opened(member, opening)
                self._flush()
                await self._hear_pongs(stream)
            finally:
                self._disconnect()
                tally.streams_lost += 1
                self._speaker.lost(member)
                await self._hang_up()
        finally:
            stream.drop("the link ends")

    def _disconnect(self) -> None:
        tally = self._tally
        tally.is_connected = False
        tally.items_dropped += len(self._queue)
        tally.queue_bytes = 0
        self._queue.clear()

    async def _dial(self, stream: Stream) -> Opening:
        """Connect and exchange Openings."""
        route, tls = self._route, self._tls
        try:
            async with asyncio.timeout(self._bounds.dial_timeout_s):
                context = tls.dialer_context(route.member)
                await dial(route.address, context, tls.server_name(route.member), stream)
                stream.write(pack_opening(self._speaker.opening()))
                return find_opening(await self._read(stream), route.chain)[0]
        except TimeoutError:
            self._tally.dials_failed += 1
            raise BrokenError(
                f"no Opening from {route.address} in {self._bounds.dial_timeout_s:g} s"
            ) from None
        except (OSError, BrokenError) as error:
            self._tally.dials_failed += 1
            raise BrokenError(str(error)) from None
        except (PeerError, EncodingError) as error:
            raise self._cut(error) from None

    async def _read(self, stream: Stream) -> Frame:
        """What the member says next; raises BrokenError with its reason if that is a farewell."""
        frame = unpack(await stream.read(), self._bounds)
        if frame.farewell:
            raise BrokenError(frame.farewell[:REASON_CHARACTERS])
        return frame

    async def _hear_pongs(self, stream: Stream) -> None:
        """After its Opening a server only answers pings."""
        while True:
            try:
                frame = await self._read(stream)
                if self._unanswered is None or frame.pong != self._unanswered[0] or frame.items:
                    raise PeerError("a frame that is not the pong to our ping")
            except PeerError as error:
                raise self._cut(error) from None
            rtt_us = round((monotonic() - self._unanswered[1]) * 1e6)
            self._unanswered = None
            self._tally.rtt_us = rtt_us
            self._speaker.measured(self._route.member, rtt_us)

    def _flush(self) -> None:
        """Send what is due, as far as the connection takes it."""
        self._is_flushing = False
        tally, stream = self._tally, self._stream
        if not tally.is_connected or stream is None:
            return
        while stream.can_write and (self._queue or self._pinged == float("-inf")):
            items, size = self._take_due()
            stream.write(pack(items, ping=self._next_ping(size)))
            tally.frames_sent += 1
            tally.items_sent += len(items)
            tally.bytes_sent += size

    def _take_due(self) -> tuple[list[bytes], int]:
        """The next frame's items and their bytes: as many as fit, or one alone."""
        items: list[bytes] = []
        size, whole = 0, FRAME_OVERHEAD
        while self._queue and len(items) < self._bounds.frame_items:
            whole += len(self._queue[0]) + ITEM_OVERHEAD
            if items and whole > self._bounds.frame_bytes:
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

    def _cut(self, error: Exception) -> BrokenError:
        self._judge.cut_off(self._route.member, str(error))
        return BrokenError(str(error))
