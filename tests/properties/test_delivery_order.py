"""Whatever the order in which vertices arrive, every core orders the same."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.consensus.messages import Accuse, Deliver, Persist, Tick

from .drawing import Drawing, only
from .world import START_MS, World


def record(size, seed, liar=False):
    """All vertices that a real network of cores made under load."""
    world = World(size, seed=seed)
    for number in range(12):
        world.at(number * 900, lambda number=number: world.nodes[number % size].submit(b"tx%d" % number))
    world.run()
    drawing = Drawing(size=size)
    for vertex, _ in world.nodes[0].journal:
        drawing.vertices[f"{vertex.author}.{vertex.round}"] = vertex
    return world, drawing


RECORDED = {size: record(size, seed=size) for size in (4, 7)}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([4, 7]), st.randoms(use_true_random=False), st.integers(0, 1))
def test_any_arrival_order_gives_the_same_commits(size, chance, repeats):
    """Children before parents, twice or once: a core that only listens ends where the others are."""
    world, drawing = RECORDED[size]
    labels = list(drawing.vertices) * (1 + repeats)
    chance.shuffle(labels)
    listener = drawing.core(chr(ord("A") + size - 1))
    listener.handle(Tick(2, START_MS + 3_600_000))
    effects = drawing.arrive(listener, *labels)
    assert [effect.commit for effect in only(Deliver, effects)] == world.nodes[0].commits
    assert only(Accuse, effects) == []


@pytest.mark.parametrize("seed", range(10))
def test_the_journal_is_causal_whatever_the_arrival_order(seed):
    """Vertices are persisted as they become complete, so that no record names a later one."""
    _, drawing = RECORDED[4]
    labels = list(drawing.vertices)
    random.Random(seed).shuffle(labels)
    listener = drawing.core("D")
    listener.handle(Tick(2, START_MS + 3_600_000))
    seen = set()
    for effect in only(Persist, drawing.arrive(listener, *labels)):
        assert {p for p in effect.vertex.parents if p.round} <= seen
        seen.add(effect.vertex.reference)
    assert len(seen) == len(labels)


@pytest.mark.parametrize("size", [4, 7])
def test_the_same_inputs_give_the_same_effects(size):
    """A core is a function of what went in, to the byte of every own vertex."""
    first, second = (record(size, seed=99)[0] for _ in range(2))
    for mine, other in zip(first.nodes, second.nodes, strict=True):
        assert [vertex.raw for vertex, _ in mine.journal] == [vertex.raw for vertex, _ in other.journal]
        assert mine.commits == other.commits
