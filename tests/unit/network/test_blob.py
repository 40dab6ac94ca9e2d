"""Content of blobs from another member, streamed."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from tests.unit.network.neighbours import QUICK, Street, note, until_settled
from weft.model.errors import BlobError
from weft.model.limits import MIB

CONTENT = bytes(range(256)) * (5 * MIB // 256) + b"tail"


async def test_content_comes_whole_or_from_an_offset() -> None:
    """Byte for byte, in chunks of bounded size."""
    async with Street(2) as (one, two):
        two.inbox.blobs["b"] = CONTENT
        chunks = [chunk async for chunk in one.network.read_blob(1, "b", 0)]
        assert b"".join(chunks) == CONTENT
        assert max(len(chunk) for chunk in chunks) <= QUICK.chunk_bytes
        assert b"".join([chunk async for chunk in one.network.read_blob(1, "b", len(CONTENT) - 4)]) == b"tail"
        assert b"".join([chunk async for chunk in one.network.read_blob(1, "b", len(CONTENT))]) == b""


async def test_content_that_is_not_there_is_an_error() -> None:
    """Missing at a member, and a member that is not there."""
    async with Street(2) as (one, _):
        with pytest.raises(BlobError, match="x is not here"):
            await anext(one.network.read_blob(1, "x", 0))
    with pytest.raises(BlobError, match="not connected"):
        await anext(one.network.read_blob(1, "x", 0))


async def test_a_slow_reader_holds_back_the_source_and_nobody_else() -> None:
    """Only a few MiB of a large blob leave their store while the reader takes its time; items still flow."""
    async with Street(2) as (one, two):
        two.inbox.blobs["large"] = bytes(128 * MIB)
        async with aclosing(one.network.read_blob(1, "large", 0)) as content:
            await anext(content)
            assert await until_settled(lambda: two.inbox.blob_bytes_taken) < 24 * MIB
            one.network.send(1, note(1))
            two.network.send(0, note(2))
            await two.inbox.until(lambda: two.inbox.numbers(0) == [1])
            await one.inbox.until(lambda: one.inbox.numbers(1) == [2])
        await two.inbox.until(lambda: two.inbox.blobs_closed == 1, poll=True)
        assert two.inbox.blob_bytes_taken < 24 * MIB


async def test_a_connection_lost_half_way_is_an_error() -> None:
    """Whoever reads learns that the content is not whole."""
    street = Street(2)
    async with street as (one, two):
        two.inbox.blobs["large"] = bytes(64 * MIB)
        content = one.network.read_blob(1, "large", 0)
        await anext(content)
        await street.move_out(two)
        with pytest.raises(BlobError, match="large cannot be read from node1"):
            async for _ in content:
                pass


async def test_as_many_blobs_at_once_as_allowed_and_the_next_waits_its_turn() -> None:
    """One more than that is told so after a while, unless one ends."""
    bounds = replace(QUICK, blobs_max=2, stall_timeout_s=0.3)
    async with Street(2, bounds=bounds) as (one, two):
        two.inbox.blobs["large"] = bytes(64 * MIB)
        held = [one.network.read_blob(1, "large", 0) for _ in range(2)]
        for content in held:
            await anext(content)
        with pytest.raises(BlobError, match="2 blobs are being read"):
            await anext(one.network.read_blob(1, "large", 0))
        waiting = asyncio.ensure_future(anext(one.network.read_blob(1, "large", 0)))
        await held[0].aclose()
        assert await waiting
        await held[1].aclose()
