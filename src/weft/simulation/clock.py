"""A member's clocks and workers: time that only runs forward, a little too fast or too slow, time on the
wall, which may jump, and lanes that take their time."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from weft.simulation.loop import Host, JumpingLoop

T = TypeVar("T")

BEGIN_MS = 1_700_000_000_000
"""What the wall clocks of all worlds show at their beginning."""


class Wall:
    """A member's clocks as they outlive its process."""

    def __init__(self) -> None:
        self.rate = 1.0
        """How fast they run."""
        self.offset_ms = 0
        """How far the one on the wall is ahead."""
        self.furthest_ms = 0
        """How far it ever was."""

    def jump(self, offset_ms: int) -> None:
        """Let it show so much more than it should."""
        self.offset_ms = offset_ms
        self.furthest_ms = max(self.furthest_ms, offset_ms)


class Clock:
    """One life's clock and timer (`weft.node.ports.Clock`)."""

    def __init__(self, loop: JumpingLoop, host: Host, wall: Wall) -> None:
        self._loop = loop
        self._host = host
        self._wall = wall
        self._timer: asyncio.TimerHandle | None = None

    def now_us(self) -> int:
        return round(self._loop.time() * self._wall.rate * 1e6)

    def wall_ms(self) -> int:
        return BEGIN_MS + self._wall.offset_ms + round(self._loop.time() * self._wall.rate * 1e3)

    def call_at(self, at_us: int, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        when = at_us / 1e6 / self._wall.rate + 1e-6
        self._timer = self._loop.call_at(when, call, context=self._host.context)


class Workers:
    """Everything on the loop: the calls of a lane in turn, each after the time that it would take."""

    def __init__(self, loop: JumpingLoop, delays_s: dict[str, float]) -> None:
        self._loop = loop
        self._delays_s = delays_s
        self._free_s: dict[str, float] = {}

    async def run(self, lane: str, call: Callable[[], T]) -> T:
        delay_s = self._delays_s.get(lane, 0.0)
        due_s = max(self._free_s.get(lane, 0.0), self._loop.time()) + delay_s
        self._free_s[lane] = due_s
        await asyncio.sleep(due_s - self._loop.time())
        return call()
