"""Each checker catches the bug that it is for.

Any change of the product changes what a seed does, so a few seeds more are tried than the bug needed when it
was measured.
"""

import pytest

from tests.simulation.planted import BUGS
from tests.simulation.planted.bug import Bug, hunt
from weft.simulation.checkers import CHECKERS

SEEDS = 50


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_by_its_checker(bug: Bug) -> None:
    """By that one alone: the others look away."""
    assert hunt(bug, range(bug.seed, bug.seed + SEEDS), (bug.checker,)) is not None


def test_every_checker_has_a_bug_planted_for_it() -> None:
    """One that never caught anything proves nothing."""
    assert {bug.checker for bug in BUGS} == set(CHECKERS)
