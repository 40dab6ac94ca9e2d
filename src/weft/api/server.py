"""The server beneath the interface: uvicorn on the running loop, bounded where it is not by itself."""

import asyncio
import contextlib
import socket
from asyncio import TimerHandle
from collections.abc import Callable, Iterator

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from weft.api.front import Front
from weft.model.errors import PortError

STOP_S = 5
"""How long requests in progress may take when the node stops."""
HEAD_BYTES_MAX = 64 << 10
"""Bytes of a request's first line and headers together."""
HEAD_S = 30.0
"""How long they may take to come."""
STALLED_MS = 30_000
"""A connection that takes nothing of what is sent for so long is broken by the kernel."""
IDLE_S = 75
"""How long a connection without a request stays open."""


async def serve(app: Front, host: str, port: int, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve until cancelled; then let requests in progress finish, within a bound. Raises PortError.

    `on_ready` is told the port once connections are taken; with port 0 the system chooses one.
    """
    listener = bind(host, port)
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    server = Server(config)
    work = asyncio.create_task(server.serve([listener]))
    if on_ready is not None:
        on_ready(listener.getsockname()[1])
    try:
        await asyncio.shield(work)
    finally:
        app.begin_stop()
        server.stop()
        await work


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; raises PortError, which names the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The loop sets TCP_NODELAY only on sockets that name their protocol.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            # Inherited by every connection: a reader that takes nothing does not hold its buffers for ever.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MS)
        listener.bind((host, port))
        listener.listen(1024)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise PortError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listener


class Server(uvicorn.Server):
    """Stops at once when told to. Signals are the node's to handle."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        """Once a second the Date header is made anew; an idle server does nothing else."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), 1)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 whose request heads are bounded in bytes and in time, and whose bodies are copied little."""

    _head_bytes = 0
    _head_timer: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(HEAD_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._head_bytes = 0
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_S, self.transport.abort)
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """As uvicorn does it, but a piece that comes alone is passed on as it is: it copies each into a
        buffer and out of it."""
        cycle = self.cycle
        if not cycle.body and not cycle.response_complete:
            cycle.body, body = body, b""  # type: ignore[assignment]
        elif isinstance(cycle.body, bytes):
            # What comes in a thousand pieces must not be copied a thousand times.
            cycle.body = bytearray(cycle.body)
        super().on_body(body)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            # The parser turns this into its own error, which is answered with 400.
            raise ValueError(f"a request head of more than {HEAD_BYTES_MAX} bytes")
