"""Read the ledger from a cursor. Events are rows in blocks; waiting is only a hint that there is more.

A cursor is (height, position): the last row that was read. Within a block the rows are numbered from 0 on:
the events of its receipts in order, then the `block` row with the header. Nothing is ever skipped, because
rows are made of blocks that are stored, in the order of their heights; that a newer one is at hand only saves
reading it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence

import msgspec

from weft.model.block import Block
from weft.model.encoding import encode
from weft.model.limits import KIB, MIB
from weft.model.receipt import decode_receipt
from weft.model.view import EventRow
from weft.node.ports import Store, Workers

BLOCKS_REMEMBERED = 64
"""Decoded blocks kept, so that many followers at the head cost one decoding."""
BYTES_REMEMBERED = 4 * MIB
"""Of the newest blocks, so that who follows at the head reads nothing from the store."""
BLOCK_BYTES = 2 * KIB
"""What a block takes beside its transactions and receipts."""

Raw = msgspec.Raw
_parts_of = msgspec.msgpack.Decoder(tuple[Raw, Raw, Raw, Raw, Raw, list[Raw]]).decode
"""A receipt's fields; the last one is its events."""


class Ledger:
    """The rows of this node's ledger."""

    def __init__(self, store: Store, workers: Workers) -> None:
        self._store = store
        self._workers = workers
        self._rows: OrderedDict[int, list[EventRow]] = OrderedDict()
        self._newest: OrderedDict[int, Block] = OrderedDict()
        self._newest_bytes = 0
        self._grown = asyncio.Event()

    def announce(self, blocks: Sequence[Block] = ()) -> None:
        """There are more blocks than before; these, if they are at hand."""
        for block in blocks:
            self._newest[block.header.height] = block
            self._newest_bytes += _weigh(block)
        while self._newest_bytes > BYTES_REMEMBERED:
            self._newest_bytes -= _weigh(self._newest.popitem(last=False)[1])
        self._grown.set()
        self._grown = asyncio.Event()

    async def wait_beyond(self, height: int) -> None:
        """Return once the head is above `height`."""
        while self._store.head.height <= height:
            await self._grown.wait()

    async def follow(
        self, cursor: tuple[int, int] | None, contract: str | None = None
    ) -> AsyncGenerator[EventRow, None]:
        """Every row after the cursor, for ever; rows of later blocks only if None. Of a contract: its events
        and each block's own row, which cost little where there are no such events."""
        height, position = cursor if cursor is not None else (self._store.head.height + 1, -1)
        while True:
            await self.wait_beyond(height - 1)
            for row in self._pass_over(height, contract) or await self._read(height):
                is_wanted = contract is None or row.event is None or row.event.contract == contract
                if is_wanted and row.position > position:
                    yield row
            height, position = height + 1, -1

    def _pass_over(self, height: int, contract: str | None) -> list[EventRow]:
        """The row of a new block in which the contract announced nothing; none if that is not certain."""
        block = self._newest.get(height)
        if contract is None or block is None:
            return []
        # Where two receipts meet the name may seem to stand: then the block is read, and it does no harm.
        if encode(contract) in b"".join(block.receipts):
            return []
        position = sum(len(_parts_of(raw)[-1]) for raw in block.receipts)
        return [EventRow(height, position, None, None, block.header)]

    async def _read(self, height: int) -> list[EventRow]:
        rows = self._rows.get(height)
        if rows is None:
            rows = await self._workers.run("read", lambda: self._decode(height))
            self._rows[height] = rows
            if len(self._rows) > BLOCKS_REMEMBERED:
                self._rows.popitem(last=False)
        return rows

    def _decode(self, height: int) -> list[EventRow]:
        if height == 0:
            return []
        block = self._newest.get(height) or self._store.find_block(height)
        assert block is not None, "every height up to the head is stored"
        header = block.header
        found = [
            (receipt.transaction, event, place)
            for place, receipt in enumerate(map(decode_receipt, block.receipts))
            for event in receipt.events
        ]
        rows = [
            EventRow(height, position, transaction, event, header, place)
            for position, (transaction, event, place) in enumerate(found)
        ]
        return [*rows, EventRow(height, len(rows), None, None, header)]


def _weigh(block: Block) -> int:
    """Bytes of memory, about."""
    return BLOCK_BYTES + sum(map(len, block.transactions)) + sum(map(len, block.receipts))
