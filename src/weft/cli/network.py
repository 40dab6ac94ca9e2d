"""`weft up`, `down`, `status`: a local network, and how any network is."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from weft.cli.options import DEFAULT_NETWORK, AsJson, Home, Urls, find_urls
from weft.cli.terminal import progress, show_json, show_line, show_rows, tell
from weft.model.errors import LaunchError

if TYPE_CHECKING:
    from weft.local import Network

NetworkHome = Annotated[Path, typer.Option("--home", help="Folder of the local network.", file_okay=False)]
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
COLUMNS = ("name", "role", "height", "head", "state_root", "peers", "catching_up", "url")


def up(
    nodes: Annotated[
        int | None, typer.Option(help="How many nodes. [default: 4, or those that are there]", min=1, max=100)
    ] = None,
    home: NetworkHome = DEFAULT_NETWORK,
    fault_model: Annotated[
        Literal["byzantine", "crash"] | None,
        typer.Option(help="What members may do wrong. [default: byzantine]"),
    ] = None,
    port_base: Annotated[
        int | None, typer.Option(help="REST on P+i, peers on P+100+i. [default: 8700]", min=1, max=65335)
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once every node is ready; 1 when one has failed.")
    ] = False,
    photos: Annotated[
        Path | None,
        typer.Option(help="Upload this folder's pictures and films.", exists=True, file_okay=False),
    ] = None,
    machine_tags: Annotated[
        bool, typer.Option("--machine-tags", help="Nodes look for faces and likenesses in pictures.")
    ] = False,
) -> None:
    """Start a local network, or what of it is not running; Ctrl-C stops it and keeps the data.

    A node that cannot start is named with the reason and its log; as long as the others are a quorum, they go
    on. --detach then leaves them running, and ends with 1.
    """
    from weft.local import Network

    network = Network(home, nodes, fault_model, port_base)
    if machine_tags:
        # As a setting of this start: nodes take it from the environment, over what their files say.
        os.environ["WEFT_FILES_MACHINE_TAGS"] = "true"
    # A supervisor that is asked to end takes the same way out as Ctrl-C: its nodes end with it.
    for kind in ENDINGS:
        signal.signal(kind, _interrupt)
    try:
        started = network.start()
        failed = _wait_ready(network)
        if photos:
            _upload(network.urls, photos)
        _show_nodes(_gather(network.urls))
        show_line("\n" + next(url for node, url in enumerate(network.urls) if node not in failed))
        if detach:
            raise typer.Exit(1 if failed else 0)
        if not started:
            tell("every node ran already; this command started none and ends")
            return
        tell("Ctrl-C stops the nodes and keeps the data")
        _watch(network, started, failed)
    except typer.Exit:
        raise  # what was started goes on
    except BaseException as error:
        # Stopping is bounded; a second signal would leave nodes behind.
        for kind in ENDINGS:
            signal.signal(kind, signal.SIG_IGN)
        if network.stop():
            tell(f"stopped what was started; the data is in {network.home}")
        if not isinstance(error, KeyboardInterrupt):
            raise


def down(
    home: Annotated[
        Path, typer.Option("--home", help="Folder of the local network, or a node's home.", file_okay=False)
    ] = DEFAULT_NETWORK,
) -> None:
    """Stop every node of a local network, or the one of a home, and wait for its end; the data stays."""
    from weft.config import FILE_NAME
    from weft.local import Network, stop_node

    if (home / FILE_NAME).is_file():
        show_line(f"stopped {home.absolute().name}" if stop_node(home) else "the node was not running")
        return
    stopped = Network.find(home).stop_all()
    show_line(f"stopped {', '.join(f'node{node}' for node in stopped)}" if stopped else "no node was running")


def status(urls: Urls = None, home: Home = None, as_json: AsJson = False) -> None:
    """One row a node: name, role, height, head, state root, peers, catching up.

    Exit code 1 when a node does not answer.
    """
    rows = _gather(find_urls(urls, home))
    if as_json:
        show_json(rows)
    else:
        _show_nodes(rows)
    for row in rows:
        if "error" in row:
            tell(f"{row['url']}: {row['error']}")
    if any("error" in row for row in rows):
        raise typer.Exit(1)


def _upload(urls: Sequence[str], photos: Path) -> None:
    """A folder's pictures and films, for which the nodes sign."""
    from weft.cli.files import find_photos
    from weft.cli.upload import summarize, watching
    from weft.client import Client, Tally

    tally, begun_s = Tally(), time.monotonic()
    with Client(urls) as client, watching(tally):
        for one in client.files.put_many(find_photos(photos), tally=tally):
            if one.state == "refused":
                tell(f"{one.path}: {one.reason} [{one.code}]")
    tell(f"photos in {photos}: {summarize(tally, time.monotonic() - begun_s)}")


def _show_nodes(rows: Sequence[dict[str, Any]]) -> None:
    """People compare the beginnings of digests; --json has the whole ones."""
    short = ("head", "state_root")
    show_rows([{**row, **{name: row.get(name, "-")[:12] for name in short}} for row in rows], COLUMNS)


def _wait_ready(network: "Network") -> set[int]:
    """Wait for a quorum at least; those that did not get ready, which are told of with their reasons."""
    with progress("starting", len(network.configs)) as advance:
        failed = network.wait_quorum(lambda node: advance(1))
    for node, error in failed.items():
        tell(f"{error}\n  fix: {error.fix}\n  log: {network.log_path(node)}")
    if failed:
        tell("the others are a quorum and go on; the same command again starts what does not run")
    return set(failed)


def _watch(network: "Network", started: Sequence[int], failed: set[int]) -> None:
    """Stay until interrupted, or until no node is left; say once of each how it ended.

    Of those that `failed` to start it is said already. Raises LaunchError when the last has gone and one of
    them was not asked to.
    """
    told = set(filter(network.has_ended, failed))
    while not told.issuperset(started):
        for node in started:
            if node not in told and network.has_ended(node):
                told.add(node)
                _tell_ending(network, node)
        time.sleep(0.5)
    if not all(network.last_words(node).was_asked for node in started):
        raise LaunchError("every node that this command started has ended")


def _tell_ending(network: "Network", node: int) -> None:
    ending = network.last_words(node)
    tell(f"node{node} {ending.text}")
    if ending.fix:
        tell(f"  fix: {ending.fix}")
    if not ending.was_asked:
        tell(f"  start it again: weft start --home {network.configs[node].home}")


def _gather(urls: Sequence[str]) -> list[dict[str, Any]]:
    """What each node says of itself, asked all at once."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(min(32, len(urls))) as pool:
        return list(pool.map(_ask_status, urls))


def _ask_status(url: str) -> dict[str, Any]:
    import httpx

    try:
        answer = httpx.get(f"{url}/v1/status", timeout=5, trust_env=False).raise_for_status().json()
        peers = answer["peers"]
        return {
            "name": answer["node"]["name"],
            "role": answer["node"]["role"],
            "height": answer["latest_height"],
            "head": answer["latest_hash"],
            "state_root": answer["state_root"],
            "peers": f"{sum(peer['connected'] for peer in peers)}/{len(peers)}",
            "catching_up": answer["catching_up"],
            "url": url,
        }
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
        return {"url": url, "error": f"{type(error).__name__}: {error}"}


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
