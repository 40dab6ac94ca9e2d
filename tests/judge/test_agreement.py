"""The shipped rule and the plain one say the same of every DAG.

`make judge CASES=100000` draws more of them, over all cores, and counts what was drawn.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from weft.consensus.rule import Rule
from weft.simulation.vectors import find_differences, load_cases

from .arriving import find_core_differences
from .corners import corners_of
from .drawn import SIZES, draw_case
from .plain import PlainRule

CASES = int(os.environ.get("WEFT_JUDGE_CASES", "200"))
PARTS = 10
PUBLISHED = load_cases(Path(__file__).parent.parent / "vectors" / "consensus_vectors.json")

CORNERS = {
    *(f"{model}, {size} validators" for model, sizes in SIZES.items() for size in sizes),
    *("weights alike", "weights differ", "every member has a slot", "fewer slots than members"),
    *("direct commit", "direct skip", "indirect commit", "indirect skip", "undecided"),
    *("a slot with twins: direct commit", "a slot with twins: direct skip", "a slot with twins: undecided"),
    *("a slot with twins: indirect commit", "a slot with twins: indirect skip"),
    *("twins", "twins of several authors", "twins named by different vertices"),
    *("a late parent", "a parent 5 rounds late", "silent for 5 rounds, then back"),
    *("silent for the last 5 rounds", "cut by the floor", "ordered in a later round"),
    *("something final", "a final round that orders nothing"),
}


@pytest.mark.parametrize("part", range(PARTS))
def test_the_rule_agrees_with_the_judge_on_random_dags(part):
    """In every arrival order: what each slot becomes, by which rule, and what each final round orders."""
    for seed in range(part, CASES, PARTS):
        assert list(find_differences(draw_case(seed))) == [], f"seed {seed}"


@pytest.mark.parametrize("part", range(PARTS))
def test_a_whole_core_delivers_what_the_judge_orders(part):
    """To which the vertices come one by one, and which asks for what it lacks."""
    for seed in range(part, CASES, PARTS):
        assert list(find_core_differences(draw_case(seed), seed)) == [], f"seed {seed}"


def test_the_random_dags_reach_every_corner_of_the_rule():
    """A generator that never draws an indirect commit would make the tests above worthless."""
    reached = Counter(corner for seed in range(600) for corner in corners_of(draw_case(seed)))
    assert CORNERS - reached.keys() == set()


def one_less_is_a_quorum(self, row, vertices):
    return self._weigh(row.fold(vertices)) >= self._quorum - 1


def bits_are_authors(self, row, vertices):
    return self._weigh(vertices & ((1 << self._dag.size) - 1)) >= self._quorum


def the_anchor_is_a_round_early(self, round_):
    slots = self._slots.get(round_ - 1)
    return next((d.vertex for d in slots.decisions if d and d.vertex), None) if slots else None


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("_is_quorum", one_less_is_a_quorum),
        ("_is_quorum", bits_are_authors),
        ("_find_anchor", the_anchor_is_a_round_early),
    ],
)
def test_a_wrong_rule_is_noticed(monkeypatch, name, wrong):
    """Planted: a quorum off by one, twins counted by author, an anchor from the wrong round."""
    monkeypatch.setattr(Rule, name, wrong)
    assert any(list(find_differences(draw_case(seed))) for seed in range(60))
    assert any(list(find_core_differences(draw_case(seed), seed)) for seed in range(60))


def test_the_judge_agrees_with_the_published_vectors():
    """The plain rule is itself held to the vectors, so that both cannot be wrong in the same way."""
    for case in PUBLISHED:
        dag = {line.split(":")[0]: line.split(":")[1].split() for line in case.dag}
        rule = PlainRule(case.model, list(case.weights), case.slots_per_round, case.depth, dag)
        assert rule.decide() == case.slots, case.name
        assert rule.order() == [(final.round, list(final.order)) for final in case.final], case.name


def test_a_whole_core_delivers_what_the_published_vectors_order():
    """Those too arrive vertex by vertex."""
    for case in PUBLISHED:
        assert list(find_core_differences(case, 0)) == [], case.name
