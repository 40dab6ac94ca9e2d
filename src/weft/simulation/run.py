"""One seed from its beginning to its end."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from weft.execution.builtin import members
from weft.execution.builtin import records as records_contract
from weft.execution.contract import Contract
from weft.model.keys import is_signed
from weft.simulation.byzantine import BEHAVIOURS
from weft.simulation.checkers import CHECKERS
from weft.simulation.faults import FAULTS, Storm
from weft.simulation.follower import follow
from weft.simulation.keyed import is_keyed
from weft.simulation.loop import JumpingLoop
from weft.simulation.ports import Behaviour, Checker, Violation
from weft.simulation.scenario import ANYTHING, Given, Scenario, draw
from weft.simulation.workload import Client, Workload, records
from weft.simulation.world import World

CONTRACTS = {contract.name: contract for contract in (records_contract.CONTRACT, members.CONTRACT)}
EVENTS_PER_ROUND = 4_000
SECONDS_MAX = 9_000.0
STORM_SECONDS = 90.0
"""Virtual time after which a run ends that cannot get on."""
HEAL_SECONDS = 120.0
"""Virtual time in which everything that waits must be done once nothing fails any more."""
QUIET_SECONDS = 25.0
"""So long must nobody have said anything: longer than the longest pause between two attempts."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run found."""

    scenario: Scenario
    digest: str
    """Of everything that happened."""
    violation: Violation | None
    rounds: int
    blocks: int
    calls: int
    seconds: float
    """Of the world's own time."""
    counts: dict[str, int]
    """How often each thing happened."""
    lines: tuple[str, ...]
    """The last lines of the trace."""
    drawing: str
    """The graph as text, if something was found."""


