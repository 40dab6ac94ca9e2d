"""The shipped rule and the plain one say the same of every DAG.

`WEFT_JUDGE_CASES=100000 pytest tests/judge` draws more of them.
"""

import os

import pytest

from weft.simulation.vectors import find_differences

from .drawn import draw_case

CASES = int(os.environ.get("WEFT_JUDGE_CASES", "300"))
PARTS = 10


@pytest.mark.parametrize("part", range(PARTS))
def test_the_rule_agrees_with_the_judge_on_random_dags(part):
    """In every arrival order: what each slot becomes, by which rule, and what each final round orders."""
    for seed in range(part, CASES, PARTS):
        assert list(find_differences(draw_case(seed))) == [], f"seed {seed}"


def test_the_random_dags_reach_every_corner_of_the_rule():
    """A generator that never draws an indirect commit would make the test above worthless."""
    cases = [draw_case(seed) for seed in range(200)]
    fates = {" ".join(fate.split()[:2]) for case in cases for fate in case.slots.values()}
    assert fates == {"direct commit", "direct skip", "indirect commit", "indirect skip", "undecided"}
    assert any("'" in line for case in cases for line in case.dag)
    assert any(final.order and final.order[0][1:] != str(final.round) for c in cases for final in c.final)


def test_the_judge_agrees_with_the_published_vectors():
    """The plain rule is itself held to the vectors, so that both cannot be wrong in the same way."""
    from pathlib import Path

    from weft.simulation.vectors import load_cases

    from .plain import PlainRule

    for case in load_cases(Path(__file__).parent.parent / "vectors" / "consensus_vectors.json"):
        dag = {line.split(":")[0]: line.split(":")[1].split() for line in case.dag}
        rule = PlainRule(case.model, list(case.weights), case.slots_per_round, case.depth, dag)
        assert rule.decide() == case.slots, case.name
        assert rule.order() == [(final.round, list(final.order)) for final in case.final], case.name
