"""Frames over one TLS connection between two members, each with its length (4 bytes, big-endian) before it.

Promise: a length is looked at before memory is taken for what it announces. Nothing is read while the reader
is busy beyond what fits the buffers, and nothing is written beyond them: a frame longer than a slice goes bit
by bit, so that neither a slow member nor a large frame holds up the loop. A connection whose other side does
not answer, the kernel's probes included, ends within 20 s; nothing is said for that.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from ssl import SSLContext
from typing import NoReturn, cast

from weft.model.errors import PeerError
from weft.model.limits import KIB
from weft.network.wire import PREFACE, REASON_CHARACTERS, pack, split_address

HEADER_BYTES = 4
BUFFER_BYTES = 64 * KIB
SLICE_BYTES = 256 * KIB
CLOSE_TIMEOUT_S = 2
"""For the last frame and TLS's own good-bye; then the connection is gone."""

PROBE_AFTER_S, PROBE_EVERY_S, PROBES = 10, 3, 3
"""How the kernel asks whether the other side is still there when nothing moves."""
WATCH_EVERY_S = 5
SILENCE_MS_MAX = 15_000
"""No acknowledgement for so long while something was sent, a probe or ours: nobody is there."""
_LAST_ACK_AT = slice(56, 60)
"""`tcpi_last_ack_recv` in Linux' `struct tcp_info`: milliseconds."""


Taker = Callable[[bytes], Awaitable[None] | None]
"""Takes a frame; what it gives back is left to do before the next one."""


class BrokenError(Exception):
    """The stream is over; the text says why."""


