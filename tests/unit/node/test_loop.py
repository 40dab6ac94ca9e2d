"""A node's clock on the loop that it runs on."""

import asyncio
import time

import uvloop

from weft.node.loop import LAG_LOOK_S, LoopClock, watch_lag


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
