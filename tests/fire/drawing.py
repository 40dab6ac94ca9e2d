"""The chart of two stories: every write, its quantiles, and how many a second."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tests.fire.chart import PHASES, Figures, quantile
from tests.fire.load import Write

INK, PALE, FAULT = "#1f2430", "#5b6472", "#d1495b"
LINES = {0.5: ("p50", "#2a6f97"), 0.95: ("p95", "#e09f3e"), 0.99: ("p99", "#9e2a2b")}
WINDOW_S = 2.0
STEP_S = 0.5
TICKS_MS = (5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000)


def draw(
    measured: dict[str, list[Write]],
    stories: dict[str, list[Figures]],
    seconds: float,
    rate: float,
    path: Path,
) -> None:
    """Write the chart; a column a story."""
    style: Any = {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "text.color": INK,
        "axes.labelcolor": INK,
    }
    style |= {"axes.edgecolor": "#c9ced6", "xtick.color": PALE, "ytick.color": PALE}
    with mpl.rc_context(style):
        figure = Figure(figsize=(13, 7.6), dpi=140, facecolor="white")
        rows = figure.subplots(
            2, len(measured), sharex=True, sharey="row", height_ratios=(3, 1), squeeze=False
        )
        for column, (title, writes) in enumerate(measured.items()):
            latency, throughput = rows[0][column], rows[1][column]
            _draw_latency(latency, writes, 3 * seconds)
            _draw_throughput(throughput, writes, 3 * seconds)
            for place, one in enumerate(stories[title]):
                throughput.text(
                    (place + 0.5) * seconds, 1.62 * rate, f"{one.per_second:.1f}/s", ha="center", color=PALE,
                    fontsize=8.5,
                )  # fmt: skip
            throughput.set_ylim(0, 1.9 * rate)
            for axes in (latency, throughput):
                _shade(axes, seconds)
            latency.set_title(title, fontsize=12, fontweight="bold", loc="left", pad=34)
            _tell(latency, stories[title], seconds)
        rows[0][0].set_ylabel("time of a write, ms (log)")
        rows[1][0].set_ylabel("writes/s done")
        longest = max((write.taken_ms for writes in measured.values() for write in writes), default=1.0)
        rows[0][0].set_ylim(5, max(2_000.0, 1.3 * longest))
        handles, names = rows[0][0].get_legend_handles_labels()
        figure.legend(
            handles, names, loc="upper right", bbox_to_anchor=(0.985, 0.965), frameon=False, ncols=4,
            markerscale=2.5,
        )  # fmt: skip
        figure.suptitle(
            "When one of four nodes fails, writes go on",
            x=0.052, y=0.985, ha="left", fontsize=17, fontweight="bold",
        )  # fmt: skip
        figure.text(
            0.052, 0.925,
            f"Four validators (byzantine), {rate:.0f} writes a second over all nodes in turn; a client goes\n"
            "on to the next node when one is down. A write is done when it is ordered, executed and on disk.",
            color=PALE, va="center",
        )  # fmt: skip
        figure.subplots_adjust(left=0.058, right=0.985, top=0.79, bottom=0.075, hspace=0.1, wspace=0.05)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Software": None})


def _draw_latency(axes: Axes, writes: Sequence[Write], end_s: float) -> None:
    done = [write for write in writes if write.is_done]
    axes.scatter(
        [write.due_s for write in done], [write.taken_ms for write in done],
        s=5, color="#8fb8d0", alpha=0.45, linewidths=0, label="one write", rasterized=True,
    )  # fmt: skip
    for share, (name, color) in LINES.items():
        times, values = _moving(done, share, end_s)
        axes.plot(times, values, color=color, linewidth=1.8, label=name)
    axes.set_yscale("log")
    axes.set_yticks(TICKS_MS, [f"{tick:,}" for tick in TICKS_MS])
    axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
    _plain(axes)


def _draw_throughput(axes: Axes, writes: Sequence[Write], end_s: float) -> None:
    finished = [write.due_s + write.taken_ms / 1000 for write in writes if write.is_done]
    counts = [sum(second <= time < second + 1 for time in finished) for second in range(int(end_s))]
    axes.bar(range(int(end_s)), counts, width=0.86, align="edge", color="#2a6f97", alpha=0.75)
    axes.set_xlim(0, end_s)
    axes.set_xlabel("seconds")
    _plain(axes)


def _moving(done: Sequence[Write], share: float, end_s: float) -> tuple[list[float], list[float]]:
    """A quantile over a window that moves with time."""
    times, values = [], []
    for step in range(int(end_s / STEP_S) + 1):
        time = step * STEP_S
        near = sorted(write.taken_ms for write in done if abs(write.due_s - time) <= WINDOW_S / 2)
        times.append(time)
        values.append(quantile(near, share))
    return times, values


def _shade(axes: Axes, seconds: float) -> None:
    axes.axvspan(seconds, 2 * seconds, color=FAULT, alpha=0.08, linewidth=0)
    for edge in (seconds, 2 * seconds):
        axes.axvline(edge, color=FAULT, linewidth=1, alpha=0.6)


def _tell(axes: Axes, found: Sequence[Figures], seconds: float) -> None:
    """The figures of each phase above it."""
    for place, (phase, one) in enumerate(zip(PHASES, found, strict=True)):
        middle = (place + 0.5) / len(PHASES)
        color = FAULT if phase == "during" else INK
        axes.text(middle, 1.065, phase, transform=axes.transAxes, ha="center", color=color, fontweight="bold")
        axes.text(
            middle, 1.02,
            f"p50 {one.p50_ms:,.0f} · p95 {one.p95_ms:,.0f} · p99 {one.p99_ms:,.0f}",
            transform=axes.transAxes, ha="center", color=PALE, fontsize=8.5,
        )  # fmt: skip


def _plain(axes: Axes) -> None:
    axes.grid(axis="y", color="#e6e9ee", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
