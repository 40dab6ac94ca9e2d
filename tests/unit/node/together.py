"""Real nodes together in one event loop whose time is made up: their stores, network and clock are in memory.

Time jumps to the next timer as soon as nobody has anything to do, so a minute costs nothing. What a node said
is watched: two things in one slot, or two headers for a height, fail the test at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chain import CONTRACTS, attachment, key, make_genesis
from weft.execution.executor import found as found_state
from weft.ledger.seal import seal_genesis
from weft.model import message
from weft.model.call import PutRecords, RecordItem
from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.limits import LOCAL, LocalLimits
from weft.model.stored import OWN, SPOKEN
from weft.model.vertex import decode_vertex
from weft.model.view import Fate, Wait, Wish
from weft.network.tally import Tally
from weft.node.gateway import Gateway
from weft.node.node import Node
from weft.node.ports import Inbox
from weft.node.recover import found, recover
from weft.node.service import NodeService
from weft.simulation.clock import Clock, Wall
from weft.simulation.loop import Host, JumpingLoop
from weft.storage.memory import MemoryAttachments, MemoryJournal, MemoryStore

LATENCY_S = 0.0005
REDIAL_S = 0.05


def play(story: Coroutine[Any, Any, None]) -> None:
    """Run a story from its beginning to its end."""
    loop = JumpingLoop(events_max=100_000_000, seconds_max=1e6)
    try:
        loop.run_until_complete(story)
    finally:
        loop.run_until_complete(_end(asyncio.all_tasks(loop)))


async def _end(left: set[asyncio.Task[Any]]) -> None:
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def receive(inbox: Inbox, member: int, item: message.Item, size: int) -> None:
    """Give a node an item, and let it finish."""
    rest = inbox.receive(member, item, size)
    if rest is not None:
        await rest


class Workers:
    """Everything on the loop, in turn; `slow` lanes take their time first."""

    def __init__(self) -> None:
        self.slow: dict[str, float] = {}

    async def run(self, lane: str, call: Callable[[], Any]) -> Any:
        await asyncio.sleep(self.slow.get(lane, 0))
        return call()


class Journal(MemoryJournal):
    """Loses what was not synced."""

    def __init__(self) -> None:
        super().__init__()
        self.durable: list[list[tuple[int, int, bytes]]] = [[]]

    def sync(self) -> None:
        self.durable = [list(segment) for segment in self._segments]

    def crash(self, is_torn: bool = False) -> None:
        """Torn: own vertices that were not synced are found behind a hole."""
        lost = self._segments[-1][len(self.durable[-1]) :] if is_torn else []
        self._segments = [list(segment) for segment in self.durable]
        self._segments[-1] += [(SPOKEN, round_, raw) for kind, round_, raw in lost if kind == OWN]
        self.sync()

    def copy(self) -> "Journal":
        other = Journal()
        other.durable = [list(segment) for segment in self.durable]
        other.crash()
        return other

    def kinds(self) -> list[int]:
        return [kind for kind, _, _ in self.replay()]


class Peers:
    """The other members, through the world."""

    def __init__(self, world: "World", me: int, inbox: Any) -> None:
        self._world = world
        self._me = me
        self.inbox = inbox
        self.tallies = [Tally() for _ in range(world.size)]
        self._streams: dict[int, asyncio.Task[None]] = {}
        self._queues: dict[int, asyncio.Queue[bytes]] = {}

    async def start(self) -> int:
        self._world.up[self._me] = self
        for other in list(self._world.up):
            self._world.connect(self._me, other)
            self._world.connect(other, self._me)
        return 1

    async def stop(self) -> None:
        if self._world.up.get(self._me) is self:
            del self._world.up[self._me]
        for peers in [self, *self._world.up.values()]:
            for other in list(peers._streams):
                if self._me in (peers._me, other):
                    peers.lose(other)

    def begin(self, other: int) -> None:
        """Our stream to `other` begins."""
        theirs = self._world.up[other]
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues[other] = queue
        self.tallies[other].is_connected = True
        opening = self.inbox.opening()
        self._streams[other] = asyncio.create_task(self._carry(theirs, queue, opening))
        self.inbox.opened(other, theirs.inbox.opening())
        self.inbox.measured(other, 1000)

    def lose(self, other: int) -> None:
        """Our stream to `other` breaks."""
        stream = self._streams.pop(other, None)
        if stream is not None:
            stream.cancel()
            del self._queues[other]
            self.tallies[other].is_connected = False
            self.tallies[other].queue_bytes = 0
            self.inbox.lost(other)

    async def _carry(self, theirs: "Peers", queue: asyncio.Queue[bytes], opening: message.Opening) -> None:
        try:
            await receive(theirs.inbox, self._me, opening, 100)
            while True:
                raw = await queue.get()
                await asyncio.sleep(self._world.pace_s.get(self._me, LATENCY_S))
                self.tallies[theirs._me].queue_bytes -= len(raw)
                for item in self._world.said_instead.get(self._me, list)([message.decode_item(raw)]):
                    await receive(theirs.inbox, self._me, item, len(raw))
        except Exception as error:
            self._world.errors.append(error)
            raise

    def send(self, member: int, item: message.Item) -> None:
        self._world.watch(self._me, item)
        if member in self._queues:
            raw = encode(item)
            tally = self.tallies[member]
            if tally.queue_bytes + len(raw) > self._world.queue_bytes_max:
                tally.overflows += 1
                self.lose(member)
                self._world.connect_later(self._me, member)
                return
            tally.queue_bytes += len(raw)
            self._queues[member].put_nowait(raw)

    def broadcast(self, item: message.Item) -> None:
        for other in range(self._world.size):
            if other != self._me:
                self.send(other, item)

    async def ask(self, member: int, request: message.Request) -> message.Answer:
        if member not in self._streams:
            return message.Refused("not connected")
        theirs = self._world.up[member]
        await asyncio.sleep(LATENCY_S)
        self._world.asked.append((self._me, member, request))
        answer = self._world.answers.get(member, theirs.inbox.answer)(
            self._me, message.decode_request(encode(request))
        )
        answer = await answer
        await asyncio.sleep(LATENCY_S)
        return message.decode_answer(encode(answer))

    def read_blob(self, member: int, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        raise NotImplementedError

    def cut_off(self, member: int, reason: str) -> None:
        self.tallies[member].cuts += 1
        self._world.cuts.append((self._me, member, reason))

    def is_connected(self, member: int) -> bool:
        return self.tallies[member].is_connected


@dataclass
class Disk:
    """All that one member keeps."""

    journal: Journal
    store: MemoryStore
    attachments: MemoryAttachments = field(default_factory=MemoryAttachments)


class World:
    """A committee."""

    def __init__(
        self, folder: Path, members: int = 4, genesis: Genesis | None = None, limits: LocalLimits = LOCAL
    ) -> None:
        self.genesis = genesis or make_genesis(members=members, gate="gateway")
        self.size = len(self.genesis.members)
        self.folder = folder
        self.limits = limits
        self.up: dict[int, Peers] = {}
        self.cut: set[frozenset[int]] = set()
        self.said_instead: dict[int, Callable[[list[message.Item]], list[message.Item]]] = {}
        """What a member's streams bring in the place of each item, for a member that lies."""
        self.pace_s: dict[int, float] = {}
        """What an item takes from a member to another, one after the other."""
        self.queue_bytes_max = 64 << 20
        self.errors: list[Exception] = []
        self.cuts: list[tuple[int, int, str]] = []
        self.asked: list[tuple[int, int, message.Request]] = []
        self.answers: dict[int, Callable[[int, message.Request], Any]] = {}
        self.said: dict[tuple[int, int], bytes] = {}
        self.signed: dict[tuple[int, int], bytes] = {}
        self.disks = [self.new_disk() for _ in range(self.size)]
        for disk in self.disks:
            found(disk.journal, self.genesis)
        self.nodes: dict[int, Node] = {}
        self.services: dict[int, NodeService] = {}
        self.runs: dict[int, asyncio.Task[None]] = {}
        self.workers = [Workers() for _ in range(self.size)]

    def new_disk(self) -> Disk:
        """Empty: of one that has lost all."""
        sealed, nodes = seal_genesis(self.genesis, found_state(self.genesis, CONTRACTS))
        return Disk(Journal(), MemoryStore(sealed, nodes, sealed.block.header.state_root))

    def start(self, place: int) -> Node:
        """Begin a node on its disk."""
        disk, signer = self.disks[place], key(f"node{place}")
        recovered = recover(self.genesis, place, signer, disk.journal, disk.store, self.limits)
        node = Node(
            self.genesis, place, f"http://node{place}", signer, CONTRACTS, recovered,
            Clock(asyncio.get_running_loop(), Host(), Wall()),
            self.workers[place], disk.journal, disk.store, disk.attachments, self.folder,
            lambda inbox: Peers(self, place, inbox), self.limits,
        )  # fmt: skip
        self.nodes[place] = node
        self.services[place] = NodeService(node, Gateway(self.genesis, key("gate"), lambda _: None), node.url)
        self.runs[place] = asyncio.create_task(node.run())
        return node

    async def start_all(self) -> None:
        """All at once; returns when all speak."""
        for place in range(self.size):
            self.start(place)
        await self.until(lambda: all(node.is_speaking for node in self.nodes.values()))

    async def kill(self, *places: int, is_torn: bool = False) -> None:
        """Switch off: what was not synced is gone."""
        for place in places:
            self.runs[place].cancel()
        for place in places:
            with suppress(asyncio.CancelledError):
                await self.runs[place]
            self.disks[place].journal.crash(is_torn)
            del self.nodes[place], self.services[place], self.runs[place]

    def connect(self, a: int, b: int) -> None:
        is_cut = frozenset((a, b)) in self.cut
        if a != b and a in self.up and b in self.up and not is_cut and b not in self.up[a]._streams:
            self.up[a].begin(b)

    def connect_later(self, a: int, b: int) -> None:
        asyncio.get_running_loop().call_later(REDIAL_S, self.connect, a, b)

    def part(self, *pairs: tuple[int, int]) -> None:
        """Nothing passes between these any more."""
        for a, b in pairs:
            self.cut.add(frozenset((a, b)))
            for one, other in ((a, b), (b, a)):
                if one in self.up:
                    self.up[one].lose(other)

    def heal(self) -> None:
        """Everybody reaches everybody."""
        self.cut.clear()
        for a in list(self.up):
            for b in list(self.up):
                self.connect(a, b)

    def watch(self, member: int, item: message.Item) -> None:
        """Two things in one slot, or two headers for a height, are never said."""
        if isinstance(item, message.Announced):
            vertex = decode_vertex(item.vertex)
            slot = vertex.author, vertex.round
            assert self.said.setdefault(slot, vertex.digest) == vertex.digest, f"two vertices in slot {slot}"
        if isinstance(item, message.Signed):
            place = member, item.word.statement.height
            header = item.word.statement.header
            assert self.signed.setdefault(place, header) == header, f"two headers signed at {place}"

    async def until(self, is_so: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until it is so, or fail."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not is_so():
            self.check()
            assert asyncio.get_running_loop().time() < deadline, "it never came to be so"
            await asyncio.sleep(0.01)

    def check(self) -> None:
        """Nothing failed behind our back."""
        assert not self.errors, self.errors
        for run in self.runs.values():
            if run.done():
                run.result()

    async def put(
        self, place: int, name: str, content: bytes = b"{}", wait: Wait = "executed", timeout_ms: int = 30_000
    ) -> Fate:
        """Write a record through a node."""
        service, given = self.services[place], attachment(content, name)
        arguments = encode(PutRecords((RecordItem("notes", name, 0, None),)))
        wish = Wish("records", "put", arguments, (given,), None, b"")
        return await service.write(service.authenticate(None, "write"), wish, wait, timeout_ms)

    async def read(self, place: int, name: str) -> bytes | None:
        """A record's content as a node has it."""
        view = await self.services[place].find_record("notes", name, None)
        return None if view is None else view.content

    async def settle(self) -> None:
        """Wait until all nodes that run have the same head, and nobody has anything left to do."""
        await self.until(
            lambda: (
                len({node.store.head_hash for node in self.nodes.values()}) == 1
                and not any(len(node.pool) for node in self.nodes.values())
            )
        )
        self.check()

    @property
    def heights(self) -> list[int]:
        return [self.nodes[place].store.head.height for place in sorted(self.nodes)]
