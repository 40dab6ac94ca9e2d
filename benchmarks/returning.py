"""A node that was away comes back: how fast it catches up, and what that costs it and those who serve it.

`python -m benchmarks.returning` kills one of four validators, has the others execute records of 128 bytes,
stops them all and keeps their folders. Then, `--repeats` times over from a copy of these folders, the three
are started, and when they are ready the one that was away. Its start is told apart: it ends when the node
answers its first request. With `--keep` the folders stay, and the next call begins from them.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.alone import FOUR, VICTIM, height
from benchmarks.process import TICKS_A_SECOND, LoadError, cpu_seconds
from benchmarks.system import Load
from benchmarks.weft import RunningWeft, load_weft
from weft.local import Network, free_port_base

POLL_S = 0.2
"""Each look costs the node a millisecond."""
PATIENCE_S = 600.0
LOAD_S = 6.0
IN_FLIGHT = 2_000


@dataclass(frozen=True, slots=True)
class Away:
    """What was made meanwhile."""

    transactions: int
    seconds: float
    height: int
    """Where the node that was away stands."""

    @property
    def rate(self) -> float:
        return self.transactions / self.seconds


def leave(home: Path, transactions: int) -> Away:
    """Make a network in `home`, one of whose nodes lacks at least so many; nothing of it runs any more."""
    with Network(home, FOUR, "byzantine", free_port_base(FOUR)) as network:
        weft = RunningWeft(network)
        weft.measure(Load(128, 0, 2.0, 1000))
        network.kill(VICTIM)
        begun, made, seconds = height(network.urls[0]), 0, 0.0
        while made < transactions:
            figures = load_weft(network.urls[:VICTIM], Load(128, 0, LOAD_S, IN_FLIGHT), VICTIM)
            if not figures.transactions:
                raise LoadError("three of four nodes execute nothing")
            made, seconds = made + figures.transactions, seconds + figures.seconds
        return Away(made, seconds, begun)


def come_back(home: Path, away: Away) -> Iterator[str]:
    """Start the three, then the fourth; lines of the table."""
    network = Network(home)
    try:
        network.start(range(VICTIM))
        network.wait_ready(range(VICTIM))
        goal, others = height(network.urls[0]), RunningWeft(network).pids
        served = cpu_seconds(others)
        begun = time.perf_counter()
        network.start([VICTIM])
        victim = network.find_process(VICTIM)
        assert victim is not None, "it was just started"
        while not (first := height(network.urls[VICTIM])):
            _wait(begun)
        answered, threads = time.perf_counter(), thread_seconds(victim)
        used = cpu_seconds([victim])
        while height(network.urls[VICTIM]) < goal:
            _wait(begun)
        done = time.perf_counter()
        used, served = cpu_seconds([victim]) - used, cpu_seconds(others) - served
        left = away.transactions * (goal - first) / (goal - away.height)
        alone, whole = left / (done - answered), away.transactions / (done - begun)
        busiest = sorted(_less(thread_seconds(victim), threads), reverse=True)[:5]
        yield f"{alone:10,.0f}/s caught up, {alone / away.rate:.2f} of the rate at which they were made"
        yield f"{whole:10,.0f}/s with the start of {answered - begun:.1f} s, {whole / away.rate:.2f} of it"
        yield f"{used / left * 1e6:10.1f} µs of a processor for each on the node; its busiest threads:"
        yield "           " + ", ".join(f"{busy / left * 1e6:.1f}" for busy in busiest)
        yield f"{served / away.transactions * 1e6:10.1f} µs on the three that serve it"
        yield f"{peak_bytes(victim) / 2**20:10.0f} MiB at most"
    finally:
        network.stop()


def thread_seconds(pid: int) -> dict[str, float]:
    """Processor time of each thread of a process."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[task.name] = (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND
    return found


def peak_bytes(pid: int) -> int:
    """The most memory that a process had so far."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


def _less(after: Mapping[str, float], before: Mapping[str, float]) -> Sequence[float]:
    return [seconds - before.get(task, 0.0) for task, seconds in after.items()]


def _wait(begun: float) -> None:
    if time.perf_counter() - begun > PATIENCE_S:
        raise LoadError(f"not caught up after {PATIENCE_S:.0f} s")
    time.sleep(POLL_S)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--transactions", type=int, default=100_000, help="made while the node is away")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder for the networks, kept for the next call")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.keep) as scratch:
        kept = (given.keep or Path(scratch)) / f"away-{given.transactions}"
        facts = kept / "away.json"
        if not facts.exists():
            away = leave(kept / "network", given.transactions)
            facts.write_bytes(msgspec.json.encode(away))
        away = msgspec.json.decode(facts.read_bytes(), type=Away)
        print(f"{away.transactions:10,} records made by three nodes at {away.rate:,.0f}/s")  # noqa: T201
        for number in range(given.repeats):
            home = kept / "network"
            copy = Path(scratch) / f"run{number}" / "network"
            shutil.copytree(home, copy)
            for line in come_back(copy, away):
                print(line, flush=True)  # noqa: T201
            shutil.rmtree(copy)


if __name__ == "__main__":
    main()
