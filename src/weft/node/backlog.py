"""Commits that wait to be executed, and the loop that hands them to the applier in groups.

Bounded: above `COMMITS_MAX` nothing more is read from peers (`is_full`), whose queues then fill and whose
streams begin anew later. So a node that executes more slowly than others agree falls behind, and never over.

A commit without transactions has nothing to execute. It is settled at once and its record is stored with the
next commit that has some: until then the journal tells of it, and a busy network has many of them. One that
makes a block all the same is executed like any other, for others are to hear of that block.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from weft.consensus.messages import Deliver
from weft.node.apply import Applied
from weft.node.ports import Workers

COMMITS_MAX = 1_000
TRANSACTIONS_AT_ONCE = 4_000
"""Executed and stored in one write."""
EMPTY_MAX = 64
"""Commits without transactions that wait to be stored."""


class Backlog:
    """Between the order and its execution."""

    def __init__(
        self,
        workers: Workers,
        apply: Callable[[Sequence[Deliver]], list[Applied]],
        settle: Callable[[Sequence[Applied]], None],
        is_due: Callable[[int], bool],
    ) -> None:
        self._workers = workers
        self._apply = apply
        self._settle = settle
        self._is_due = is_due
        """Whether a commit of that round makes a block even without transactions."""
        self._waiting: deque[Deliver] = deque()
        self._empty: list[Deliver] = []
        self._must_store = False
        self._is_idle = True
        """Nothing waits to be executed, and nothing is."""
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._emptied = asyncio.Event()
        self._emptied.set()

    def add(self, delivered: Deliver) -> None:
        """The next commit."""
        if self._is_idle and not self._must_execute([delivered]) and len(self._empty) < EMPTY_MAX:
            self._pass_over([delivered])
            return
        self._is_idle = False
        self._waiting.append(delivered)
        self._emptied.clear()
        self._filled.set()
        if len(self._waiting) > COMMITS_MAX:
            self._room.clear()

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be read from peers for now."""
        return not self._room.is_set()

    async def wait_for_room(self, take: Callable[[], Awaitable[None] | None]) -> None:
        """Do this once there is room for more."""
        await self._room.wait()
        rest = take()
        if rest is not None:
            await rest

    async def is_empty(self) -> None:
        """Return once everything is executed, settled and stored."""
        self._must_store = True
        self._filled.set()
        self._emptied.clear()
        await self._emptied.wait()

    async def run(self) -> None:
        """Execute group after group, until cancelled; raises what the store raises."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self._waiting:
                await self._execute(self._next_group())
            if self._must_store:
                self._must_store = False
                await self._store([])
            if not self._waiting:
                self._is_idle = True
                self._emptied.set()

    def _must_execute(self, group: list[Deliver]) -> bool:
        has_transactions = any(vertex.batch for item in group for vertex in item.vertices)
        return has_transactions or self._is_due(group[-1].commit.round)

    async def _execute(self, group: list[Deliver]) -> None:
        if self._must_execute(group):
            self._settle(await self._store(group))
            return
        self._pass_over(group)
        if len(self._empty) > EMPTY_MAX:
            await self._store([])

    def _pass_over(self, empty: list[Deliver]) -> None:
        self._empty += empty
        self._settle([Applied(item.commit, None, (), ()) for item in empty])

    async def _store(self, group: list[Deliver]) -> list[Applied]:
        """Apply a group behind what waits to be stored; gives what became of the group."""
        empty, self._empty = self._empty, []
        applied = await self._workers.run("apply", partial(self._apply, [*empty, *group]))
        stored = empty[-1].commit.round if empty else 0
        return [item for item in applied if item.commit.round > stored]

    def _next_group(self) -> list[Deliver]:
        group: list[Deliver] = []
        transactions = 0
        while self._waiting and transactions < TRANSACTIONS_AT_ONCE:
            group.append(self._waiting.popleft())
            transactions += sum(len(vertex.batch) for vertex in group[-1].vertices)
        if len(self._waiting) <= COMMITS_MAX:
            self._room.set()
        return group
