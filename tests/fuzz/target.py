"""What a fuzz target is, and what no input may cost."""

import contextlib
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

CPU_S = 10
"""Of one input: far more than any takes, so whatever reaches it hangs."""
MEMORY_BYTES = 3 << 30
"""Of a fuzz process."""


class HangError(BaseException):
    """An input that does not come to an end. No `except Exception` may swallow it."""


@dataclass(frozen=True)
class Target:
    """A decoder under test."""

    name: str
    seeds: Callable[[], Sequence[bytes]]
    """Valid inputs, made by the product itself."""
    check: Callable[[bytes], object]
    """Raises when a promise is broken; every documented error is caught in it."""
    size_max: int = 4096
    """Larger inputs only cost time."""
    examples: int = 80
    """That the suite draws; some inputs are waited for."""


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Raise HangError in the middle of what takes more than `CPU_S` of this process' own time."""

    def end(_: int, __: FrameType | None) -> None:
        raise HangError(f"more than {CPU_S} s of work for one input")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def confine() -> None:
    """Limit this process' memory for good."""
    # Not its address space: the store maps far more of a file than it ever reads.
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
