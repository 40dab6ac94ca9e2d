"""`python -m tests.simulation.planted [NAME]`: how many seeds each bug takes, as a table for docs/testing.md.

Each is hunted twice: by all checkers together, which says who is the first to see it, and by the one that it
is for alone.
"""

import sys

from tests.simulation.planted import BUGS
from tests.simulation.planted.bug import SEEDS_MAX, Catch, hunt


def _say(catch: Catch | None) -> str:
    return f"not within {SEEDS_MAX}" if catch is None else f"{catch.seed + 1}"


def main() -> int:
    """The table; 1 if the checker of some bug did not catch it."""
    wanted, missed = sys.argv[1:], 0
    print("| planted bug | what is changed | caught first by | after seeds | its own checker | after seeds |")  # noqa: T201
    print("|---|---|---|---|---|---|")  # noqa: T201
    for bug in BUGS:
        if wanted and bug.name not in wanted:
            continue
        first = hunt(bug, range(SEEDS_MAX))
        own = hunt(bug, range(first.seed if first else 0, SEEDS_MAX), (bug.checker,))
        missed += own is None
        by = first.violation.promise if first else ""
        print(  # noqa: T201
            f"| {bug.name} | {bug.changed} | {by} | {_say(first)} | {bug.checker.__name__} | {_say(own)} |",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