@contextmanager
def _without_logs() -> Iterator[None]:
    """Thousands of nodes say nothing; afterwards logs are as they were."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


@_without_logs()
def simulate(
    seed: int,
    given: Given = ANYTHING,
    contracts: Mapping[str, Contract] | None = None,
    workload: Workload = records,
    checkers: Sequence[Callable[[], Checker]] = CHECKERS,
    behaviours: Sequence[type[Behaviour]] = BEHAVIOURS,
) -> Result:
    """Run one seed. `contracts` come on top of those that all networks have."""
    scenario = draw(seed, given, tuple(FAULTS), behaviours)
    loop = JumpingLoop(  # type: ignore[abstract] # nodes need no more of it
        EVENTS_PER_ROUND * (scenario.rounds + 500) * len(scenario.signers), SECONDS_MAX
    )
    asyncio.events._set_running_loop(loop)
    try:
        world = World(
            seed,
            scenario.mode,
            loop,
            scenario.genesis,
            scenario.signers,
            scenario.gateway,
            is_signed if scenario.is_real else is_keyed,
            CONTRACTS | dict(contracts or {}),
            scenario.limits,
            {place: [kind() for kind in kinds] for place, kinds in scenario.liars.items()},
            [make() for make in checkers],
        )
    finally:
        asyncio.events._set_running_loop(None)
    try:
        loop.run_until_complete(_Run(world, scenario, workload).play())
    except Violation as violation:
        world.broken(violation)
    rounds, seconds = world.round, loop.time()
    loop.run_until_complete(world.end())
    blocks = max(one.disk.store.head.height for one in world.honest)
    return Result(
        scenario,
        world.trace.digest,
        world.violation,
        rounds,
        blocks,
        world.calls,
        seconds,
        dict(sorted(world.trace.counts.items())),
        tuple(world.trace.last(60)) if world.violation else (),
        world.drawing.render() if world.violation else "",
    )


class _Run:
    """The story of one seed."""

    def __init__(self, world: World, scenario: Scenario, workload: Workload) -> None:
        self._world = world
        self._scenario = scenario
        self._workload = workload
        self._clients = [Client(world, number, key) for number, key in enumerate(scenario.clients)]

    async def play(self) -> None:
        world, scenario = self._world, self._scenario
        self._settle_links()
        for validator in world.validators:
            validator.start()
        clients = [asyncio.ensure_future(self._workload(client)) for client in self._clients]
        clients.append(asyncio.ensure_future(follow(world)))
        storm = [asyncio.ensure_future(FAULTS[name](self._storm(name))) for name in scenario.faults]
        share = 1.0 if scenario.mode == "safety" else 0.7
        come = world.progress.wait(round(share * scenario.rounds))
        await asyncio.wait(
            (come, *storm, *clients), timeout=STORM_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        for part in storm + clients:
            if part.done():
                part.result()
        if scenario.mode == "liveness":
            await self._heal(storm, clients)
        await _end(storm + clients)
        if world.violation is None:
            world.finish(tuple(asked for client in self._clients for asked in client.pending.values()))

    def _settle_links(self) -> None:
        world, random = self._world, self._world.chance("links")
        for row in world.network.links:
            for link in row:
                link.delay_s = self._scenario.delay_s * random.uniform(0.5, 2)
                link.jitter_s = link.delay_s * random.choice((0.1, 0.5, 2))
        for validator in world.validators:
            validator.wall.rate = 1 + random.uniform(-1e-4, 1e-4)
            validator.delays_s["sync"] = random.choice((0.0, 0.0002, 0.002))
            validator.delays_s["apply"] = random.choice((0.0, 0.0002, 0.002))

    def _storm(self, name: str) -> Storm:
        scale_s = 40 * (self._scenario.delay_s + 0.001)
        return Storm(self._world, self._world.chance(f"fault {name}"), scale_s)

    async def _heal(
        self, storm: Sequence["asyncio.Future[None]"], clients: Sequence["asyncio.Future[None]"]
    ) -> None:
        """From here on nothing fails; all that waits must be done, and then there must be silence."""
        world = self._world
        await _end(storm)
        world.is_healed = True
        world.network.heal()
        for validator in world.validators:
            validator.crash_at, validator.wall.offset_ms = 0, 0
            validator.disk.fill(False)
            if validator.life is not None:
                world.loop.resume(validator.life.host)
        world.trace.note("world", "heals")
        world.tell("healed")
        await asyncio.wait((world.progress.wait(world.round + 20),), timeout=1)
        world.is_closing = True
        # What a member said while its clock was ahead is held by the others for as long.
        ahead_s = max(validator.wall.furthest_ms for validator in world.validators) / 1000
        deadline = world.loop.time() + ahead_s + HEAL_SECONDS
        while not self._is_settled():
            if world.loop.time() > deadline:
                raise Violation("Progress once faults stop", self._why_not_settled())
            await asyncio.sleep(0.05)
        await _end(clients)
        if not world.liars:
            await self._hear_silence()

    async def _hear_silence(self) -> None:
        """Wait until nobody has said anything for a while. (A liar may keep everybody awake.)"""
        network, loop = self._world.network, self._world.loop
        deadline, items = loop.time() + HEAL_SECONDS, -1
        while items != network.items:
            if loop.time() > deadline:
                raise Violation(
                    "Silence when idle", f"{network.items - items} items in {QUIET_SECONDS} s, nothing to do"
                )
            items = network.items
            await asyncio.sleep(QUIET_SECONDS)

    def _is_settled(self) -> bool:
        nodes = [one.life.node if one.life is not None else None for one in self._world.honest]
        up = [node for node in nodes if node is not None]
        return (
            len(up) == len(nodes)
            and len({node.store.head_hash for node in up}) == 1
            and all(node.is_speaking and not node.is_catching_up for node in up)
            and not any(len(node.pool) for node in up)
            and not any(client.pending for client in self._clients)
        )

    def _why_not_settled(self) -> str:
        found = []
        for one in self._world.honest:
            node = one.life.node if one.life is not None else None
            found.append(
                f"member {one.place} is down"
                if node is None
                else f"member {one.place}: height {node.store.head.height}, round {node.core.round}, "
                f"final {node.core.last_final}, pool {len(node.pool)}, speaks {node.is_speaking}, "
                f"catching up {node.is_catching_up}"
            )
        return "; ".join(found)


async def _end(parts: Sequence["asyncio.Future[None]"]) -> None:
    for part in parts:
        part.cancel()
    await asyncio.gather(*parts, return_exceptions=True)


def again(scenario: Scenario) -> str:
    """The command that runs it again."""
    return f"weft simulate --seed {scenario.seed}"
