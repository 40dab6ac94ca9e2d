"""All lose power in one round, and each finds its own vertex of it behind a torn tail."""

import asyncio
from pathlib import Path

import pytest

from tests.unit.node.together import World, play
from weft.model.stored import SPOKEN
from weft.model.vertex import decode_vertex


async def begin(world: World, is_synced: bool = True) -> None:
    """Three records, and nobody has anything left to do; all that was seen is on disk, or what came after the
    own newest vertex is not."""
    await world.start_all()
    for number in range(3):
        assert (await world.put(0, f"r{number}")).status == "executed"
    await world.settle()
    for disk in world.disks if is_synced else ():
        disk.journal.sync()


async def lose_power_in_one_round(world: World) -> list[bytes]:
    """While every member's next vertex is on its way to the disk; gives what each finds of it."""
    for workers in world.workers:
        workers.slow = {"sync": 1.0}
    writes = [asyncio.create_task(world.put(place, f"late{place}")) for place in world.nodes]
    await asyncio.sleep(0.1)
    await world.kill(*world.nodes, is_torn=True)
    for write in writes:
        write.cancel()
    await asyncio.gather(*writes, return_exceptions=True)
    found = [[record for record in disk.journal.replay() if record[0] == SPOKEN] for disk in world.disks]
    assert [len(records) for records in found] == [1] * world.size
    assert len({round_ for records in found for _, round_, _ in records}) == 1, "in one round"
    return [records[0][2] for records in found]


async def check_that_all_goes_on(world: World) -> None:
    for workers in world.workers:
        workers.slow = {}
    await world.start_all()
    assert (await world.put(1, "r3")).status == "executed"
    await world.settle()
    for place in range(world.size):
        assert [await world.read(place, f"r{number}") for number in range(4)] == [b"{}"] * 4


@pytest.mark.parametrize("lives", [1, 3])
def test_what_may_have_been_said_is_said_again_and_the_round_does_not_stall(
    tmp_path: Path, lives: int
) -> None:
    """Nothing else may ever be said in that round, so the very same is, with its transactions. Power may go
    again while that is under way."""

    async def story() -> None:
        world = World(tmp_path)
        await begin(world)
        unsaid = await lose_power_in_one_round(world)
        for _ in range(lives - 1):
            for place in range(4):
                world.start(place)
            await asyncio.sleep(3)
            await world.kill(0, 1, 2, 3, is_torn=True)
        await check_that_all_goes_on(world)
        for place, raw in enumerate(unsaid):
            vertex = decode_vertex(raw)
            assert world.said[place, vertex.round] == vertex.digest
            assert await world.read(0, f"late{place}") == b"{}"

    play(story())


def test_what_names_what_went_with_the_tail_is_not_waited_for(tmp_path: Path) -> None:
    """It was never said, so something else may be; its parents may be nowhere any more."""

    async def story() -> None:
        world = World(tmp_path)
        await begin(world, is_synced=False)
        unsaid = [decode_vertex(raw) for raw in await lose_power_in_one_round(world)]
        await check_that_all_goes_on(world)
        anew = [world.said.get((vertex.author, vertex.round)) != vertex.digest for vertex in unsaid]
        assert any(anew)

    play(story())


def test_what_is_damaged_counts_as_spoken_and_is_not_said(tmp_path: Path) -> None:
    """Its author goes on in the rounds after it."""

    async def story() -> None:
        world = World(tmp_path)
        await begin(world)
        raw = (await lose_power_in_one_round(world))[2]
        round_ = decode_vertex(raw).round
        world.disks[2].journal._segments[-1][-1] = SPOKEN, round_, raw[:-1] + bytes((raw[-1] ^ 1,))
        await check_that_all_goes_on(world)
        assert (2, round_) not in world.said
        assert world.nodes[2].core.base().spoken > round_

    play(story())
