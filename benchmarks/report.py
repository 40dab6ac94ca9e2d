"""From measurements to a page that says what they mean, and the raw data beside it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.alone import Fact
from benchmarks.limits import Bound, Limits, latency_floor, rate_bound
from benchmarks.rounds import Measurement
from benchmarks.system import Load, System

RATIOS = (
    ("Weft 3 (crash)", "etcd 3"),
    ("Weft 3 (crash)", "etcd 3, Txn of 125"),
    ("Weft 3 (crash)", "PySyncObj 3, batched"),
    ("Weft 4 (byzantine)", "CometBFT 4"),
    ("Weft 4 (byzantine)", "etcd 3"),
)
"""Who is measured by whom."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that was found; `missing` is why a system was left out, `failures` what failed once."""

    date: str
    command: str
    machine: str
    seconds: float
    versions: dict[str, str]
    missing: dict[str, str]
    failures: list[str]
    limits: Limits
    measurements: list[Measurement]
    facts: list[Fact]

    def of(self, system: str, load: Load) -> list[Measurement]:
        """The same load on the same system, one a round."""
        return [one for one in self.measurements if one.system == system and one.load == load]

    def loads(self, is_paced: bool) -> list[Load]:
        """All different ones, in the order in which they were carried."""
        return list(dict.fromkeys(one.load for one in self.measurements if bool(one.load.rate) == is_paced))


def save(run: Run, text: str, folder: Path) -> None:
    """The page and the raw data."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "README.md").write_text(text, encoding="utf-8")
    raw = msgspec.json.format(msgspec.json.encode(asdict(run)), indent=1)
    (folder / "raw.json").write_bytes(raw + b"\n")


def page(run: Run, systems: Sequence[System]) -> str:
    """Tables in Markdown."""
    parts = [
        f"# Weft beside its peers, {run.date}\n",
        f"`{run.command}`, {run.seconds:,.0f} s. {run.machine}. Figures are medians over the rounds, in "
        "brackets the least and the most. Raw data: [raw.json](raw.json).\n",
        "![throughput and latency](chart.png)\n",
        *(f"**NOT MEASURED: {name}**: {reason}\n" for name, reason in run.missing.items()),
        *(f"**FAILED: {failure}**\n" for failure in run.failures),
        _compared(run, systems),
        _limits(run.limits),
        *(_saturated(run, systems, load) for load in run.loads(is_paced=False)),
        _paced(run, systems),
        _ratios(run),
        _facts(run.facts),
    ]
    return "\n".join(part for part in parts if part)


def bound_of(run: Run, system: System, load: Load) -> Bound | None:
    """The bound of a saturated figure: the median's, with the load generator's own use taken off."""
    found = run.of(system.name, load)
    bounds = [rate_bound(run.limits, system.costs, system.members, load, one.figures) for one in found]
    return sorted(bounds, key=lambda bound: bound.value)[len(bounds) // 2] if bounds else None


def processor_bound(limits: Limits, one: Measurement) -> float:
    """Records a second if the members, as they are, had every core that the load leaves: what remains of a
    figure's meaning on a machine that is busy with other things."""
    left = limits.cores - one.figures.load_cpu_s / one.figures.seconds
    return left * one.figures.transactions / max(one.members_cpu_s, 1e-3)


def _compared(run: Run, systems: Sequence[System]) -> str:
    rows = [
        (system.name, run.versions[system.name], system.interface, system.durability, system.lacks)
        for system in systems
    ]
    return _table(
        "What is compared",
        ("system", "version", "used through", "durable how", "what it does not do, and Weft does"),
        rows,
    )


def _limits(limits: Limits) -> str:
    return _table(
        "What this machine can do",
        ("one", "costs"),
        [
            ("secp256k1 verification", f"{limits.verify_secp256k1_us:.1f} µs of a core"),
            ("Ed25519 verification", f"{limits.verify_ed25519_us:.1f} µs of a core"),
            (
                "SHA-256 of 128 B / 1 KiB",
                f"{limits.hash_128_us:.2f} / {limits.hash_1024_us:.2f} µs of a core",
            ),
            ("SHA-256 of much", f"{limits.hash_mb_per_second:,.0f} MB/s"),
            ("writing 64 MiB and one fsync", f"{limits.write_mb_per_second:,.0f} MB/s"),
            ("4 KiB and fsync, alone", f"{limits.fsync_ms:.2f} ms"),
            ("4 KiB and fsync, four at once", f"{limits.fsync_together_ms:.2f} ms"),
            ("loopback round trip", f"{limits.round_trip_us:.0f} µs"),
        ],
    )


