"""What the way from one end to another is like. Ends are the nodes by number, and after them the clients."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Condition:
    """Of one direction between two ends."""

    is_cut: bool = False
    """Nothing arrives, and nobody is told."""
    delay_s: float = 0.0
    jitter_s: float = 0.0
    """Added to the delay, up to so much, anew for each piece."""
    loss: float = 0.0
    """The share of pieces that do not arrive."""
    twice: float = 0.0
    """The share of pieces that arrive twice."""


CLEAR = Condition()
CUT = Condition(is_cut=True)


class Conditions:
    """The condition of every direction; clear unless set."""

    def __init__(self, chance: Random) -> None:
        self._set: dict[tuple[int, int], Condition] = {}
        self._due: dict[tuple[int, int], float] = {}
        self._chance = chance
        self._changed = asyncio.Event()

    def put(self, source: int, target: int, condition: Condition) -> None:
        """From now on it is so."""
        self._set[source, target] = condition
        self._tell()

    def clear(self) -> None:
        """All is well again."""
        self._set.clear()
        self._due.clear()
        self._tell()

    def find(self, source: int, target: int) -> Condition | None:
        """None where all is well."""
        return self._set.get((source, target))

    def due(self, source: int, target: int, condition: Condition, now: float) -> float:
        """When a piece sent now arrives: never before the piece sent before it."""
        due = now + condition.delay_s + condition.jitter_s * self._chance.random()
        due = max(due, self._due.get((source, target), 0.0))
        self._due[source, target] = due
        return due

    def is_drawn(self, share: float) -> bool:
        return share > 0 and self._chance.random() < share

    async def wait_uncut(self, source: int, target: int) -> None:
        while (self.find(source, target) or CLEAR).is_cut:
            await self._changed.wait()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(frozen=True, slots=True)
class Place:
    """Where one node listens, and where it finds the others."""

    host: str
    api_port: int
    peer_port: int
    addresses: tuple[str, ...]


class Carrier(Protocol):
    """What carries bytes between the ends, as the conditions say."""

    conditions: Conditions

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def place(self, node: int) -> Place: ...

    def enter(self, node: int) -> tuple[list[str], tuple[int, ...]]:
        """What stands before a command so that it runs where the node lives, and the descriptors it needs."""
        ...
