"""`weft tx`, `blocks`, `follow`: what stands on the ledger, and what comes."""

import asyncio
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weft.cli.options import AsJson, Home, Urls, Wait, connect, connect_async
from weft.cli.terminal import show_facts, show_fields, show_json, show_json_line, show_line, show_rows

if TYPE_CHECKING:
    from weft.client import AsyncClient
    from weft.client.signing import Signed

app = typer.Typer(help="Transactions.", no_args_is_help=True)


@app.command()
def submit(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(
            metavar="FILE", help="A signed transaction as POST /v1/transactions takes it; -: stdin."
        ),
    ],
    wait: Wait = "executed",
    urls: Urls = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Send a signed transaction; sent twice, or to several nodes, it has one effect."""
    signed = _parse_signed(file.read())
    with connect(urls, home) as client:
        show_facts(asdict(client.send(signed, wait=wait)), as_json)


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The transaction's identity: 64 hex digits.")],
    urls: Urls = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """What became of a transaction."""
    with connect(urls, home) as client:
        show_facts(client.read(f"/v1/transactions/{id_}"), as_json)


def blocks(
    height: Annotated[
        int | None, typer.Argument(help="One block with its transactions and receipts.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many headers, newest first.", min=1, max=1000)] = 20,
    urls: Urls = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """The newest headers, or one block."""
    with connect(urls, home) as client:
        found = (
            client.read("/v1/blocks", limit=limit) if height is None else client.read(f"/v1/blocks/{height}")
        )
    if as_json:
        show_json(found if height is not None else found["items"])
    elif height is None:
        show_rows(found["items"], ("height", "timestamp", "round", "hash"))
    else:
        _show_block(found)


def follow(
    cursor: Annotated[
        str | None, typer.Option(help="Begin after this place, HEIGHT-POSITION; 0: from the genesis.")
    ] = None,
    urls: Urls = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Events as they come, each once, until Ctrl-C; from now on unless a cursor is given."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(connect_async(urls, home), cursor, as_json))


async def _follow(client: "AsyncClient", cursor: str | None, as_json: bool) -> None:
    async with client:
        async for event in client.follow(cursor):
            if as_json:
                show_json_line(event)
            else:
                show_line(f"{event['cursor']}  {event['type']}  {_compact(event['data'])}")


def _parse_signed(text: bytes) -> "Signed":
    """The transaction in base64, and of each attachment the 32 bytes of salt and its content."""
    import msgspec

    from weft.client.signing import Signed
    from weft.model.transaction import Attachment

    kind = msgspec.defstruct("Signed", [("transaction", bytes), ("attachments", list[bytes], [])])
    try:
        wire: Any = msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"not a signed transaction: {error}") from None
    return Signed(wire.transaction, tuple(Attachment(one[:32], one[32:]) for one in wire.attachments))


def _show_block(block: dict[str, Any]) -> None:
    parts = ("transactions", "receipts", "checkpoint")
    show_fields({name: value for name, value in block.items() if name not in parts})
    show_line("")
    fates = zip(block["transactions"], block["receipts"], strict=True)
    show_rows(
        [{**one, "status": receipt["status"], "code": receipt["code"]} for one, receipt in fates],
        ("position", "id", "contract", "call", "signer", "status", "code"),
    )


def _compact(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