def _saturated(run: Run, systems: Sequence[System], load: Load) -> str:
    rows = []
    for system in systems:
        found = run.of(system.name, load)
        bound = bound_of(run, system, load)
        if not found or bound is None:
            continue
        rate = median(one.figures.per_second for one in found)
        rows.append(
            (
                system.name,
                _spread(found, lambda one: one.figures.per_second, "{:,.0f}"),
                f"{bound.value:,.0f} ({bound.reason})",
                f"{rate / bound.value:.2g}",
                f"{median(processor_bound(run.limits, one) for one in found):,.0f}",
                _latencies(found),
                f"{median(1e6 * one.members_cpu_s / one.figures.transactions for one in found):,.0f}",
                f"{median(100 * one.figures.load_cpu_s / one.figures.seconds for one in found):.0f}",
                f"{max(one.memory_bytes for one in found) / (1 << 20):.0f}",
                f"{sum(one.figures.refused for one in found)}",
            )
        )
    return _table(
        f"As many as are answered: {load.size_bytes} bytes, {load.in_flight:,} in flight, {load.seconds:g} s",
        (
            "system", "records/s", "bound", "reached", "if only processors held it",
            "p50 / p95 / p99 / max ms", "members' µs of a core a record",
            "load's % of a core", "MiB a member", "refused",
        ),
        rows,
    )  # fmt: skip


def _paced(run: Run, systems: Sequence[System]) -> str:
    rows = []
    for load in run.loads(is_paced=True):
        for system in systems:
            found = run.of(system.name, load)
            if not found:
                continue
            floor = latency_floor(run.limits, system.costs, system.members)
            rows.append(
                (
                    f"{load.rate}/s",
                    system.name,
                    _spread(found, lambda one: one.figures.per_second, "{:,.0f}"),
                    _spread(found, lambda one: one.figures.p50_ms, "{:,.1f}"),
                    _latencies(found),
                    f"{floor.value:.2f} ({floor.reason})",
                    f"{median(100 * one.members_cpu_s / one.figures.seconds for one in found):.0f}",
                    f"{median(100 * one.figures.load_cpu_s / one.figures.seconds for one in found):.0f}",
                    f"{sum(one.figures.refused for one in found)}",
                )
            )
    return _table(
        "At a steady rate: 128 bytes, sent when due whether or not earlier ones were answered",
        (
            "rate", "system", "answered/s", "p50 ms", "p50 / p95 / p99 / max ms", "floor ms",
            "members' % of a core", "load's % of a core", "refused",
        ),
        rows,
    )  # fmt: skip


def _ratios(run: Run) -> str:
    rows = []
    for load in run.loads(is_paced=False):
        for ours, theirs in RATIOS:
            found = ratios_of(run, ours, theirs, load)
            if found:
                spread = f"{median(found):.2f} ({min(found):.2f}–{max(found):.2f})"
                rows.append((f"{load.size_bytes} B", ours, theirs, spread))
    return _table("Ratios of records a second, round by round", ("record", "this", "to that", "ratio"), rows)


def ratios_of(run: Run, ours: str, theirs: str, load: Load) -> list[float]:
    """Of the rounds in which both were measured."""
    base = {one.round: one.figures.per_second for one in run.of(theirs, load)}
    return [one.figures.per_second / base[one.round] for one in run.of(ours, load) if base.get(one.round)]


def _facts(facts: Sequence[Fact]) -> str:
    told: dict[tuple[str, str, str], list[Fact]] = {}
    for fact in facts:
        told.setdefault((fact.story, fact.name, fact.unit), []).append(fact)
    rows = []
    for (story, name, unit), same in told.items():
        bases = [fact.base for fact in same if fact.base]
        ratios = [fact.value / fact.base for fact in same if fact.base]
        rows.append(
            (
                story,
                name,
                f"{_middle([fact.value for fact in same])} {unit}",
                f"{_middle(bases)} {unit}" if bases else "",
                _middle(ratios) if ratios else "",
            )
        )
    titles = (
        "story",
        "figure",
        "value",
        "beside (healthy; made; plainly written, divided by the copies)",
        "ratio",
    )
    return _table("Weft alone", titles, rows)


def _latencies(found: Sequence[Measurement]) -> str:
    shares: tuple[Callable[[Measurement], float], ...] = (
        lambda one: one.figures.p50_ms,
        lambda one: one.figures.p95_ms,
        lambda one: one.figures.p99_ms,
        lambda one: one.figures.max_ms,
    )
    return " / ".join(f"{median(map(share, found)):,.1f}" for share in shares)


def _spread(found: Sequence[Measurement], get: Callable[[Measurement], float], form: str) -> str:
    values = [get(one) for one in found]
    middle, least, most = (form.format(value) for value in (median(values), min(values), max(values)))
    return f"{middle} ({least}–{most})"


def _middle(values: Sequence[float]) -> str:
    """The median; with the least and the most where there are several."""
    text = f"{median(values):,.2f}"
    return text if len(values) == 1 else f"{text} ({min(values):,.2f}–{max(values):,.2f})"


def _table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [heads, ["---"] * len(heads), *rows]
    return f"## {title}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
