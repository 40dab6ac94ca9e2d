"""The network between the members, and what goes wrong in it.

Each pair has a link in each direction, with its own delay. A stream keeps what the real one promises: items
in order from the Opening on, or it breaks and begins anew. Faults go beyond that: items are lost, doubled and
overtaken inside a stream. Such a stream is cut when the network heals, as its Opening would make good what it
has swallowed.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from weft.model import message
from weft.simulation.loop import Host, JumpingLoop

if TYPE_CHECKING:
    from weft.simulation.port import Port


@dataclass(slots=True)
class Link:
    """One direction between two members."""

    delay_s: float = 0.0005
    jitter_s: float = 0.0002
    slow_s: float = 0.0
    """Added for a while by a fault."""
    lost: float = 0.0
    doubled: float = 0.0
    overtaken: float = 0.0
    """Chances of each item."""
    is_cut: bool = False


class Sent:
    """An item on its way: encoded once, decoded once, however many get it."""

    __slots__ = ("_item", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._item: message.Item | None = None

    @property
    def item(self) -> message.Item:
        """Raises EncodingError."""
        if self._item is None:
            self._item = message.decode_item(self.raw)
        return self._item


@dataclass(slots=True, eq=False)
class Stream:
    """From one member to another, from its dial to its end."""

    begin: "Port"
    end: "Port"
    is_open: bool = False
    is_over: bool = False
    has_holes: bool = False
    """Whether it swallowed something."""
    arrived: deque[Sent] = field(default_factory=deque)
    awaited: "asyncio.Future[None] | None" = None
    last_s: float = 0.0
    """When the newest item arrives."""


class Network:
    """All links and streams of one world."""

    def __init__(self, loop: JumpingLoop, size: int, random: Random, queue_bytes_max: int) -> None:
        self.loop = loop
        self.size = size
        self.random = random
        self.queue_bytes_max = queue_bytes_max
        self.links = [[Link() for _ in range(size)] for _ in range(size)]
        self.ports: dict[int, Port] = {}
        self.context = Host().context
        """What is on its way does not wait for anybody's pause."""
        self.items = 0
        """Items handed to the network so far: while this stands still, the network is silent."""

    def delay_s(self, a: int, b: int) -> float:
        link = self.links[a][b]
        return link.delay_s + link.slow_s + self.random.random() * link.jitter_s

    def later(self, seconds: float, call: Callable[..., None], *arguments: object) -> None:
        self.loop.call_at(self.loop.time() + seconds, call, *arguments, context=self.context)

    def cut(self, a: int, b: int) -> None:
        """Nothing passes from `a` to `b` any more; who waits for it notices after a while."""
        self.links[a][b].is_cut = True
        if a in self.ports:
            self.later(self.random.uniform(0.01, 2), self.ports[a].sever_if_cut, b)

    def mend(self, a: int, b: int) -> None:
        self.links[a][b].is_cut = False
        self.make_good(a, b)

    def make_good(self, a: int, b: int) -> None:
        stream = self.ports[a].streams.get(b) if a in self.ports else None
        if stream is not None and stream.has_holes:
            self.ports[a].sever(b)

    def heal(self) -> None:
        """From now on nothing fails."""
        for a, row in enumerate(self.links):
            for b, link in enumerate(row):
                link.is_cut, link.slow_s = False, 0.0
                link.lost = link.doubled = link.overtaken = 0.0
                self.make_good(a, b)
