"""Commits that wait to be executed, and the loop that hands them to the applier in groups.

Bounded: above `COMMITS_MAX` nothing more is read from peers (`has_room`), whose queues then fill and whose
streams begin anew later. So a node that executes more slowly than others agree falls behind, and never over.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from weft.consensus.messages import Deliver
from weft.node.apply import Applied
from weft.node.ports import Workers

COMMITS_MAX = 1_000
TRANSACTIONS_AT_ONCE = 4_000
"""Executed and stored in one write."""


class Backlog:
    """Between the order and its execution."""

    def __init__(
        self,
        workers: Workers,
        apply: Callable[[Sequence[Deliver]], list[Applied]],
        settle: Callable[[Sequence[Applied]], None],
    ) -> None:
        self._workers = workers
        self._apply = apply
        self._settle = settle
        self._waiting: deque[Deliver] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def add(self, delivered: Deliver) -> None:
        """The next commit."""
        self._waiting.append(delivered)
        self._emptied.clear()
        self._filled.set()
        if len(self._waiting) > COMMITS_MAX:
            self._room.clear()

    async def has_room(self) -> None:
        """Return once there is room for more."""
        await self._room.wait()

    async def is_empty(self) -> None:
        """Return once everything is executed and settled."""
        await self._emptied.wait()

    async def run(self) -> None:
        """Execute group after group, until cancelled; raises what the store raises."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                group = self._next_group()
                self._settle(await self._workers.run("apply", partial(self._apply, group)))
            self._emptied.set()

    def _next_group(self) -> list[Deliver]:
        group: list[Deliver] = []
        transactions = 0
        while self._waiting and transactions < TRANSACTIONS_AT_ONCE:
            group.append(self._waiting.popleft())
            transactions += sum(len(vertex.batch) for vertex in group[-1].vertices)
        if len(self._waiting) <= COMMITS_MAX:
            self._room.set()
        return group
