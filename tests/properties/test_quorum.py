"""Section 1: the two facts that carry everything, for all committees."""

from hypothesis import given
from hypothesis import strategies as st

from weft.consensus.weight import Scale, bits_of, largest_faulty, members_in
from weft.model.committee import Committee, Member

from .world import key_of

WEIGHTS = st.lists(st.integers(1, 1000), min_size=1, max_size=20)


def committee(weights, model):
    return Committee(
        tuple(Member(f"m{place}", key_of(place).public.key, weight) for place, weight in enumerate(weights)),
        model,
    )


@given(WEIGHTS, st.sampled_from(["byzantine", "crash"]))
def test_two_quorums_share_an_honest_member_and_the_honest_are_a_quorum(weights, model):
    """2q − N > f and q ≤ N − f."""
    members = committee(weights, model)
    assert 2 * members.quorum - members.total > members.faulty
    assert members.quorum <= members.total - members.faulty
    assert 3 * members.faulty < members.total or model == "crash"


@given(WEIGHTS, st.data())
def test_a_set_weighs_what_its_members_weigh(weights, data):
    """Equal or different, few or more than a table holds."""
    chosen = data.draw(st.sets(st.integers(0, len(weights) - 1)))
    assert Scale(tuple(weights)).weigh(bits_of(chosen)) == sum(weights[member] for member in chosen)
    assert list(members_in(bits_of(chosen))) == sorted(chosen)


@given(WEIGHTS, st.integers(0, 3000))
def test_no_more_members_than_that_weigh_at_most_f(weights, faulty):
    """`largest_faulty` members fit below f, one more never does."""
    count = largest_faulty(tuple(weights), faulty)
    assert sum(sorted(weights)[:count]) <= faulty
    assert count == len(weights) or sum(sorted(weights)[: count + 1]) > faulty
