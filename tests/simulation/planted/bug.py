"""What a planted bug is, and how many seeds it takes to find it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from weft.simulation.checkers import CHECKERS
from weft.simulation.ports import Checker, Violation
from weft.simulation.run import simulate
from weft.simulation.scenario import Given

Plant = Callable[[pytest.MonkeyPatch], None]
SEEDS_MAX = 300
FOUR = Given(nodes=4)
"""Everything is drawn but the number of members: most bugs need no more of them."""


@dataclass(frozen=True, slots=True)
class Bug:
    """One bug."""

    name: str
    changed: str
    """What of the product is patched, and how."""
    checker: type[Checker]
    """The checker that it is for."""
    plant: Plant
    given: Given = FOUR
    seed: int = 0
    """From here on the suite looks; measuring begins at 0."""


@dataclass(frozen=True, slots=True)
class Catch:
    """How a bug was caught."""

    seed: int
    seeds: int
    """Tried, that one included."""
    violation: Violation


def hunt(bug: Bug, seeds: Iterable[int], checkers: Iterable[type[Checker]] = CHECKERS) -> Catch | None:
    """Run seeds with the bug until one of these checkers stops a run."""
    chosen = tuple(checkers)
    promises = {checker.promise for checker in chosen}
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        for count, seed in enumerate(seeds, 1):
            violation = simulate(seed, bug.given, checkers=chosen).violation
            if violation is not None and violation.promise in promises:
                return Catch(seed, count, violation)
    return None
