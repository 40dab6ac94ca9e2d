"""What a journal tells, and whether it can be trusted."""

import pytest

from tests.chain import CONTRACTS, Chain, key, make_genesis
from weft.consensus.core import first_base
from weft.consensus.messages import Base
from weft.execution.executor import found as found_state
from weft.ledger.seal import seal_genesis
from weft.model.encoding import encode
from weft.model.errors import HomeError
from weft.model.limits import LOCAL
from weft.model.stored import BASE, BOUND, OTHER, OWN, SPOKEN
from weft.model.vertex import Vertex, implied_reference, sign_vertex
from weft.node.driver import SPOKEN_UNKNOWN
from weft.node.recover import Recovered, found, recover
from weft.storage.memory import MemoryJournal, MemoryStore

GENESIS = make_genesis(members=1)
CHAIN = Chain(GENESIS)


def make_store() -> MemoryStore:
    sealed, nodes = seal_genesis(GENESIS, found_state(GENESIS, CONTRACTS))
    return MemoryStore(sealed, nodes, sealed.block.header.state_root)


def say(count: int) -> list[Vertex]:
    """The vertices of a committee of one."""
    said: list[Vertex] = []
    for round_ in range(1, count + 1):
        parent = said[-1].reference if said else implied_reference(GENESIS.chain, 0, 0)
        said.append(
            sign_vertex(key("node0"), GENESIS.chain, 0, 0, round_, CHAIN.time_ms + round_, (parent,), ())
        )
    return said


def replay(journal: MemoryJournal, store: MemoryStore | None = None) -> Recovered:
    return recover(GENESIS, 0, key("node0"), journal, store or make_store(), LOCAL)


def base_of(count: int, **changes: int) -> Base:
    """The base of a core that knows so many vertices."""
    journal = MemoryJournal()
    found(journal, GENESIS)
    for vertex in say(count):
        journal.append(OWN, vertex.round, vertex.raw)
    base = replay(journal).core.base()
    return Base(*({**{name: getattr(base, name) for name in base.__struct_fields__}, **changes}.values()))


def test_a_journal_is_trusted_once_it_was_begun() -> None:
    """And an empty one is not."""
    journal = MemoryJournal()
    assert not replay(journal).is_trusted
    found(journal, GENESIS)
    assert (replay(journal).is_trusted, replay(journal).round_first) == (True, 1)


def test_the_journal_of_another_member_is_not_replayed() -> None:
    """A copy of its home with other keys: what was said in it says nothing of what these keys signed."""
    genesis = make_genesis(members=2)
    parents = tuple(implied_reference(genesis.chain, 0, author) for author in (1, 0))
    vertex = sign_vertex(key("node1"), genesis.chain, 0, 1, 1, 1, parents, ())
    for kind, me in ((OWN, 0), (OTHER, 1)):
        journal = MemoryJournal()
        found(journal, genesis)
        journal.append(kind, 1, vertex.raw)
        with pytest.raises(HomeError, match=f"node{me}'s, and another member"):
            recover(genesis, me, key(f"node{me}"), journal, make_store(), LOCAL)


def test_rounds_in_which_something_may_have_been_said_are_over() -> None:
    """An own vertex, one beyond a torn tail, the others' word, and a base count alike."""
    journal = MemoryJournal()
    found(journal, GENESIS)
    (own,) = say(1)
    for kind, round_, payload, first in (
        (OWN, 1, own.raw, 2),
        (SPOKEN, 7, b"", 8),
        (BOUND, 9, b"", 11),
        (BASE, 0, encode(base_of(0, spoken=20)), 21),
    ):
        journal.append(kind, round_, payload)
        assert replay(journal).round_first == first


def test_an_own_vertex_behind_a_torn_tail_is_unsaid_until_the_journal_has_it() -> None:
    """Or until the others told what was said: an old copy of a disk may hold what was never said."""
    journal = MemoryJournal()
    found(journal, GENESIS)
    first, second = (vertex.raw for vertex in say(2))
    journal.append(SPOKEN, 1, first)
    journal.append(SPOKEN, 2, second)
    assert replay(journal).unsaid == (first, second)
    journal.append(OWN, 1, first)
    assert replay(journal).unsaid == (second,)
    journal.roll(0, encode(base_of(0, spoken=SPOKEN_UNKNOWN)))
    journal.append(BOUND, 8, b"")
    assert replay(journal).unsaid == ()


def test_an_own_vertex_behind_a_torn_tail_that_took_its_past_was_never_said() -> None:
    """Its sync would have made all before it durable: its round is free, nobody waits for what is gone."""
    journal = MemoryJournal()
    found(journal, GENESIS)
    first, second, third = say(3)
    journal.append(OWN, 1, first.raw)
    journal.append(SPOKEN, 3, third.raw)
    assert (replay(journal).round_first, replay(journal).unsaid) == (2, ())
    journal.append(SPOKEN, 2, second.raw)
    journal.append(SPOKEN, 3, third.raw)
    assert (replay(journal).round_first, replay(journal).unsaid) == (4, (second.raw, third.raw))


def test_what_came_in_without_a_base_is_not_trusted_until_the_others_have_told() -> None:
    """Nor is a base that does not know what was said; the word of the others ends it for good."""
    journal = MemoryJournal()
    for vertex in say(3):
        journal.append(OWN, vertex.round, vertex.raw)
    assert not replay(journal).is_trusted
    journal.roll(1, encode(base_of(3, spoken=SPOKEN_UNKNOWN)))
    recovered = replay(journal)
    assert (recovered.is_trusted, recovered.round_first) == (False, 4)
    journal.append(BOUND, 8, b"")
    recovered = replay(journal)
    assert (recovered.is_trusted, recovered.round_first) == (True, 10)


def test_commits_before_a_base_that_the_replay_has_reached_are_kept() -> None:
    """A segment may begin anywhere without changing what comes out."""
    whole, parted = MemoryJournal(), MemoryJournal()
    for journal in (whole, parted):
        found(journal, GENESIS)
    for vertex in say(12):
        whole.append(OWN, vertex.round, vertex.raw)
        parted.append(OWN, vertex.round, vertex.raw)
        if vertex.round in (5, 9):
            parted.roll(vertex.round, encode(base_of(vertex.round)))
    rounds = [item.commit.round for item in replay(parted).delivered]
    assert rounds == [item.commit.round for item in replay(whole).delivered] == list(range(1, 11))


@pytest.mark.parametrize("has_commits", [True, False])
def test_a_store_that_lacks_what_was_before_the_base_is_behind(has_commits: bool) -> None:
    """Nothing of the journal is then applied to it."""
    journal, store = MemoryJournal(), make_store()
    said = say(12)
    found(journal, GENESIS)
    for vertex in said[:6]:
        journal.append(OWN, vertex.round, vertex.raw)
    if has_commits:
        store.append([], [item.commit for item in replay(journal).delivered], [], None)
    late = MemoryJournal()
    late.roll(4, encode(base_of(6)))
    del late._segments[0]
    for vertex in said:
        late.append(OWN, vertex.round, vertex.raw)
    recovered = replay(late, store)
    assert recovered.is_behind != has_commits
    assert bool(recovered.delivered) == has_commits


def test_the_first_base_needs_no_store() -> None:
    """A chain begins with nothing."""
    journal = MemoryJournal()
    journal.roll(0, encode(first_base(GENESIS)))
    journal.append(OTHER if GENESIS.committee.size > 1 else OWN, 1, say(1)[0].raw)
    assert not replay(journal).is_behind
