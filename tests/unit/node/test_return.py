"""A node that was away for a while: its members send it what it missed, well, badly, or with lies in it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tests.chain import key
from tests.unit.node.together import World, play
from weft.consensus.catchup import FAR_ROUNDS
from weft.model import message
from weft.model.transaction import Attachment
from weft.model.vertex import decode_vertex, sign_vertex

WRITTEN = 40
"""Records through each of the three."""

Told = list[message.Item]


async def leave(folder: Path) -> tuple[World, int]:
    """A world whose member 3 is away, and the round that the others have come to."""
    world = World(folder)
    await world.start_all()
    await world.kill(3)
    await asyncio.gather(*(write(world, place) for place in range(3)))
    rounds = world.nodes[0].core.last_final
    assert rounds > 2 * FAR_ROUNDS
    world.asked.clear()
    return world, rounds


async def write(world: World, place: int) -> None:
    for number in range(place * WRITTEN, (place + 1) * WRITTEN):
        fate = await world.put(place, f"r{number}", b'{"n":%d}' % number)
        assert fate.status == "executed"


async def read_all(world: World) -> None:
    """Every node that runs has every record."""
    await world.settle()
    for place in world.nodes:
        for number in range(3 * WRITTEN):
            assert await world.read(place, f"r{number}") == b'{"n":%d}' % number


def count_asked(world: World) -> int:
    """Vertices that member 3 has asked for."""
    return sum(
        len(one.references)
        for who, _, one in world.asked
        if who == 3 and isinstance(one, message.FetchVertices)
    )


@pytest.mark.parametrize(("pace_s", "is_asked"), [(0.06, False), (1e6, True)], ids=["slow", "stuck"])
def test_who_returns_is_sent_each_vertex_once(tmp_path: Path, pace_s: float, is_asked: bool) -> None:
    """By its author, whose stream may be slower than the others', down to the newest rounds; where it stands
    still they are asked for what it should have brought."""

    async def story() -> None:
        world, rounds = await leave(tmp_path)
        world.pace_s = {1: pace_s}
        world.start(3)
        await world.until(lambda: world.nodes[3].core.last_final >= rounds)
        assert (count_asked(world) > FAR_ROUNDS) == is_asked
        await read_all(world)

    play(story())


def test_a_return_that_is_broken_off_goes_on(tmp_path: Path) -> None:
    """The node is switched off in the middle, and then one of those who serve it: nothing is missing, nothing
    is there twice."""

    async def story() -> None:
        world, rounds = await leave(tmp_path)
        world.pace_s = {0: 0.02, 1: 0.03, 2: 0.02}
        world.start(3)
        await world.until(lambda: world.nodes[3].core.last_final > rounds // 3)
        await world.kill(3)
        world.start(3)
        await world.until(lambda: world.nodes[3].core.last_final > rounds // 2)
        assert world.nodes[3].core.last_final < rounds
        await world.kill(1)
        await world.until(lambda: world.nodes[3].core.last_final >= rounds)
        await read_all(world)

    play(story())


def forge(told: Told) -> Told:
    """The liar's own vertices, signed by it, with a transaction that nobody signed."""
    (item,) = told
    if not isinstance(item, message.Announced):
        return told
    vertex = decode_vertex(item.vertex)
    batch = tuple(raw[:-1] + bytes((raw[-1] ^ 1,)) for raw in vertex.batch)
    again = sign_vertex(
        key("node1"), vertex.chain, 0, vertex.author, vertex.round, vertex.time_ms, vertex.parents, batch
    )
    return [msgspec.structs.replace(item, vertex=again.raw)]


def cut_short(told: Told) -> Told:
    """The last bytes of each vertex are missing."""
    return [
        msgspec.structs.replace(item, vertex=item.vertex[:-3])
        if isinstance(item, message.Announced)
        else item
        for item in told
    ]


def swap_content(told: Told) -> Told:
    """Attachments that nobody committed to."""
    return [
        msgspec.structs.replace(
            item, attachments=tuple(Attachment(one.salt, one.content[::-1]) for one in item.attachments)
        )
        if isinstance(item, message.Announced)
        else item
        for item in told
    ]


def repeat(told: Told) -> Told:
    """Everything again and again."""
    return 20 * told


def turn_round() -> Callable[[Told], Told]:
    """The last of ten first; what is left over is never said."""
    held: Told = []

    def turn(told: Told) -> Told:
        held.extend(told)
        if len(held) < 10:
            return []
        turned = held[::-1]
        held.clear()
        return turned

    return turn


@pytest.mark.parametrize(
    ("lie", "is_cut"),
    [(forge, True), (cut_short, True), (swap_content, False), (repeat, False), (turn_round(), False)],
    ids=["forged", "cut short", "other content", "again and again", "backwards"],
)
def test_a_liar_among_those_who_send_is_not_believed(
    tmp_path: Path, lie: Callable[[Told], Told], is_cut: bool
) -> None:
    """The others make up for it, with no more questions than there are vertices; what no honest member sends
    cuts it off."""

    async def story() -> None:
        world, rounds = await leave(tmp_path)
        world.said_instead = {1: lie}
        world.start(3)
        await world.until(lambda: world.nodes[3].core.last_final >= rounds)
        assert any(who == 3 and whom == 1 for who, whom, _ in world.cuts) == is_cut
        assert count_asked(world) <= 4 * rounds
        await read_all(world)

    play(story())
