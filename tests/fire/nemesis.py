"""Strikes and heals, all drawn from a seed, and notes every promise that a node breaks on the way."""

import asyncio
import time
from collections.abc import Sequence
from random import Random

import httpx
import msgspec

from tests.fire.bed import Bed
from tests.fire.faults import CLOCK_THAT_CAN_BE_SET, EVERYWHERE, SMALL_DISK, Draw, Fault, Full

RECOVERY_S = 60.0
"""How long after all is healed every node may take until it serves again."""
LOOK_S = 0.2
LASTS_S_MEAN, LASTS_S_MAX = 4.0, 15.0
PROBE = "/v1/records/probe"


class Phase(msgspec.Struct):
    """One turn of the nemesis. `is_survivable`: the fault model promises that the network goes on."""

    number: int
    faults: list[str]
    is_survivable: bool
    struck_us: int
    healed_us: int = 0
    recovered_us: int = 0


class Nemesis:
    """Goes for the nodes of a bed. One drawn node has the small disk and the clock that can be set."""

    def __init__(self, bed: Bed, seed: str, begun_ns: int) -> None:
        self.phases: list[Phase] = []
        self.violations: list[str] = []
        self._bed = bed
        self._seed = seed
        self.begun_ns = begun_ns
        self.doing = "starting"
        self._deck: list[str] = []
        self._draws: dict[str, Draw] = dict(EVERYWHERE)
        self._special: dict[str, Draw] = {}
        chance = Random(f"{seed}:nemesis")
        self.special = chance.randrange(bed.count)

    def allow(self, has_small_disk: bool, has_clock: bool, only: Sequence[str]) -> None:
        """What can be had for the drawn node, and the kinds of fault that are wished, or all."""
        self._special |= SMALL_DISK if has_small_disk else {}
        self._special |= CLOCK_THAT_CAN_BE_SET if has_clock else {}
        for draws in (self._draws, self._special) if only else ():
            for kind in set(draws) - set(only):
                del draws[kind]

    async def run(self, seconds: float) -> None:
        """Strike and heal until time is up or a promise is broken. All is healed when this returns."""
        deadline = time.monotonic() + seconds
        number = 0
        while time.monotonic() < deadline and not self.violations:
            chance = Random(f"{self._seed}:phase:{number}")
            await self._play(number, chance, deadline)
            await asyncio.sleep(chance.uniform(0.5, 3))
            number += 1

    async def _play(self, number: int, chance: Random, deadline: float) -> None:
        faults, is_survivable = self._draw(chance)
        phase = Phase(number, [fault.text for fault in faults], is_survivable, self._now())
        self.phases.append(phase)
        self.doing = " + ".join(phase.faults)
        lasts_s = min(
            0.3 + chance.expovariate(1 / LASTS_S_MEAN), LASTS_S_MAX, deadline - time.monotonic() + 1
        )
        for fault in faults:
            await fault.strike(self._bed)
            await asyncio.sleep(chance.uniform(0, 0.3))
        await self._watch(max(0.3, lasts_s), faults)
        self._bed.conditions.clear()
        for fault in chance.sample(faults, len(faults)):
            await fault.heal(self._bed)
        self._bed.free_disk(self.special)
        phase.healed_us = self._now()
        self.doing = "healing"
        await self._recover(phase, faults)
        phase.recovered_us = self._now()
        self.doing = "quiet"

    def _draw(self, chance: Random) -> tuple[list[Fault], bool]:
        """One to three faults, each kind as often as any other; those that strike the same nodes may be
        survived, if the fault model says so of that many."""
        bed = self._bed
        kinds = [self._deal(chance) for _ in range(chance.choices((1, 2, 3), (60, 30, 10))[0])]
        is_survivable = chance.random() < 0.75
        count = chance.randint(1, bed.tolerated) if is_survivable else bed.tolerated + 1
        if not is_survivable:
            count = chance.choice((count, bed.count, bed.count))
        nodes = chance.sample(range(bed.count), count)
        if any(kind in self._special for kind in kinds) and self.special not in nodes:
            nodes[0] = self.special
        victims = tuple(sorted(nodes))
        faults = []
        for kind in dict.fromkeys(kinds):
            draw = self._special.get(kind)
            mine = victims if draw is None else (self.special,)
            faults.append((draw or self._draws[kind])(chance, mine, bed.count))
        return faults, is_survivable

    def _deal(self, chance: Random) -> str:
        """The next kind of a shuffled deck of all kinds."""
        if not self._deck:
            self._deck = [*self._draws, *self._special]
            chance.shuffle(self._deck)
        return self._deck.pop()

    async def _watch(self, seconds: float, faults: list[Fault]) -> None:
        """Wait, and look whether nodes end that have no reason to."""
        until = time.monotonic() + seconds
        while (rest := until - time.monotonic()) > 0:
            await asyncio.sleep(min(LOOK_S, rest))
            self._look(faults)

    def _look(self, faults: list[Fault]) -> None:
        def may_end(node: int) -> bool:
            return any(isinstance(fault, Full) and node in fault.nodes for fault in faults)

        self._bed.note_ended(may_end)
        self.violations += [text for text in self._bed.ended.values() if text not in self.violations]

    async def _recover(self, phase: Phase, faults: list[Fault]) -> None:
        """Every node is ready, writes, and reads what it wrote; a violation when it takes too long."""
        deadline = time.monotonic() + RECOVERY_S
        waiting = set(range(self._bed.count))
        said = dict.fromkeys(waiting, "nothing")
        while waiting and not self.violations:
            for node in sorted(waiting):
                said[node] = await self._probe(node, phase.number)
                if not said[node]:
                    waiting.discard(node)
            if waiting and time.monotonic() > deadline:
                stuck = "; ".join(f"node{node}: {said[node]}" for node in sorted(waiting))
                self.violations.append(
                    f"{RECOVERY_S:.0f} s after phase {phase.number} was healed ({', '.join(phase.faults)}) "
                    f"not all nodes serve: {stuck}"
                )
            self._look(faults)
            await asyncio.sleep(LOOK_S if waiting else 0)

    async def _probe(self, node: int, number: int) -> str:
        """What is wrong with a node; empty if it serves."""
        bed = self._bed
        if not bed.is_running(node):
            bed.start(node)
            return "it did not run"
        ready = await bed.ask(node, "/readyz")
        if ready is None or ready.status_code != 200:
            return "not ready: " + ("no answer" if ready is None else ready.text)
        url = f"{bed.urls[node]}{PROBE}/node{node}"
        try:
            written = await bed.http.put(url, params={"timeout_ms": 1500}, json=number)
            if not written.is_success:
                return f"a write: {written.status_code} {written.text}"
            read = await bed.http.get(url, params={"consistency": "linearizable"})
        except httpx.HTTPError as error:
            return f"a write or read: {type(error).__name__}"
        if not read.is_success:
            return f"a read: {read.status_code} {read.text}"
        return "" if read.json()["value"] == number else f"a read: {read.text} after {number} was written"

    def _now(self) -> int:
        return (time.monotonic_ns() - self.begun_ns) // 1000
