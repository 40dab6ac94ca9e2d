"""Weft alone: members lost or slow, larger committees, the cost of idling, the way back, files."""

import asyncio
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import fmean

import httpx

from benchmarks.process import LoadError, cpu_seconds, memory_bytes
from benchmarks.rounds import WARM_UP_S, measure_load, tell
from benchmarks.system import Load
from benchmarks.upload import uploads
from benchmarks.weft import RunningWeft, Weft, load_weft
from tests.fire.bed import Bed
from tests.fire.fabric import Condition
from tests.fire.faults import Slow
from tests.fire.proxies import Proxies
from tests.fire.trial import until_ready
from weft.cli.bench import Figures
from weft.local import Network, free_port_base
from weft.model.errors import WeftError

FOUR, VICTIM = 4, 3
DELAY_S = 0.1
POLL_S = 0.02
PATIENCE_S = 600.0
LAG_SHARE = 0.99
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure of a story. `base` is what it is to be compared with: the same, healthy, or the limit."""

    story: str
    name: str
    value: float
    unit: str
    base: float | None = None


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything; a quick run tells the same stories for a shorter time."""

    seconds: float
    rounds: int
    """Of the stories that compare a struck network with the healthy one."""
    committees: tuple[int, ...]
    rate: int
    in_flight: int
    idle_s: float
    away_transactions: int
    uploads: int
    upload_bytes: int

    @property
    def saturation(self) -> Load:
        return Load(128, 0, self.seconds, self.in_flight)

    @property
    def steady(self) -> Load:
        return Load(128, self.rate, self.seconds, self.in_flight)


def tell_stories(sizes: Sizes) -> tuple[list[Fact], list[str]]:
    """All of them; and what failed, and is missing for it."""
    found: list[Fact] = []
    failures: list[str] = []
    stories: list[tuple[str, Callable[[], Iterator[Fact]]]] = [
        *(
            (f"{members} validators", lambda members=members: committee(members, sizes))
            for members in sizes.committees
        ),
        *[
            ("one of four killed", lambda: killed(sizes)),
            ("one of four slow by 100 ms", lambda: iter(asyncio.run(slow(sizes)))),
        ]
        * sizes.rounds,
        ("idle", lambda: idle(sizes)),
        ("away", lambda: away(sizes)),
        *(
            (f"uploads, {members} nodes", lambda members=members: uploading(members, sizes))
            for members in (1, 4)
        ),
    ]
    for name, story in stories:
        tell(f"Weft alone: {name}")
        try:
            for fact in story():
                found.append(fact)
                base = "" if fact.base is None else f" (beside {fact.base:,.1f})"
                tell(f"  {fact.name}: {fact.value:,.2f} {fact.unit}{base}")
        except (LoadError, WeftError, RuntimeError, httpx.HTTPError) as error:
            failures.append(f"Weft alone, {name}: {error}")
            tell(f"FAILED: {failures[-1]}")
    return found, failures


def committee(members: int, sizes: Sizes) -> Iterator[Fact]:
    """So many validators: beginning, throughput, latency, disk, memory, event loop."""
    story = f"{members} validators"
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        begun = time.perf_counter()
        with Weft(members, "byzantine").start(Path(folder)) as weft:
            put(weft.network.urls[0], "first")
            yield Fact(story, "start to first commit", time.perf_counter() - begun, "s")
            weft.measure(Load(128, 0, WARM_UP_S, sizes.in_flight))
            saturated = measure_load(story, weft, sizes.saturation, 0)
            count = saturated.figures.transactions
            yield Fact(story, "saturated", saturated.figures.per_second, "/s")
            yield Fact(story, "on disk a transaction and node", saturated.disk_bytes / members / count, "B")
            yield Fact(story, "memory a node, loaded", saturated.memory_bytes / MIB, "MiB")
            lags = [loop_lag_ms(url) for url in weft.network.urls]
            yield Fact(story, "event loop lag p99, the worst node", max(lags), "ms")
            steady = weft.measure(sizes.steady)
            yield Fact(story, f"p50 at {sizes.rate}/s", steady.p50_ms, "ms")
            yield Fact(story, f"p99 at {sizes.rate}/s", steady.p99_ms, "ms")


def killed(sizes: Sizes) -> Iterator[Fact]:
    """SIGKILL to one; a second later the same load through the three others."""
    with started(FOUR) as weft:
        urls = weft.network.urls[:VICTIM]
        healthy = [load_weft(urls, load, VICTIM) for load in (sizes.saturation, sizes.steady)]
        weft.network.kill(VICTIM)
        time.sleep(1)
        struck = [load_weft(urls, load, VICTIM) for load in (sizes.saturation, sizes.steady)]
    yield from compare("one of four killed", "through the three others", sizes, healthy, struck)


