"""Members that lie, withhold, flood or only pretend, one story per test; World checks as in test_network.

The stories are those of section 12 of docs/protocol/consensus.md, as far as they are the core's.
"""

import pytest

from weft.consensus.messages import Accuse, Arrived, Refuse, Want
from weft.model.limits import LocalLimits
from weft.model.vertex import sign_vertex

from .liar import Equivocator, Selfish, Whisperer, twin_of
from .world import World, attachment_of, finish, key_of, load


@pytest.mark.parametrize("weights", [[1] * 4, [1] * 7, [3, 2, 2, 2, 1]])
@pytest.mark.parametrize("seed", range(3))
def test_a_member_that_speaks_twice_to_halves_forks_nobody(weights, seed):
    """Each half gets another vertex, in every round; both are named, fetched, and kept as evidence."""
    world = World(seed=seed, weights=weights, kinds={len(weights) - 1: Equivocator})
    world.liars.add(len(weights) - 1)
    transactions = load(world, 30, places=range(len(weights) - 1))
    world.at(2_000, lambda: world.nodes[-1].submit(b"lie"))
    world.run(for_us=20_000_000)
    world.check_same()
    assert set(transactions) <= set(world.honest[0].executed)
    assert all(node.seen(Accuse) for node in world.honest)


def test_a_twin_sent_to_one_member_only_enters_everywhere():
    """Members name different twins of one slot; the graph becomes the same for all."""
    world = World(4, seed=4)
    world.liars.add(3)
    load(world, 12, places=[0, 1, 2])
    world.run(for_us=3_000)
    newest = world.nodes[3].core.own_newest
    world.nodes[1].handle(Arrived(twin_of(newest), 3, (), False))
    world.run(for_us=10_000_000)
    world.check_same()


def test_a_member_that_names_a_bare_quorum_delays_nobody_for_ever():
    """Votes withheld: slots are decided by others' votes or by anchors."""
    world = World(4, seed=6, kinds={2: Selfish})
    finish(world, load(world, 40))


def test_a_vertex_sent_to_one_member_only_reaches_all():
    """The others fetch it from who names it."""
    world = World(4, seed=8, kinds={3: Whisperer})
    transactions = load(world, 20)
    world.run(for_us=5_000_000)
    world.check_same()
    assert set(transactions) <= set(world.nodes[1].executed)


def test_attachments_that_are_withheld_keep_a_vertex_out_until_they_are_found():
    """Member 0 got the content with the vertex; the others fetch it from there."""
    world = World(4, seed=9)
    commitment, transaction = attachment_of("photo")
    world.run(for_us=10)
    attached = world.attached
    world.attached = lambda node, item: set() if node.place == 3 else attached(node, item)
    world.nodes[0].content.add(commitment)
    world.nodes[3].submit(transaction)
    world.run()
    world.check_same()
    assert world.nodes[1].executed == [transaction]
    assert all(commitment in node.content for node in world.nodes[:3])


def test_attachments_that_nobody_has_keep_a_vertex_out_for_ever():
    """The network goes on without it."""
    world = World(4, seed=9)
    _, transaction = attachment_of("nothing")
    world.run(for_us=10)
    world.nodes[3].submit(transaction)
    transactions = load(world, 10, places=[0, 1, 2])
    world.run(for_us=5_000_000)
    for node in world.nodes[:3]:
        assert set(node.executed) == set(transactions)


def test_a_liar_that_opens_rounds_for_ever_keeps_the_others_awake_and_no_more():
    """Rounds go on while it wants; nothing is ordered twice and nothing blocks."""
    world = World(4, seed=2)
    liar = world.nodes[3]
    world.liars.add(3)
    finish_at = 300_000
    world.at(0, lambda: keep_wanting(world, liar, finish_at))
    transactions = load(world, 10, places=[0, 1, 2])
    world.run()
    world.check_same()
    assert world.nodes[0].core.round > 50
    assert set(transactions) <= set(world.nodes[0].executed)


def keep_wanting(world, node, until_us):
    """A reason every millisecond."""
    node.handle(Want())
    if world.now < until_us:
        world.at(world.now + 1_000, lambda: keep_wanting(world, node, until_us))


def test_garbage_is_refused_and_its_author_is_named():
    """A vertex whose parents are no quorum."""
    world = World(4, seed=1)
    load(world, 4)
    world.run()
    vertex = world.nodes[1].core.own_newest
    bad = sign_vertex(
        key_of(1), vertex.chain, 0, 1, vertex.round + 1, vertex.time_ms, (vertex.reference,), ()
    )
    world.nodes[0].handle(Arrived(bad, 1, (), False))
    assert [effect.member for effect in world.nodes[0].seen(Refuse)] == [1]


def test_a_peer_cannot_fill_this_nodes_memory():
    """Vertices that lack parents are bounded for each peer; the highest rounds go, and come again later."""
    world = World(4, seed=3, local=LocalLimits(incomplete_vertices_max=5), down=[0])
    transactions = load(world, 60, every_us=2_000, places=[1, 2, 3])
    world.run()
    world.nodes[0].restart()
    most = 0

    def watch():
        nonlocal most
        pending = world.nodes[0].core._waiting.pending.values()
        most = max(most, sum(not p.is_asked for p in pending))
        return False

    world.run(for_us=3_000_000, until=lambda: watch() or world.nodes[0].commits == world.nodes[1].commits)
    world.run()
    world.check_same()
    assert set(transactions) <= set(world.nodes[0].executed)
    assert 0 < most <= 15
