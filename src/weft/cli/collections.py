"""`weft collections`: files put together under a name."""

from typing import Annotated, Literal

import typer

from weft.cli.options import AsJson, Home, Key, Urls, connect, hex_digits, load_reader, load_signer
from weft.cli.terminal import show_facts, show_json, show_rows
from weft.model.said import LINE_MAX

app = typer.Typer(help="Files put together under a name: albums, projects.", no_args_is_help=True)


def _check_name(name: str) -> str:
    if not 1 <= len(name.strip()) <= LINE_MAX:
        raise typer.BadParameter(f"a name has 1 to {LINE_MAX} letters")
    return name


Id = Annotated[str, typer.Argument(metavar="ID", help="The collection.", callback=hex_digits(32))]
Name = Annotated[str, typer.Argument(help="Its name; it is destroyed when it changes.", callback=_check_name)]
Files = Annotated[
    list[str], typer.Argument(metavar="FILE…", help="Ids of files, 500 at most.", callback=hex_digits(32))
]
Account = Annotated[str, typer.Argument(help="An account's address, 40 hex digits.", callback=hex_digits(40))]


@app.command()
def create(
    name: Name,
    private: Annotated[bool, typer.Option("--private", help="Only its members see it.")] = False,
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """A new, empty collection."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.collections.create(name, private), as_json)


@app.command("list")
def list_(urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False) -> None:
    """All collections."""
    with connect(urls, home, load_reader(key)) as client:
        found = list(client.collections.list())
    if as_json:
        show_json(found)
    else:
        show_rows(found, ("id", "files", "owner", "updated_at", "name"))


@app.command()
def show(id_: Id, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False) -> None:
    """A collection; `weft files search --collection ID` shows its files."""
    with connect(urls, home, load_reader(key)) as client:
        show_facts(client.collections.show(id_), as_json)


@app.command()
def rename(
    id_: Id, name: Name, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Give it another name."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.collections.rename(id_, name), as_json)


@app.command()
def add(
    id_: Id, files: Files, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Put files into it."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.collections.change(id_, files), as_json)


@app.command()
def remove(
    id_: Id, files: Files, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False
) -> None:
    """Take files out of it; they stay where else they are."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.collections.change(id_, (), files), as_json)


@app.command()
def share(
    id_: Id,
    account: Account,
    is_reader: Annotated[
        bool, typer.Option("--read", help="Let it only see what is shared with the collection.")
    ] = False,
    is_over: Annotated[bool, typer.Option("--stop", help="Let it do neither any longer.")] = False,
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Let another account see what is shared with the collection, and add and remove files."""
    access: Literal["none", "read", "write"] = "none" if is_over else "read" if is_reader else "write"
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.collections.share(id_, account, access), as_json)


@app.command()
def hide(
    id_: Id,
    is_over: Annotated[bool, typer.Option("--stop", help="Let everybody see it.")] = False,
    urls: Urls = None,
    home: Home = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Let only its members see that it is there, and its name."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.collections.hide(id_, not is_over), as_json)


@app.command()
def delete(id_: Id, urls: Urls = None, home: Home = None, key: Key = None, as_json: AsJson = False) -> None:
    """Take it apart and destroy its name; its files stay."""
    with connect(urls, home, load_signer(key)) as client:
        show_facts(client.collections.delete(id_), as_json)
