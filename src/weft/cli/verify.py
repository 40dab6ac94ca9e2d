"""`weft verify`: a node's whole store, offline."""

import os
from pathlib import Path
from typing import Annotated

import typer

from weft.cli.options import AsJson, NodeHome
from weft.cli.terminal import bars, show_json, show_line


def verify(
    home: NodeHome = Path(),
    is_exhaustive: Annotated[
        bool, typer.Option("--all", help="Go on after the first thing that is wrong.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check a stopped node's whole store: every hash, link, root and signature.

    Names the first thing that is wrong, and where; exit code 1 then. What was erased is told with its height.
    Of a node that keeps all content on its disk, content that is gone is wrong, too.
    """
    from weft.assembly import verify as check
    from weft.config import load_config
    from weft.model.stored import Finding, Note

    wrong: list[Finding] = []
    notes: list[Note] = []
    with bars() as advance:
        for item in check(load_config(home, os.environ), advance):
            if isinstance(item, Note):
                notes.append(item)
                continue
            wrong.append(item)
            if not is_exhaustive:
                break
    if as_json:
        show_json({"sound": not wrong, "findings": wrong, "notes": notes})
    else:
        for line in (*map(str, notes), *map(str, wrong)):
            show_line(line)
        if not wrong:
            show_line("all verifies")
    if wrong:
        raise typer.Exit(1)
