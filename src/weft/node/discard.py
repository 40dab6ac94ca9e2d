"""Content that never took effect is destroyed (`docs/protocol/ledger.md` section 3).

Promise: what transactions state that failed, expired or were never ordered is destroyed once their round is
at or below the floor, for from then on no other member needs it to complete a vertex. Nothing is destroyed
that an executed transaction states, or one that may still be executed: in a vertex that is not ordered yet,
or not made yet, in a commit that is not applied yet, in the pool. Whoever states it later finds it missing
and fetches it.

What to destroy is noted in memory, which ends with the process. So each start, and each return from far
behind, surveys all content that is here: what no executed transaction states by then is noted too. Content
that is spared because something still states it is noted again when that comes to its own end.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog

from weft.consensus.core import Core
from weft.mempool.pool import Pool
from weft.model.digest import Digest
from weft.model.encoding import decode
from weft.model.transaction import Transaction
from weft.model.vertex import Vertex
from weft.node.apply import Applied
from weft.node.mark import Mark
from weft.node.ports import AttachmentStore, Store, Workers

log = structlog.get_logger("weft.discard")

NOTED_MAX = 1_000_000
"""Commitments; those above it are left to the next survey."""
AT_ONCE = 1_000
"""Commitments looked at together."""
ROUNDS_AT_ONCE = 64
"""Looking through the graph and the pool has its price, so it is done for so many rounds together."""
_BYTES = 32


class Leftovers:
    """One node's content without effect."""

    def __init__(
        self,
        core: Callable[[], Core],
        pool: Pool,
        store: Store,
        attachments: AttachmentStore,
        workers: Workers,
    ) -> None:
        self._core = core
        self._pool = pool
        self._store = store
        self._attachments = attachments
        self._workers = workers
        self._noted: deque[tuple[int, bytes]] = deque()
        """Rounds, rising, each with commitments end to end."""
        self._noted_count = 0
        self._looked = 0
        """The floor when this was last looked at."""
        self._applied = Mark()
        """The newest round whose commit is stored."""
        self._surveyed: Core | None = None
        """The core that was there when all content was looked at."""
        self._stirred = asyncio.Event()

    def note(self, applied: Sequence[Applied]) -> None:
        """Commits are stored; what had no effect in them is due when the floor has come to them."""
        for item in applied:
            self._add(self._noted.append, item.commit.round, item.void)
            self._applied.reach(item.commit.round)
        if self._core().floor >= self._looked + ROUNDS_AT_ONCE:
            self._stirred.set()

    async def take(self, vertices: Sequence[Vertex]) -> None:
        """These were never ordered and never will be: what they state is due."""
        stated = await self._workers.run("read", lambda: list(_find_stated(_transactions(vertices))))
        self._add(self._noted.appendleft, max(vertex.round for vertex in vertices), stated)
        self._stirred.set()

    async def run(self, applied: Sequence[Applied]) -> None:
        """Destroy what is due, until cancelled; raises what the stores raise.

        `applied` is what the journal had and the store had not: with it all that the core has ordered so far
        is stored.
        """
        self.note(applied)
        self._applied.reach(self._core().last_final)
        while True:
            if self._surveyed is not self._core():
                await self._survey()
            self._looked = self._core().floor
            while due := self._take_due():
                await self._destroy(due)
            await self._stirred.wait()
            self._stirred.clear()

    def _add(
        self, put: Callable[[tuple[int, bytes]], None], round_: int, commitments: Sequence[Digest]
    ) -> None:
        room = NOTED_MAX - self._noted_count
        if len(commitments) > room:
            log.warning("discard.full", left=len(commitments) - room, fix="the next start finds them")
        if taken := commitments[:room]:
            put((round_, b"".join(taken)))
            self._noted_count += len(taken)

    def _take_due(self) -> list[Digest]:
        """Some of what the floor has come to."""
        due: list[Digest] = []
        while self._noted and self._noted[0][0] <= self._looked and len(due) < AT_ONCE:
            round_, joined = self._noted.popleft()
            now = joined[: AT_ONCE * _BYTES]
            due += (now[at : at + _BYTES] for at in range(0, len(now), _BYTES))
            if len(now) < len(joined):
                self._noted.appendleft((round_, joined[len(now) :]))
        self._noted_count -= len(due)
        return due

    async def _survey(self) -> None:
        """Note all content that no executed transaction states: due once all that is on its way has ended.

        A new core knows nothing of what the one before it had not ordered, hence one survey for each.
        """
        self._surveyed = self._core()
        round_ = self._surveyed.last_final
        after = b""
        while page := await self._workers.run("read", partial(self._attachments.commitments, after, AT_ONCE)):
            unknown = await self._workers.run("read", partial(self._without_effect, page))
            self._add(self._noted.appendleft, round_, unknown)
            after = page[-1]

    async def _destroy(self, commitments: Sequence[Digest]) -> None:
        """Destroy those that have no effect and cannot have any.

        From `suspect` on the attachments see for themselves who puts or misses one of these. What is on its
        way at that moment is in the pool, waits in the core for the next own vertex (the pool may have
        forgotten it), is unordered in the graph, or in a commit up to the last final round.
        """
        suspects = await self._workers.run("apply", lambda: self._without_effect(commitments))
        if not suspects:
            return
        self._attachments.suspect(suspects)
        core = self._core()
        graph = _transactions([*core.unordered(), *core.waiting()])
        open_ = [*self._pool.transactions(), *core.unfinished(), *graph]
        await self._applied.wait(core.last_final)
        stated = await self._workers.run("read", lambda: _find_stated(open_))
        left = [commitment for commitment in suspects if commitment not in stated]
        await self._workers.run("apply", lambda: self._attachments.discard(self._without_effect(left)))

    def _without_effect(self, commitments: Iterable[Digest]) -> list[Digest]:
        return [one for one in commitments if self._store.find_commitment(one) is None]


def _transactions(vertices: Iterable[Vertex]) -> list[bytes]:
    return [raw for vertex in vertices for raw in vertex.batch]


def _find_stated(transactions: Iterable[bytes]) -> dict[Digest, None]:
    """All that they state, each once."""
    return {item.digest: None for raw in transactions for item in decode(Transaction, raw).attachments}
