"""Whoever comes to the one port is told apart by its first bytes, and what is nothing costs little."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.unit.network.neighbours import QUICK, Node, Street, dial, dial_stream
from weft.model.limits import MIB
from weft.model.message import FetchBlocks, Refused
from weft.network.bounds import Bounds
from weft.network.stream import BrokenError
from weft.network.tls import Tls
from weft.network.wire import PREFACE, pack_opening


@asynccontextmanager
async def home(bounds: Bounds = QUICK) -> AsyncIterator[tuple[Street, Node]]:
    """Member 0 of two; the other one is away."""
    street = Street(2, bounds=bounds)
    one = await street.move_in(0)
    yield street, one
    await street.move_out(one)


async def connect(street: Street) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Somebody at member 0's port."""
    host, port = street.addresses[0].split(":")
    return await asyncio.open_connection(host, int(port))


async def until_closed(reader: asyncio.StreamReader) -> None:
    """Returns when the other side has closed."""
    async with asyncio.timeout(10):
        try:
            while await reader.read(1 << 16):
                pass
        except ConnectionError:
            return


async def opens(street: Street) -> bool:
    """Whether member 1 is still let in, with a stream and with a question."""
    tls = Tls(street.genesis, street.keys[1])
    stream = await dial_stream(street, 0, tls)
    stream.write(pack_opening(street.nodes[0].inbox.opening()))
    await stream.read()
    stream.drop("")
    async with dial(street, 0, tls) as channel:
        await asyncio.wait_for(channel.channel_ready(), 10)
    return True


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\0",
        PREFACE[:-1] + b"?",
        PREFACE + b"no TLS at all, but long enough to be looked at",
        b"\x16 no TLS at all, but long enough to be looked at",
        PREFACE + PREFACE,
    ],
)
async def test_what_is_neither_a_stream_nor_a_call_is_closed(said: bytes) -> None:
    """By the entrance, by TLS, or by the server of calls; whatever follows is not read."""
    async with home() as (street, _):
        reader, writer = await connect(street)
        writer.write(said + bytes(1000))
        await until_closed(reader)
        writer.close()
        assert await opens(street)


@pytest.mark.parametrize("said", [b"", PREFACE[:3], PREFACE])
async def test_who_says_nothing_more_is_sent_away(said: bytes) -> None:
    """Before the preface, in it, and where TLS should begin: each has the time of a dial."""
    async with home(replace(QUICK, dial_timeout_s=0.2)) as (street, _):
        reader, writer = await connect(street)
        writer.write(said)
        await until_closed(reader)
        writer.close()


async def test_the_oldest_newcomer_makes_room_for_one_more() -> None:
    """So that silent connections, however many, keep no member out."""
    async with home(replace(QUICK, newcomers_max=5, dial_timeout_s=60)) as (street, _):
        silent = [await connect(street) for _ in range(8)]
        for reader, _ in silent[:3]:
            await until_closed(reader)
        assert await opens(street)
        for _, writer in silent:
            writer.close()


async def test_a_preface_may_come_in_pieces() -> None:
    """What matters is what is said, not in how many packets."""
    async with home() as (street, one):
        _, writer = await connect(street)
        for at in range(len(PREFACE)):
            writer.write(PREFACE[at : at + 1])
            await asyncio.sleep(0.005)
        writer.close()
        assert await opens(street)
        assert one.network.tallies[1].cuts == 0


async def test_too_many_connections_for_calls_are_closed() -> None:
    """Each holds two descriptors; streams are not concerned."""
    async with home(replace(QUICK, connections_max=2)) as (street, _):
        first = [await connect(street) for _ in range(2)]
        for _, writer in first:
            writer.write(b"\x16\3\1\1\0\1\0\0")
        await asyncio.sleep(0.2)
        reader, third = await connect(street)
        third.write(b"\x16\3\1\1\0\1\0\0")
        await until_closed(reader)
        for writer in (*(writer for _, writer in first), third):
            writer.close()
        await asyncio.sleep(0.2)
        assert await opens(street)


async def test_a_slow_reader_of_a_blob_holds_back_its_source() -> None:
    """Through both halves of the connection: what is not read is not sent."""
    async with Street(2) as (one, two):
        two.inbox.blobs["b"] = bytes(64 * MIB)
        chunks = one.network.read_blob(1, "b", 0)
        await anext(chunks)
        await asyncio.sleep(0.5)
        assert two.inbox.blob_bytes_taken < 32 * MIB
        await chunks.aclose()
        assert await one.network.ask(1, FetchBlocks(1)) == Refused("nothing to say")


async def test_a_stream_without_tls_behind_it_says_why() -> None:
    """A dialler that meets something else fails at once and tries again later."""
    street = Street(2)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    host, port = street.addresses[1].split(":")
    server = await asyncio.start_server(answer, host, int(port))
    one = await street.move_in(0)
    await one.inbox.until(lambda: one.network.tallies[1].dials_failed > 1, poll=True)
    assert one.network.tallies[1].last_failure
    assert one.network.tallies[1].cuts == 0
    await street.move_out(one)
    server.close()
    with pytest.raises((OSError, BrokenError)):
        await dial_stream(street, 1, Tls(street.genesis, street.keys[0]))
