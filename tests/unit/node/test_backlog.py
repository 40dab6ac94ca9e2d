"""What waits to be executed, and what only waits to be stored."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.chain import Chain, key, make_genesis
from tests.unit.node import together
from tests.unit.node.together import Workers, World
from weft.consensus.messages import Deliver
from weft.model.commit import Commit
from weft.model.digest import ZERO
from weft.model.limits import Limits
from weft.model.vertex import sign_vertex
from weft.node.apply import Applied
from weft.node.backlog import EMPTY_MAX, Backlog


class Kept:
    """A backlog, the rounds of each write to the store, and the rounds settled."""

    def __init__(self) -> None:
        self.writes: list[list[int]] = []
        self.settled: list[int] = []
        self.chain = Chain()
        self.due_from = 10**6
        self.backlog = Backlog(Workers(), self._apply, self._settle, lambda round_: round_ >= self.due_from)

    def add(self, round_: int, *batch: bytes) -> None:
        vertex = sign_vertex(key("node0"), self.chain.genesis.chain, 0, 0, round_, 0, (), batch)
        self.backlog.add(Deliver(Commit(round_, 0, (), (vertex.reference,), ZERO), (vertex,)))

    async def rest(self) -> None:
        for _ in range(10):
            await asyncio.sleep(0)

    def _apply(self, group: Sequence[Deliver]) -> list[Applied]:
        self.writes.append([item.commit.round for item in group])
        return [Applied(item.commit, None, (), ()) for item in group]

    def _settle(self, applied: Sequence[Applied]) -> None:
        self.settled += [item.commit.round for item in applied]


def play(story: Any) -> None:
    async def run() -> None:
        kept = Kept()
        work = asyncio.create_task(kept.backlog.run())
        await story(kept)
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work

    asyncio.run(run())


def test_commits_without_transactions_are_settled_at_once_and_stored_with_the_next() -> None:
    """Each is settled once, and the store hears of all in order."""

    async def story(kept: Kept) -> None:
        kept.add(1)
        kept.add(2)
        await kept.rest()
        assert (kept.writes, kept.settled) == ([], [1, 2])
        kept.add(3, b"a transaction")
        await kept.rest()
        assert (kept.writes, kept.settled) == ([[1, 2, 3]], [1, 2, 3])

    play(story)


def test_commits_without_transactions_are_stored_when_somebody_waits_for_that_or_there_are_many() -> None:
    """The journal could else never let go of them."""

    async def story(kept: Kept) -> None:
        kept.add(1)
        await kept.backlog.is_empty()
        assert (kept.writes, kept.settled) == ([[1]], [1])
        for round_ in range(2, EMPTY_MAX + 4):
            kept.add(round_)
            await kept.rest()
        assert kept.writes[1:] == [list(range(2, EMPTY_MAX + 3))]
        assert kept.settled == list(range(1, EMPTY_MAX + 4))

    play(story)


def test_a_commit_that_makes_a_block_without_transactions_is_stored_and_then_settled() -> None:
    """With what waits to be stored, and only once."""

    async def story(kept: Kept) -> None:
        kept.due_from = 3
        for round_ in (1, 2, 3):
            kept.add(round_)
            await kept.rest()
        assert (kept.writes, kept.settled) == ([[1, 2, 3]], [1, 2, 3])

    play(story)


def test_reading_alone_does_not_stop_writing(tmp_path: Path) -> None:
    """Rounds that only confirm reads make blocks too, those are signed, and so checkpoints keep up."""

    async def story() -> None:
        limits = Limits(depth=32, rounds_without_block_max=16)
        world = World(tmp_path, genesis=make_genesis(gate="gateway", limits=limits))
        await world.start_all()
        for _ in range(40):
            await world.services[0].reach(None, True)
        assert world.nodes[0].core.last_final > 64
        assert (await world.put(1, "a")).status == "executed"
        await world.settle()
        assert world.nodes[0].checkpoints.height > 1

    together.play(story())
