"""`weft blobs`: how each node keeps the content of files."""

from typing import Any

import typer

from weft.cli.options import AsJson, Home, Urls, connect, find_urls
from weft.cli.terminal import show_json, show_rows, tell
from weft.model.errors import WeftError

COLUMNS = ("url", "store", "copies", "missing", "lost", "moving", "erasing", "damaged", "repaired", "passes")


def blobs(urls: Urls = None, home: Home = None, as_json: AsJson = False) -> None:
    """One row a node: where it keeps content, what is missing there, found damaged and made again.

    Exit code 1 when a node does not answer.
    """
    rows: list[dict[str, Any]] = []
    failed = False
    for url in find_urls(urls, home):
        try:
            with connect([url], None) as client:
                rows.append({"url": url, **client.read("/v1/blobs")})
        except WeftError as error:
            failed = True
            tell(f"{url}: {error}")
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, COLUMNS)
    if failed:
        raise typer.Exit(1)
