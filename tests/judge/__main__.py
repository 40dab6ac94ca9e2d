"""Many random DAGs over all cores: `python -m tests.judge 100000 [--first SEED]`.

Says how often each corner of the rule was reached, and each seed at which the product and the judge differ.
"""

import argparse
import os
import sys
import time
from collections import Counter
from multiprocessing import Pool
from typing import TextIO

from weft.simulation.vectors import find_differences

from .arriving import find_core_differences
from .corners import corners_of
from .drawn import draw_case

SEEDS_AT_ONCE = 250


def main(out: TextIO, progress: TextIO) -> int:
    """0 if nothing differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.judge", description=__doc__)
    parser.add_argument("cases", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    given = parser.parse_args()
    end = given.first + given.cases
    parts = [range(seed, min(seed + SEEDS_AT_ONCE, end)) for seed in range(given.first, end, SEEDS_AT_ONCE)]
    began, corners, differing, done = time.monotonic(), Counter[str](), list[str](), 0
    with Pool(os.cpu_count(), initializer=os.nice, initargs=(10,)) as pool:
        for part, (counted, different) in zip(parts, pool.imap(judge, parts), strict=True):
            corners += counted
            differing += different
            done += len(part)
            print(f"\r{done} of {given.cases} ...", end="", file=progress, flush=True)
    print(file=progress)
    for corner, count in sorted(corners.items()):
        print(f"{count:8}  {corner}", file=out)
    for line in differing:
        print(line, file=out)
    seconds = time.monotonic() - began
    print(f"seeds {given.first} to {end - 1}: {len(differing)} differ, {seconds:.0f} s", file=out)
    return 1 if differing else 0


def judge(seeds: range) -> tuple[Counter[str], list[str]]:
    """The corners that these cases reach, and those that differ."""
    corners, differing = Counter[str](), []
    for seed in seeds:
        case = draw_case(seed)
        corners.update(corners_of(case))
        differences = [*find_differences(case), *find_core_differences(case, seed)]
        if differences:
            differing.append(f"seed {seed}: {differences[0]}")
    return corners, differing


if __name__ == "__main__":
    sys.exit(main(sys.stdout, sys.stderr))
