"""The command line: a file per noun. A verb imports what it needs when it runs, so `weft --help` is quick."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from weft.cli import (
    bench,
    blobs,
    collections,
    config,
    files,
    genesis,
    keys,
    ledger,
    members,
    network,
    node,
    options,
    records,
    simulate,
    verify,
)
from weft.cli.terminal import show_line, tell, tell_error
from weft.model.errors import WeftError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        show_line(version("weft"))
        raise typer.Exit


@app.callback()
def weft(
    token: Annotated[
        Path | None,
        typer.Option(
            help="File with the bearer token of a closed network; WEFT_TOKEN may hold the token itself.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    is_version_asked: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version, and do nothing else.",
            is_eager=True,
            callback=_show_version,
        ),
    ] = False,
) -> None:
    """Weft: one ledger, kept by equals."""
    if token is None:
        options.token.set(os.environ.get("WEFT_TOKEN"))
    else:
        options.token.set(token.read_text(encoding="ascii", errors="replace").strip())


for verb in (
    *(network.up, network.down, network.status),
    *(node.init, node.start, verify.verify),
    *(ledger.blocks, ledger.follow, bench.bench, blobs.blobs),
):
    app.command()(verb)
for name, noun in (
    ("files", files.app),
    ("collections", collections.app),
    ("records", records.app),
    ("tx", ledger.app),
    ("keys", keys.app),
    ("members", members.app),
    ("genesis", genesis.app),
    ("config", config.app),
    ("simulate", simulate.app),
):
    app.add_typer(noun, name=name)


def main() -> NoReturn:
    """Run the command line; exit code 0 done, 1 failed, 2 wrong use."""
    if isinstance(sys.stdout, TextIOWrapper):
        # Verbs that go on for ever are read through pipes, too.
        sys.stdout.reconfigure(line_buffering=True)
    try:
        app()
    except WeftError as error:
        tell_error(error)
    except BrokenPipeError:
        # Whoever read along has enough; what waits for it would break again at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        from weft.client.errors import LocalFileError

        tell_error(LocalFileError(str(error)))
    except KeyboardInterrupt:
        tell("stopped")
    sys.exit(1)
