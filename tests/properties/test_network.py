"""Whole networks of real cores, one story per test: agreement, progress, and silence when all is done.

World checks at every step that commits are prefixes of one another, that no honest member speaks twice in a
slot, and that an own vertex is on disk before it is sent. The stories are those of section 12 of
docs/protocol/consensus.md, as far as they are the core's.
"""

import pytest

from weft.consensus.core import Core
from weft.consensus.messages import (
    Behind,
    Deliver,
    Doubt,
    Forget,
    Speak,
    Vouched,
)
from weft.model.limits import LocalLimits
from weft.model.vertex import decode_vertex

from .world import START_MS, World, finish, key_of, load


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 10])
@pytest.mark.parametrize("model", ["byzantine", "crash"])
def test_any_committee_orders_what_it_is_given_and_falls_silent(size, model):
    """From one member to ten; the heap of events is empty in the end, so nobody waits for anything."""
    world = World(size, seed=size, model=model)
    finish(world, load(world, 20))
    assert world.honest[0].checkpoint is not None


def test_fifty_members_agree_too():
    """One transaction, four rounds, 2,450 messages in each."""
    world = World(50, seed=50)
    finish(world, load(world, 1))


def test_an_idle_network_sends_nothing():
    """Nobody has a reason, so nobody opens a round."""
    world = World(4)
    world.run()
    assert [node.sent for node in world.nodes] == [0] * 4
    assert all(node.journal == [] for node in world.nodes)


def test_one_transaction_at_each_member_after_a_long_idle_time():
    """An hour of silence, then all at once."""
    world = World(4)
    finish(world, load(world, 4, every_us=0))
    world.run(for_us=3_600_000_000)
    rounds = world.nodes[0].core.round
    finish(world, [b"late%d" % p for p in range(4) if world.nodes[p].submit(b"late%d" % p) is None])
    assert world.nodes[0].core.round < rounds + 10


@pytest.mark.parametrize("model", ["byzantine", "crash"])
def test_as_many_may_be_silent_as_the_committee_survives(model):
    """One of four that lie, one of three that crash."""
    size = 4 if model == "byzantine" else 3
    world = World(size, model=model, down=[1])
    finish(world, load(world, 20, places=[0, 2]))


def test_without_a_quorum_nothing_is_final_and_with_it_everything():
    """Two of four wait for ever; when the third comes back they go on where they were."""
    world = World(4, down=[0, 1])
    transactions = load(world, 4, places=[2, 3])
    world.run(for_us=5_000_000)
    assert world.nodes[2].commits == []
    world.nodes[1].restart()
    finish(world, transactions)


@pytest.mark.parametrize("seed", range(3))
def test_a_member_that_comes_late_is_told_everything(seed):
    """A hundred rounds of others' vertices reach it when its streams begin."""
    world = World(4, seed=seed, down=[3])
    transactions = load(world, 60, every_us=3_000, places=[0, 1, 2])
    world.run()
    world.nodes[3].restart()
    finish(world, transactions)


@pytest.mark.parametrize("seed", range(6))
def test_kill_one_of_four_under_load_and_let_it_return(seed):
    """What it had said it never contradicts; what it missed it learns."""
    world = World(4, seed=seed)
    transactions = load(world, 60, places=[0, 1, 2])
    world.at(7_000 + 1_000 * seed, world.nodes[3].crash)
    world.at(20_000 + 1_000 * seed, world.nodes[3].restart)
    finish(world, transactions)


@pytest.mark.parametrize("seed", range(6))
def test_power_is_lost_by_all_in_one_round(seed):
    """Each comes back with what it had synced, and what was committed stays committed."""
    world = World(4, seed=seed)
    load(world, 40)
    world.run(for_us=8_000 + 700 * seed)
    before = max((node.commits for node in world.nodes), key=len)
    for node in world.nodes:
        node.crash()
    for node in world.nodes:
        node.restart()
    world.run()
    world.check_same()
    assert world.nodes[0].commits[: len(before)] == before


def test_half_of_the_members_restart_in_turn():
    """Never two at once: the network goes on."""
    world = World(4, seed=5)
    transactions = load(world, 80, every_us=1_000, places=[0])
    for number, place in enumerate([1, 2, 3, 1]):
        world.at(5_000 + 20_000 * number, world.nodes[place].crash)
        world.at(15_000 + 20_000 * number, world.nodes[place].restart)
    finish(world, transactions)


