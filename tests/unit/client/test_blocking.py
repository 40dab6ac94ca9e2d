"""What Ctrl-C leaves of a call that waits."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable

import pytest

from weft.client.blocking import Runner


@pytest.fixture
def interrupt() -> Callable[[threading.Event], None]:
    """Sends Ctrl-C to this process once an event is set."""

    def send(when: threading.Event) -> None:
        def wait() -> None:
            when.wait()
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=wait, daemon=True).start()

    return send


def test_an_interrupted_iteration_is_closed_before_the_interrupt_goes_on(
    interrupt: Callable[[threading.Event], None],
) -> None:
    """Also one whose step takes a moment to end; the runner can be stopped then."""
    waits, said = threading.Event(), list[str]()

    async def items() -> AsyncIterator[int]:
        try:
            yield 1
            waits.set()
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            said.append("closed")

    runner = Runner()
    interrupt(waits)
    with pytest.raises(KeyboardInterrupt):
        said.extend(map(str, runner.iterate(items())))
    assert said == ["1", "closed"]
    runner.stop()


def test_an_interrupted_call_has_ended_when_the_interrupt_goes_on(
    interrupt: Callable[[threading.Event], None],
) -> None:
    """What it held is given back."""
    waits, said = threading.Event(), list[str]()

    async def call() -> None:
        try:
            waits.set()
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.05)
            said.append("ended")

    runner = Runner()
    interrupt(waits)
    with pytest.raises(KeyboardInterrupt):
        runner.run(call())
    assert said == ["ended"]
    runner.stop()
