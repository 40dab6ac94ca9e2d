"""Four real nodes: what holds while members stop, return, lose their disks, lag, or lie."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from tests.chain import make_genesis
from tests.unit.node.together import World, play, receive
from weft.consensus.messages import Behind, Opened
from weft.model import message
from weft.model.commit import Commit
from weft.model.encoding import decode, encode
from weft.model.errors import BehindError, KeyUsedError
from weft.model.limits import Limits, LocalLimits
from weft.node import prune, service
from weft.storage.memory import MemoryAttachments

SHALLOW = make_genesis(
    gate="gateway", limits=Limits(depth=32, checkpoint_window_ms=2, rounds_without_block_max=8)
)
"""Members forget soon, so who was away for a moment has to follow blocks."""


async def write(world: World, place: int, first: int, count: int) -> None:
    for number in range(first, first + count):
        fate = await world.put(place, f"r{number}", b'{"n":%d}' % number)
        assert fate.status == "executed"


async def read_all(world: World, count: int) -> None:
    """Every node that runs has every record."""
    await world.settle()
    for place in world.nodes:
        for number in range(count):
            assert await world.read(place, f"r{number}") == b'{"n":%d}' % number


def test_what_one_node_takes_all_nodes_have(tmp_path: Path) -> None:
    """Whichever it was written through."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await asyncio.gather(*(write(world, place, 3 * place, 3) for place in range(4)))
        await read_all(world, 12)

    play(story())


def test_all_switched_off_at_once_lose_nothing_acknowledged(tmp_path: Path) -> None:
    """Twice, with something under way each time."""

    async def story() -> None:
        world = World(tmp_path)
        for life in range(3):
            await world.start_all()
            await write(world, life, 4 * life, 4)
            await world.put(3, f"late{life}", wait="none")
            await asyncio.sleep(0.001)
            await world.kill(0, 1, 2, 3)
        await world.start_all()
        await read_all(world, 12)

    play(story())


def test_a_journal_of_many_segments_tells_the_same_as_one(tmp_path: Path) -> None:
    """Segments begin while the core is ahead of a slow disk; the stores are lost, and nothing is missing."""

    async def story() -> None:
        world = World(tmp_path, limits=LocalLimits(journal_segment_bytes=10_000))
        for workers in world.workers:
            workers.slow = {"sync": 0.003}
        await world.start_all()
        await asyncio.gather(*(write(world, place, 20 * place, 20) for place in range(4)))
        await world.kill(0, 1, 2, 3)
        for disk in world.disks:
            assert disk.journal.kinds().count(0) > 2
            disk.store = world.new_disk().store
        await world.start_all()
        await read_all(world, 80)

    play(story())


def test_who_lost_its_disk_is_silent_until_the_others_told_it(tmp_path: Path) -> None:
    """It comes back, has everything, and takes writes again."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 3, 0, 5)
        await world.kill(3)
        world.disks[3] = world.new_disk()
        world.answers[0] = world.answers[1] = _refuse_newest(world)
        world.start(3)
        await asyncio.sleep(10)
        assert not world.nodes[3].is_speaking
        with pytest.raises(BehindError):
            await world.put(3, "early")
        world.answers.clear()
        await world.until(lambda: world.nodes[3].is_speaking)
        await write(world, 3, 5, 5)
        await read_all(world, 10)

    play(story())


def _refuse_newest(world: World) -> Callable[[int, message.Request], Awaitable[message.Answer]]:
    """An answerer that says nothing of what it spoke, and all else through member 0."""

    async def answer(member: int, request: message.Request) -> message.Answer:
        if isinstance(request, message.AskNewest):
            return message.Refused("not now")
        return await world.up[0].inbox.answer(member, request)

    return answer


def test_a_lost_journal_stays_distrusted_through_restarts(tmp_path: Path) -> None:
    """Also when a segment with a base was begun before the others had answered."""

    async def story() -> None:
        world = World(tmp_path, limits=LocalLimits(journal_segment_bytes=2_000))
        await world.start_all()
        await write(world, 3, 0, 5)
        await world.kill(3)
        world.disks[3] = world.new_disk()
        world.answers[0] = world.answers[1] = _refuse_newest(world)
        world.start(3)
        await write(world, 2, 5, 10)
        await world.until(lambda: world.disks[3].journal.durable[-1][:1] != [])
        await world.kill(3)
        assert 0 in world.disks[3].journal.kinds()
        world.start(3)
        await asyncio.sleep(10)
        assert not world.nodes[3].is_speaking
        world.answers.clear()
        await world.until(lambda: world.nodes[3].is_speaking)
        await write(world, 3, 15, 3)
        await world.kill(3)
        world.answers[0] = world.answers[1] = _refuse_newest(world)
        world.start(3)
        await world.until(lambda: world.nodes[3].is_speaking)
        await read_all(world, 18)

    play(story())


def test_two_disks_lost_one_after_the_other(tmp_path: Path) -> None:
    """Who is bound by what it was told says so to the next one, also after a restart."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 2, 0, 5)
        for place in (3, 2):
            await world.kill(place)
            world.disks[place] = world.new_disk()
            world.start(place)
            await world.until(lambda place=place: world.nodes[place].is_speaking)
            await world.kill(place)
            world.start(place)
            await world.until(lambda place=place: world.nodes[place].is_speaking)
        await write(world, 2, 5, 3)
        await write(world, 3, 8, 3)
        await read_all(world, 11)

    play(story())


