"""Each checker catches the bug that it is for.

The runs are narrowed down to what the bug shows under, and any of the first seeds will do: each change of the
product changes what a seed does. How many seeds it takes when everything is drawn is measured by
`python -m tests.simulation.planted`, and stands in docs/testing.md.
"""

import pytest

from tests.simulation.planted import BUGS
from tests.simulation.planted.bug import Bug, hunt
from weft.simulation.checkers import CHECKERS

SEEDS = 40


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_by_its_checker(bug: Bug) -> None:
    """By that one alone: the others look away."""
    assert hunt(bug, range(SEEDS), (bug.checker,), is_narrow=True) is not None


def test_every_checker_has_a_bug_planted_for_it() -> None:
    """One that never caught anything proves nothing."""
    assert {bug.checker for bug in BUGS} == set(CHECKERS)
