"""Members that wish to hear everything again, because they have followed blocks.

An honest one does so rarely. Each such wish may cost hundreds of vertices and takes few bytes to say, so of
those that come faster than one in `PAUSE_S` only the last is granted, late.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

PAUSE_S = 1.0

Newest = tuple[int, ...]


class Again:
    """One node's answers to `Resumed`."""

    def __init__(
        self,
        begin: Callable[[int, Newest], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._begin = begin
        self._spawn = spawn
        self._pausing: dict[int, Newest | None] = {}
        """Members that were told just now, and what they wished since."""

    def wish(self, member: int, newest: Newest) -> None:
        """The member wishes to hear what is above these rounds."""
        if member in self._pausing:
            self._pausing[member] = newest
            return
        self._begin(member, newest)
        self._pausing[member] = None
        self._spawn(self._pause(member))

    async def _pause(self, member: int) -> None:
        await asyncio.sleep(PAUSE_S)
        newest = self._pausing.pop(member)
        if newest is not None:
            self.wish(member, newest)
