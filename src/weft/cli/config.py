"""`weft config`: a node's settings."""

import os
from dataclasses import asdict
from pathlib import Path

import typer

from weft.cli.options import AsJson, NodeHome
from weft.cli.terminal import show_json, show_line, show_rows

app = typer.Typer(help="A node's settings: config.toml and WEFT_SECTION_KEY.", no_args_is_help=True)


@app.command()
def show(home: NodeHome = Path(), as_json: AsJson = False) -> None:
    """Every setting with its value and where that came from."""
    from weft.config import explain, load_config

    rows = [asdict(setting) for setting in explain(load_config(home, os.environ))]
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, ("key", "value", "source"))


@app.command()
def validate(home: NodeHome = Path()) -> None:
    """Whether the node could start: settings, genesis and keys are read and checked as `weft start` does."""
    from weft.home import load_home

    loaded = load_home(home, os.environ)
    show_line(
        f"member {loaded.member} ({loaded.genesis.members[loaded.member].name}) of {loaded.genesis.name}"
    )
