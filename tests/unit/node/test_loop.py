"""A node's clock on the loop that it runs on."""

import asyncio

import uvloop

from weft.node.loop import LoopClock


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