def test_a_restored_backup_does_not_speak_again(tmp_path: Path) -> None:
    """The openings of the others tell that this disk is older than what was said; they are asked how much."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 3, 0, 2)
        backup = world.disks[3].journal.copy()
        await write(world, 3, 2, 8)
        await world.kill(3)
        world.disks[3] = world.new_disk()
        world.disks[3].journal = backup
        world.workers[3].slow = {"sync": 0.05}
        world.start(3)
        await world.until(lambda: world.nodes[3].is_speaking)
        assert any(isinstance(request, message.AskNewest) for _, _, request in world.asked)
        await write(world, 3, 10, 2)
        await read_all(world, 12)

    play(story())


@pytest.mark.parametrize("has_disk", [True, False])
def test_who_was_away_for_long_follows_blocks(
    tmp_path: Path, has_disk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the same head, with all content; commit records that nobody needs any more are forgotten."""
    monkeypatch.setattr(prune, "COMMITS_EVERY", 16)

    async def story() -> None:
        world = World(tmp_path, genesis=SHALLOW)
        await world.start_all()
        await write(world, 3, 0, 3)
        await world.kill(3)
        await write(world, 0, 3, 40)
        if not has_disk:
            world.disks[3] = world.new_disk()
        world.start(3)
        await world.until(lambda: world.nodes[3].is_speaking and not world.nodes[3].is_catching_up)
        assert any(isinstance(request, message.FetchBlocks) for _, _, request in world.asked)
        await write(world, 3, 43, 3)
        await read_all(world, 46)
        for disk in world.disks[:3]:
            kept = [decode(Commit, raw).round for raw in disk.store.commits_before(10**9, 10**9)]
            assert 1 not in kept
            assert min(kept) <= disk.store.head.round - 2 * SHALLOW.limits.depth

    play(story())


def test_a_store_older_than_the_journal_is_not_filled_up_from_the_middle(tmp_path: Path) -> None:
    """What the journal does not tell any more comes as blocks."""

    async def story() -> None:
        world = World(tmp_path, genesis=SHALLOW)
        await world.start_all()
        await write(world, 3, 0, 10)
        await world.kill(3)
        disk, journal = world.disks[3], world.disks[3].journal
        base = world.nodes[0].core.base()
        journal.roll(base.round, encode(msgspec.structs.replace(base, spoken=base.round + 9)))
        journal.sync()
        journal._segments[:-1] = []
        journal.sync()
        disk.store, disk.attachments = world.new_disk().store, MemoryAttachments()
        world.start(3)
        await world.until(lambda: world.nodes[3].is_speaking and not world.nodes[3].is_catching_up)
        await write(world, 2, 10, 3)
        await read_all(world, 13)

    play(story())


def test_catching_up_while_commits_still_come_is_no_divergence(tmp_path: Path) -> None:
    """The old core goes on to order what it has; its blocks and the ones that are followed are the same."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        world.workers[3].slow = {"apply": 0.004}
        writing = asyncio.create_task(write(world, 0, 0, 60))
        for _ in range(5):
            await asyncio.sleep(0.03)
            world.nodes[3]._perform(Behind(1))
        await writing
        await world.until(lambda: not world.nodes[3].is_catching_up)
        assert world.nodes[3].divergence is None
        await write(world, 3, 60, 3)
        await read_all(world, 63)

    play(story())


def test_transactions_that_wait_outlive_a_new_core(tmp_path: Path) -> None:
    """What the old core took and had not ordered is proposed again."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 0, 0, 2)
        world.part((3, 0), (3, 1), (3, 2))
        waiting = asyncio.create_task(world.put(3, "r2", b'{"n":2}'))
        await asyncio.sleep(0.1)
        world.nodes[3]._perform(Behind(1))
        await asyncio.sleep(1)
        assert world.nodes[3].is_catching_up, "without an answer there is nothing to go on from"
        world.heal()
        assert (await waiting).status == "executed"
        await read_all(world, 3)

    play(story())


