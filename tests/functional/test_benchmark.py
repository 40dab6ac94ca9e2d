"""The benchmark measures what it says, at its smallest: what it finds is never judged here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest

from benchmarks.alone import Fact
from benchmarks.chart import draw
from benchmarks.limits import Limits, latency_floor, measure_limits, rate_bound
from benchmarks.process import cpu_seconds, running, wait_until
from benchmarks.pysyncobj import PySyncObj, RunningPySyncObj
from benchmarks.report import Run, page, ratios_of, save
from benchmarks.rounds import Measurement, run_rounds
from benchmarks.system import Costs, Load, Running, System
from benchmarks.weft import Weft
from weft.cli.bench import Figures

IN_FLIGHT = 60
SATURATED = Load(128, 0, 0.5, IN_FLIGHT)
STEADY = Load(128, 50, 0.5, IN_FLIGHT)
GATHERED = Load(128, 400, 0.5, IN_FLIGHT)
MACHINE = Limits(2, 25.0, 40.0, 0.5, 1.0, 1500.0, 500.0, 2.0, 4.0, 20.0)
FIGURES = Figures("batch", 1000, 1.0, 1000.0, 1.0, 2.0, 3.0, 4.0, 0, 0.5)


def run_of(measurements: list[Measurement], versions: dict[str, str]) -> Run:
    return Run(
        "today",
        "command",
        "machine",
        1.0,
        versions,
        {"CometBFT 4": "no Go"},
        ["etcd 3: ended"],
        MACHINE,
        measurements,
        [],
    )


def check_figures(measurements: list[Measurement], is_ours: bool = True) -> None:
    """Of ours nothing was refused, and what was sent at a rate was answered to the last; a peer that elects
    anew on a busy machine may refuse, and take less of the processors than the system's clock can tell."""
    for one in measurements:
        assert not (is_ours and one.figures.refused), one
        assert one.figures.transactions > 0, one
        assert one.figures.p50_ms <= one.figures.p95_ms <= one.figures.p99_ms <= one.figures.max_ms, one
        assert one.figures.load_cpu_s > 0, one
        assert one.members_cpu_s > 0 or not is_ours, one
        assert one.memory_bytes > 0, one
        if one.load.rate and is_ours:
            assert one.figures.transactions == one.load.rate * one.load.seconds, one


def check_page(measurements: list[Measurement], systems: list[System], folder: Path) -> None:
    """Table, chart and raw data tell of the same figures, and of who is missing."""
    run = run_of(measurements, {system.name: system.version() for system in systems})
    text = page(run, systems)
    assert "NOT MEASURED: CometBFT 4" in text
    assert "FAILED: etcd 3" in text
    assert all(f"| {system.name} |" in text for system in systems)
    save(run, text, folder)
    draw(run, systems, folder / "chart.png")
    assert (folder / "chart.png").stat().st_size > 0
    assert msgspec.json.decode((folder / "raw.json").read_bytes(), type=Run) == run


def test_weft_is_loaded_and_reported(tmp_path: Path) -> None:
    """Saturated, one by one, and gathered; every transaction of a steady rate is answered."""
    systems: list[System] = [Weft(3, "crash")]
    loads = [SATURATED, STEADY, GATHERED]
    found, failures = run_rounds(systems, loads, 1)
    assert failures == []
    assert [one.load for one in found] == loads
    check_figures(found)
    check_page(found, systems, tmp_path)


@pytest.mark.skipif(find_spec("pysyncobj") is None, reason="PySyncObj is not installed: make .venv/peers")
def test_pysyncobj_is_loaded_and_reported(tmp_path: Path) -> None:
    """Each of its two ways carries the loads that it is meant for."""
    systems: list[System] = [PySyncObj(is_batched=True), PySyncObj(is_batched=False)]
    found, failures = run_rounds(systems, [SATURATED, STEADY], 1)
    assert failures == []
    assert [(one.system, one.load) for one in found] == [
        (systems[0].name, SATURATED),
        (systems[1].name, STEADY),
    ]
    check_figures(found, is_ours=False)
    check_page(found, systems, tmp_path)


def test_a_machine_has_limits(tmp_path: Path) -> None:
    """All of them are measured."""
    limits = measure_limits(tmp_path)
    assert all(value > 0 for value in msgspec.to_builtins(limits).values())


def test_signatures_bound_what_is_signed_and_the_load_is_taken_off() -> None:
    """Cores that the load leaves, divided by validators and the cost of a verification."""
    signed = rate_bound(MACHINE, Costs(True, 1, 3), 4, SATURATED, FIGURES)
    assert signed.reason == "signatures"
    assert signed.value == pytest.approx((2 - 0.5) / (4 * 25e-6))


def test_the_disk_bounds_what_is_only_written() -> None:
    """Without signatures, what is in flight waits for one fsync at a time."""
    assert rate_bound(MACHINE, Costs(False, 1, 2), 1, SATURATED, FIGURES).value == IN_FLIGHT / 0.002
    unsynced = rate_bound(MACHINE, Costs(False, 0, 2), 3, SATURATED, FIGURES)
    assert unsynced.reason == "hashing"
    assert latency_floor(MACHINE, Costs(False, 0, 2), 3).reason == "messages"


def test_a_story_told_twice_has_a_spread() -> None:
    """Median, least, most, and the same of the ratios to what each was measured beside."""
    told = [Fact("killed", "p95", 30.0, "ms", 20.0), Fact("killed", "p95", 10.0, "ms", 10.0)]
    text = page(replace(run_of([], {}), facts=told), [])
    assert "| killed | p95 | 20.00 (10.00–30.00) ms | 15.00 (10.00–20.00) ms | 1.25 (1.00–1.50) |" in text


def test_ratios_are_of_the_same_round() -> None:
    """A round in which one of the two was not measured has none."""
    base = Measurement("b", 0, SATURATED, FIGURES, 1.0, 1, 1)
    faster = replace(FIGURES, per_second=3000.0)
    run = run_of([base, replace(base, system="a", figures=faster), replace(base, system="a", round=1)], {})
    assert ratios_of(run, "a", "b", SATURATED) == [3.0]


class Broken(PySyncObj):
    """Its members end at once."""

    @contextmanager
    def start(self, folder: Path) -> Iterator[Running]:
        log = folder / "log"
        with running([["python3", "-c", "raise SystemExit('no member can start')"]], log) as processes:
            wait_until(lambda: False, processes, log)
            yield RunningPySyncObj([], [], [], [])


def test_what_fails_is_said() -> None:
    """With its last words, in each round."""
    found, failures = run_rounds([Broken(is_batched=True)], [SATURATED], 2)
    assert found == []
    assert len(failures) == 2
    assert all("no member can start" in failure for failure in failures)


def test_what_was_started_ends_and_is_counted(tmp_path: Path) -> None:
    """A process and what it has started are counted together; it ends with its context."""
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with running([["python3", "-c", burn]], tmp_path / "log") as (process,):
        while cpu_seconds([process.pid]) < 0.5:
            assert process.poll() is None
    assert process.poll() is not None
