"""The judge of histories, on histories known to be right and known to be wrong."""

import pytest

from tests.fire.history import Kind, Operation, Outcome
from tests.fire.linear import judge


class Told:
    """A history being written down: each operation lies between two moments."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def add(
        self,
        begin: int,
        end: int,
        kind: Kind,
        outcome: Outcome = "ok",
        version: int | None = None,
        value: int | None = None,
        expected: int | None = None,
        key: int = 1,
    ) -> int:
        number = len(self.operations) + 1
        told_us = None if outcome == "unknown" else end
        self.operations.append(
            Operation(
                number=number, client=number, key=key, kind=kind, node=0, invoked_us=begin, outcome=outcome,
                expected=expected, told_us=told_us, version=version, value=value,
            )
        )  # fmt: skip
        return number


def is_linearizable(told: Told) -> bool | None:
    return judge(told.operations).is_linearizable


def test_one_operation_after_another_is_linearizable() -> None:
    """Writes, reads, a deletion and a condition that does not hold, each told as it was."""
    told = Told()
    first = told.add(0, 1, "put", version=1, expected=0)
    told.add(2, 3, "get", version=1, value=first)
    told.add(4, 5, "put", outcome="fail", version=1, expected=7)
    told.add(6, 7, "delete", version=1)
    told.add(8, 9, "get", version=0)
    told.add(10, 11, "delete", outcome="fail", version=0)
    second = told.add(12, 13, "put", version=2, expected=0)
    told.add(14, 15, "get", version=2, value=second)
    assert is_linearizable(told) is True


def test_of_operations_at_once_either_may_be_first() -> None:
    """Versions say that the write begun last came first, and both were under way."""
    told = Told()
    late = told.add(0, 10, "put", version=2)
    told.add(1, 9, "put", version=1)
    told.add(11, 12, "get", version=2, value=late)
    assert is_linearizable(told) is True


def test_a_write_without_an_answer_may_have_taken_effect_later_or_never() -> None:
    """One is seen long after it was given up, the other is never seen."""
    told = Told()
    told.add(0, 1, "put", version=1)
    seen = told.add(2, 3, "put", outcome="unknown")
    told.add(2, 3, "put", outcome="unknown")
    told.add(4, 5, "get", version=1, value=1)
    told.add(6, 7, "get", version=2, value=seen)
    assert is_linearizable(told) is True


def test_a_refusal_that_says_nothing_of_the_record_says_nothing() -> None:
    """A full disk, an unreachable node."""
    told = Told()
    told.add(0, 1, "put", version=1)
    told.add(2, 3, "put", outcome="fail")
    told.add(4, 5, "get", outcome="fail")
    told.add(6, 7, "get", version=1, value=1)
    assert is_linearizable(told) is True


def test_a_stale_read_is_found() -> None:
    """A read that began after a newer version was acknowledged answers the older one."""
    told = Told()
    old = told.add(0, 1, "put", version=1)
    told.add(2, 3, "put", version=2)
    told.add(4, 5, "get", version=1, value=old)
    assert is_linearizable(told) is False


def test_reads_that_go_back_are_found() -> None:
    """While a write is under way a read shows it, and a later one does not."""
    told = Told()
    old = told.add(0, 1, "put", version=1)
    new = told.add(2, 20, "put", version=2)
    told.add(3, 4, "get", version=2, value=new)
    told.add(5, 6, "get", version=1, value=old)
    assert is_linearizable(told) is False


def test_a_lost_update_is_found() -> None:
    """Two writes are both told that they made version 2."""
    told = Told()
    told.add(0, 1, "put", version=1)
    told.add(2, 5, "put", version=2)
    told.add(3, 6, "put", version=2)
    assert is_linearizable(told) is False


def test_two_writes_on_one_condition_are_found() -> None:
    """Both expected version 1 and both succeeded."""
    told = Told()
    told.add(0, 1, "put", version=1)
    told.add(2, 5, "put", version=2, expected=1)
    told.add(3, 6, "put", version=3, expected=1)
    assert is_linearizable(told) is False


def test_a_phantom_of_a_refused_write_is_found() -> None:
    """A read shows what its writer was told did not happen."""
    told = Told()
    told.add(0, 1, "put", version=1)
    refused = told.add(2, 3, "put", outcome="fail", version=1, expected=5)
    told.add(4, 5, "get", version=2, value=refused)
    assert is_linearizable(told) is False


def test_a_condition_that_held_and_was_refused_is_found() -> None:
    """The writer expected the version that was there all the time."""
    told = Told()
    told.add(0, 1, "put", version=1)
    told.add(2, 3, "put", outcome="fail", version=1, expected=1)
    assert is_linearizable(told) is False


def test_a_refusal_out_of_an_older_state_is_found() -> None:
    """The version told to be in the way had long been replaced."""
    told = Told()
    told.add(0, 1, "put", version=1)
    told.add(2, 3, "put", version=2)
    told.add(4, 5, "put", outcome="fail", version=1, expected=2)
    assert is_linearizable(told) is False


def test_a_deleted_record_that_is_read_is_found() -> None:
    """Nothing wrote it again."""
    told = Told()
    first = told.add(0, 1, "put", version=1)
    told.add(2, 3, "delete", version=1)
    told.add(4, 5, "get", version=1, value=first)
    assert is_linearizable(told) is False


def test_a_write_given_up_takes_effect_once_at_most() -> None:
    """It is seen, written over, and seen again."""
    told = Told()
    unknown = told.add(0, 1, "put", outcome="unknown")
    told.add(2, 3, "get", version=1, value=unknown)
    told.add(4, 5, "put", version=2)
    told.add(6, 7, "get", version=3, value=unknown)
    assert is_linearizable(told) is False


def test_the_message_names_the_key_and_what_cannot_be() -> None:
    """Only one of two keys is wrong."""
    told = Told()
    told.add(0, 1, "put", version=1, key=7)
    old = told.add(0, 1, "put", version=1, key=8)
    told.add(2, 3, "put", version=2, key=8)
    told.add(4, 5, "get", version=1, value=old, key=8)
    verdict = judge(told.operations)
    assert verdict.is_linearizable is False
    assert "key 8 is not linearizable" in verdict.text
    assert "#4 client 4 node 0 get: ok, version 1 of #2" in verdict.text


@pytest.mark.parametrize("keys", [1, 50])
def test_many_operations_with_many_given_up_are_judged(keys: int) -> None:
    """Two thousand operations in order, each tenth of them without an answer, which half take effect."""
    told = Told()
    versions = dict.fromkeys(range(keys), 0)
    for turn in range(2000):
        key = turn % keys
        if turn // keys % 10 == 9:
            versions[key] += turn % 2
            told.add(10 * turn, 10 * turn + 5, "put", outcome="unknown", key=key)
        else:
            versions[key] += 1
            told.add(10 * turn, 10 * turn + 15, "put", version=versions[key], key=key)
    assert is_linearizable(told) is True
