"""Made-up time: order, pauses, ends."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from weft.simulation.loop import Host, JumpingLoop
from weft.simulation.ports import Violation


def play(story: Coroutine[Any, Any, None], events: int = 100_000, seconds: float = 1e6) -> JumpingLoop:
    loop = JumpingLoop(events, seconds)
    loop.run_until_complete(story)
    return loop


def test_an_hour_costs_nothing() -> None:
    async def story() -> None:
        await asyncio.sleep(3_600)

    assert play(story()).time() == 3_600


def test_equal_times_come_in_the_order_asked_for() -> None:
    heard: list[int] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        for number in range(20):
            loop.call_at(5, heard.append, number)
        await asyncio.sleep(6)

    play(story())
    assert heard == list(range(20))


def test_a_paused_host_does_everything_later_and_in_order() -> None:
    """Its timers, its tasks, and what others call in it; nobody else waits."""
    heard: list[tuple[str, float]] = []

    async def tick(name: str) -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            heard.append((name, asyncio.get_running_loop().time()))

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        host = Host()
        paused = loop.create_task(tick("paused"), context=host.context)
        other = loop.create_task(tick("other"))
        await asyncio.sleep(1.5)
        loop.pause(host)
        await other
        loop.resume(host)
        await paused

    play(story())
    assert heard == [("paused", 1), ("other", 1), ("other", 2), ("other", 3), ("paused", 3), ("paused", 4)]


def test_nothing_of_a_dropped_host_happens() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, JumpingLoop)
        host = Host()
        loop.call_later(1, pytest.fail, context=host.context)
        loop.drop(host)
        await asyncio.sleep(2)

    play(story())


def test_a_run_without_an_end_is_found_out() -> None:
    """It spins, it sleeps for ever, or everybody waits for everybody."""

    async def spin() -> None:
        for _ in range(10_000):
            await asyncio.sleep(0)

    async def oversleep() -> None:
        await asyncio.sleep(1_000)

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Violation, match="no end of events"):
        play(spin(), events=1_000)
    with pytest.raises(Violation, match="not over after"):
        play(oversleep(), seconds=100)
    with pytest.raises(Violation, match="everybody waits for ever"):
        play(wait())


def test_a_mistake_of_the_simulator_is_raised() -> None:
    """One in a host's callback is the host's."""

    async def story() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)

    with pytest.raises(ZeroDivisionError):
        play(story())
