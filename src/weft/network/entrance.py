"""The one port at which members come in: a stream after a preface of ours, a call as TLS from its first byte.

Promise: whoever has not shown that it is a member costs a place among a bounded number of newcomers for a
bounded time, and processor time at a bounded rate. Of newcomers too many, the one that waits longest goes: a
member has shown itself long before.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic

from weft.model.errors import PortError
from weft.model.limits import LocalLimits
from weft.network.bounds import Bounds
from weft.network.pace import Allowance
from weft.network.splice import Half, splice
from weft.network.stream import CLOSE_TIMEOUT_S, Stream, prepare
from weft.network.tls import Tls
from weft.network.wire import PREFACE, frame_bytes_max, split_address

BACKLOG = 128
TLS_HANDSHAKE = 0x16
"""The first byte of every TLS connection."""
RETRY_S = 0.01
"""After the system had no descriptor to give, or a connection was gone before it was taken."""


class Entrance:
    """Listens, looks at the first bytes, and hands each connection to whom it is for."""

    def __init__(
        self, tls: Tls, take: Callable[[int | None, Stream], None], local: LocalLimits, bounds: Bounds
    ) -> None:
        """`take` gets each stream with the member that it comes from."""
        self._tls = tls
        self._take = take
        self._local = local
        self._bounds = bounds
        self._arrivals = Allowance(bounds.arrivals_per_s, bounds.arrivals_burst)
        self._newcomers: dict[socket.socket, asyncio.Task[None]] = {}
        self._halves: set[Half] = set()
        self._listener: socket.socket | None = None

    def listen(self, address: str) -> int:
        """Take the port, and say which; raises PortError."""
        host, port = split_address(address)
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            both = host == "::" and socket.has_dualstack_ipv6()
            listener = socket.create_server((host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
        except OSError:
            raise PortError(
                f"cannot listen for peers on {address}: taken, or not an address of this machine"
            ) from None
        listener.setblocking(False)
        self._listener = listener
        return int(listener.getsockname()[1])

    async def run(self, calls_port: int) -> None:
        """Let newcomers in, until cancelled; calls go to the server at this port of this machine."""
        assert self._listener is not None, "listen first"
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._arrivals.take(1, monotonic()))
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError:
                await asyncio.sleep(RETRY_S)
                continue
            if len(self._newcomers) >= self._bounds.newcomers_max:
                self._newcomers.pop(next(iter(self._newcomers))).cancel()
            newcomer = asyncio.create_task(self._admit(connection, calls_port))
            self._newcomers[connection] = newcomer
            newcomer.add_done_callback(partial(self._forget, connection))

    async def close(self) -> None:
        """Send newcomers away and give back the port, after `run` has ended."""
        newcomers = list(self._newcomers.values())
        for newcomer in newcomers:
            newcomer.cancel()
        await asyncio.gather(*newcomers, return_exceptions=True)
        if self._listener is not None:
            self._listener.close()

    def end_calls(self) -> None:
        """Close what is left of the connections of calls."""
        for half in self._halves:
            half.abort()

    def _forget(self, connection: socket.socket, _: "asyncio.Task[None]") -> None:
        self._newcomers.pop(connection, None)

    async def _admit(self, connection: socket.socket, calls_port: int) -> None:
        # A newcomer may break off at any moment; nobody needs to hear of it.
        with suppress(OSError):
            head = await self._read_head(connection)
            if head == PREFACE:
                await self._admit_stream(connection)
            elif head[:1] == bytes((TLS_HANDSHAKE,)) and len(self._halves) < self._bounds.connections_max:
                await self._admit_calls(connection, head, calls_port)
            else:
                connection.close()

    async def _read_head(self, connection: socket.socket) -> bytes:
        """As many bytes as the preface has, or fewer if they are none of it; raises OSError."""
        head = b""
        try:
            prepare(connection)
            async with asyncio.timeout(self._bounds.dial_timeout_s):
                while len(head) < len(PREFACE) and head == PREFACE[: len(head)]:
                    more = await asyncio.get_running_loop().sock_recv(connection, len(PREFACE) - len(head))
                    if not more:
                        raise ConnectionError("gone before it said what it wants")
                    head += more
        except BaseException:
            connection.close()
            raise
        return head

    async def _admit_stream(self, connection: socket.socket) -> None:
        stream = Stream(frame_bytes_max(self._local))
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: stream,
            connection,
            ssl=self._tls.server_context(),
            ssl_handshake_timeout=self._bounds.dial_timeout_s,
            ssl_shutdown_timeout=CLOSE_TIMEOUT_S,
        )
        shown = transport.get_extra_info("ssl_object").getpeercert(binary_form=True)
        self._take(self._tls.find_member(ssl.DER_cert_to_PEM_cert(shown).encode()), stream)

    async def _admit_calls(self, connection: socket.socket, head: bytes, calls_port: int) -> None:
        half = Half(lambda: self._halves.discard(half))
        self._halves.add(half)
        try:
            await splice(connection, head, calls_port, half)
        except BaseException:
            self._halves.discard(half)
            raise
