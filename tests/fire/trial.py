"""One trial: a bed, clients and a nemesis for some seconds, then everything that was promised is checked."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

import msgspec

from tests.fire.bed import Bed
from tests.fire.clients import Plan
from tests.fire.enclosure import is_enclosed
from tests.fire.fabric import Carrier
from tests.fire.history import Operation, read_history
from tests.fire.linear import Verdict, build_judge, judge
from tests.fire.nemesis import Nemesis, Phase
from tests.fire.once import Count, check_once, read_ledger
from tests.fire.proxies import Proxies
from tests.fire.switch import Switch, raise_loopback
from weft.model.committee import FaultModel

READY_S = 60.0
AGREEMENT_S = 60.0
CLIENTS_END_S = 60.0
LOOK_S = 0.25
MIB = 1 << 20
SURPRISING = {0, 500, 409, 400, 403, 405, 413, 415}
"""Statuses that no client of a trial should ever see (0 has a code of its own: nobody answered)."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a trial is; the same one strikes in the same order."""

    seed: str
    seconds: float
    nodes: int = 4
    fault_model: FaultModel = "byzantine"
    clients: int = 64
    rate: float = 60.0
    disk_mib: int = 128
    only: tuple[str, ...] = ()
    """Kinds of fault; empty: all."""