async def slow(sizes: Sizes) -> list[Fact]:
    """All that one sends or hears comes 100 ms later; proxies carry every stream, before and while."""
    story = "one of four slow by 100 ms"
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        async with AsyncExitStack() as stack:
            proxies = Proxies(FOUR, Random(0))
            stack.push_async_callback(proxies.stop)
            await proxies.start()
            bed = Bed(Path(folder), FOUR, "byzantine", proxies)
            stack.push_async_callback(bed.close)
            for node in range(FOUR):
                bed.start(node)
            await until_ready(bed)
            ways = {"through the three others": bed.urls[:VICTIM], "through all four": bed.urls}
            loads = (Load(128, 0, WARM_UP_S, sizes.in_flight), sizes.saturation, sizes.steady)

            async def measure(urls: Sequence[str]) -> list[Figures]:
                return [await asyncio.to_thread(load_weft, urls, load, len(urls)) for load in loads][1:]

            healthy = {way: await measure(urls) for way, urls in ways.items()}
            await Slow((VICTIM,), Condition(delay_s=DELAY_S)).strike(bed)
            await asyncio.sleep(1)
            struck = {way: await measure(urls) for way, urls in ways.items()}
            bed.conditions.clear()
    return [fact for way in ways for fact in compare(story, way, sizes, healthy[way], struck[way])]


def compare(
    story: str, way: str, sizes: Sizes, healthy: Sequence[Figures], struck: Sequence[Figures]
) -> Iterator[Fact]:
    yield Fact(story, f"saturated, {way}", struck[0].per_second, "/s", healthy[0].per_second)
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        value, base = getattr(struck[1], name), getattr(healthy[1], name)
        yield Fact(story, f"{name[:3]} at {sizes.rate}/s, {way}", value, "ms", base)


def idle(sizes: Sizes) -> Iterator[Fact]:
    """What four nodes use when nobody asks anything, after they have had a load."""
    with started(FOUR) as weft:
        weft.measure(sizes.steady)
        time.sleep(2)
        cpu = cpu_seconds(weft.pids)
        time.sleep(sizes.idle_s)
        share = (cpu_seconds(weft.pids) - cpu) / sizes.idle_s / FOUR
        yield Fact("idle", f"of a core a node, over {sizes.idle_s:.0f} s", 100 * share, "%")
        yield Fact("idle", "memory a node", fmean(map(memory_bytes, weft.pids)) / MIB, "MiB")


def away(sizes: Sizes) -> Iterator[Fact]:
    """One node is killed, the others write, it is started again: until it has the head that they had."""
    with started(FOUR) as weft:
        weft.network.kill(VICTIM)
        urls = weft.network.urls
        begun_at = height(urls[0])
        made, seconds = 0, 0.0
        while made < sizes.away_transactions:
            figures = load_weft(urls[:VICTIM], sizes.saturation, VICTIM)
            if not figures.transactions:
                raise LoadError("three of four nodes execute nothing")
            made, seconds = made + figures.transactions, seconds + figures.seconds
        goal = height(urls[0])
        begun = time.perf_counter()
        weft.network.start([VICTIM])
        while height(urls[VICTIM]) < goal:
            if time.perf_counter() - begun > PATIENCE_S:
                raise LoadError(f"node{VICTIM} stands at {height(urls[VICTIM])} of {goal}")
            time.sleep(POLL_S)
        taken = time.perf_counter() - begun
        yield Fact("away", "transactions missed", made, "")
        yield Fact("away", "blocks missed", goal - begun_at, "")
        yield Fact("away", "caught up, start of the process included", made / taken, "/s", made / seconds)


def uploading(members: int, sizes: Sizes) -> Iterator[Fact]:
    """Files through REST to one node of so many, each of which keeps a copy."""
    story = f"{sizes.uploads:,} files of {sizes.upload_bytes / 1e6:.1f} MB"
    with (
        tempfile.TemporaryDirectory(prefix="weft-bench-") as folder,
        Network(
            Path(folder) / "network",
            members,
            "crash" if members == 1 else "byzantine",
            free_port_base(members),
        ) as network,
    ):
        weft = RunningWeft(network)
        before = memory_bytes(weft.pids[0])
        done = uploads(network.urls[0], Path(folder), sizes.uploads, sizes.upload_bytes)
        name = "1 node" if members == 1 else f"{members} nodes, each with a copy"
        yield Fact(
            story,
            f"{name}: uploaded, wait=executed",
            done.upload_mb_per_second,
            "MB/s",
            done.plain_mb_per_second / members,
        )
        yield Fact(story, f"{name}: the load's own share of a core", 100 * done.load_share, "%")
        grown = (memory_bytes(weft.pids[0]) - before) / MIB
        yield Fact(story, f"{name}: memory grown meanwhile", grown, "MiB")


@contextmanager
def started(members: int) -> Iterator[RunningWeft]:
    """A network that has had a short load."""
    with (
        tempfile.TemporaryDirectory(prefix="weft-bench-") as folder,
        Weft(members, "byzantine").start(Path(folder)) as weft,
    ):
        weft.measure(Load(128, 0, WARM_UP_S, 1000))
        yield weft


def put(url: str, key: str) -> None:
    """One record, executed."""
    httpx.put(f"{url}/v1/records/bench/{key}", json=key, timeout=PATIENCE_S).raise_for_status()


def height(url: str) -> int:
    """Of a node's newest block; 0 while it does not answer."""
    try:
        answer = httpx.get(f"{url}/v1/head", timeout=PATIENCE_S)
    except httpx.TransportError:
        return 0
    return int(answer.json()["height"]) if answer.is_success else 0


def loop_lag_ms(url: str) -> float:
    """The upper end of the bucket that holds the 99th of a hundred looks since the node's start."""
    text = httpx.get(f"{url}/metrics", timeout=PATIENCE_S).raise_for_status().text
    buckets = re.findall(r'weft_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', text)
    total = float(buckets[-1][1])
    return next(1000 * float(end) for end, count in buckets if float(count) >= LAG_SHARE * total)