def test_a_member_that_lost_its_disk_learns_what_it_said_and_goes_on():
    """It is silent until it may speak in a round that it cannot have spoken in, and makes no twin."""
    world = World(4, seed=3)
    load(world, 30)
    world.run(for_us=9_000)
    lost = world.nodes[2]
    spoken = lost.core.base().spoken
    lost.crash()
    lost.words, lost.checkpoint, lost.headers, lost.commits, lost.executed = [], None, [], [], []
    lost.restart(journal=False)
    world.run(for_us=500_000)
    assert lost.core.own_newest is not None
    lost.handle(Speak(spoken + 2))
    more = load(world, 10)
    world.run()
    world.check_same()
    assert set(more) <= set(lost.executed)


def test_an_old_copy_of_a_disk_is_doubted():
    """A restored backup: the others have a vertex of mine that I do not have."""
    world = World(4, seed=3)
    finish(world, load(world, 10))
    node = world.nodes[1]
    node.crash()
    node.journal = node.journal[: len(node.journal) // 2]
    node.restart()
    world.run(for_us=1_000)
    assert node.seen(Doubt)


@pytest.mark.parametrize("seed", range(4))
def test_a_partition_without_a_quorum_on_either_side_heals(seed):
    """Two and two: both sides wait, and afterwards both sides' transactions are in."""
    world = World(4, seed=seed)
    transactions = load(world, 40)
    world.at(4_000, lambda: world.partition([0, 1], [2, 3]))
    world.at(900_000, world.heal)
    finish(world, transactions)


def test_one_member_is_cut_off_and_the_others_go_on():
    """And empty rounds end although one of them hears nothing."""
    world = World(4, seed=2)
    world.run(for_us=10)
    world.partition([0, 1, 2], [3])
    transactions = load(world, 30, places=[0, 1, 2])
    world.run()
    assert set(transactions) <= set(world.nodes[0].executed)
    world.heal()
    finish(world, transactions)


@pytest.mark.parametrize("links", [[(0, 1)], [(0, 1), (1, 2), (2, 3), (3, 0)], [(3, 0), (3, 1)]])
@pytest.mark.parametrize("seed", range(7, 13))
def test_one_way_links_are_made_good_by_the_others(links, seed):
    """What does not come from its author is fetched from those who named it.

    Where each lacks another's vertices, in a ring, all would wait for each other and then speak at once, as
    often as they like, without a certificate: they take turns.
    """
    world = World(4, seed=seed)
    world.run(for_us=10)
    world.block(*links)
    transactions = load(world, 30)
    world.run(for_us=8_000_000)
    assert all(set(transactions) <= set(node.executed) for node in world.nodes)


@pytest.mark.parametrize("seed", range(3))
def test_messages_lost_on_a_live_stream_are_fetched(seed):
    """A tenth of everything vanishes on all links out of one member."""
    world = World(4, seed=seed)
    for other in (1, 2, 3):
        world.drops[0, other] = 0.1
    transactions = load(world, 40)
    world.run(for_us=3_000_000)
    assert all(set(transactions) <= set(node.executed) for node in world.nodes)


def test_a_connection_is_lost_with_the_only_copy_of_a_vertex_in_it():
    """Nothing sent is lost: the stream begins anew with what the other lacks."""
    world = World(4, seed=1)
    world.run(for_us=10)
    world.nodes[0].submit(b"only")
    for other in (1, 2, 3):
        world.close(0, other)
    assert world.nodes[0].core.base().spoken == 1
    world.open_streams(0)
    finish(world, [b"only"])


def test_a_member_that_is_always_late_by_a_round_still_gets_its_work_in():
    """Its slots are skipped, its vertices come in as late parents, and the others do not wait for it."""
    slow = 3

    def delay(source, target):
        return (20_000, 21_000) if slow in (source, target) else (200, 700)

    world = World(4, seed=1, delay_us=delay)
    transactions = load(world, 60)
    finish(world, transactions)
    late = [
        reference
        for commit in world.nodes[0].commits
        for reference in commit.ordered
        if reference.author == slow and reference.round < commit.round
    ]
    assert late


def test_a_slow_member_beyond_the_depth_has_its_transactions_executed_once():
    """Its vertices are cut off by the floor; the batches go back to its pool and come again."""

    def delay(source, target):
        return (30_000, 31_000) if source == 3 else (200, 700)

    world = World(4, seed=1, delay_us=delay, depth=8, local=LocalLimits(), follow=True)
    transactions = load(world, 150, every_us=700)
    finish(world, transactions)
    assert world.nodes[3].returned
    assert all(not node.returned for node in world.nodes[:3])


def test_a_member_away_for_longer_than_the_others_remember_follows_blocks():
    """It asks, hears that what it lacks is forgotten, says so, and takes part again from a newer base."""
    world = World(4, seed=1, depth=10, follow=True)
    world.run(for_us=10)
    world.nodes[3].crash()
    transactions = load(world, 300, every_us=1_500, places=[0, 1, 2])
    world.run(for_us=400_000)
    world.nodes[3].restart()
    world.run(for_us=2_000_000)
    more = load(world, 20)
    world.run()
    world.check_same()
    assert world.nodes[3].seen(Behind)
    assert set(transactions + more) <= set(world.nodes[3].executed)


@pytest.mark.parametrize("shift_ms", [3_600_000, -3_600_000, 450])
def test_a_clock_that_is_wrong_does_not_move_ledger_time(shift_ms):
    """An hour ahead, its vertices are held; an hour behind, it follows the others."""
    world = World(4, seed=2)
    world.nodes[2].clock_ms = shift_ms
    transactions = load(world, 20, places=[0, 1, 3])
    world.run(for_us=3_000_000)
    assert set(transactions) <= set(world.nodes[0].executed)
    for commit in world.nodes[0].commits:
        assert START_MS <= commit.time_ms <= START_MS + world.now // 1000 + 500


def test_all_clocks_are_set_back_an_hour():
    """Ledger time stands still and everything goes on."""
    world = World(4, seed=2)
    first = load(world, 10)
    world.run()
    for node in world.nodes:
        node.clock_ms = -3_600_000
    finish(world, first + load(world, 10))
    times = [commit.time_ms for commit in world.nodes[0].commits]
    assert times == sorted(times)


@pytest.mark.parametrize("seed", range(3))
def test_one_member_alone_weighs_nearly_a_quorum(seed):
    """Weights 5, 1, 1, 1 with crash faults: the heavy one is a quorum; without it there is none."""
    world = World(seed=seed, weights=[5, 1, 1, 1], model="crash")
    finish(world, load(world, 20))
    alone = World(seed=seed, weights=[5, 1, 1, 1], model="crash", down=[1, 2, 3])
    finish(alone, load(alone, 5, places=[0]))
    without = World(seed=seed, weights=[5, 1, 1, 1], model="crash", down=[0])
    load(without, 5, places=[1, 2, 3])
    without.run(for_us=1_000_000)
    assert without.nodes[1].commits == []


def test_words_that_are_lost_are_said_again():
    """Every Signed of one moment vanishes, and yet there is a checkpoint in the end."""
    world = World(4, seed=1)
    receive = world._receive
    lost = []

    def lossy(source, target, stream, item, attached):
        if type(item).__name__ == "Signed" and len(lost) < 12:
            lost.append(item)
            return
        receive(source, target, stream, item, attached)

    world._receive = lossy
    finish(world, load(world, 1))
    assert len(lost) == 12
    for node in world.nodes:
        assert node.checkpoint.statement.height == len(node.headers)


def test_a_checkpoint_lets_others_forget_and_the_journal_shrink():
    """Forget rises with finality and checkpoints, 2·depth behind."""
    world = World(4, seed=1, depth=8)
    transactions = load(world, 200, every_us=2_000)
    finish(world, transactions)
    node = world.nodes[0]
    rounds = [effect.round for effect in node.seen(Forget)]
    assert rounds
    assert rounds == sorted(rounds)
    assert len(node.core._dag.rows) < node.core.round


def test_a_segment_is_self_contained():
    """A core made of a base and what was unordered then goes on exactly as the first one."""
    world = World(4, seed=12)
    transactions = load(world, 60)
    world.run(for_us=6_000)
    node = world.nodes[1]
    base, carried = node.core.base(), node.core.unordered()
    assert carried
    assert base.round > 0
    at = len(node.journal)
    world.run()
    again = Core(world.genesis, 1, key_of(1), base)
    effects = []
    for vertex in [*carried, *(v for v, _ in node.journal[at:])]:
        effects += again.restore(vertex, vertex.author == 1)
    commits = [effect.commit for effect in effects if isinstance(effect, Deliver)]
    assert commits == [commit for commit in node.commits if commit.round > base.round]
    assert again.last_final == node.core.last_final
    assert again.base().order_hash == node.core.base().order_hash
    assert again.base().ordered == node.core.base().ordered
    assert set(transactions) <= set(node.executed)


def test_a_vouched_checkpoint_reaches_a_member_that_only_reads_it():
    """Certified items are words of a quorum, whoever passes them on."""
    world = World(4, seed=3)
    finish(world, load(world, 3))
    world.nodes[0].handle(Vouched(world.nodes[1].checkpoint))
    assert world.nodes[0].core.newest_checkpoint.statement == world.nodes[1].checkpoint.statement


def test_the_raw_bytes_on_the_wire_are_the_vertex():
    """What is announced decodes to what was persisted."""
    world = World(4, seed=3)
    finish(world, load(world, 3))
    vertex = world.nodes[0].core.own_newest
    assert decode_vertex(vertex.raw) == vertex
