"""`python -m tests.simulation.planted [NAME]`: how many seeds each bug takes, as a table for docs/testing.md.

Each is hunted twice: by all checkers together, which says who is the first to see it, and by the one that it
is for alone.
"""

import sys

from tests.simulation.planted import BUGS
from tests.simulation.planted.bug import SEEDS_MAX, Catch, hunt


def _say(catch: Catch | None) -> str:
    return f"not within {SEEDS_MAX}" if catch is None else f"{catch.seeds}"


def main() -> int:
    """The table; 1 if the checker of some bug did not catch it."""
    wanted, missed = sys.argv[1:], 0
    print("| planted bug | what is changed | seeds until any checker | which | seeds until its own | which |")  # noqa: T201
    print("|---|---|---|---|---|---|")  # noqa: T201
    for bug in BUGS:
        if wanted and bug.name not in wanted:
            continue
        first = hunt(bug, range(SEEDS_MAX))
        own = hunt(bug, range(first.seed if first else 0, SEEDS_MAX), (bug.checker,))
        missed += own is None
        which = first.violation.promise if first else ""
        seeds = f"{own.seed + 1}" if own else _say(None)
        print(  # noqa: T201
            f"| {bug.name} | {bug.changed} | {_say(first)} | {which} | {seeds} | {bug.checker.__name__} |",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
