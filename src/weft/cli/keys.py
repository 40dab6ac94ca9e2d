"""`weft keys`: keys on disk, and tokens that stand for them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weft.cli.options import AsJson, Key, NodeHome, load_user_key, user_key
from weft.cli.terminal import show_facts, show_json, show_line, show_rows, tell

if TYPE_CHECKING:
    from weft.model.keys import PrivateKey
    from weft.storage.tokens import Tokens

app = typer.Typer(help="Keys on disk, and bearer tokens that stand for them.", no_args_is_help=True)


@app.command()
def new(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it; never overwritten.")],
    curve: Annotated[Literal["ed25519", "secp256k1"], typer.Option(help="Kind of key.")] = "ed25519",
    as_json: AsJson = False,
) -> None:
    """Make a key file that only its owner can read; prints the public half."""
    from weft.model.keys import CURVE_NAMES
    from weft.storage.keyfile import create_key

    curves = {name: number for number, name in CURVE_NAMES.items()}
    _show(create_key(path, curves[curve]), path, as_json)


@app.command()
def show(key: Key = None, as_json: AsJson = False) -> None:
    """The public half of a key file, by default of the user's own key, which is made at first use."""
    _show(load_user_key(key), key or user_key(), as_json)


@app.command()
def token(
    home: NodeHome = Path(),
    account: Annotated[
        str,
        typer.Option(help="File in the home's keys/ whose account the token stands for."),
    ] = "gateway.json",
    as_json: AsJson = False,
) -> None:
    """Make a bearer token for REST; it is shown once, the node keeps a salted digest of it."""
    value = _tokens_of(home).issue(account)
    if as_json:
        show_json({"token": value, "account": account})
    else:
        show_line(value)
    tell("keep it secret: whoever has it writes as this account through this node")


@app.command()
def tokens(home: NodeHome = Path(), as_json: AsJson = False) -> None:
    """The names of a node's tokens, and the accounts they stand for."""
    rows = [{"name": entry.name, "account": entry.key} for entry in _tokens_of(home).entries()]
    if as_json:
        show_json(rows)
    else:
        show_rows(rows, ("name", "account"))


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="The token's name: its part between the underscores.")],
    home: NodeHome = Path(),
) -> None:
    """Make a token worthless at once, also for a running node."""
    _tokens_of(home).revoke(name)
    show_line(f"revoked {name}")


def _tokens_of(home: Path) -> "Tokens":
    import os

    from weft.config import load_config
    from weft.storage.tokens import Tokens

    return Tokens(load_config(home, os.environ).keys_path)


def _show(key: "PrivateKey", path: Path, as_json: bool) -> None:
    from weft.model.keys import CURVE_NAMES

    facts = {
        "file": str(path),
        "curve": CURVE_NAMES[key.public.curve],
        "public": key.public.key.hex(),
        "address": key.public.address.hex(),
        "signer": f"{CURVE_NAMES[key.public.curve]}:{key.public.key.hex()}",
    }
    show_facts(facts, as_json)
