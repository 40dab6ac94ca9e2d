"""Frames come out as they went in, however the bytes between are cut; nothing is read while nobody reads."""

import asyncio
import socket
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest

from weft.model.errors import PeerError
from weft.model.limits import KIB, MIB
from weft.network import stream
from weft.network.stream import BUFFER_BYTES, BrokenError, Stream

LARGEST = MIB


class Transport(asyncio.Transport):
    """A connection whose other side is the test."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.is_reading = True
        self.is_aborted = False
        self.silent_ms = 0

    def write(self, data: Any) -> None:
        self.sent += data

    def pause_reading(self) -> None:
        self.is_reading = False

    def resume_reading(self) -> None:
        self.is_reading = True

    def abort(self) -> None:
        self.is_aborted = True

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self

    def getsockopt(self, level: int, name: int, size: int) -> bytes:
        """As much of Linux' `struct tcp_info` as is asked for."""
        assert (level, name, size) == (socket.IPPROTO_TCP, socket.TCP_INFO, 60)
        return bytes(56) + self.silent_ms.to_bytes(4, "little")


def connected() -> tuple[Stream, Transport]:
    made, transport = Stream(LARGEST), Transport()
    made.connection_made(transport)
    return made, transport


async def pour(made: Stream, transport: Transport, raw: bytes, chance: Random) -> None:
    """Let the bytes arrive in pieces, as far as they are read."""
    at = 0
    while at < len(raw):
        if not transport.is_reading:
            await asyncio.sleep(0)
            continue
        buffer = made.get_buffer(-1)
        assert len(buffer), "an empty buffer ends the connection"
        count = min(len(buffer), len(raw) - at, chance.choice((1, 3, 4, 100, 5000, BUFFER_BYTES, MIB)))
        buffer[:count] = raw[at : at + count]
        made.buffer_updated(count)
        at += count
        if chance.random() < 0.5:
            await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(20))
async def test_frames_come_out_as_they_went_in(seed: int) -> None:
    """Small and large, on the edges of the buffer too, and whatever pieces they come in."""
    chance = Random(seed)
    sizes = (
        0,
        1,
        300,
        BUFFER_BYTES - 5,
        BUFFER_BYTES - 4,
        BUFFER_BYTES - 3,
        BUFFER_BYTES,
        200 * KIB,
        LARGEST,
    )
    frames = [chance.randbytes(chance.choice(sizes)) for _ in range(40)]
    made, transport = connected()
    raw = b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)
    pouring = asyncio.ensure_future(pour(made, transport, raw, chance))
    for frame in frames:
        assert await made.read() == frame
        for _ in range(chance.choice((0, 0, 1, 3))):
            await asyncio.sleep(0)
    await pouring
    made.drop("enough")


async def test_nothing_is_read_while_the_reader_is_busy() -> None:
    """What arrives then waits where it is; what was read is handed over first."""
    made, transport = connected()
    frame = (300).to_bytes(4, "big") + bytes(300)
    reading = asyncio.ensure_future(made.read())
    await asyncio.sleep(0)
    await pour(made, transport, frame, Random(1))
    await reading
    for piece in (frame[:2], frame[2:]):
        made.get_buffer(-1)[: len(piece)] = piece
        made.buffer_updated(len(piece))
        assert not transport.is_reading
    assert await made.read() == bytes(300)
    assert not transport.is_reading
    reading = asyncio.ensure_future(made.read())
    await asyncio.sleep(0)
    assert transport.is_reading
    made.drop("enough")
    with pytest.raises(BrokenError, match="enough"):
        await reading


async def test_a_frame_too_long_is_refused_by_its_length() -> None:
    """No memory is taken for what it announces."""
    made, _ = connected()
    made.get_buffer(-1)[:4] = (LARGEST + 1).to_bytes(4, "big")
    made.buffer_updated(4)
    with pytest.raises(PeerError, match=f"{LARGEST + 1} bytes"):
        await made.read()
    assert len(made.get_buffer(-1)) < BUFFER_BYTES
    made.drop("enough")


