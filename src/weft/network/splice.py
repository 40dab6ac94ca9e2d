"""Two connections made one: what comes in at either goes out at the other, no faster than that takes it."""

import asyncio
import socket
from collections.abc import Callable
from typing import cast


class Half(asyncio.Protocol):
    """One of the two connections."""

    def __init__(self, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called when the connection is gone."""
        self._lost = lost
        self._other: Half | None = None
        self._transport: asyncio.Transport | None = None

    def join(self, other: "Half") -> None:
        """Make this and the other one."""
        self._other, other._other = other, self

    def send(self, data: bytes) -> None:
        """Write to the connection."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Close when what was sent has gone."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._other is not None:
            self._other.send(data)

    def pause_writing(self) -> None:
        """This one takes no more for now, so nothing more is read from the other."""
        if self._other is not None and self._other._transport is not None:
            self._other._transport.pause_reading()

    def resume_writing(self) -> None:
        """It takes more again."""
        if self._other is not None and self._other._transport is not None:
            self._other._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """One end is the end of both."""
        self._transport = None
        if self._other is not None:
            self._other.close()
        self._lost()


async def splice(connection: socket.socket, head: bytes, port: int, half: Half) -> None:
    """Join a connection, of which the head was read already, to a server on this machine; raises OSError."""
    loop = asyncio.get_running_loop()
    inner = Half()
    try:
        await loop.create_connection(lambda: inner, "127.0.0.1", port)
    except BaseException:
        connection.close()
        raise
    inner.join(half)
    inner.send(head)
    try:
        await loop.connect_accepted_socket(lambda: half, connection)
    except BaseException:
        inner.abort()
        raise
