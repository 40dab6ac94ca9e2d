"""What is done to nodes. Each fault is struck, lasts, and is healed; none of them knows of the others."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.fire.bed import Bed
from tests.fire.fabric import CUT, Condition

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Fault:
    """`nodes` are those that nobody can rely on while it lasts."""

    nodes: tuple[int, ...]

    async def strike(self, bed: Bed) -> None:
        raise NotImplementedError

    async def heal(self, bed: Bed) -> None:
        """Undo it; what only concerns links is undone by clearing all conditions."""

    @property
    def how(self) -> str:
        """What is particular about it."""
        return ""

    @property
    def text(self) -> str:
        named = ", ".join(map(str, self.nodes))
        return " ".join(filter(None, (type(self).__name__.lower(), named, self.how)))


@dataclass(frozen=True, slots=True)
class Killed(Fault):
    """SIGKILL; started again when it heals, and as often as drawn killed once more while it starts."""

    again_s: tuple[float, ...] = ()

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            bed.kill(node)

    async def heal(self, bed: Bed) -> None:
        for pause_s in self.again_s:
            for node in self.nodes:
                bed.start(node)
            await asyncio.sleep(pause_s)
            for node in self.nodes:
                bed.kill(node)
        for node in self.nodes:
            bed.start(node)


@dataclass(frozen=True, slots=True)
class Paused(Fault):
    """SIGSTOP: the process is there, its connections are open, and it says nothing."""

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            bed.pause(node)

    async def heal(self, bed: Bed) -> None:
        for node in self.nodes:
            bed.resume(node)


@dataclass(frozen=True, slots=True)
class Parted(Fault):
    """No way between these nodes and all others but `bridge`; clients reach every node."""

    bridge: int | None = None

    async def strike(self, bed: Bed) -> None:
        for inside in self.nodes:
            for outside in _others(bed, (*self.nodes, *_maybe(self.bridge))):
                bed.conditions.put(inside, outside, CUT)
                bed.conditions.put(outside, inside, CUT)

    @property
    def how(self) -> str:
        return "" if self.bridge is None else f"but over {self.bridge}"


@dataclass(frozen=True, slots=True)
class Islands(Fault):
    """Each of these nodes alone: no way to any other."""

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            for other in _others(bed, (node,)):
                bed.conditions.put(node, other, CUT)
                bed.conditions.put(other, node, CUT)


@dataclass(frozen=True, slots=True)
class Mute(Fault):
    """These nodes hear all others, who hear nothing of them."""

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            for other in _others(bed, self.nodes):
                bed.conditions.put(node, other, CUT)


@dataclass(frozen=True, slots=True)
class Deaf(Fault):
    """All others hear these nodes, who hear nothing of them."""

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            for other in _others(bed, self.nodes):
                bed.conditions.put(other, node, CUT)


@dataclass(frozen=True, slots=True)
class Unheard(Fault):
    """Clients reach these nodes, whose answers are lost."""

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            bed.conditions.put(node, bed.count, CUT)


@dataclass(frozen=True, slots=True)
class Slow(Fault):
    """Between these nodes and all others the way is long and rough."""

    condition: Condition

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            for other in _others(bed, (node,)):
                bed.conditions.put(node, other, self.condition)
                bed.conditions.put(other, node, self.condition)

    @property
    def how(self) -> str:
        way = self.condition
        least_ms, most_ms = way.delay_s * 1000, (way.delay_s + way.jitter_s) * 1000
        return f"by {least_ms:.0f} to {most_ms:.0f} ms, {way.loss:.0%} lost, {way.twice:.0%} twice"


@dataclass(frozen=True, slots=True)
class Full(Fault):
    """Its disk has so much room and no more; a node that ends over it is started again with room."""

    room_bytes: int

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            await asyncio.to_thread(bed.fill_disk, node, self.room_bytes)

    async def heal(self, bed: Bed) -> None:
        for node in self.nodes:
            bed.free_disk(node)
            bed.start(node)

    @property
    def how(self) -> str:
        return f"to {self.room_bytes >> 10} KiB"


@dataclass(frozen=True, slots=True)
class Clock(Fault):
    """Its clock is ahead, and goes back when it heals."""

    ahead_s: float

    async def strike(self, bed: Bed) -> None:
        for node in self.nodes:
            bed.set_clock(node, self.ahead_s)

    async def heal(self, bed: Bed) -> None:
        for node in self.nodes:
            bed.set_clock(node, 0.0)

    @property
    def how(self) -> str:
        return f"ahead {self.ahead_s:g} s"


Draw = Callable[[Random, tuple[int, ...], int], Fault]
"""Of a fault that strikes these nodes, among so many."""

EVERYWHERE: dict[str, Draw] = {
    "killed": lambda chance, nodes, _: Killed(
        nodes, tuple(chance.uniform(0, 3) for _ in range(chance.choice((0, 0, 1, 2))))
    ),
    "paused": lambda _, nodes, __: Paused(nodes),
    "parted": lambda _, nodes, __: Parted(nodes),
    "bridged": lambda chance, nodes, count: Parted(nodes, _bridge(chance, nodes, count)),
    "islands": lambda _, nodes, __: Islands(nodes),
    "mute": lambda _, nodes, __: Mute(nodes),
    "deaf": lambda _, nodes, __: Deaf(nodes),
    "unheard": lambda _, nodes, __: Unheard(nodes),
    "slow": lambda chance, nodes, _: Slow(nodes, _roughness(chance)),
}
SMALL_DISK: dict[str, Draw] = {
    "full": lambda chance, nodes, _: Full(nodes, chance.choice((0, 0, 200 << 10, 2 * MIB))),
}
CLOCK_THAT_CAN_BE_SET: dict[str, Draw] = {
    "clock": lambda chance, nodes, _: Clock(nodes, chance.choice((0.3, 2.0, 8.0, 20.0))),
}

KINDS = (*EVERYWHERE, *SMALL_DISK, *CLOCK_THAT_CAN_BE_SET)


def _bridge(chance: Random, nodes: Sequence[int], count: int) -> int | None:
    others = [node for node in range(count) if node not in nodes]
    return chance.choice(others) if others else None


def _roughness(chance: Random) -> Condition:
    delay_s = chance.choice((0.0, 0.02, 0.1, 0.3))
    return Condition(
        delay_s=delay_s,
        jitter_s=chance.choice((0.0, 0.5, 2.0)) * delay_s,
        loss=chance.choice((0.0, 0.01, 0.1, 0.3)),
        twice=chance.choice((0.0, 0.05)),
    )


def _others(bed: Bed, nodes: Sequence[int]) -> list[int]:
    return [node for node in range(bed.count) if node not in nodes]


def _maybe(node: int | None) -> tuple[int, ...]:
    return () if node is None else (node,)
