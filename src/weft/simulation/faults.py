"""What goes wrong: each fault rages beside the others until the world heals, and then makes good what it did.

Lengths are drawn around `scale_s`, some dozens of rounds of the world at hand: long enough to matter, short
enough that much happens in a run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from weft.model.limits import LOCAL
from weft.simulation.validator import Validator
from weft.simulation.world import World

LULL_S = 4.0
HOUR_MS = 3_600_000


@dataclass(slots=True)
class Storm:
    """What a fault has to work with."""

    world: World
    random: Random
    scale_s: float

    async def last(self) -> None:
        """As long as a fault lasts."""
        await asyncio.sleep(self.random.expovariate(1 / self.scale_s))

    async def lull(self, rounds: float = 20) -> None:
        """About so many rounds without this fault, so that faults leave time for something to happen; but no
        longer than some seconds, for it may be that nothing can happen any more."""
        target = self.world.round + round(self.random.expovariate(1 / rounds))
        with suppress(TimeoutError):
            async with asyncio.timeout(self.random.expovariate(1 / LULL_S)):
                await self.world.progress.wait(target)

    def may_fail(self, validator: Validator) -> bool:
        """Whether this member may do what only f may: it lies, did so before, or f has room for it."""
        world = self.world
        if validator.place in world.liars or validator.place in world.unruly:
            return True
        weight = world.genesis.members[validator.place].weight
        if (
            world.genesis.committee.weigh((*world.liars, *world.unruly)) + weight
            > world.genesis.committee.faulty
        ):
            return False
        world.unruly.append(validator.place)
        return True

    def pair(self) -> tuple[int, int]:
        a, b = self.random.sample(range(self.world.network.size), 2)
        return a, b

    def running(self) -> Validator | None:
        """A member that is up, if there is one."""
        up = [one for one in self.world.validators if one.life is not None]
        return self.random.choice(up) if up else None


async def delay(storm: Storm) -> None:
    """A direction between two members becomes slower by up to a hundred times."""
    while True:
        await storm.lull()
        a, b = storm.pair()
        link = storm.world.network.links[a][b]
        link.slow_s = link.delay_s * storm.random.uniform(1, 100)
        await storm.last()
        link.slow_s = 0.0


async def loss(storm: Storm) -> None:
    """Items and questions vanish."""
    while True:
        await storm.lull()
        a, b = storm.pair()
        link = storm.world.network.links[a][b]
        link.lost = storm.random.choice((0.02, 0.2, 0.6))
        await storm.last()
        link.lost = 0.0
        storm.world.network.make_good(a, b)


async def duplication(storm: Storm) -> None:
    """Items arrive twice."""
    while True:
        a, b = storm.pair()
        storm.world.network.links[a][b].doubled = 0.2
        await storm.last()
        storm.world.network.links[a][b].doubled = 0.0
        await storm.lull()


async def reordering(storm: Storm) -> None:
    """Items overtake each other."""
    while True:
        a, b = storm.pair()
        storm.world.network.links[a][b].overtaken = 0.3
        await storm.last()
        storm.world.network.links[a][b].overtaken = 0.0
        await storm.lull()


async def partition(storm: Storm) -> None:
    """Members fall into two groups; nothing passes between them, or in one direction only."""
    network = storm.world.network
    while True:
        await storm.lull(40)
        left = [place for place in range(network.size) if storm.random.random() < 0.5]
        right = [place for place in range(network.size) if place not in left]
        is_one_way = storm.random.random() < 0.3
        cut = [(a, b) for a in left for b in right]
        cut += [] if is_one_way else [(b, a) for a in left for b in right]
        await _cut_for_a_while(storm, "partition", cut)


async def one_way(storm: Storm) -> None:
    """Some links carry nothing in one direction: a partition that is not one."""
    while True:
        await storm.lull()
        cut = [storm.pair() for _ in range(storm.random.randint(1, storm.world.network.size))]
        await _cut_for_a_while(storm, "one-way", sorted(set(cut)))


async def _cut_for_a_while(storm: Storm, what: str, cut: list[tuple[int, int]]) -> None:
    network = storm.world.network
    storm.world.trace.note("fault", what, cut)
    for a, b in cut:
        network.cut(a, b)
    await storm.last()
    for a, b in cut:
        network.mend(a, b)
    storm.world.trace.note("fault", what, "over")


async def disconnection(storm: Storm) -> None:
    """A stream breaks with all that is on it, and is dialled anew."""
    while True:
        await storm.lull()
        a, b = storm.pair()
        if a in storm.world.network.ports:
            storm.world.network.ports[a].sever(b)


async def slowness(storm: Storm) -> None:
    """A member's disk and workers become slow."""
    while True:
        await storm.lull()
        validator = storm.random.choice(storm.world.validators)
        kept = dict(validator.delays_s)
        for lane in ("sync", "apply", "verify", "read", "send"):
            validator.delays_s[lane] = kept.get(lane, 0.0) + storm.random.expovariate(20 / storm.scale_s)
        try:
            await storm.last()
        finally:
            validator.delays_s.clear()
            validator.delays_s.update(kept)