async def test_a_long_frame_leaves_bit_by_bit_and_waits_while_buffers_are_full() -> None:
    """And nothing is written between its parts."""
    made, transport = connected()
    frame = Random(1).randbytes(MIB)
    made.write(frame)
    assert len(transport.sent) == stream.SLICE_BYTES
    assert not made.can_write
    made.pause_writing()
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(transport.sent) == stream.SLICE_BYTES
    made.resume_writing()
    for _ in range(MIB // stream.SLICE_BYTES + 1):
        await asyncio.sleep(0)
    assert made.can_write
    assert transport.sent == MIB.to_bytes(4, "big") + frame
    made.drop("enough")


async def test_a_side_that_acknowledges_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither probes nor what is on its way: nobody is there."""
    monkeypatch.setattr(stream, "WATCH_EVERY_S", 0)
    made, transport = connected()
    transport.silent_ms = stream.SILENCE_MS_MAX
    await asyncio.sleep(0.01)
    assert not transport.is_aborted
    transport.silent_ms += 1
    with pytest.raises(BrokenError, match="nothing came back"):
        await made.read()
    assert transport.is_aborted


async def test_what_came_before_the_end_is_still_read() -> None:
    """A farewell comes just before it."""
    made, _ = connected()
    made.get_buffer(-1)[:7] = (3).to_bytes(4, "big") + b"bye"
    made.buffer_updated(7)
    made.connection_lost(ConnectionResetError("reset"))
    assert await made.read() == b"bye"
    with pytest.raises(BrokenError, match="reset"):
        await made.read()


def arrive(made: Stream, *frames: bytes) -> None:
    """All of them in one piece."""
    raw = b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames)
    made.get_buffer(-1)[: len(raw)] = raw
    made.buffer_updated(len(raw))


async def test_a_frame_is_taken_in_the_turn_in_which_it_comes() -> None:
    """As long as what came before it is done; what is left to do of one is done before the next is taken."""
    made, transport = connected()
    taken: list[bytes] = []
    gate = asyncio.Event()

    async def finish(frame: bytes) -> None:
        await gate.wait()
        taken.append(b"finished " + frame)

    def take(frame: bytes) -> Coroutine[Any, Any, None] | None:
        taken.append(frame)
        return finish(frame) if frame.startswith(b"slow") else None

    reading = asyncio.ensure_future(made.read_all(take))
    await asyncio.sleep(0)
    arrive(made, b"one")
    arrive(made, b"two")
    assert taken == [b"one", b"two"]
    arrive(made, b"slow", b"three")
    arrive(made, b"four")
    assert not transport.is_reading
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert taken[2:] == [b"slow"]
    gate.set()
    for _ in range(20):
        await asyncio.sleep(0)
    assert taken[3:] == [b"finished slow", b"three", b"four"]
    arrive(made, b"five")
    assert taken[6:] == [b"five"]
    made.drop("enough")
    with pytest.raises(BrokenError, match="enough"):
        await reading


@pytest.mark.parametrize("others", [(), (b"more",)])
async def test_what_taking_a_frame_raises_ends_the_reading(others: tuple[bytes, ...]) -> None:
    made, _ = connected()

    def take(frame: bytes) -> None:
        raise PeerError(frame.decode())

    reading = asyncio.ensure_future(made.read_all(take))
    await asyncio.sleep(0)
    arrive(made, b"no frame", *others)
    with pytest.raises(PeerError, match="no frame"):
        await reading
    made.drop("enough")


@pytest.mark.filterwarnings("error")
async def test_a_reader_that_is_ended_by_what_it_took_takes_nothing_more() -> None:
    """Nor what was left to do of the frame, whenever it ends."""
    for is_at_once in (True, False):
        made, _ = connected()
        taken: list[bytes] = []

        async def never() -> None:
            raise AssertionError("nobody waits for it any more")

        def take(frame: bytes) -> Coroutine[Any, Any, None]:
            taken.append(frame)  # noqa: B023
            if is_at_once:  # noqa: B023
                reading.cancel()  # noqa: B023
            return never()

        reading = asyncio.ensure_future(made.read_all(take))
        await asyncio.sleep(0)
        arrive(made, b"one", b"two")
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert taken == [b"one"]
        made.drop("enough")
