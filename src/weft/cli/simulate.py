"""`weft simulate`: the protocol without a network."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The protocol without a network: decision vectors.", no_args_is_help=True)


@app.callback()
def simulate() -> None:
    """Keeps `vectors` a verb of its own: typer would make a lone command the whole noun."""


@app.command()
def vectors(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Drawn DAGs, JSON.")
    ],
) -> None:
    """Replay drawn DAGs with expected decisions through the real core, in several arrival orders."""
