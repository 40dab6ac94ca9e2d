"""Nodes on loopback with a TCP proxy in front of every link between two, where no namespace can be had.

A stream knows no single packets: what would be lost comes late instead, as after a retransmission, and what
is cut is held back until it is cut no more. Clients reach their nodes without a proxy.
"""

import asyncio
from contextlib import suppress
from random import Random

from tests.fire.fabric import CLEAR, Conditions, Place
from weft.local import free_port_base

HOST = "127.0.0.1"
PEER_PORT_OFFSET = 100
CHUNK_BYTES = 64 << 10
CHUNKS_WAITING_MAX = 256
RETRANSMISSION_S = 0.2


class Proxies:
    """A carrier of streams."""

    def __init__(self, nodes: int, chance: Random) -> None:
        self.conditions = Conditions(chance)
        self._nodes = nodes
        self._base = free_port_base(nodes)
        self._ports: dict[tuple[int, int], int] = {}
        self._servers: list[asyncio.Server] = []
        self._streams: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        for source in range(self._nodes):
            for target in range(self._nodes):
                if source != target:
                    await self._listen(source, target)

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for stream in self._streams:
            stream.cancel()
        await asyncio.gather(*self._streams, return_exceptions=True)

    def place(self, node: int) -> Place:
        peer_port = self._base + PEER_PORT_OFFSET
        addresses = tuple(
            f"{HOST}:{self._ports.get((node, member), peer_port + member)}" for member in range(self._nodes)
        )
        return Place(HOST, self._base + node, peer_port + node, addresses)

    def enter(self, node: int) -> tuple[list[str], tuple[int, ...]]:
        return [], ()

    async def _listen(self, source: int, target: int) -> None:
        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            stream = asyncio.ensure_future(self._carry(source, target, reader, writer))
            self._streams.add(stream)
            stream.add_done_callback(self._streams.discard)

        server = await asyncio.start_server(accept, HOST, 0)
        self._ports[source, target] = server.sockets[0].getsockname()[1]
        self._servers.append(server)

    async def _carry(
        self, source: int, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """One connection that `source` has opened, until either side ends it."""
        with suppress(OSError):
            onward = await asyncio.open_connection(HOST, self._base + PEER_PORT_OFFSET + target)
            ways = (
                self._pump(source, target, reader, onward[1]),
                self._pump(target, source, onward[0], writer),
            )
            tasks = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                onward[1].close()
        writer.close()

    async def _pump(
        self, source: int, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry one direction; ends with the stream."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(CHUNKS_WAITING_MAX)
        taking = asyncio.ensure_future(self._take(source, target, reader, waiting))
        loop = asyncio.get_running_loop()
        try:
            while True:
                due, chunk = await waiting.get()
                if not chunk:
                    return
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                await self.conditions.wait_uncut(source, target)
                writer.write(chunk)
                await writer.drain()
        finally:
            taking.cancel()

    async def _take(
        self,
        source: int,
        target: int,
        reader: asyncio.StreamReader,
        waiting: "asyncio.Queue[tuple[float, bytes]]",
    ) -> None:
        while True:
            try:
                chunk = await reader.read(CHUNK_BYTES)
            except OSError:
                chunk = b""
            now = asyncio.get_running_loop().time()
            condition = self.conditions.find(source, target) or CLEAR
            if self.conditions.is_drawn(condition.loss):
                now += RETRANSMISSION_S
            await waiting.put((self.conditions.due(source, target, condition, now), chunk))
            if not chunk:
                return
