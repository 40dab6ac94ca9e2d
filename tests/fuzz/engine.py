"""One target under the coverage-guided fuzzer: `python -m tests.fuzz.engine TARGET CORPUS -OPTION=VALUE…`.

A process of its own: the fuzzer ends it at the first failure, and its memory is limited.
"""

import sys
from random import Random

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(include=["weft", "PIL", "pypdf", "python_multipart"]):
    from tests.fuzz.targets import TARGETS

from tests.fuzz.mutate import mutate
from tests.fuzz.target import confine


def main(arguments: list[str]) -> None:
    target = TARGETS[arguments[1]]
    seeds = target.seeds()

    def change(data: bytes, size_max: int, seed: int) -> bytes:
        chance = Random(seed)
        if chance.random() < 0.5:
            return bytes(atheris.Mutate(data, size_max))
        return mutate(data, seeds, chance, size_max)

    confine()
    atheris.Setup([arguments[0], *arguments[2:]], target.check, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
