"""Streams of members that speak to us.

Promise: what one member sends costs the others nothing. Its next frame is read when the Inbox has taken the
one before, so a fast or a slow member holds back only itself; what no honest member sends cuts it off.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial
from time import monotonic
from typing import Protocol

from weft.model.errors import PeerError
from weft.model.message import Item, Opening, decode_item
from weft.network.bounds import Bounds
from weft.network.guest import EndedError, Guest
from weft.network.stream import BrokenError, Stream
from weft.network.wire import find_opening, pack, pack_opening, unpack

YIELD_EVERY_S = 0.002
"""Many small items in a frame must not hold up the loop."""
ITEM_UNIT_BYTES = 16 << 10


class Listener(Protocol):
    """What a stream needs of the node."""

    def opening(self) -> Opening: ...

    def receive(self, member: int, item: Item, size: int) -> Awaitable[None] | None: ...


class Watcher(Protocol):
    """Who wants to know which members are alive."""

    def heard(self, member: int) -> None: ...


class Hearing:
    """All streams that come in."""

    def __init__(
        self,
        chain: bytes,
        me: int,
        listener: Listener,
        watcher: Watcher,
        guests: Sequence[Guest],
        bounds: Bounds,
    ) -> None:
        self._chain = chain
        self._me = me
        self._listener = listener
        self._watcher = watcher
        self._guests = guests
        self._bounds = bounds
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, member: int | None, stream: Stream) -> None:
        """A stream has come from this member, or from nobody that we know."""
        if member is None or member == self._me:
            stream.end("no other member signed this certificate")
            return
        task = asyncio.create_task(self._hear(self._guests[member], stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End all of them and say so."""
        for guest in self._guests:
            guest.end_stream("this node stops")
        # Those that are refused, or have not opened yet, are told nothing.
        await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _hear(self, guest: Guest, stream: Stream) -> None:
        try:
            await guest.carry(lambda: self._converse(guest, stream))
        except EndedError as ended:
            stream.end(str(ended))
        except BrokenError:
            return
        finally:
            stream.end("this node stops")

    async def _converse(self, guest: Guest, stream: Stream) -> None:
        """From the member's Opening on; ends with an error."""
        if guest.streams.take(1, monotonic()):
            raise PeerError("streams begun anew too often")
        try:
            async with asyncio.timeout(self._bounds.dial_timeout_s):
                raw = await stream.read()
        except TimeoutError:
            raise EndedError("nothing was said on this stream") from None
        opening, size = find_opening(unpack(raw, self._bounds), self._chain)
        guest.take_stream()
        try:
            stream.write(pack_opening(self._listener.opening()))
            self._watcher.heard(guest.member)
            rest = self._listener.receive(guest.member, opening, size)
            if rest is not None:
                await rest
            await stream.read_all(partial(self._take_frame, guest, stream))
        finally:
            guest.leave_stream()

    def _take_frame(self, guest: Guest, stream: Stream, raw: bytes) -> Awaitable[None] | None:
        """Hand over the frame's items; what is left of that, a member that is too fast being read slower."""
        frame, tally = unpack(raw, self._bounds), guest.tally
        tally.frames_received += 1
        tally.bytes_received += len(raw)
        if frame.pong or frame.farewell:
            raise PeerError("a dialler neither answers nor takes leave")
        if frame.ping:
            if not stream.can_write:
                raise PeerError("pongs that are not read")
            stream.write(pack((), pong=frame.ping))
        items = frame.items
        wait_s = guest.pace(guest.items, 1 + len(items) + len(raw) / ITEM_UNIT_BYTES)
        if not wait_s and len(items) == 1:
            return self._take_item(guest, items[0])
        return self._take_items(guest, items, wait_s) if items else None

    async def _take_items(self, guest: Guest, items: Sequence[bytes], wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        yield_at = monotonic() + YIELD_EVERY_S
        for raw in items:
            rest = self._take_item(guest, raw)
            if rest is not None:
                await rest
            if monotonic() > yield_at:
                await asyncio.sleep(0)
                yield_at = monotonic() + YIELD_EVERY_S

    def _take_item(self, guest: Guest, raw: bytes) -> Awaitable[None] | None:
        item = decode_item(raw)
        if isinstance(item, Opening):
            raise PeerError("a second Opening on one stream")
        guest.tally.items_received += 1
        return self._listener.receive(guest.member, item, len(raw))
