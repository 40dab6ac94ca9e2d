"""What a planted bug is, and how many seeds it takes to find it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from weft.model.committee import FaultModel
from weft.simulation.byzantine import BEHAVIOURS
from weft.simulation.checkers import CHECKERS
from weft.simulation.ports import Behaviour, Checker, Mode, Violation
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
    faults: tuple[str, ...] | None = None
    """What the suite narrows its runs down to, to be quick. Measuring draws everything."""
    liars: tuple[type[Behaviour], ...] = ()
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class Catch:
    """How a bug was caught."""

    seed: int
    seeds: int
    """Tried, that one included."""
    violation: Violation


def hunt(
    bug: Bug, seeds: Iterable[int], checkers: Iterable[type[Checker]] = CHECKERS, is_narrow: bool = False
) -> Catch | None:
    """Run seeds with the bug until one of these checkers stops a run."""
    chosen = tuple(checkers)
    promises = {checker.promise for checker in chosen}
    given, behaviours = FOUR, BEHAVIOURS
    if is_narrow:
        model: FaultModel | None = "byzantine" if bug.liars else None
        given = Given(4, model, 1 if bug.liars else None, bug.faults, mode=bug.mode)
        behaviours = bug.liars or BEHAVIOURS
    with pytest.MonkeyPatch.context() as patch:
        bug.plant(patch)
        for count, seed in enumerate(seeds, 1):
            violation = simulate(seed, given, checkers=chosen, behaviours=behaviours).violation
            if violation is not None and violation.promise in promises:
                return Catch(seed, count, violation)
    return None
