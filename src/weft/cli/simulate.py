"""`weft simulate`: the protocol without a network."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The protocol without a network: decision vectors.", no_args_is_help=True)


@app.callback()
def simulate() -> None:
    """The protocol without a network."""


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