def test_halves_wait_for_each_other(tmp_path: Path) -> None:
    """Nothing is decided without a quorum; healed, both go on, and everybody hears its fate."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 0, 0, 2)
        world.part((0, 2), (0, 3), (1, 2), (1, 3))
        waiting = [
            asyncio.create_task(world.put(place, f"r{2 + place}", b'{"n":%d}' % (2 + place)))
            for place in range(4)
        ]
        await asyncio.sleep(5)
        assert not any(task.done() for task in waiting)
        with pytest.raises(BehindError):
            await world.services[0].reach(None, True)
        world.heal()
        assert {fate.status for fate in await asyncio.gather(*waiting)} == {"executed"}
        await read_all(world, 6)

    play(story())


def test_a_slow_disk_holds_up_nobody_else(tmp_path: Path) -> None:
    """The others go on, and it comes after."""

    async def story() -> None:
        world = World(tmp_path)
        world.workers[2].slow = {"sync": 0.05, "apply": 0.02}
        await world.start_all()
        await asyncio.gather(write(world, 0, 0, 20), write(world, 1, 20, 20))
        await world.until(lambda: len(set(world.heights)) == 1)
        await read_all(world, 40)

    play(story())


def test_a_member_that_lacks_more_than_a_queue_takes_is_given_it_in_turn(tmp_path: Path) -> None:
    """Own vertices with large attachments wait for room; the stream does not break again and again."""

    async def story() -> None:
        world = World(tmp_path)
        world.queue_bytes_max = 64 << 20
        await world.start_all()
        for node in world.nodes.values():
            node._outgoing._queue_bytes = 100_000
        world.part((0, 3), (1, 3), (2, 3))
        for number in range(40):
            await world.put(0, f"r{number}", b'"%s"' % (b"x" * 20_000))
        world.queue_bytes_max = 200_000
        world.heal()
        await world.settle()
        assert [world.up[0].tallies[3].overflows, len(world.heights)] == [0, 4]
        assert await world.read(3, "r39") == b'"%s"' % (b"x" * 20_000)

    play(story())


def test_a_claim_alone_stops_nobody(tmp_path: Path) -> None:
    """A member says that it has vertices of ours that we never made, and has none to show."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        for place in range(3):
            await receive(world.up[place].inbox, 3, message.Resumed((10**9,) * 4), 100)
        await receive(world.up[0].inbox, 3, message.Resumed((1, 2)), 100)
        await write(world, 0, 0, 3)
        await read_all(world, 3)

    play(story())


def test_our_signature_on_a_vertex_that_we_did_not_make_stops_us(tmp_path: Path) -> None:
    """And nothing that was still to be said is said."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 0, 0, 2)
        node = world.nodes[0]
        node.driver._take(node.core.handle(Opened(3, (10**9,) * 4)))
        with pytest.raises(KeyUsedError, match="the key is used elsewhere"):
            await world.runs[0]
        del world.runs[0]

    play(story())


def test_a_mistake_in_the_core_ends_the_node(tmp_path: Path) -> None:
    """Wherever it was fed: effects were lost, so nothing more may be said."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        with pytest.raises(TypeError):
            world.nodes[0]._feed(Opened(3, None))  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            await world.runs[0]
        del world.runs[0]

    play(story())


def test_a_read_that_must_be_current_waits_for_a_vertex_made_after_it(tmp_path: Path) -> None:
    """After a restart and after following blocks too."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 3, 0, 5)
        node = world.nodes[3]
        node._perform(Behind(1))
        await asyncio.sleep(0)
        await world.until(lambda: not node.is_catching_up)
        world.part((3, 0), (3, 1), (3, 2))
        assert (await world.put(0, "r5", b'{"n":5}')).status == "executed"
        with pytest.raises(BehindError):
            await world.services[3].reach(None, True)
        world.heal()
        await world.services[3].reach(None, True)
        assert await world.read(3, "r5") == b'{"n":5}'
        assert not node._ordered.is_awaited

    play(story())


def test_a_liar_about_heights_makes_nobody_look_late(tmp_path: Path) -> None:
    """More than f must say so."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        opening = world.up[3].inbox.opening()
        lie = message.Opening(opening.chain, 0, opening.newest, 10**12, "u" * 10_000)
        await receive(world.up[0].inbox, 3, lie, 100)
        assert not world.services[0].status().is_catching_up
        assert len(world.services[0].url_peers[-1]) <= 200
        assert service.BEHIND_HEIGHTS < 10**12

    play(story())


def test_rounds_that_a_member_may_not_speak_in_pass_though_all_restart(tmp_path: Path) -> None:
    """Nobody has anything to do, and yet the next loss of a disk finds everybody able to speak."""

    async def story() -> None:
        world = World(tmp_path)
        await world.start_all()
        await write(world, 0, 0, 3)
        for place in (3, 2, 1):
            await world.kill(place)
            world.disks[place] = world.new_disk()
            for workers in world.workers[:place]:
                workers.slow = {"sync": 10}
            world.start(place)
            await world.until(lambda place=place: world.nodes[place].is_speaking)
            await world.kill(0, 1, 2, 3)
            for workers in world.workers:
                workers.slow = {}
            await world.start_all()
            await asyncio.sleep(5)
        await write(world, 3, 3, 3)
        await read_all(world, 6)

    play(story())
