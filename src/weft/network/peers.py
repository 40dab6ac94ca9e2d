"""The network of one node: it listens to all other members and keeps a stream to each of them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from time import monotonic
from typing import Any, Protocol

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.keys import PrivateKey
from weft.model.limits import LOCAL, LocalLimits
from weft.model.message import Answer, Item, Request
from weft.network.bounds import BOUNDS, Bounds
from weft.network.caller import Caller, Route
from weft.network.entrance import Entrance
from weft.network.guest import Guest
from weft.network.hearing import Hearing, Listener
from weft.network.link import Link, Speaker
from weft.network.pace import Standing
from weft.network.service import Answerer, Service
from weft.network.tally import Tally
from weft.network.tls import Tls
from weft.network.wire import SERVICE, server_options


class Inbox(Speaker, Listener, Answerer, Protocol):
    """The node as the network sees it (`weft.node.ports.Inbox`)."""


class Network:
    """The node's port `Peers`: streams of frames, and gRPC for questions. Made and used on one event loop."""

    def __init__(
        self,
        genesis: Genesis,
        me: int,
        key: PrivateKey,
        listen: str,
        addresses: Sequence[str],
        inbox: Inbox,
        local: LocalLimits = LOCAL,
        bounds: Bounds = BOUNDS,
    ) -> None:
        assert key.public.key == genesis.members[me].key, "the key must be this member's"
        assert len(addresses) == len(genesis.members)
        self._listen = listen
        self._local = local
        self._members = genesis.members
        self._standings = [Standing(bounds) for _ in genesis.members]
        self.tallies = tuple(Tally() for _ in genesis.members)
        """Counters by member; this node's own stays empty."""
        tls = Tls(genesis, key)
        self._links: dict[int, Link] = {}
        self._callers: dict[int, Caller] = {}
        for member, address in enumerate(addresses):
            if member != me:
                route = Route(genesis.chain, member, genesis.members[member].name, address)
                standing, tally = self._standings[member], self.tallies[member]
                caller = Caller(route, tls, self, tally, local, bounds)
                self._links[member] = Link(
                    route, tls, inbox, self, standing, tally, caller.hang_up, local, bounds
                )
                self._callers[member] = caller
        self._guests = [
            Guest(member, standing, tally, self, bounds)
            for member, (standing, tally) in enumerate(zip(self._standings, self.tallies, strict=True))
        ]
        self._hearing = Hearing(genesis.chain, me, inbox, self, self._guests, bounds)
        self._entrance = Entrance(tls, self._hearing.take, local, bounds)
        service = Service(me, tls, inbox, self._guests, bounds)
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(options=server_options(local, bounds))
        self._server.add_generic_rpc_handlers((service.methods(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self._credentials = tls.server_credentials()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """Listen, and begin to dial; the port listened on. Raises PortError."""
        port = self._entrance.listen(self._listen)
        calls_port = self._server.add_secure_port("127.0.0.1:0", self._credentials)
        await self._server.start()
        for status in ("", SERVICE):
            await self._health.set(status, health_pb2.HealthCheckResponse.SERVING)
        self._run(self._entrance.run(calls_port), "entrance")
        for member, link in self._links.items():
            self._run(link.run(), f"link to {self._members[member].name}")
        return port

    async def stop(self, grace_s: float = 1) -> None:
        """End the streams at once, give questions under way `grace_s` seconds, and leave nothing behind."""
        await self._health.enter_graceful_shutdown()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._entrance.close()
        await self._hearing.stop()
        await self._server.stop(grace_s)
        self._entrance.end_calls()

    def send(self, member: int, item: Item) -> None:
        """Queue for one member, in order."""
        self._links[member].push(self._encoded(item))

    def broadcast(self, item: Item) -> None:
        """Queue for every other member."""
        encoded = self._encoded(item)
        for link in self._links.values():
            link.push(encoded)

    async def ask(self, member: int, request: Request) -> Answer:
        """One answer, or Refused."""
        return await self._callers[member].ask(request)

    def read_blob(self, member: int, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        """Content of a blob from a member; raises BlobError."""
        return self._callers[member].read_blob(name, offset)

    def cut_off(self, member: int, reason: str) -> None:
        """End all that is open with this member, both ways, and refuse it for a growing while."""
        tally = self.tallies[member]
        tally.cuts += 1
        tally.last_cut = reason
        self._standings[member].cut(reason, monotonic())
        self._links[member].sever(reason)
        self._guests[member].end_calls(reason)

    def heard(self, member: int) -> None:
        """The member has begun to speak to us: if we don't speak to it, it is worth a try now."""
        self._links[member].hurry()

    def is_connected(self, member: int) -> bool:
        """Whether our stream to the member is open."""
        return self.tallies[member].is_connected

    def _run(self, part: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(part, name=name)
        task.add_done_callback(_report)
        self._tasks.append(task)

    def _encoded(self, item: Item) -> bytes:
        encoded = encode(item)
        assert len(encoded) <= self._local.message_bytes_max, "an item must fit in a message"
        return encoded


def _report(task: "asyncio.Task[None]") -> None:
    """A part ends only when cancelled; anything else is our mistake, and the loop's owner hears of it."""
    if not task.cancelled() and (error := task.exception()):
        task.get_loop().call_exception_handler(
            {"message": f"the {task.get_name()} failed", "exception": error}
        )
