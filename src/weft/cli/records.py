"""`weft records`: JSON documents on the ledger."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.options import AsJson, Home, Key, Urls, Wait, connect, load_signer
from weft.cli.terminal import show_facts, show_json, show_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(help="JSON documents by collection and key.", no_args_is_help=True)

Collection = Annotated[str, typer.Argument(help="Lower-case letters, digits, dots, dashes.")]
RecordKey = Annotated[str, typer.Argument(metavar="KEY", help="1 to 256 bytes; it cannot be erased later.")]
Expected = Annotated[
    int | None,
    typer.Option("--if-version", help="Only if this is the newest version; 0: only if there is none.", min=0),
]


@app.command()
def put(
    collection: Collection,
    key_: RecordKey,
    document: Annotated[str, typer.Argument(metavar="JSON", help="The document; - reads it from stdin.")],
    expected: Expected = None,
    wait: Wait = "executed",
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Write a document: a new version of the record."""
    content = _check_json(sys.stdin.buffer.read() if document == "-" else document.encode())
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.records.put(collection, key_, content, expected=expected, wait=wait), as_json)


@app.command()
def get(
    collection: Collection,
    key_: RecordKey,
    at_height: Annotated[int | None, typer.Option(help="As it was after this block.", min=0)] = None,
    is_linearizable: Annotated[
        bool, typer.Option("--linearizable", help="See all that anybody was told was written.")
    ] = False,
    urls: Urls = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """A record: its document, version, author."""
    consistency = "linearizable" if is_linearizable else None
    with connect(urls, home) as client:
        show_facts(
            client.records.get(collection, key_, at_height=at_height, consistency=consistency), as_json
        )


@app.command()
def history(
    collection: Collection, key_: RecordKey, urls: Urls = None, home: Home = None, as_json: AsJson = False
) -> None:
    """All versions of a record, newest first."""
    with connect(urls, home) as client:
        _show_versions(client.records.history(collection, key_), as_json)


@app.command("list")
def list_(collection: Collection, urls: Urls = None, home: Home = None, as_json: AsJson = False) -> None:
    """The records of a collection, keys rising."""
    with connect(urls, home) as client:
        _show_versions(client.records.list(collection), as_json)


@app.command()
def delete(
    collection: Collection,
    key_: RecordKey,
    expected: Expected = None,
    wait: Wait = "executed",
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Hide a record; its history stays readable."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.records.delete(collection, key_, expected=expected, wait=wait), as_json)


@app.command()
def erase(
    collection: Collection,
    key_: RecordKey,
    expected: Expected = None,
    wait: Wait = "executed",
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the content of all versions on every node; collection and key stay."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.records.erase(collection, key_, expected=expected, wait=wait), as_json)


def _show_versions(items: "Iterable[dict[str, Any]]", as_json: bool) -> None:
    rows = list(items)
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, ("key", "version", "height", "updated_at", "deleted", "erased_height", "value"))


def _check_json(text: bytes) -> bytes:
    from weft.model.document import check_document
    from weft.model.errors import DocumentError

    try:
        check_document(text)
    except DocumentError as error:
        raise typer.BadParameter(f"the document is not one: {error}") from None
    return text
