"""Options that many verbs share, and what they stand for."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from weft.model.keys import PrivateKey

DEFAULT_URL = "http://127.0.0.1:8700"
DEFAULT_NETWORK = Path("weft-network")

Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--url",
        help=f"REST address of a node; give several to pass over one that is down. [default: {DEFAULT_URL}]",
    ),
]
Home = Annotated[
    Path | None,
    typer.Option("--home", help="Home of a local network or of a node, instead of --url.", file_okay=False),
]
Key = Annotated[
    Path | None,
    typer.Option(
        "--key",
        help="Key file to sign with; made at first use. [default: key.json in the user's configuration]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
NodeHome = Annotated[Path, typer.Option("--home", help="The node's home.", file_okay=False)]


def find_urls(urls: list[str] | None, home: Path | None) -> list[str]:
    """The REST addresses that --url and --home stand for."""
    from weft.config import load_config
    from weft.local import Network

    if urls:
        return urls
    if home is None:
        return [DEFAULT_URL]
    return Network.find(home).urls if is_network(home) else [load_config(home, os.environ).url]


def is_network(home: Path) -> bool:
    """Whether a folder is the home of a local network rather than of a node."""
    return (home / "node0").is_dir()


def load_signer(path: Path | None) -> "PrivateKey":
    """The key to sign with: FILE, or the user's own, made with mode 0600 at first use."""
    from weft.storage.keyfile import load_or_create_key

    return load_or_create_key(path or user_folder() / "key.json")


def user_folder() -> Path:
    """Where this user's configuration of Weft lies (XDG base directories)."""
    root = os.environ.get("XDG_CONFIG_HOME")
    return (Path(root) if root else Path.home() / ".config") / "weft"
