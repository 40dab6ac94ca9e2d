"""Memory that the C library holds for later: little of it, and given back once the node has done its work.

glibc gives an arena to each of many threads, keeps more for itself the larger the pieces were that it saw,
and returns nothing that lies below a piece in use. So a node stood at twice its size for ever after one large
upload. Where the library is another one, all of this does nothing.
"""

import asyncio
import ctypes
import time

from weft.model.limits import MIB

ARENAS_MAX = 2
"""Threads of one interpreter rarely want memory at the same time."""
UNUSED_BYTES_MAX = MIB
"""At the end of an arena."""
APART_BYTES = 4 * MIB
"""Pieces from this size on come from the system and go back to it at once. Chunks of content are smaller: to
have each mapped and cleared anew costs more than to hash it."""
LOOK_S = 5.0
WORK_S = 1.0
"""Of a processor, after which it is worth while."""
QUIET_S = 0.5
"""Of a processor between two looks, at most, in a node that has done its work."""
BUSY_S = 60.0
"""A node that is never done gives back as often as this: some milliseconds each time."""
_ARENA_MAX, _MMAP_THRESHOLD, _TRIM_THRESHOLD = -8, -3, -1
"""glibc's numbers for `mallopt` (malloc.h)."""


def is_known() -> bool:
    """Whether the C library of this process is glibc."""
    return hasattr(ctypes.CDLL(None), "malloc_trim")


def bound_heap() -> None:
    """Before threads begin: few arenas that end with little unused."""
    if is_known():
        library = ctypes.CDLL(None)
        library.mallopt(_ARENA_MAX, ARENAS_MAX)
        library.mallopt(_MMAP_THRESHOLD, APART_BYTES)
        library.mallopt(_TRIM_THRESHOLD, UNUSED_BYTES_MAX)


def give_back() -> None:
    """Everything unused goes back to the system. Lets the interpreter go meanwhile."""
    if is_known():
        ctypes.CDLL(None).malloc_trim(0)


async def keep_small() -> None:
    """Give back after each piece of work; never returns."""
    given_at, given_used, used = time.monotonic(), time.process_time(), time.process_time()
    while True:
        await asyncio.sleep(LOOK_S)
        before, used = used, time.process_time()
        if is_due(used - given_used, used - before, time.monotonic() - given_at):
            await asyncio.to_thread(give_back)
            given_at, given_used = time.monotonic(), time.process_time()


def is_due(worked_s: float, just_worked_s: float, passed_s: float) -> bool:
    """Whether to give back: seconds of a processor since it was done last, of them since the last look, and
    of the clock."""
    return worked_s >= WORK_S and (just_worked_s <= QUIET_S or passed_s >= BUSY_S)
