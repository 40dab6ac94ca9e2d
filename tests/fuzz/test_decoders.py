"""Changed bytes either decode to a value that encodes to them, or the documented error comes."""

import tracemalloc
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import disk, words
from tests.fuzz.mutate import mutate
from tests.fuzz.target import Target, ending
from tests.fuzz.targets import FOUND, TARGETS

TARGET = pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)


@TARGET
def test_valid_bytes_keep_every_promise(target: Target) -> None:
    """Before anything is changed: a target whose seeds fail would find nothing else."""
    for seed in target.seeds():
        assert len(seed) <= target.size_max
        target.check(seed)


@TARGET
def test_changed_bytes_keep_every_promise(target: Target) -> None:
    """Cut, flipped, spliced, with lengths and numbers at their bounds, nested, doubled."""
    seeds = target.seeds()

    @settings(max_examples=target.examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.sampled_from(seeds), chance=st.randoms(use_true_random=False))
    def change(seed: bytes, chance: Random) -> None:
        with ending():
            target.check(mutate(seed, seeds, chance, target.size_max))

    change()


@TARGET
def test_what_was_found_once_is_not_found_again(target: Target) -> None:
    """Every input that ever failed is tried again."""
    for path in sorted((FOUND / target.name).glob("*")):
        with ending():
            target.check(path.read_bytes())


CLAIMS = [head + b"\xff\xff\xff\xff" for head in (b"\xdd", b"\xc6", b"\xdb", b"\xdf", b"\xc9", b"\x00")]
"""Heads of MessagePack, and a length by itself, that say there are 4 GiB to come."""
MEMORY_MAX_BYTES = 8 << 20


@pytest.mark.parametrize("target", [*words.TARGETS, *disk.TARGETS], ids=lambda target: target.name)
def test_what_a_length_claims_is_not_reserved(target: Target) -> None:
    """Whatever is said to come, no more memory is taken than what has come is worth."""
    for seed in target.seeds()[:4]:
        target.check(seed)
        for place in range(0, min(len(seed), 200), 20):
            for claim in CLAIMS:
                tracemalloc.start()
                try:
                    target.check(seed[:place] + claim + seed[place + len(claim) :])
                    assert tracemalloc.get_traced_memory()[1] < MEMORY_MAX_BYTES
                finally:
                    tracemalloc.stop()
