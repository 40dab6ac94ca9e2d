"""A way through the network for one file at a time: its own node, and the others when that one cannot."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

from weft.client.errors import ProblemError, UnreachableError
from weft.client.nodes import Nodes, may_pass_over

T = TypeVar("T")

AWAY_S = 20.0
"""So long a lane stays away from its own node once that could not."""
PAUSE_S_FIRST, PAUSE_S_MAX = 0.1, 2.0
NO_ROOM = 507
ALSO_PASSED_OVER = (408, NO_ROOM)
"""Nodes differ in their disks, and in what reached them."""


class Lane:
    """Takes work to one node after another until one has done it. One piece of work at a time."""

    def __init__(
        self,
        nodes: Sequence[Nodes],
        own: int,
        patience_s: float,
        wait: Callable[[str], None],
        waits_for_room: bool = True,
    ) -> None:
        """`wait` hears why nothing goes on, and an empty text once it does. Not `waits_for_room`: that no
        node which answers has room is raised at once."""
        self._nodes = nodes
        self._own = self._good = own
        self._away_until = 0.0
        self._patience_s = patience_s
        self._tell = wait
        self._waits_for_room = waits_for_room

    async def run(self, work: Callable[[Nodes], Awaitable[T]], first: str | None = None) -> T:
        """Do the work, beginning at the node `first` if that is one. It may be begun at several nodes, so it
        must have one effect. Raises what the nodes said when all refuse for longer than patience lasts."""
        loop = asyncio.get_running_loop()
        begun, pause_s = loop.time(), PAUSE_S_FIRST
        while True:
            errors: list[ProblemError | UnreachableError] = []
            for place in list(self._order(first, loop.time())):
                try:
                    done = await work(self._nodes[place])
                except UnreachableError as error:
                    errors.append(error)
                except ProblemError as error:
                    if not may_pass_over(error) and error.status not in ALSO_PASSED_OVER:
                        raise
                    errors.append(error)
                else:
                    self._note(place, loop.time())
                    return done
            refused = [error for error in errors if isinstance(error, ProblemError)]
            last = [*refused, *errors][0]
            is_full = bool(refused) and all(error.status == NO_ROOM for error in refused)
            if is_full and not self._waits_for_room:
                raise last
            if loop.time() + pause_s > begun + self._patience_s:
                raise last
            self._tell(str(last))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    def _order(self, first: str | None, now_s: float) -> Iterator[int]:
        count = len(self._nodes)
        good = self._own if now_s > self._away_until else self._good
        for place, nodes in enumerate(self._nodes):
            if nodes.urls == [first]:
                good = place
        return ((good + step) % count for step in range(count))

    def _note(self, place: int, now_s: float) -> None:
        self._tell("")
        self._good = place
        if place == self._own:
            self._away_until = 0.0
        elif now_s > self._away_until:
            self._away_until = now_s + AWAY_S