async def pause(storm: Storm) -> None:
    """A process gets no share of its machine, and then goes on as if nothing had been."""
    loop = storm.world.loop
    while True:
        await storm.lull()
        validator = storm.running()
        if validator is not None and validator.life is not None:
            host = validator.life.host
            storm.world.trace.note("fault", "pause", validator.place)
            loop.pause(host)
            try:
                await storm.last()
            finally:
                loop.resume(host)


async def clock(storm: Storm) -> None:
    """A wall clock jumps: within what is tolerated, by an hour, or back; or clocks run too fast or slow."""
    while True:
        await storm.lull()
        validator = storm.random.choice(storm.world.validators)
        jump_ms = storm.random.choice((400, -400, -5_000, -HOUR_MS, 0, 5_000, HOUR_MS))
        if jump_ms > LOCAL.ahead_ms_max and storm.world.mode == "liveness" and not storm.may_fail(validator):
            # What it says would be held for an hour, however long all is well by then.
            continue
        validator.wall.jump(jump_ms)
        storm.world.trace.note("fault", "clock", validator.place, jump_ms)


async def crash(storm: Storm) -> None:
    """The power of a member goes, at any call of any of its ports; sometimes that of all at once."""
    while True:
        await storm.lull(40)
        if storm.random.random() < 0.1:
            for validator in storm.world.validators:
                if validator.life is not None:
                    validator.crash("all")
        elif (one := storm.running()) is not None:
            one.crash_at = one.steps + storm.random.randint(1, 200)


async def full_disk(storm: Storm) -> None:
    """A disk takes nothing for a while, or is so nearly full that the node refuses writes."""
    while True:
        await storm.lull(40)
        validator = storm.random.choice(storm.world.validators)
        is_quite_full, usual = storm.random.random() < 0.7, validator.free
        validator.disk.fill(is_quite_full)
        validator.free = 0
        storm.world.trace.note("fault", "full disk", validator.place, is_quite_full)
        try:
            await storm.last()
        finally:
            validator.disk.fill(False)
            validator.free = usual


async def rot(storm: Storm) -> None:
    """Synced bytes of a stopped member change, or its disk is gone; never of more than may be faulty."""
    while True:
        await storm.lull(60)
        validator = storm.running()
        if validator is None or validator.is_damaged:
            continue
        if not storm.may_fail(validator):
            continue
        validator.is_damaged = True
        validator.crash("rot")
        if storm.random.random() < 0.5:
            validator.disk.files.flip(storm.random)
        else:
            validator.is_disk_lost = True
            validator.disk.lose()
        storm.world.trace.note("fault", "rot", validator.place, validator.is_disk_lost)


FAULTS: dict[str, Callable[[Storm], Awaitable[None]]] = {
    "delay": delay,
    "loss": loss,
    "duplication": duplication,
    "reordering": reordering,
    "partition": partition,
    "one-way": one_way,
    "disconnection": disconnection,
    "slowness": slowness,
    "pause": pause,
    "clock": clock,
    "crash": crash,
    "full-disk": full_disk,
    "rot": rot,
}
"""By the names that `--faults` takes."""
