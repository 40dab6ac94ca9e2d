"""`weft genesis`: what a chain starts from."""

import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weft.cli.options import AsJson
from weft.cli.terminal import show_facts, show_line

if TYPE_CHECKING:
    from weft.model.committee import Member
    from weft.model.genesis import Account, Genesis, Role
    from weft.model.keys import PublicKey

app = typer.Typer(help="What a chain starts from: members, accounts, limits.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A genesis.json.", dir_okay=False)]
Accounts = list[str] | None
KEY_BYTES = 32
"""Of a member's key, which is of Ed25519."""


@app.command()
def make(
    name: Annotated[str, typer.Option(help="The network's name.")],
    member: Annotated[
        list[str], typer.Option(metavar="NAME=KEY[:WEIGHT]", help="A member's Ed25519 key in hex; in order.")
    ],
    gateway: Annotated[
        Accounts, typer.Option(metavar="CURVE:KEY", help="An account that a node signs with.")
    ] = None,
    administrator: Annotated[
        Accounts, typer.Option(metavar="CURVE:KEY", help="An account that gives roles to others.")
    ] = None,
    writer: Annotated[Accounts, typer.Option(metavar="CURVE:KEY", help="An account that writes.")] = None,
    reader: Annotated[Accounts, typer.Option(metavar="CURVE:KEY", help="An account that reads.")] = None,
    auditor: Annotated[Accounts, typer.Option(metavar="CURVE:KEY", help="An account that audits.")] = None,
    fault_model: Annotated[
        Literal["byzantine", "crash"], typer.Option(help="What members may do wrong.")
    ] = "byzantine",
    is_open: Annotated[bool, typer.Option("--open", help="Any account may write.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="File to write instead of stdout; never overwritten.")
    ] = None,
) -> None:
    """Make a genesis from the keys that `weft init` printed on every member."""
    from weft.model.errors import HomeError
    from weft.model.genesis import Genesis, format_genesis, parse_genesis
    from weft.model.limits import Limits

    roles: tuple[tuple[Role, Accounts], ...] = (
        ("gateway", gateway),
        ("administrator", administrator),
        ("writer", writer),
        ("reader", reader),
        ("auditor", auditor),
    )
    genesis = Genesis(
        version=1,
        name=name,
        created_ms=time.time_ns() // 1_000_000,
        fault_model=fault_model,
        members=tuple(map(_parse_member, member)),
        limits=Limits(),
        is_open=is_open,
        accounts=tuple(_parse_account(text, role) for role, texts in roles for text in texts or ()),
    )
    text = format_genesis(genesis)
    parse_genesis(text)
    if out is None:
        sys.stdout.write(text)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise HomeError(
            f"{out} cannot be written: {error.strerror}", fix="Name a new file in a folder that is yours."
        ) from None
    show_line(f"{out}: chain {genesis.chain.hex()}")


@app.command()
def show(path: File, as_json: AsJson = False) -> None:
    """A genesis in words: its chain, members, quorum, accounts."""
    from weft.home import load_genesis

    facts = _facts_of(load_genesis(path))
    show_facts(facts, as_json)


@app.command()
def check(path: File) -> None:
    """Whether every part of a genesis is well-formed and all agree; prints its chain."""
    from weft.home import load_genesis

    show_line(load_genesis(path).chain.hex())


def _facts_of(genesis: "Genesis") -> dict[str, object]:
    committee = genesis.committee
    return {
        "chain": genesis.chain.hex(),
        "name": genesis.name,
        "created_ms": genesis.created_ms,
        "fault_model": genesis.fault_model,
        "is_open": genesis.is_open,
        "members": [f"{one.name}={one.key.hex()}:{one.weight}" for one in genesis.members],
        "total_weight": committee.total,
        "faulty_weight": committee.faulty,
        "quorum_weight": committee.quorum,
        "accounts": [f"{one.role} {one.key.address.hex()}" for one in genesis.accounts],
    }


def _parse_member(text: str) -> "Member":
    from weft.model.committee import Member

    name, has_key, rest = text.partition("=")
    key, _, weight = rest.partition(":")
    try:
        member = Member(name, bytes.fromhex(key), int(weight or 1))
        if not name or not has_key or len(member.key) != KEY_BYTES:
            raise ValueError
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not NAME=KEY or NAME=KEY:WEIGHT, the key {2 * KEY_BYTES} hex digits"
        ) from None
    return member


def _parse_account(text: str, role: "Role") -> "Account":
    from weft.model.genesis import Account

    return Account(parse_public(text), role)


def parse_public(text: str) -> "PublicKey":
    """A public key written CURVE:HEX; raises BadParameter."""
    from weft.model.keys import CURVE_NAMES, PublicKey

    curve, _, key = text.partition(":")
    for number, name in CURVE_NAMES.items():
        if name == curve:
            with suppress(ValueError):
                public = PublicKey(number, bytes.fromhex(key))
                if public.is_well_formed():
                    return public
    raise typer.BadParameter(
        f"{text!r} is not CURVE:KEY, curve {' or '.join(CURVE_NAMES.values())}, a public key in hex; "
        "`weft keys new` and `weft keys show` print both"
    )
