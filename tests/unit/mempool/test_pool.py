"""The pool admits once, is bounded, cuts in order, and forgets."""

import pytest

from weft.mempool.pool import Candidate, Pool
from weft.model.errors import FullError
from weft.model.limits import LocalLimits

ALL = (1000, 10**6, 10**6)


def name(number: int) -> bytes:
    return number.to_bytes(32, "big")


def test_a_transaction_is_admitted_once_while_its_fate_is_unknown() -> None:
    pool = Pool(LocalLimits())
    assert pool.admit(name(1), b"one", 0)
    assert not pool.admit(name(1), b"one", 0)
    pool.cut(*ALL)
    assert not pool.admit(name(1), b"one", 0), "proposed is not forgotten"
    pool.forget([name(1)])
    assert pool.admit(name(1), b"one", 0)


def test_of_many_each_is_admitted_or_refused_by_itself() -> None:
    """In the order given; what is here already is neither."""
    pool = Pool(LocalLimits(pool_transactions_max=2))
    pool.admit(name(1), b"1", 0)
    many = [Candidate(name(number), b"%d" % number, (), 0) for number in (1, 2, 2, 3)]
    taken, refused = pool.admit_many(many)
    assert [one.identity for one in taken] == [name(2)]
    assert list(refused) == [name(3)]
    assert pool.cut(*ALL) == ((b"1", b"2"), 0)


def test_batches_are_cut_in_the_order_of_arrival_and_within_the_room() -> None:
    pool = Pool(LocalLimits())
    for number in range(5):
        pool.admit(name(number), b"%d" % number * 10, 7)
    assert pool.cut(2, 100, 100) == ((b"0" * 10, b"1" * 10), 14)
    assert pool.cut(9, 15, 100) == ((b"2" * 10,), 7)
    assert pool.cut(9, 100, 10) == ((b"3" * 10,), 7)
    assert pool.cut(*ALL) == ((b"4" * 10,), 7)
    assert pool.cut(*ALL) == ((), 0)


def test_what_was_proposed_in_vain_comes_first_again_unless_its_fate_is_known() -> None:
    pool = Pool(LocalLimits())
    for number in range(3):
        pool.admit(name(number), b"%d" % number, 0)
    pool.cut(2, 100, 100)
    pool.forget([name(0)])
    pool.give_back([name(0), name(1)])
    assert pool.cut(*ALL) == ((b"1", b"2"), 0)


@pytest.mark.parametrize(
    "limits",
    [
        LocalLimits(pool_transactions_max=2),
        LocalLimits(pool_bytes_max=20),
        LocalLimits(pool_attachment_bytes_max=20),
    ],
)
def test_a_full_pool_refuses_and_has_room_again_after_forgetting(limits: LocalLimits) -> None:
    pool = Pool(limits)
    pool.admit(name(1), b"x" * 10, 10)
    pool.admit(name(2), b"x" * 10, 10)
    with pytest.raises(FullError, match="2 transactions"):
        pool.admit(name(3), b"x" * 10, 10)
    pool.cut(*ALL)
    with pytest.raises(FullError):
        pool.admit(name(3), b"x" * 10, 10)
    pool.forget([name(1)])
    assert pool.admit(name(3), b"x" * 10, 10)
    assert len(pool) == 2
