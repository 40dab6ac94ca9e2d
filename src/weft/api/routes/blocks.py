"""Blocks: headers newest first, and one block with all that is in it."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from weft.api.answer import Answer, show_named, time_text
from weft.api.cursor import read_cursor, write_cursor
from weft.api.errors import BlockUnknownError
from weft.api.parameter import CURSOR, HEIGHT_MAX, LIMIT, READ, Parameter, number, whole
from weft.api.request import begin_read, service_of
from weft.api.route import describe, make_router
from weft.api.schemas import (
    AttachmentNote,
    BlockDetail,
    BlockHeader,
    BlockPage,
    BlockReceipt,
    BlockTransaction,
    CheckpointNote,
    CheckpointSignature,
    EventNote,
)
from weft.model.block import Block, Checkpoint, Header
from weft.model.digest import Digest
from weft.model.encoding import decode
from weft.model.receipt import decode_receipt
from weft.model.transaction import Transaction, identity_of

HEIGHT = Parameter("height", "path", "0 is the genesis.", number(0, HEIGHT_MAX), whole(0, HEIGHT_MAX), 0)

router = make_router("blocks")


@router.get("/v1/blocks", **describe({200: BlockPage}, parameters=(LIMIT, CURSOR, *READ)))
async def list_blocks(request: Request) -> Response:
    """Headers, newest first."""
    limit, below = LIMIT.of(request), read_cursor(request, "blocks", int)
    height = await begin_read(request)
    found = await service_of(request).headers(below, limit + 1)
    items = [BlockHeader(**show_header(header, hash_)) for header, hash_ in found[:limit]]
    cursor = write_cursor("blocks", items[-1].height) if len(found) > limit else None
    return Answer(BlockPage(items, cursor), height=height)


@router.get(
    "/v1/blocks/{height}",
    **describe({200: BlockDetail}, parameters=(HEIGHT, *READ)),
)
async def show_block(request: Request) -> Response:
    """A block with its transactions, their receipts, and a quorum's word on it as far as there is one."""
    wanted = HEIGHT.of(request)
    height = await begin_read(request)
    service = service_of(request)
    block = await service.find_block(wanted)
    if block is None:
        raise BlockUnknownError(f"there is no block {wanted} here; the head is {height}")
    checkpoint = await service.find_checkpoint(wanted)
    shown = await asyncio.to_thread(_show_block, block, checkpoint)
    return Answer(shown, height=height)


def show_header(header: Header, hash_: Digest) -> dict[str, Any]:
    """The members of a header."""
    return {
        "height": header.height,
        "hash": hash_.hex(),
        "parent": header.parent.hex(),
        "timestamp": time_text(header.time_ms),
        "time_ms": header.time_ms,
        "epoch": header.epoch,
        "round": header.round,
        "order_hash": header.order_hash.hex(),
        "transaction_root": header.transaction_root.hex(),
        "receipt_root": header.receipt_root.hex(),
        "state_root": header.state_root.hex(),
        "state_height": header.state_height,
    }


def _show_block(block: Block, checkpoint: Checkpoint | None) -> BlockDetail:
    return BlockDetail(
        **show_header(block.header, block.header.hash),
        transactions=[_show_transaction(raw, place) for place, raw in enumerate(block.transactions)],
        receipts=[_show_receipt(raw) for raw in block.receipts],
        checkpoint=None if checkpoint is None else _show_checkpoint(checkpoint),
    )


def _show_transaction(raw: bytes, position: int) -> BlockTransaction:
    transaction = decode(Transaction, raw)
    return BlockTransaction(
        identity_of(raw).hex(),
        position,
        transaction.signer.address.hex(),
        transaction.contract,
        transaction.call,
        time_text(transaction.expires_ms),
        [AttachmentNote(item.digest.hex(), item.size) for item in transaction.attachments],
        raw,
    )


def _show_receipt(raw: bytes) -> BlockReceipt:
    receipt = decode_receipt(raw)
    return BlockReceipt(
        receipt.transaction.hex(),
        receipt.status,
        receipt.code,
        show_named(receipt.result),
        [EventNote(event.contract, event.type, show_named(event.data)) for event in receipt.events],
        raw,
    )


def _show_checkpoint(checkpoint: Checkpoint) -> CheckpointNote:
    statement = checkpoint.statement
    return CheckpointNote(
        statement.height,
        statement.epoch,
        statement.header.hex(),
        statement.state_root.hex(),
        [CheckpointSignature(member, signature.hex()) for member, signature in checkpoint.signatures],
    )
