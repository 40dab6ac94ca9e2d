"""The real clock and the real workers: an asyncio loop, and a thread for each lane."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")

SWITCH_INTERVAL_S = 0.0001
"""How soon a busy thread lets the event loop go on. With the default of 5 ms the loop would wait behind every
block that is executed; 500 verifications beside a busy loop took 1,417 ms with it and 60 ms with this."""

LAG_LOOK_S = 0.05
"""Between two looks at how late the loop is: seldom enough that an idle node stays idle."""


class LoopClock:
    """Time of the machine, and the loop's timer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def now_us(self) -> int:
        return time.monotonic_ns() // 1000

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def call_at(self, at_us: int, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_us = max(0, at_us - self.now_us())
        self._timer = self._loop.call_later(delay_us / 1_000_000, self._fire, at_us, call)

    def _fire(self, at_us: int, call: Callable[[], None]) -> None:
        """The loop's timers may be early by a millisecond; who is called early would wait for ever."""
        if self.now_us() < at_us:
            self.call_at(at_us, call)
        else:
            call()


async def watch_lag(note: Callable[[float], None]) -> None:
    """Say, twenty times a second, how many seconds the loop came late to a timer that was due."""
    while True:
        due = time.monotonic() + LAG_LOOK_S
        await asyncio.sleep(LAG_LOOK_S)
        note(max(0.0, time.monotonic() - due))


class Threads:
    """One thread a lane, so that calls of a lane run one at a time and in order."""

    def __init__(self) -> None:
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._lanes: dict[str, _Lane] = {}

    async def run(self, lane: str, call: Callable[[], T]) -> T:
        found = self._lanes.get(lane)
        if found is None:
            found = self._lanes[lane] = _Lane(lane)
        return await found.call(call)

    def stop(self) -> None:
        """Finish what has begun, begin nothing more."""
        for lane in self._lanes.values():
            lane.end()
        for lane in self._lanes.values():
            lane.join()


class _Lane:
    """A thread and its queue. Every round goes through one on its way to the disk, and an executor, with a
    second future, locks and a semaphore for each call, costs three times as much."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = SimpleQueue()
        self._is_ending = False
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def call(self, call: Callable[[], T]) -> "asyncio.Future[T]":
        """What the call gives or raises. Cancelled before its turn comes, it is not made; what is not begun
        when the lane ends is cancelled."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._is_ending:
            future.cancel()
        else:
            self._calls.put((call, future))
        return future

    def end(self) -> None:
        self._is_ending = True
        self._calls.put(None)

    def join(self) -> None:
        self._thread.join()

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            call, future = item
            if future.cancelled():
                continue
            result: object = None
            error: BaseException | None = None
            try:
                if self._is_ending:
                    raise asyncio.CancelledError
                result = call()
            except BaseException as raised:
                error = raised
            # A loop that is closed waits for nothing.
            with suppress(RuntimeError):
                future.get_loop().call_soon_threadsafe(_settle, future, result, error)
            # While the thread waits for its next call it holds nothing of this one.
            del item, call, future, result, error


def _settle(future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
    elif error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
