"""The command line: a file per noun. A verb imports what it needs when it runs, so `weft --help` is quick."""

import sys
from typing import NoReturn

import typer

from weft.cli import bench, config, genesis, keys, network, node, simulate
from weft.cli.terminal import tell_error
from weft.model.errors import WeftError

app = typer.Typer(
    help="Weft: one ledger, kept by equals.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (network.up, network.down, network.status, node.init, node.start, bench.bench):
    app.command()(verb)
for noun in (keys, genesis, config, simulate):
    app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])


def main() -> NoReturn:
    """Run the command line; exit code 0 done, 1 failed, 2 wrong use."""
    try:
        app()
    except WeftError as error:
        tell_error(error)
    sys.exit(1)
