"""A node's clock and its threads, on the loop that it runs on."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from weft.node.loop import LAG_LOOK_S, LoopClock, Threads, watch_lag


def test_no_call_comes_early() -> None:
    """The loop's own timers do, by up to a millisecond; who is called early would wait for ever."""

    async def count() -> int:
        clock, early = LoopClock(), 0
        for wait_us in range(100, 2100, 10):
            at_us, is_called = clock.now_us() + wait_us, asyncio.Event()
            clock.call_at(at_us, is_called.set)
            await is_called.wait()
            early += clock.now_us() < at_us
        return early

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(count()) == 0


def test_who_holds_the_loop_is_noticed() -> None:
    """For three looks nothing else could run: the next is late by more than one."""

    async def hold() -> float:
        noted: asyncio.Queue[float] = asyncio.Queue()
        watch = asyncio.ensure_future(watch_lag(noted.put_nowait))
        await asyncio.sleep(0)
        time.sleep(3 * LAG_LOOK_S)  # noqa: ASYNC251
        late = await noted.get()
        watch.cancel()
        return late

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(hold()) > LAG_LOOK_S


def play(story: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story)


def test_calls_of_a_lane_run_in_order_in_one_thread_of_its_own() -> None:
    """Also when the loop asks for many before the first is done; another lane does not wait for them."""

    async def story() -> None:
        threads, made, gate = Threads(), list[tuple[int, str]](), threading.Event()

        def call(number: int) -> int:
            gate.wait()
            made.append((number, threading.current_thread().name))
            return -number

        work = [asyncio.ensure_future(threads.run("sync", lambda at=number: call(at))) for number in range(9)]
        assert await threads.run("read", lambda: "not held up") == "not held up"
        gate.set()
        assert await asyncio.gather(*work) == [-number for number in range(9)]
        assert made == [(number, "sync") for number in range(9)]
        threads.stop()

    play(story())


def test_what_a_call_raises_reaches_who_waits_and_the_lane_goes_on() -> None:
    async def story() -> None:
        threads = Threads()

        def fail() -> None:
            raise OSError("no room")

        with pytest.raises(OSError, match="no room"):
            await threads.run("sync", fail)
        assert await threads.run("sync", lambda: 1) == 1
        threads.stop()

    play(story())


def test_a_call_that_is_cancelled_before_its_turn_is_not_made() -> None:
    async def story() -> None:
        threads, made, gate = Threads(), list[int](), threading.Event()
        calls = (gate.wait, lambda: made.append(1), lambda: made.append(2))
        first, second, third = (asyncio.ensure_future(threads.run("apply", call)) for call in calls)
        await asyncio.sleep(0)
        second.cancel()
        gate.set()
        await asyncio.gather(first, third)
        assert made == [2]
        threads.stop()

    play(story())


def test_stopping_finishes_what_has_begun_and_begins_nothing_more() -> None:
    """The second lane is still at work when all are told to end, for it waits until the first one has."""

    async def story() -> None:
        threads, made, begun = Threads(), list[str](), threading.Event()
        other = await threads.run("sync", threading.current_thread)

        def work() -> None:
            begun.set()
            other.join()
            made.append("finished")

        calls = [
            asyncio.ensure_future(threads.run("apply", call)) for call in (work, lambda: made.append("begun"))
        ]
        await asyncio.sleep(0)
        begun.wait()
        threads.stop()
        calls.append(asyncio.ensure_future(threads.run("apply", lambda: made.append("too late"))))
        await asyncio.wait(calls)
        assert made == ["finished"]
        assert [call.cancelled() for call in calls] == [False, True, True]

    play(story())
