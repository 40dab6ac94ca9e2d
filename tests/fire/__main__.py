"""`python -m tests.fire`: real processes under fire (`make fire`)."""

import argparse
import asyncio
import shlex
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.fire.enclosure import enclose, is_enclosed
from tests.fire.faults import KINDS
from tests.fire.history import keep_history
from tests.fire.linear import build_judge
from tests.fire.nemesis import Nemesis
from tests.fire.report import commit_of, page, summary
from tests.fire.trial import Result, Setup, try_it

ROOT = Path(__file__).parents[2]
KEPT_BYTES_MAX = 4 << 20
"""A larger history is no part of a repository; its digest is in the report."""
PLAIN_TELL_S = 15.0


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    if not options.loopback and not is_enclosed():
        build_judge()  # out here: its sources come over the network, and within there is none
        enclose("tests.fire", arguments)
    setup = Setup(
        options.seed,
        options.seconds,
        options.nodes or {"byzantine": 4, "crash": 3}[options.fault_model],
        options.fault_model,
        options.clients,
        options.rate,
        options.disk_mib,
        tuple(options.only or ()),
    )
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="weft-fire-", dir=options.folder) as folder:
        result = asyncio.run(_run(setup, Path(folder), console))
        _tell(result, console)
        if options.keep:
            _keep_homes(Path(folder), options.keep, console)
    if options.report:
        _write(result, options.report, arguments)
    return 1 if result.violations else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.fire", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long the nodes are under fire")
    parser.add_argument("--seed", default="1", help="what is struck, when and how")
    parser.add_argument("--fault-model", choices=("byzantine", "crash"), default="byzantine")
    parser.add_argument("--nodes", type=int, help="4, or 3 with crash")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--rate", type=float, default=60, help="operations a second that are wished, in all")
    parser.add_argument("--disk-mib", type=int, default=128, help="the small disk of one node")
    parser.add_argument("--only", nargs="+", choices=KINDS, metavar="KIND", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--loopback", action="store_true", help="proxies on loopback instead of namespaces")
    parser.add_argument("--report", type=Path, help="a Markdown file, beside which the history is kept")
    parser.add_argument("--keep", type=Path, help="a folder for all homes, the history and the phases")
    parser.add_argument("--folder", type=Path, help="where homes lie meanwhile")
    return parser.parse_args(arguments)


async def _run(setup: Setup, folder: Path, console: Console) -> Result:
    """Carry out a trial; Ctrl-C and SIGTERM end it and everything that it started."""
    task = asyncio.ensure_future(_watched(setup, folder, console))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await task


async def _watched(setup: Setup, folder: Path, console: Console) -> Result:
    begun = time.monotonic()
    told = begun - PLAIN_TELL_S
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def watch(doing: str, nemesis: Nemesis, counts: dict[str, int]) -> None:
            nonlocal told
            elapsed = time.monotonic() - begun
            if console.is_terminal:
                live.update(_status(setup, elapsed, doing, nemesis, counts), refresh=True)
            elif time.monotonic() - told >= PLAIN_TELL_S:
                told = time.monotonic()
                numbers = " ".join(f"{name} {number:,}" for name, number in counts.items())
                console.print(f"{elapsed:6.0f} s  phase {len(nemesis.phases):3}  {numbers}  {doing}")

        return await try_it(setup, folder, watch)


def _status(setup: Setup, elapsed: float, doing: str, nemesis: Nemesis, counts: dict[str, int]) -> Table:
    table = Table(title=f"Weft under fire, seed {setup.seed}", show_header=False, min_width=72)
    table.add_row("time", f"{elapsed:,.0f} of {setup.seconds:,.0f} s")
    table.add_row("now", f"[bold]{doing}[/]")
    table.add_row("phases", f"{len(nemesis.phases):,}")
    for name, number in counts.items():
        table.add_row(name, f"{number:,}")
    return table


def _tell(result: Result, console: Console) -> None:
    for name, text in summary(result):
        console.print(f"{name:24} {text}", highlight=False, soft_wrap=True, markup=False)
    for text in result.violations:
        console.print(f"BROKEN: {text}", style="bold red", highlight=False, soft_wrap=True, markup=False)
    if not result.violations:
        console.print("no promise was broken", style="bold green")


def _write(result: Result, path: Path, arguments: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    history = path.with_suffix(".jsonl.xz")
    size = keep_history(result.operations, history)
    if size > KEPT_BYTES_MAX:
        history = history.replace(ROOT / "build" / "fire" / history.name)
    place = history.resolve()
    kept = place.relative_to(ROOT) if place.is_relative_to(ROOT) else history.name
    command = shlex.join(["python", "-m", "tests.fire", *arguments])
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    text = page(result, date, command, commit_of(ROOT), f"{kept}, {size:,} bytes")
    path.write_text(text, encoding="utf-8")


def _keep_homes(folder: Path, kept: Path, console: Console) -> None:
    import shutil

    shutil.copytree(folder, kept, dirs_exist_ok=True)
    console.print(f"everything is kept in {kept}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
