"""An event loop whose time is made up: it jumps to the next timer as soon as nobody has anything to do.

Every callback runs in a context, and a context may belong to a host. A host can be paused: what it has to do
waits, timers too, and goes on in the same order when it is resumed; and it can be dropped: nothing of it ever
runs again. Equal times run in the order in which they were asked for, so a run is a function of its seed.
"""

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from typing import Any, TypeVar

from weft.simulation.ports import Violation

T = TypeVar("T")

HOST: ContextVar["Host | None"] = ContextVar("host", default=None)


class Host:
    """Whose work a callback is: one life of one member's node."""

    def __init__(self) -> None:
        self.context = copy_context()
        self.context.run(HOST.set, self)
        self.parked: list[Handle] | None = None
        """What waits while the host is paused."""
        self.is_dropped = False
        self.tasks: list[asyncio.Task[Any]] = []
        """Those that run, and some that are done."""
        self._tasks_max = 64
        self.on_mistake: Callable[[BaseException], None] = _raise

    def add(self, task: "asyncio.Task[Any]") -> None:
        self.tasks.append(task)
        if len(self.tasks) > self._tasks_max:
            self.tasks = [one for one in self.tasks if not one.done()]
            self._tasks_max = 2 * len(self.tasks) + 64


def _raise(error: BaseException) -> None:
    raise error


class Handle:
    """A callback to come; what asyncio calls a Handle or a TimerHandle."""

    __slots__ = ("args", "call", "context", "time")

    def __init__(
        self, call: Callable[..., object] | None, args: tuple[Any, ...], context: Context, time: float
    ) -> None:
        self.call = call
        self.args = args
        self.context = context
        self.time = time

    def cancel(self) -> None:
        self.call = None
        self.args = ()

    def cancelled(self) -> bool:
        return self.call is None

    def when(self) -> float:
        return self.time


class JumpingLoop(asyncio.AbstractEventLoop):
    """As much of an event loop as nodes need. Raises Violation when it is not over in time."""

    def __init__(self, events_max: int, seconds_max: float) -> None:
        self._now = 0.0
        self._ready: deque[Handle] = deque()
        self._timers: list[tuple[float, int, Handle]] = []
        self._number = 0
        self._events_left = events_max
        self._seconds_max = seconds_max
        self._is_over = False
        self._hosts_held = 0
        """Hosts that are paused or dropped: only then a callback's host is looked at."""

    # Running.

    def run_until_complete(self, story: Coroutine[Any, Any, T]) -> T | None:  # type: ignore[override]
        """None if it was stopped before."""
        self._is_over = False
        task: asyncio.Task[T] = self.create_task(story)
        events._set_running_loop(self)
        try:
            self._run(task)
        finally:
            events._set_running_loop(None)
        return task.result() if task.done() else None

    def _run(self, task: "asyncio.Task[Any]") -> None:
        ready = self._ready
        while not (self._is_over or task.done()):
            if not ready:
                self._jump()
            for _ in range(len(ready)):
                handle = ready.popleft()
                if handle.call is None:
                    continue
                if self._hosts_held and self._is_held(handle):
                    continue
                self._events_left -= 1
                try:
                    handle.context.run(handle.call, *handle.args)
                except Exception as error:
                    self._blame(handle, error)
                if self._is_over:
                    return
            if self._events_left < 0:
                raise Violation("Silence when idle", f"no end of events at {self._now:.3f} s")

    def _jump(self) -> None:
        timers = self._timers
        while timers and timers[0][2].call is None:
            heappop(timers)
        if not timers:
            raise Violation("Progress once faults stop", "everybody waits for ever")
        self._now = max(self._now, timers[0][0])
        if self._now > self._seconds_max:
            raise Violation("Progress once faults stop", f"not over after {self._now:.0f} s")
        while timers and timers[0][0] <= self._now:
            self._ready.append(heappop(timers)[2])

    def _blame(self, handle: Handle, error: Exception) -> None:
        """A callback failed: its host's mistake, or else the simulator's own."""
        host = handle.context.get(HOST)
        if host is None:
            raise error
        host.on_mistake(error)

    def stop(self) -> None:
        """Run nothing more."""
        self._is_over = True

    # Hosts.

    def pause(self, host: Host) -> None:
        """Nothing of it runs until `resume`."""
        if host.parked is None and not host.is_dropped:
            host.parked = []
            self._hosts_held += 1

    def resume(self, host: Host) -> None:
        """It goes on where it stood."""
        if host.parked is not None:
            self._hosts_held -= 1
            parked, host.parked = host.parked, None
            self._ready.extend(parked)

    def drop(self, host: Host) -> None:
        """Nothing of it ever runs again."""
        if host.parked is not None:
            self.resume(host)
        if not host.is_dropped:
            host.is_dropped = True
            self._hosts_held += 1

    def _is_held(self, handle: Handle) -> bool:
        host = handle.context.get(HOST)
        if host is None:
            return False
        if host.is_dropped:
            return True
        if host.parked is not None:
            host.parked.append(handle)
            return True
        return False

    # What asyncio asks of a loop.

    def time(self) -> float:
        return self._now

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        handle = Handle(callback, args, copy_context() if context is None else context, self._now)
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        handle = Handle(callback, args, copy_context() if context is None else context, when)
        self._number += 1
        heappush(self._timers, (when, self._number, handle))
        return handle

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> Any:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> Any:
        task = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        host = HOST.get() if context is None else context.get(HOST)
        if host is not None:
            host.add(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Nobody awaited a task that failed. When that is noticed is chance, so nothing follows from it."""

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._is_over

    def is_closed(self) -> bool:
        return False
