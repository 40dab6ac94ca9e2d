"""Each system in turn, each alone on the machine, several rounds: so that a machine that changes meanwhile
changes for all."""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError

from benchmarks.process import LoadError, cpu_seconds, disk_bytes, memory_bytes
from benchmarks.system import Load, Running, System
from weft.cli.bench import Figures
from weft.model.errors import WeftError

WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One load on one system in one round."""

    system: str
    round: int
    load: Load
    figures: Figures
    members_cpu_s: float
    """Processor time of all members together, while the load ran."""
    memory_bytes: int
    """The largest member's, after the load."""
    disk_bytes: int
    """By which the folders of all members together have grown."""


def run_rounds(
    systems: Sequence[System], loads: Sequence[Load], rounds: int
) -> tuple[list[Measurement], list[str]]:
    """All loads on all systems, so many times; and what failed, and is missing for it."""
    found: list[Measurement] = []
    failures: list[str] = []
    for number in range(rounds):
        # Who comes first in a round comes last in the next.
        turned = [*systems[number % len(systems) :], *systems[: number % len(systems)]]
        for system in turned:
            tell(f"round {number + 1} of {rounds}: {system.name}")
            try:
                with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
                    found.extend(measure_system(system, loads, number, Path(folder)))
            except (LoadError, WeftError, SubprocessError) as error:
                failures.append(f"{system.name}, round {number + 1}: {error}")
                tell(f"FAILED: {failures[-1]}")
    return found, failures


def measure_system(system: System, loads: Sequence[Load], number: int, folder: Path) -> Iterator[Measurement]:
    """Start, warm up, carry every load that this way of using the system is meant for, stop."""
    mine = [load for load in loads if load.kind in system.kinds]
    with system.start(folder) as running:
        if mine:
            running.measure(Load(mine[0].size_bytes, mine[0].rate, WARM_UP_S, mine[0].in_flight))
        for load in mine:
            one = measure_load(system.name, running, load, number)
            figures = one.figures
            tell(
                f"  {load.size_bytes} B, {f'{load.rate}/s' if load.rate else 'saturated'}: "
                f"{figures.per_second:,.0f}/s, p50 {figures.p50_ms:.1f} ms, p99 {figures.p99_ms:.1f} ms"
            )
            yield one


def measure_load(name: str, running: Running, load: Load, number: int) -> Measurement:
    """One load, and what the members used for it."""
    cpu = cpu_seconds(running.pids)
    disk = sum(map(disk_bytes, running.folders))
    figures = running.measure(load)
    return Measurement(
        name,
        number,
        load,
        figures,
        cpu_seconds(running.pids) - cpu,
        max(map(memory_bytes, running.pids), default=0),
        sum(map(disk_bytes, running.folders)) - disk,
    )


def tell(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
