"""`make chart`: what clients notice of one node of four that is killed, or slow; measured and drawn.

Both stories last three times so many seconds: before, during, after. The load is that of `tests.fire.load`.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec

from tests.fire.bed import Bed
from tests.fire.enclosure import enclose, is_enclosed
from tests.fire.fabric import Condition
from tests.fire.faults import Fault, Killed, Slow
from tests.fire.load import LoadPlan, Write
from tests.fire.proxies import Proxies
from tests.fire.switch import Switch, raise_loopback
from tests.fire.trial import until_ready

ROOT = Path(__file__).parents[2]
NODES, VICTIM = 4, 2
WARM_UP_S = 3.0
PHASES = ("before", "during", "after")
STORIES: dict[str, Callable[[], Fault]] = {
    "one of four killed (kill -9), then started again": lambda: Killed((VICTIM,)),
    "one of four 100 ms farther away, each way": lambda: Slow((VICTIM,), Condition(delay_s=0.1)),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one phase of a story."""

    phase: str
    done: int
    failed: int
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


def figures_of(writes: Sequence[Write], seconds: float) -> list[Figures]:
    """The figures of each phase; a write counts where it was due."""
    found = []
    for place, phase in enumerate(PHASES):
        mine = [write for write in writes if place * seconds <= write.due_s < (place + 1) * seconds]
        taken = sorted(write.taken_ms for write in mine if write.is_done)
        found.append(
            Figures(
                phase, len(taken), len(mine) - len(taken), len(taken) / seconds,
                *(quantile(taken, share) for share in (0.5, 0.95, 0.99, 1.0)),
            )
        )  # fmt: skip
    return found


def quantile(rising: Sequence[float], share: float) -> float:
    return rising[min(int(len(rising) * share), len(rising) - 1)] if rising else float("nan")


async def measure(make: Callable[[], Fault], seconds: float, rate: float, folder: Path) -> list[Write]:
    """Tell one story on a network of its own."""
    async with AsyncExitStack() as stack:
        chance = Random(0)
        carrier = Switch(NODES, chance) if is_enclosed() else Proxies(NODES, chance)
        stack.push_async_callback(carrier.stop)
        await carrier.start()
        bed = Bed(folder, NODES, "byzantine", carrier)
        stack.push_async_callback(bed.close)
        for node in range(NODES):
            bed.start(node)
        await until_ready(bed)
        warm = await _begin_load(bed, rate, WARM_UP_S, folder / "warm")
        await warm
        load = await _begin_load(bed, rate, 3 * seconds, folder / "load")
        fault = make()
        await asyncio.sleep(seconds + 1)
        await fault.strike(bed)
        await asyncio.sleep(seconds)
        bed.conditions.clear()
        await fault.heal(bed)
        return await load


async def _begin_load(bed: Bed, rate: float, seconds: float, path: Path) -> "asyncio.Task[list[Write]]":
    """A load that begins in a second, as soon as this returns."""
    plan = LoadPlan(bed.urls, rate, seconds, time.monotonic_ns() + 1_000_000_000)
    await asyncio.to_thread(path.write_bytes, msgspec.json.encode(plan))
    result = path.with_suffix(".result")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fire.load", str(path), str(result),
        env={name: value for name, value in os.environ.items() if not name.startswith("WEFT_")},
    )  # fmt: skip

    async def read() -> list[Write]:
        try:
            if await process.wait():
                raise RuntimeError(f"the load ended with code {process.returncode}")
        finally:
            if process.returncode is None:
                process.kill()
        return msgspec.json.decode(await asyncio.to_thread(result.read_bytes), type=list[Write])

    return asyncio.create_task(read())


def table_of(stories: dict[str, list[Figures]]) -> str:
    """The figures as a Markdown table."""
    lines = ["| | writes/s | p50 | p95 | p99 | max ms | failed |", "|---|---|---|---|---|---|---|"]
    for title, found in stories.items():
        lines.append(f"| **{title}** | | | | | | |")
        lines += [
            f"| {one.phase} | {one.per_second:.1f} | {one.p50_ms:.0f} | {one.p95_ms:.0f} | {one.p99_ms:.0f} "
            f"| {one.max_ms:.0f} | {one.failed} |"
            for one in found
        ]
    return "\n".join(lines)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m tests.fire.chart", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each of the three phases")
    parser.add_argument("--rate", type=float, default=50, help="writes a second")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "faults.png")
    options = parser.parse_args(arguments)
    if is_enclosed():
        raise_loopback()
    else:
        enclose("tests.fire.chart", arguments)
    measured = {}
    for title, make in STORIES.items():
        sys.stderr.write(f"{title}: {3 * options.seconds:.0f} s …\n")
        with tempfile.TemporaryDirectory(prefix="weft-fire-") as folder:
            measured[title] = asyncio.run(measure(make, options.seconds, options.rate, Path(folder)))
    from tests.fire.drawing import draw

    stories = {title: figures_of(writes, options.seconds) for title, writes in measured.items()}
    draw(measured, stories, options.seconds, options.rate, options.out)
    sys.stdout.write(table_of(stories) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
