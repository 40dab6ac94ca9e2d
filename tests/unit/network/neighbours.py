"""Real networks of a few members on loopback, each with an Inbox that writes down what it hears."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace

import grpc.aio

from weft.model.committee import Member
from weft.model.errors import BlobError
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import LOCAL, Limits, LocalLimits
from weft.model.message import Answer, Evidence, Item, Opening, Refused, Request
from weft.network import stream
from weft.network.bounds import BOUNDS, Bounds
from weft.network.peers import Network
from weft.network.stream import Stream
from weft.network.tls import Tls
from weft.network.wire import dialer_options, frame_bytes_max, unpack

QUICK = replace(BOUNDS, pause_max_s=0.2, refuse_first_s=0.2)
"""So that tests of what happens after a pause don't wait for it."""


def make_keys(count: int, first: int = 1) -> list[PrivateKey]:
    """The same keys every time."""
    return [PrivateKey(ED25519, bytes((first + at,)) * 32) for at in range(count)]


def make_genesis(keys: list[PrivateKey], name: str = "test") -> Genesis:
    """A chain of these members."""
    members = tuple(Member(f"node{at}", key.public.key, 1) for at, key in enumerate(keys))
    return Genesis(1, name, 0, "byzantine", members, Limits(), True, ())


def free_addresses(count: int) -> list[str]:
    """Ports of this machine that nobody listens on."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    addresses = [f"127.0.0.1:{holder.getsockname()[1]}" for holder in holders]
    for holder in holders:
        holder.close()
    return addresses


def note(number: int, size: int = 0) -> Item:
    """An item to be told from others by its number."""
    return Evidence(number.to_bytes(8, "big"), bytes(size))


def number_of(item: Item) -> int:
    """What `note` was made with."""
    assert isinstance(item, Evidence)
    return int.from_bytes(item.first, "big")


class Recorder:
    """An Inbox that remembers, can be held back, and answers what it is told to answer."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self.heard: dict[int, list[Item]] = {at: [] for at in range(len(genesis.members))}
        self.sizes: list[int] = []
        self.events: list[tuple[str, int]] = []
        """("opened" or "lost", member) as they came."""
        self.rtts: list[int] = []
        self.blobs: dict[str, bytes] = {}
        self.blob_bytes_taken = 0
        self.blobs_closed = 0
        self.answers: Callable[[Request], Answer] = lambda request: Refused("nothing to say")
        self.is_open = asyncio.Event()
        self.is_open.set()
        self._changed = asyncio.Event()
        self.on_opened: Callable[[int], None] = lambda member: None

    def opening(self) -> Opening:
        return Opening(self.genesis.chain, 0, tuple(0 for _ in self.genesis.members), 0, "")

    def opened(self, member: int, opening: Opening) -> None:
        assert opening == self.opening()
        self.events.append(("opened", member))
        self.on_opened(member)
        self._changed.set()

    def lost(self, member: int) -> None:
        self.events.append(("lost", member))
        self._changed.set()

    def measured(self, member: int, rtt_us: int) -> None:
        self.rtts.append(rtt_us)
        self._changed.set()

    async def receive(self, member: int, item: Item, size: int) -> None:
        await self.is_open.wait()
        self.heard[member].append(item)
        self.sizes.append(size)
        self._changed.set()

    async def answer(self, member: int, request: Request) -> Answer:
        await self.is_open.wait()
        return self.answers(request)

    async def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        if name not in self.blobs:
            raise BlobError(f"{name} is not here")
        try:
            for begin in range(offset, len(self.blobs[name]), 1 << 20):
                piece = self.blobs[name][begin : begin + (1 << 20)]
                self.blob_bytes_taken += len(piece)
                yield piece
        finally:
            self.blobs_closed += 1

    async def until(self, holds: Callable[[], bool], poll: bool = False) -> None:
        """Wait for something that this Inbox will hear of, or, with `poll`, for something it won't."""
        async with asyncio.timeout(30):
            while not holds():
                self._changed.clear()
                await (asyncio.sleep(0.01) if poll else self._changed.wait())

    def numbers(self, member: int) -> list[int]:
        """The notes heard from a member, in order."""
        return [number_of(item) for item in self.heard[member] if not isinstance(item, Opening)]


@dataclass
class Node:
    """A member with its network."""

    me: int
    network: Network
    inbox: Recorder


class Street:
    """Members of one chain who live next door to each other."""

    def __init__(self, count: int, local: LocalLimits = LOCAL, bounds: Bounds = QUICK) -> None:
        self.keys = make_keys(count)
        self.genesis = make_genesis(self.keys)
        self.addresses = free_addresses(count)
        self.local = local
        self.bounds = bounds
        self.nodes: list[Node] = []

    async def move_in(self, me: int) -> Node:
        """Start a member."""
        inbox = Recorder(self.genesis)
        network = Network(
            self.genesis,
            me,
            self.keys[me],
            self.addresses[me],
            self.addresses,
            inbox,
            self.local,
            self.bounds,
        )
        await network.start()
        node = Node(me, network, inbox)
        self.nodes.append(node)
        return node

    async def move_out(self, node: Node) -> None:
        """Stop a member."""
        self.nodes.remove(node)
        await node.network.stop(0)

    async def __aenter__(self) -> list[Node]:
        """Start everybody and wait until all speak to each other."""
        nodes = [await self.move_in(me) for me in range(len(self.keys))]
        for node in nodes:
            await node.inbox.until(lambda node=node: self.all_open(node))
        return nodes

    def all_open(self, node: Node) -> bool:
        """Whether the member's streams to all others, and theirs to it, are open."""
        return all(
            node.network.is_connected(other) and node.inbox.heard[other]
            for other in range(len(self.keys))
            if other != node.me
        )

    async def __aexit__(self, *_: object) -> None:
        for node in list(self.nodes):
            await self.move_out(node)


def dial(street: Street, target: int, tls: Tls) -> grpc.aio.Channel:
    """A connection for calls to a member by somebody who need not keep to the protocol."""
    options = dialer_options(street.local, tls.server_name(target))
    return grpc.aio.secure_channel(street.addresses[target], tls.channel_credentials(target), options=options)


async def dial_stream(street: Street, target: int, tls: Tls) -> Stream:
    """A stream to a member on which nothing is said yet, by the same."""
    made = Stream(frame_bytes_max(street.local))
    context = tls.dialer_context(target)
    await stream.dial(street.addresses[target], context, tls.server_name(target), made)
    return made


async def hear_farewell(stream: Stream) -> str:
    """What the other side says when it ends the stream; raises BrokenError if it says nothing."""
    while not (reason := unpack(await stream.read(), BOUNDS).farewell):
        pass
    return reason


async def until_settled(count: Callable[[], int]) -> int:
    """The count once it has not moved for half a second."""
    seen, same = count(), 0
    while same < 5:
        await asyncio.sleep(0.1)
        same = same + 1 if count() == seen else 0
        seen = count()
    return seen
