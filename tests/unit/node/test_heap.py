"""Memory that nobody uses goes back to the system."""

import asyncio
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from weft.model.limits import KIB, MIB
from weft.node import heap

pytestmark = pytest.mark.skipif(not heap.is_known(), reason="only glibc is told to give back")

PIECE_BYTES = 64 * KIB
PIECES = 1024


def resident_bytes() -> int:
    """Of this process, mapped files left out."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return KIB * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))


def riddle() -> list[bytes]:
    """Every hundredth of many pieces, which keeps the heap from shrinking by itself."""
    return [bytes([number % 255 + 1]) * PIECE_BYTES for number in range(PIECES)][::100]


def measure() -> tuple[int, int, int]:
    """Bytes that the library kept, those that were left once they were given back, and pieces in use."""
    before = resident_bytes()
    in_use = riddle()
    kept = resident_bytes() - before
    heap.give_back()
    return kept, resident_bytes() - before, len(in_use)


def test_what_lies_between_pieces_in_use_is_given_back() -> None:
    """All but the pieces in use, give or take a quarter; in a process where nobody has left room before."""
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        kept, left, in_use = processes.submit(measure).result(60)
    assert kept > 48 * MIB, "the library keeps it"
    assert left < 16 * MIB
    assert in_use == 11


def test_a_node_gives_back_after_its_work() -> None:
    """Neither while it works, but for once a minute, nor when it has done nothing."""
    assert heap.is_due(heap.WORK_S, heap.QUIET_S, 1)
    assert not heap.is_due(heap.WORK_S, 2 * heap.QUIET_S, 1)
    assert heap.is_due(heap.WORK_S, 2 * heap.QUIET_S, heap.BUSY_S)
    assert not heap.is_due(heap.WORK_S / 2, 0, heap.BUSY_S)


async def test_it_is_looked_after_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again, however often it was done before."""
    given: asyncio.Queue[bool] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(heap, "give_back", lambda: loop.call_soon_threadsafe(given.put_nowait, True))
    monkeypatch.setattr(heap, "LOOK_S", 0.01)
    monkeypatch.setattr(heap, "is_due", lambda *_: True)
    keeping = asyncio.create_task(heap.keep_small())
    assert [await given.get() for _ in range(3)]
    keeping.cancel()
