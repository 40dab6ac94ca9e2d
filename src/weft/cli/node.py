"""`weft init`, `start`: one real node."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weft.cli.options import AsJson, NodeHome
from weft.cli.terminal import show_facts, tell

if TYPE_CHECKING:
    from weft.home import Home


def init(
    home: Annotated[Path, typer.Option("--home", help="Folder to make the home in.", file_okay=False)],
    name: Annotated[str, typer.Option(help="The member's name, as it will stand in the genesis.")],
    api_host: Annotated[str, typer.Option(help="Where REST listens.")] = "127.0.0.1",
    api_port: Annotated[int, typer.Option(help="Where REST listens.", min=1, max=65535)] = 8700,
    peer_host: Annotated[str, typer.Option(help="Where peers are listened to.")] = "127.0.0.1",
    peer_port: Annotated[int, typer.Option(help="Where peers are listened to.", min=1, max=65535)] = 8800,
    address: Annotated[
        list[str] | None,
        typer.Option(help="HOST:PORT of a member's peer port; once for each, in committee order."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a node's home: folders, config.toml, keys. Prints the public keys, which the genesis needs."""
    from weft.home import create_home

    validator, gateway = create_home(
        home,
        {
            "node": {"name": name},
            "api": {"host": api_host, "port": api_port},
            "peer": {"host": peer_host, "port": peer_port, "addresses": address or []},
        },
    )
    facts = {
        "home": str(home),
        "name": name,
        "validator": validator.public.key.hex(),
        "gateway": f"ed25519:{gateway.public.key.hex()}",
    }
    show_facts(facts, as_json)
    tell(
        "next: `weft genesis make` with every member's keys, its genesis.json into each home, "
        "peer.addresses in each config.toml; then `weft start`"
    )


def start(
    home: NodeHome = Path(),
    api_port: Annotated[int | None, typer.Option(help="Instead of api.port.")] = None,
    peer_port: Annotated[int | None, typer.Option(help="Instead of peer.port.")] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="Instead of log.level.")
    ] = None,
    log_format: Annotated[
        Literal["json", "console"] | None, typer.Option(help="Instead of log.format.")
    ] = None,
) -> None:
    """Run a node in the foreground until it is interrupted; logs go to stderr."""
    from weft.cli.logs import set_up_logs
    from weft.home import hold_home, load_home
    from weft.local import check_port_free

    flags = {
        "api.port": api_port,
        "peer.port": peer_port,
        "log.level": log_level,
        "log.format": log_format,
    }
    loaded = load_home(home, os.environ, flags)
    with hold_home(home):
        for section in (loaded.config.api, loaded.config.peer):
            check_port_free(section.host, section.port)
        set_up_logs(loaded.config.log.level, loaded.config.log.format)
        code = _run(loaded)
    raise typer.Exit(code)


def _run(home: "Home") -> int:
    import asyncio

    import uvloop

    from weft.assembly import run

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(home))
