"""Nodes that are down, or answer nothing that makes sense."""

import asyncio

import pytest

from weft.client import AsyncClient, UnreachableError


async def test_a_dead_node_is_passed_over(client: AsyncClient, url: str) -> None:
    """And the living one is asked first from then on."""
    assert (await client.status())["node"]["name"] == "node0"
    assert client._nodes._urls[client._nodes._good] == url


async def test_when_no_node_answers_it_is_said(nowhere: str) -> None:
    """With the address."""
    async with AsyncClient([nowhere], patience_s=0) as client:
        with pytest.raises(UnreachableError, match=nowhere):
            await client.head()


async def test_what_breaks_off_without_a_word_has_a_reason() -> None:
    """As the port does on which members talk to each other."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with AsyncClient([url], patience_s=0) as client:
            with pytest.raises(UnreachableError, match=r"does not answer: \w+"):
                await client.head()