@dataclass(slots=True)
class Result:
    """What came of it."""

    setup: Setup
    carrier: Literal["namespaces", "loopback"]
    phases: list[Phase] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What could not be had on this machine, and so was not tried."""
    verdict: Verdict | None = None
    count: Count | None = None
    head: tuple[int, str, str] | None = None
    memory_mib_max: float = 0.0
    seconds: float = 0.0
    verified: int = 0


Watch = Callable[[str, "Nemesis", dict[str, int]], None]
"""Hears several times a second what happens, from whom, and how many operations ended how."""


async def try_it(setup: Setup, folder: Path, watch: Watch) -> Result:
    """Carry out a trial in an empty folder, which may be thrown away afterwards."""
    build_judge()
    begun_ns = time.monotonic_ns()
    result = Result(setup, "namespaces" if is_enclosed() else "loopback")
    async with AsyncExitStack() as stack:
        carrier = _carrier(setup)
        stack.push_async_callback(carrier.stop)
        await carrier.start()
        bed = Bed(folder, setup.nodes, setup.fault_model, carrier)
        stack.push_async_callback(bed.close)
        nemesis = Nemesis(bed, setup.seed, begun_ns)
        result.phases, result.violations = nemesis.phases, nemesis.violations
        _equip(bed, nemesis, result, setup)
        for node in range(setup.nodes):
            bed.start(node)
        await until_ready(bed)
        history = folder / "history.jsonl"
        await _play(setup, bed, nemesis, history, watch, result)
        result.operations = read_history(history)
        (folder / "phases.json").write_bytes(msgspec.json.format(msgspec.json.encode(result.phases)))
        if result.violations:
            await _note_state(bed, folder)
        await _settle(bed, result)
        await _verify(bed, result)
    result.seconds = (time.monotonic_ns() - begun_ns) / 1e9
    _judge(result)
    return result


def _carrier(setup: Setup) -> Carrier:
    chance = Random(f"{setup.seed}:ways")
    if not is_enclosed():
        return Proxies(setup.nodes, chance)
    raise_loopback()
    return Switch(setup.nodes, chance)


def _equip(bed: Bed, nemesis: Nemesis, result: Result, setup: Setup) -> None:
    has_disk = is_enclosed() and bed.shrink_disk(nemesis.special, setup.disk_mib * MIB)
    has_clock = bed.allow_clock(nemesis.special)
    if not has_disk:
        result.missing.append(
            "NO DISK IS FILLED: a small one is had within namespaces only (as root, without --loopback)"
        )
    if not has_clock:
        result.missing.append(
            "NO CLOCK CAN BE SET: there is no C compiler (`make machine` installs one on Debian)"
        )
    nemesis.allow(has_disk, has_clock, setup.only)


async def until_ready(bed: Bed) -> None:
    """Return once every node is; raises RuntimeError for one that ends or takes too long."""
    deadline = time.monotonic() + READY_S
    waiting = list(range(bed.count))
    while waiting:
        waiting = [node for node in waiting if not await bed.is_ready(node)]
        for node in waiting:
            if not bed.is_running(node) or time.monotonic() > deadline:
                raise RuntimeError(f"node{node} does not get ready: {bed.last_words(node)}")
        await asyncio.sleep(0.05)


async def _play(
    setup: Setup, bed: Bed, nemesis: Nemesis, history: Path, watch: Watch, result: Result
) -> None:
    """Clients and nemesis together, until time is up."""
    plan = Plan(bed.urls, setup.seed, setup.clients, setup.rate, nemesis.begun_ns)
    path = history.with_name("plan.json")
    path.write_bytes(msgspec.json.encode(plan))
    clients = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.fire.clients",
        str(path),
        str(history),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("WEFT_")},
        start_new_session=True,
    )
    counts: dict[str, int] = {}
    hearing = asyncio.create_task(_hear(clients, counts))
    work = asyncio.create_task(nemesis.run(setup.seconds))
    try:
        while not work.done():
            await asyncio.wait((work, hearing), timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            watch(nemesis.doing, nemesis, counts)
            used = max(map(bed.memory_bytes, range(bed.count)))
            result.memory_mib_max = max(result.memory_mib_max, used / MIB)
            if hearing.done():
                raise RuntimeError(f"the clients ended with code {await clients.wait()}")
        await work
        assert clients.stdin is not None
        clients.stdin.close()
        await asyncio.wait_for(clients.wait(), CLIENTS_END_S)
    finally:
        work.cancel()
        hearing.cancel()
        if clients.returncode is None:
            clients.kill()
            await clients.wait()
    if clients.returncode:
        raise RuntimeError(f"the clients ended with code {clients.returncode}")


async def _hear(clients: asyncio.subprocess.Process, counts: dict[str, int]) -> None:
    assert clients.stdout is not None
    while line := await clients.stdout.readline():
        counts.update(msgspec.json.decode(line))


async def _note_state(bed: Bed, folder: Path) -> None:
    """What every node says of itself, for whoever looks into what went wrong."""
    for node in range(bed.count):
        answers = [await bed.ask(node, path) for path in ("/readyz", "/v1/status", "/metrics")]
        text = "\n".join("no answer" if answer is None else answer.text for answer in answers)
        (folder / f"node{node}.state").write_text(text, encoding="utf-8")


async def _settle(bed: Bed, result: Result) -> None:
    """All nodes come to the same head; then what they hold is compared with what clients were told."""
    deadline = time.monotonic() + AGREEMENT_S
    heads: list[tuple[int, str, str] | None] = [None]
    while len(set(heads)) != 1 or None in heads or not all([await bed.is_ready(n) for n in range(bed.count)]):
        if time.monotonic() > deadline:
            result.violations.append(f"{AGREEMENT_S:.0f} s after the end the heads differ: {heads}")
            break
        await asyncio.sleep(LOOK_S)
        heads = [await bed.head(node) for node in range(bed.count)]
    result.head = heads[0]
    keys = sorted({operation.key for operation in result.operations})
    ledgers = [await read_ledger(url, keys) for url in bed.urls]
    result.count = await asyncio.to_thread(check_once, result.operations, ledgers)
    result.violations += result.count.violations


async def _verify(bed: Bed, result: Result) -> None:
    """Every node stops when asked to, and what it leaves verifies."""
    for node in range(bed.count):
        code = await bed.stop(node)
        if code:
            result.violations.append(f"node{node} stopped with code {code}: {bed.last_words(node)}")
        elif code is None:
            result.violations.append(f"node{node} did not stop when asked to")
    for node in range(bed.count):
        code, text = await bed.verify(node)
        result.verified += code == 0
        if code:
            result.violations.append(f"weft verify of node{node}: {text}")


def _judge(result: Result) -> None:
    result.verdict = judge(result.operations)
    if not result.verdict.is_linearizable:
        result.violations.append(result.verdict.text)
    odd = Counter((operation.status, operation.code) for operation in result.operations if _is_odd(operation))
    result.violations += [
        f"{times} times the unexpected answer {status} {code}" for (status, code), times in odd.items()
    ]
    if not any(operation.outcome == "ok" for operation in result.operations):
        result.violations.append("no operation succeeded: the trial says nothing")


def _is_odd(operation: Operation) -> bool:
    return operation.status in SURPRISING and bool(operation.status)
