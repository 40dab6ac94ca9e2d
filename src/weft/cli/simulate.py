"""`weft simulate`: a whole network in one thread, and the protocol without one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weft.cli.terminal import progress, show_fields, show_line, tell
from weft.model.committee import FaultModel

if TYPE_CHECKING:
    from weft.simulation.scenario import Given

app = typer.Typer(help="A whole network in one thread: faults, liars, checkers; all of it from a seed.")


@app.callback(invoke_without_command=True)
def simulate(
    context: typer.Context,
    seed: Annotated[int | None, typer.Option(help="Run this seed and say what came of it.", min=0)] = None,
    seeds: Annotated[str | None, typer.Option(metavar="A..B", help="Run these seeds.")] = None,
    nodes: Annotated[int | None, typer.Option(help="Members. None: drawn.", min=1, max=50)] = None,
    fault_model: Annotated[FaultModel | None, typer.Option(help="What may fail. None: drawn.")] = None,
    byzantine: Annotated[int | None, typer.Option(help="Members that lie. None: drawn.", min=0)] = None,
    faults: Annotated[
        str | None, typer.Option(help="Names with commas between them, `all` or `none`. None: drawn.")
    ] = None,
    rounds: Annotated[int | None, typer.Option(help="Rounds to come to. None: drawn.", min=1)] = None,
    mode: Annotated[
        Literal["safety", "liveness"] | None,
        typer.Option(help="Faults to the end, or healing and then progress. None: liveness every 11th seed."),
    ] = None,
    processes: Annotated[int, typer.Option(help="Beside each other, for a range.", min=1)] = 2,
    record: Annotated[
        Path | None,
        typer.Option(help="Lines of JSON that add up; what stands there is not run again.", dir_okay=False),
    ] = None,
    summary: Annotated[
        Path | None, typer.Option(help="Add up a record.", exists=True, dir_okay=False)
    ] = None,
) -> None:
    """Simulate networks from seeds. Exit code 1 if a promise was broken."""
    if context.invoked_subcommand is not None:
        return
    from weft.simulation.scenario import Given

    given = Given(nodes, fault_model, byzantine, _read_faults(faults), rounds, mode)
    if summary is not None:
        _show_summary(summary)
    elif seed is not None:
        _run_one(seed, given)
    elif seeds is not None:
        _run_range(*_read_range(seeds), given, processes, record)
    else:
        raise typer.BadParameter("say --seed N, --seeds A..B, --summary FILE, or vectors FILE")


@app.command()
def vectors(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Drawn DAGs with decisions.")
    ],
) -> None:
    """Replay drawn DAGs through the real core, in several arrival orders; name each case that differs."""
    from weft.simulation.vectors import replay_vectors

    _, failed = replay_vectors(path, sys.stdout)
    if failed:
        raise typer.Exit(1)


def _run_one(seed: int, given: "Given") -> None:
    from weft.simulation.report import format_result
    from weft.simulation.run import simulate

    result = simulate(seed, given)
    show_line(format_result(result, given))
    if result.violation is not None:
        raise typer.Exit(1)


def _run_range(first: int, last: int, given: "Given", processes: int, record: Path | None) -> None:
    from weft.simulation.campaign import Piece, run_range
    from weft.simulation.report import command

    with progress("seeds", last - first + 1) as advance:

        def note(piece: Piece) -> None:
            advance(piece.seeds)
            for found in piece.violations:
                tell(f"BROKEN: {found.promise}: {found.text}\nagain: {command(found.seed, given)}")

        pieces = run_range(first, last, given, processes, record, note)
    broken = sum(len(piece.violations) for piece in pieces)
    show_line(f"{sum(piece.seeds for piece in pieces)} seeds, {broken} broke a promise")
    if broken:
        raise typer.Exit(1)


def _show_summary(path: Path) -> None:
    from weft.simulation.campaign import add_up, load_record

    show_fields(add_up(load_record(path)))


def _read_faults(text: str | None) -> tuple[str, ...] | None:
    from weft.simulation.faults import FAULTS

    if text is None:
        return None
    names = {"all": tuple(FAULTS), "none": ()}.get(text, tuple(text.split(",")))
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        raise typer.BadParameter(f"no fault is called {', '.join(unknown)}; known are {', '.join(FAULTS)}")
    return names


def _read_range(text: str) -> tuple[int, int]:
    first, dots, last = text.partition("..")
    if not (first.isdecimal() and dots and last.isdecimal() and int(first) <= int(last)):
        raise typer.BadParameter(f"{text!r} is no range of seeds; write A..B")
    return int(first), int(last)
