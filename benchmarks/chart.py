"""The chart: throughput beside its bound, and latency at steady rates."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.report import Run, bound_of
from benchmarks.system import Load, System

WEFT, PEER, BOUND = "#1f6f8b", "#b8b8b8", "#c0392b"
INCHES_A_PANEL = 5.5
HEIGHT_INCHES = 4.6
SHOWN_MS_MIN = 0.1


def draw(run: Run, systems: Sequence[System], path: Path) -> None:
    """One panel for each size of a record, and one for each steady rate."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    saturated, paced = run.loads(is_paced=False), run.loads(is_paced=True)
    rows = [loads for loads in (saturated, paced) if loads]
    if not rows:
        return
    columns = max(map(len, rows))
    figure, axes = pyplot.subplots(
        len(rows), columns, squeeze=False,
        figsize=(INCHES_A_PANEL * columns, HEIGHT_INCHES * len(rows)), layout="constrained",
    )  # fmt: skip
    for loads, line in zip(rows, axes, strict=True):
        for panel in line[len(loads) :]:
            panel.set_visible(False)
        for load, panel in zip(loads, line, strict=False):
            (_draw_latency if load.rate else _draw_throughput)(run, systems, load, panel)
    figure.suptitle(f"Weft beside its peers, {run.date}: {run.machine}", fontsize=8, wrap=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _draw_throughput(run: Run, systems: Sequence[System], load: Load, panel: Any) -> None:
    shown = [system for system in systems if run.of(system.name, load)]
    for place, system in enumerate(shown):
        rates = [one.figures.per_second for one in run.of(system.name, load)]
        middle = median(rates)
        panel.barh(
            place,
            middle,
            color=_colour(system),
            xerr=[[middle - min(rates)], [max(rates) - middle]],
            capsize=3,
        )
        panel.text(max(rates), place, f"   {middle:,.0f}", va="center", fontsize=9)
        bound = bound_of(run, system, load)
        if bound is not None and bound.reason == "signatures":
            panel.plot([bound.value] * 2, [place - 0.4, place + 0.4], color=BOUND)
    _name(panel, shown, f"{load.size_bytes} B records a second, {load.in_flight:,} in flight")
    panel.set_xlabel("median, least and most; red: the bound that signatures set")


def _draw_latency(run: Run, systems: Sequence[System], load: Load, panel: Any) -> None:
    shown = [system for system in systems if run.of(system.name, load)]
    for place, system in enumerate(shown):
        figures = [one.figures for one in run.of(system.name, load)]
        low, middle, high = (
            max(SHOWN_MS_MIN, median(getattr(one, name) for one in figures))
            for name in ("p50_ms", "p95_ms", "p99_ms")
        )
        panel.plot([low, high], [place, place], color=_colour(system), linewidth=6, solid_capstyle="butt")
        panel.plot([middle], [place], marker="|", color="black", markersize=12)
        panel.text(high, place, f"  {low:,.1f} / {high:,.1f}", va="center", fontsize=8)
    panel.set_xscale("log")
    panel.margins(x=0.5)
    _name(panel, shown, f"{load.rate}/s, {load.size_bytes} B")
    panel.set_xlabel("ms from p50 to p99, p95 marked")


def _name(panel: Any, shown: Sequence[System], title: str) -> None:
    panel.set_yticks(range(len(shown)), [system.name for system in shown])
    panel.set_ylim(len(shown) - 0.4, -0.6)
    panel.set_title(title, fontsize=10)


def _colour(system: System) -> str:
    return WEFT if system.costs.is_signed else PEER