class Stream(asyncio.BufferedProtocol):
    """One side of a connection, after TLS's handshake."""

    def __init__(self, frame_bytes_max: int, has_room: Callable[[], None] = lambda: None) -> None:
        """`has_room` is called when more may be written after it had to wait."""
        self._frame_bytes_max = frame_bytes_max
        self._has_room = has_room
        self._transport: asyncio.Transport | None = None
        self._over = ""
        self._buffer = bytearray(BUFFER_BYTES)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0
        self._size = 0
        """Of the next frame, as its length says."""
        self._is_reading = True
        self._arrival: asyncio.Future[Awaitable[None] | None] | None = None
        """What the reader waits for; None while it is busy."""
        self._take: Taker | None = None
        """Who gets the next frame at once when it arrives."""
        self._rest = memoryview(b"")
        self._is_full = False
        self._watching: asyncio.TimerHandle | None = None

    async def read(self) -> bytes:
        """The next frame. Raises BrokenError, or PeerError for one that is too long."""
        while not self._is_whole():
            await self._wait()
        return self._pop()

    async def read_all(self, take: Taker) -> NoReturn:
        """Give every frame to `take`, and wait for what it gives back before the next.

        One that arrives while all before it are done is taken at once, in the turn of the loop in which it
        came. Ends like `read`, or with what `take` raises.
        """
        while True:
            rest = take(self._pop()) if self._is_whole() else await self._wait(take)
            if rest is not None:
                await rest

    async def _wait(self, take: Taker | None = None) -> Awaitable[None] | None:
        """Until a frame is here, or was taken; then what is left of taking it."""
        if self._over or self._transport is None:
            raise BrokenError(self._over)
        if not self._is_reading:
            self._is_reading = True
            self._transport.resume_reading()
        arrival: asyncio.Future[Awaitable[None] | None] = asyncio.get_running_loop().create_future()
        self._arrival, self._take = arrival, take
        try:
            return await arrival
        except asyncio.CancelledError:
            if arrival.done() and not arrival.cancelled() and arrival.exception() is None:
                _leave(arrival.result())
            raise
        finally:
            self._arrival = self._take = None

    @property
    def can_write(self) -> bool:
        """Whether the connection takes another frame now."""
        return not self._is_full and not self._rest

    def write(self, frame: bytes) -> None:
        """Send, while `can_write`; to a connection that is over: nothing."""
        assert self.can_write, "frames are written one after the other"
        if self._over or self._transport is None:
            return
        framed = len(frame).to_bytes(HEADER_BYTES, "big") + frame
        if len(framed) <= SLICE_BYTES:
            self._transport.write(framed)
        else:
            self._rest = memoryview(framed)
            self._write_on()

    def end(self, reason: str) -> None:
        """Close, and tell the other side why, if it still reads."""
        if self._over or self._transport is None:
            return
        if self.can_write:
            self.write(pack((), farewell=reason[:REASON_CHARACTERS]))
        self._finish(reason)
        self._transport.pause_reading()
        self._transport.close()

    def drop(self, reason: str) -> None:
        """End at once."""
        self._finish(reason)
        if self._transport is not None:
            self._transport.abort()

    def _finish(self, reason: str) -> None:
        self._over = self._over or reason
        self._begin = self._end = 0
        self._rest = memoryview(b"")
        self._wake()

    # Reading.

    def _is_whole(self) -> bool:
        """Whether the next frame is here. Makes room for one that is longer than the buffer."""
        here = self._end - self._begin
        if here < HEADER_BYTES:
            return False
        self._size = int.from_bytes(self._view[self._begin : self._begin + HEADER_BYTES], "big")
        if self._size > self._frame_bytes_max:
            return True
        whole = HEADER_BYTES + self._size
        if whole > len(self._buffer):
            self._move_to(bytearray(whole))
        return here >= whole

    def _pop(self) -> bytes:
        """The next frame, after `_is_whole`."""
        size = self._size
        if size > self._frame_bytes_max:
            raise PeerError(f"a frame of {size} bytes; {self._frame_bytes_max} are the most")
        begin = self._begin + HEADER_BYTES
        self._begin = begin + size
        frame = bytes(self._view[begin : self._begin])
        if len(self._buffer) > BUFFER_BYTES:
            self._move_to(bytearray(BUFFER_BYTES))
        return frame

    def _move_to(self, buffer: bytearray) -> None:
        """Go on in this buffer, with what was read and not yet taken at its beginning."""
        here = self._end - self._begin
        buffer[:here] = self._view[self._begin : self._end]
        self._buffer, self._view = buffer, memoryview(buffer)
        self._begin, self._end = 0, here

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop puts what arrives."""
        if self._begin == self._end:
            self._begin = self._end = 0
        elif self._end == len(self._buffer):
            here = self._end - self._begin
            self._buffer[:here] = self._buffer[self._begin : self._end]
            self._begin, self._end = 0, here
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Something arrived."""
        self._end += nbytes
        is_busy = self._arrival is None or self._arrival.done()
        if not is_busy:
            if not self._is_whole():
                return
            if self._take is None:
                self._wake()
            elif self._take_now(self._take):
                return
        if is_busy or self._end - self._begin == len(self._buffer):
            self._is_reading = False
            assert self._transport is not None
            self._transport.pause_reading()

    def _take_now(self, take: Taker) -> bool:
        """One frame, without waking the reader; whether there is nothing for the reader to do."""
        arrival = self._arrival
        assert arrival is not None
        try:
            rest = take(self._pop())
        except Exception as error:
            if not arrival.done():
                arrival.set_exception(error)
            return False
        # Who took it may have ended all this.
        if not arrival.done():
            if rest is None and not self._is_whole():
                return True
            arrival.set_result(rest)
        else:
            _leave(rest)
        return False

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    # Writing.

    def _write_on(self) -> None:
        """The next slice of a long frame; one a turn of the loop."""
        if not self._rest or self._is_full or self._transport is None:
            return
        self._transport.write(self._rest[:SLICE_BYTES])
        self._rest = self._rest[SLICE_BYTES:]
        asyncio.get_running_loop().call_soon(self._write_on if self._rest else self._offer_room)

    def _offer_room(self) -> None:
        if self.can_write and not self._over:
            self._has_room()

    def pause_writing(self) -> None:
        """The buffers are full."""
        self._is_full = True

    def resume_writing(self) -> None:
        """They are not any more."""
        self._is_full = False
        if self._rest:
            self._write_on()
        else:
            self._offer_room()

    # The connection.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS's handshake is done."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        if self._over:
            self._transport.abort()
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; what arrived before it can still be read."""
        self._over = self._over or (str(exc) if exc else "") or "the other side closed the connection"
        self._rest = memoryview(b"")
        self._transport = None
        if self._watching is not None:
            self._watching.cancel()
        self._wake()

    def _watch(self) -> None:
        """The kernel's probes end a connection on which nothing moves; one with something on its way it would
        keep for a quarter of an hour, or, told otherwise, end while the other side is merely busy."""
        assert self._transport is not None
        if hasattr(socket, "TCP_INFO"):
            facts = self._transport.get_extra_info("socket").getsockopt(
                socket.IPPROTO_TCP, socket.TCP_INFO, _LAST_ACK_AT.stop
            )
            if int.from_bytes(facts[_LAST_ACK_AT], "little") > SILENCE_MS_MAX:
                self.drop(f"nothing came back for {SILENCE_MS_MAX // 1000} s")
                return
            self._watching = asyncio.get_running_loop().call_later(WATCH_EVERY_S, self._watch)


def _leave(rest: Awaitable[None] | None) -> None:
    """Nobody will wait for it."""
    if isinstance(rest, Coroutine):
        rest.close()


async def dial(address: str, context: SSLContext, server_name: str, stream: Stream) -> None:
    """Connect the stream to whoever proves at this address to have this name; raises OSError."""
    connection = await _connect(*split_address(address))
    try:
        await asyncio.get_running_loop().sock_sendall(connection, PREFACE)
    except BaseException:
        connection.close()
        raise
    await asyncio.get_running_loop().create_connection(
        lambda: stream,
        sock=connection,
        ssl=context,
        server_hostname=server_name,
        ssl_shutdown_timeout=CLOSE_TIMEOUT_S,
    )


async def _connect(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure = OSError(f"{host} has no address")
    for family, kind, protocol, _, where in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connection = socket.socket(family, kind, protocol)
        try:
            prepare(connection)
            await loop.sock_connect(connection, where)
        except OSError as error:
            connection.close()
            failure = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failure


def prepare(connection: socket.socket) -> None:
    """Nothing waits for company, and a side that is gone is noticed."""
    connection.setblocking(False)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", PROBE_AFTER_S),
        ("TCP_KEEPINTVL", PROBE_EVERY_S),
        ("TCP_KEEPCNT", PROBES),
    ):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
