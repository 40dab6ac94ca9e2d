"""Options that many verbs share, and what they stand for."""

import os
import re
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer

if TYPE_CHECKING:
    from weft.client import AsyncClient, Client
    from weft.model.keys import PrivateKey

Given = TypeVar("Given", str, list[str])
DEFAULT_URL = "http://127.0.0.1:8700"
DEFAULT_NETWORK = Path("weft-network")

Urls = Annotated[
    list[str] | None,
    typer.Option(
        "--url",
        help="A node's REST address; of several, one that is down is passed over. "
        f"[default: the network in ./{DEFAULT_NETWORK} if there is one, else {DEFAULT_URL}]",
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
        help="Key file to sign with; made at first use. [default: the user's own; with --token, none]",
        dir_okay=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print facts as JSON.")]
NodeHome = Annotated[Path, typer.Option("--home", help="The node's home.", file_okay=False)]
Wait = Annotated[
    Literal["none", "executed", "certified"],
    typer.Option(help="How far it must have come: accepted, executed here, or signed by a quorum."),
]

token: ContextVar[str | None] = ContextVar("token", default=None)
"""The bearer token of `weft --token FILE`."""


def connect(urls: list[str] | None, home: Path | None, key: "PrivateKey | None" = None) -> "Client":
    """The network that --url or --home stands for; by a home's genesis what nodes prove is checked."""
    from weft.client import Client

    home = find_home(urls, home)
    return Client(find_urls(urls, home), key, find_genesis(home) if home else None, token=token.get())


def connect_async(urls: list[str] | None, home: Path | None) -> "AsyncClient":
    """`connect`, for a verb that awaits."""
    from weft.client import AsyncClient

    return AsyncClient(find_urls(urls, home), token=token.get())


def find_home(urls: list[str] | None, home: Path | None) -> Path | None:
    """What --home stands for: without it and --url, the network in ./weft-network if there is one."""
    is_default = home is None and not urls and is_network(DEFAULT_NETWORK)
    return DEFAULT_NETWORK if is_default else home


def find_urls(urls: list[str] | None, home: Path | None) -> list[str]:
    """The REST addresses that --url and --home stand for."""
    from weft.config import load_config
    from weft.local import Network

    if urls:
        return urls
    home = find_home(urls, home)
    if home is None:
        return [DEFAULT_URL]
    return Network.find(home).urls if is_network(home) else [load_config(home, os.environ).url]


def find_genesis(home: Path) -> Path:
    """The genesis in a local network's or a node's home."""
    from weft.config import load_config

    return load_config(home / "node0" if is_network(home) else home).genesis_path


def is_network(home: Path) -> bool:
    """Whether a folder is the home of a local network rather than of a node."""
    return (home / "node0").is_dir()


def load_signer(path: Path | None) -> "PrivateKey | None":
    """The key to sign with: FILE, or the user's own, made with mode 0600 at first use.

    None with a token and no FILE: the node signs with the account that the token stands for.
    """
    if path is None and token.get() is not None:
        return None
    return load_user_key(path)


def load_user_key(path: Path | None) -> "PrivateKey":
    """The key in FILE, or the user's own; made with mode 0600 at first use."""
    from weft.storage.keyfile import load_or_create_key

    return load_or_create_key(path or user_key())


def load_reader(path: Path | None) -> "PrivateKey | None":
    """The key that says who reads, where only some may: FILE, or the user's own if there is one. A token says
    it in its place."""
    from weft.storage.keyfile import load_key

    if token.get() is not None:
        return None
    if path is None and not user_key().exists():
        return None
    return load_key(path or user_key())


def user_key() -> Path:
    """Where this user's own key lies (XDG base directories)."""
    root = os.environ.get("XDG_CONFIG_HOME")
    return (Path(root) if root else Path.home() / ".config") / "weft" / "key.json"


def user_state() -> Path:
    """Where uploads of this user are remembered (XDG base directories)."""
    root = os.environ.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "weft" / "uploads.sqlite"


def widen(urls: list[str]) -> list[str]:
    """Of a single node given, also the others of its network that it names and that answer here.

    Not with a token: that is only shown to nodes that the user named.
    """
    if len(urls) != 1 or token.get() is not None:
        return urls
    from concurrent.futures import ThreadPoolExecutor

    first = _ask_status(urls[0])
    others = [peer["url"] for peer in first.get("peers", ()) if peer["url"] and peer["connected"]]
    with ThreadPoolExecutor(8) as pool:
        statuses = zip(others, pool.map(_ask_status, others), strict=True)
        return urls + [url for url, status in statuses if status.get("chain_id") == first["chain_id"]]


def _ask_status(url: str) -> dict[str, Any]:
    """What a node says of itself; nothing if it does not."""
    import httpx

    try:
        answer = httpx.get(f"{url}/v1/status", timeout=2, trust_env=False).raise_for_status().json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return {}
    return answer if isinstance(answer, dict) else {}


def hex_digits(digits: int) -> Callable[[Given], Given]:
    """A check that an argument is so many hex digits, each if it is several."""

    def check(given: Given) -> Given:
        for text in (given,) if isinstance(given, str) else given:
            if re.fullmatch(f"[0-9a-f]{{{digits}}}", text) is None:
                raise typer.BadParameter(f"{text[:80]!r} is not {digits} lower-case hex digits")
        return given

    return check
