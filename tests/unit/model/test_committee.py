"""Who takes part in agreement, with what weight."""

import msgspec
import pytest

from tests.chain import key, make_genesis
from weft.model.committee import Committee, FaultModel, Member
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError, GenesisError


def committee(*weights: int, fault_model: FaultModel = "byzantine") -> Committee:
    members = (Member(f"node{n}", key(f"node{n}").public.key, weight) for n, weight in enumerate(weights))
    return Committee(tuple(members), fault_model)


@pytest.mark.parametrize(
    ("count", "faulty", "quorum"),
    [(1, 0, 1), (2, 0, 2), (3, 0, 2), (4, 1, 3), (5, 1, 4), (6, 1, 4), (7, 2, 5), (10, 3, 7), (50, 16, 34)],
)
def test_byzantine_members_may_be_fewer_than_a_third(count: int, faulty: int, quorum: int) -> None:
    """The table of equal weights."""
    equal = committee(*(count * [1]))
    assert (equal.total, equal.faulty, equal.quorum) == (count, faulty, quorum)


@pytest.mark.parametrize(("count", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (7, 4)])
def test_with_crash_faults_a_majority_is_a_quorum(count: int, quorum: int) -> None:
    """Nobody lies, so two quorums need only meet."""
    equal = committee(*(count * [1]), fault_model="crash")
    assert (equal.faulty, equal.quorum) == (0, quorum)


@pytest.mark.parametrize("fault_model", ["byzantine", "crash"])
def test_any_weights_keep_the_two_facts(fault_model: FaultModel) -> None:
    """Quorums share more than f, the honest are a quorum: for every total up to 300."""
    for total in range(1, 301):
        one = committee(total, fault_model=fault_model)
        assert 2 * one.quorum - total > one.faulty
        assert one.quorum <= total - one.faulty


def test_different_members_weigh_their_sum() -> None:
    """By their places."""
    assert committee(5, 1, 3).weigh([0, 2]) == 8
    assert committee(5, 1, 3).weights == (5, 1, 3)


def test_a_member_is_found_by_its_key() -> None:
    """A stranger is not."""
    assert committee(1, 1, 1).find(key("node2").public.key) == 2
    assert committee(1, 1, 1).find(key("node3").public.key) is None


def test_members_differ_in_name_and_key() -> None:
    """And there is at least one."""
    first, second = make_genesis(members=2).members
    for members in (
        (),
        (first, msgspec.structs.replace(second, name=first.name)),
        (first, msgspec.structs.replace(second, key=first.key)),
    ):
        with pytest.raises(GenesisError):
            Committee(members, "byzantine")


@pytest.mark.parametrize("weight", [0, -1, 2**31 + 1])
def test_a_weight_is_positive_and_bounded(weight: int) -> None:
    """As it comes off the wire."""
    with pytest.raises(EncodingError):
        decode(Member, encode(Member("node", bytes(32), weight)))
