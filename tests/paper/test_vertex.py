"""Sections 2 and 3: valid, complete, held, twins; what a vertex names."""

import pytest

from weft.consensus.messages import (
    Accuse,
    Answered,
    Broadcast,
    Doubt,
    Fetch,
    Found,
    Opened,
    Persist,
    Refuse,
    Repeat,
    Speak,
    Submit,
    Tick,
    Wake,
    Want,
)
from weft.model.digest import digest
from weft.model.message import Announced
from weft.model.vertex import Reference, decode_vertex, sign_vertex

from ..properties.drawing import Drawing, only
from ..properties.world import START_MS, key_of


def own(effects):
    """The own vertices that were broadcast."""
    items = [effect.item for effect in only(Broadcast, effects)]
    return [decode_vertex(item.vertex) for item in items if isinstance(item, Announced)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("B2: A1 B1 C1", "own"),
        ("B2: B1 A1", "weigh 2"),
        ("B2: B1 A1 C1 C1'", "two parents by member 2"),
        ("B3: B1 A1 C1", "weigh 0"),
    ],
)
def test_a_vertex_that_no_honest_member_makes_is_refused(line, reason):
    """Rules 2 and 3; its author is to blame, whoever passed it on."""
    drawing = Drawing("C1': C0 A0 B0").full(1, 1)
    label = line.split(":")[0]
    drawing.draw(line)
    effects = drawing.arrive(drawing.core("D"), label, sender="C")
    assert [effect.member for effect in only(Refuse, effects)] == [1]
    assert reason in effects[0].reason


@pytest.mark.parametrize(
    "parent",
    [Reference(9, 1, b"x" * 32), Reference(3, 2, b"x" * 32), Reference(3, 0, b"x" * 32)],
    ids=["no member", "not lower", "not the implied vertex"],
)
def test_a_parent_that_cannot_exist_is_refused(parent):
    """Members count from 0 to n − 1, rounds fall, and round 0 is implied."""
    drawing = Drawing().full(1, 1)
    chain = drawing.genesis.chain
    parents = (*(drawing.reference(label) for label in ("B1", "A1", "C1")), parent)
    drawing.vertices["B2"] = sign_vertex(key_of(1), chain, 0, 1, 2, START_MS, parents, ())
    assert len(only(Refuse, drawing.arrive(drawing.core("D"), "B2"))) == 1


def test_a_member_may_begin_again_at_round_0():
    """Rule 2: round 0 is always allowed as the own parent, after a disk was lost."""
    drawing = Drawing().full(1, 2)
    drawing.draw("B3: B0 A2 C2 D2")
    core = drawing.core("D")
    assert only(Refuse, drawing.arrive(core, *drawing.vertices)) == []
    assert core.newest()[1] == 3


def test_a_vertex_waits_for_its_parents_and_enters_with_them():
    """Nothing is persisted or named before all of its past is here."""
    drawing = Drawing().full(1, 2)
    core = drawing.core("D")
    assert only(Persist, drawing.arrive(core, "A2")) == []
    entered = only(Persist, drawing.arrive(core, "A1", "B1", "C1", "D1"))
    assert [drawing.label(effect.vertex) for effect in entered] == ["A1", "B1", "C1", "D1", "A2"]


def test_a_vertex_waits_for_its_attachments():
    """A quorum of votes means that a quorum holds the content."""
    drawing = Drawing().full(1, 1)
    core, commitment = drawing.core("D"), digest("attachment", b"x")
    assert only(Persist, drawing.arrive(core, "A1", missing=[commitment])) == []
    assert [e.vertex.author for e in only(Persist, core.handle(Found((commitment,))))] == [0]


def test_attachments_may_come_with_a_second_copy():
    """The same vertex again, this time with all it needs."""
    drawing = Drawing().full(1, 1)
    core, commitment = drawing.core("D"), digest("attachment", b"x")
    drawing.arrive(core, "A1", missing=[commitment])
    assert len(only(Persist, drawing.arrive(core, "A1"))) == 1


def test_what_is_missing_is_asked_of_the_sender_first():
    """Then of those who named it, then of anyone; one request at a time."""
    drawing = Drawing().full(1, 2)
    core = drawing.core("D")
    for member in (0, 1, 2):
        core.handle(Opened(member, (0, 0, 0, 0)))
    drawing.arrive(core, "A1", "B1", "D1")
    asked = []
    effects = drawing.arrive(core, "A2") + core.handle(Tick(100_000, START_MS))
    while fetches := only(Fetch, effects):
        (fetch,) = fetches
        asked.append(fetch.member)
        assert fetch.references == (drawing.vertices["C1"].reference,)
        effects = core.handle(Answered(fetch.member, fetch.references, (), ()))
    assert asked == [0, 2, 1]
    assert only(Wake, effects), "asked in vain of all: after a pause again"


def test_asking_never_ends_and_begins_anew_with_a_connection():
    """The pauses grow to 10 s; a new stream cuts them short."""
    drawing = Drawing().full(1, 2)
    core = drawing.core("D")
    core.handle(Opened(0, (0, 0, 0, 0)))
    effects = drawing.arrive(core, "A1", "B1", "D1", "A2")
    now, pauses = 1, []
    for _ in range(12):
        (fetch,) = only(Fetch, effects)
        begun, wakes = now, only(Wake, effects)
        effects = core.handle(Answered(fetch.member, fetch.references, (), ()))
        while not only(Fetch, effects):
            wakes += only(Wake, effects)
            now = wakes[-1].at_us
            effects = core.handle(Tick(now, START_MS))
        pauses.append(now - begun)
    assert pauses == sorted(pauses)
    assert pauses[-1] == 10_000_000
    (fetch,) = only(Fetch, effects)
    core.handle(Answered(fetch.member, fetch.references, (), ()))
    assert len(only(Fetch, core.handle(Opened(1, (0, 0, 0, 0))))) == 1


def test_a_vertex_from_the_future_is_held():
    """More than 500 ms ahead of this clock: until the clock says so."""
    drawing = Drawing(f"B1 @{START_MS + 800}: B0 A0 C0 D0")
    core = drawing.core("D")
    effects = drawing.arrive(core, "B1")
    assert only(Persist, effects) == []
    (wake,) = only(Wake, effects)
    assert wake.at_us == 1 + 300_000
    assert len(only(Persist, core.handle(Tick(wake.at_us, START_MS + 300)))) == 1


def test_a_clock_that_is_behind_follows_more_than_f():
    """Two of four say the time is an hour on: a liar alone cannot push time, two authors can."""
    hour = START_MS + 3_600_000
    drawing = Drawing(f"B1 @{hour}: B0 A0 C0 D0\nC1 @{hour + 100}: C0 A0 B0 D0")
    core = drawing.core("D")
    assert only(Persist, drawing.arrive(core, "B1")) == []
    assert [e.vertex.author for e in only(Persist, drawing.arrive(core, "C1"))] == [2, 1]


def test_twins_are_announced_once_and_the_second_stays_out():
    """Evidence is both vertices; the first that became complete keeps the slot."""
    drawing = Drawing("B1': B0 A0 C0 D0\nB1'': B0 A0 C0 D0").full(1, 1)
    core = drawing.core("D")
    effects = drawing.arrive(core, "B1", "B1'", "B1''")
    (accuse,) = only(Accuse, effects)
    assert {drawing.label(accuse.first), drawing.label(accuse.second)} == {"B1", "B1'"}
    assert len(only(Persist, effects)) == 1


def test_a_twin_that_somebody_names_is_fetched_and_enters():
    """The graph must be the same for all."""
    drawing = Drawing("B1': B0 A0 C0 D0").full(1, 1)
    drawing.draw("A2: A1 B1' C1")
    core = drawing.core("D")
    core.handle(Opened(0, (0, 0, 0, 0)))
    effects = drawing.arrive(core, "A1", "B1", "C1", "D1", "B1'", "A2")
    effects += core.handle(Tick(100_000, START_MS))
    (fetch,) = only(Fetch, effects)
    assert fetch.references == (drawing.vertices["B1'"].reference,)
    entered = only(Persist, drawing.arrive(core, "B1'", sender="A", asked=True))
    assert [drawing.label(effect.vertex) for effect in entered] == ["B1'", "A2"]


def test_a_liars_own_chain_of_twins_is_not_fetched_for_itself():
    """B2' stands on B1': nobody asks for B1' until another author builds on it."""
    drawing = Drawing("B1': B0 A0 C0 D0").full(1, 1)
    drawing.draw("B2': B1' A1 C1 D1\nA2: A1 C1 D1\nC2: C1 A1 D1\nD2: D1 A1 C1\nA3: A2 B2' C2 D2")
    core = drawing.core("D")
    core.handle(Opened(0, (0, 0, 0, 0)))
    effects = drawing.arrive(core, "A1", "B1", "C1", "D1", "B1'", "B2'", "A2", "C2", "D2")
    effects += core.handle(Tick(30_000_000, START_MS))
    assert only(Fetch, effects) == []
    effects = drawing.arrive(core, "A3")
    assert [f.references for f in only(Fetch, effects)] == [(drawing.vertices["B1'"].reference,)]


def test_a_vertex_names_own_previous_first_then_the_round_before_then_late_ones():
    """Each author once; a late vertex only while it is new to the own past."""
    drawing = Drawing().full(1, 1)
    core = drawing.core("A", speak=1)
    (first,) = own(core.handle(Submit((b"tx",), 0)))
    drawing.vertices["A1"] = first
    drawing.draw("B2: B1 A1 C1\nC2: C1 A1 B1")
    drawing.arrive(core, "B1", "C1")
    (second,) = own(core.handle(Tick(10_000_000, START_MS)))
    drawing.vertices["A2"] = second
    assert second.parents == tuple(drawing.reference(label) for label in ("A1", "B1", "C1"))
    drawing.arrive(core, "D1", "B2", "C2")
    (third,) = own(core.handle(Tick(30_000_000, START_MS)))
    assert third.parents == tuple(drawing.reference(label) for label in ("A2", "B2", "C2", "D1"))
    drawing.vertices["A3"] = third
    drawing.draw("B3: B2 A2 C2\nC3: C2 A2 B2")
    drawing.arrive(core, "B3", "C3")
    core.handle(Want())
    (fourth,) = own(core.handle(Tick(60_000_000, START_MS)))
    assert fourth.parents == tuple(drawing.reference(label) for label in ("A3", "B3", "C3"))


def test_the_vertices_of_a_liars_chain_are_not_named():
    """B2 stands on a slot that has twins, so D's vertex of round 3 passes it over."""
    drawing = Drawing("B1': B0 A0 C0 D0").full(1, 1)
    drawing.draw("A2: A1 B1 C1 D1\nB2: B1 A1 C1 D1\nC2: C1 A1 B1 D1")
    core = drawing.core("D", speak=2)
    core.handle(Want())
    effects = drawing.arrive(core, "A1", "B1", "C1", "D1", "B1'", "A2", "B2", "C2", sender="A")
    effects += core.handle(Tick(20_000_000, START_MS))
    second, third = own(effects)
    assert (second.round, third.round) == (2, 3)
    assert {parent.author for parent in third.parents} == {0, 2, 3}


def test_an_own_vertex_is_on_disk_before_anybody_hears_it():
    """Persist stands before Broadcast in the list."""
    effects = Drawing().core("A", speak=1).handle(Submit((b"tx",), 0))
    kinds = [type(effect) for effect in effects]
    assert kinds.index(Persist) < kinds.index(Broadcast)
    assert only(Persist, effects)[0].is_own


def test_a_restored_core_never_speaks_in_a_round_again():
    """Own vertices of the journal count as spoken, and the next one stands on them."""
    drawing = Drawing()
    (first,) = own(drawing.core("A", speak=1).handle(Submit((b"tx",), 0)))
    core = drawing.core("A")
    core.restore(first, True)
    core.handle(Speak(2))
    assert core.own_newest == first
    assert own(core.handle(Submit((b"other",), 0))) == []
    drawing.full(1, 1)
    (second,) = own(drawing.arrive(core, "B1", "C1", "D1"))
    assert (second.round, second.parents[0]) == (2, first.reference)


def test_an_own_vertex_that_may_have_been_said_is_said_again_once_it_is_complete():
    """It was found behind a torn tail, without its parents: those are fetched, and it is on disk first."""
    drawing = Drawing().full(1, 2)
    core, commitment = drawing.core("A"), digest("attachment", b"x")
    drawing.arrive(core, "A1", "B1", "C1", sender="B")
    core.handle(Opened(3, (0, 0, 0, 0)))
    effects = core.handle(Speak(3, (Repeat(drawing.vertices["A2"], (commitment,)),)))
    effects += core.handle(Tick(100_000, START_MS))
    assert own(effects) == []
    asked = [(fetch.references, fetch.commitments) for fetch in only(Fetch, effects)]
    assert asked == [((), (commitment,)), ((drawing.reference("D1"),), ())]
    assert own(drawing.arrive(core, "D1")) == []
    effects = core.handle(Found((commitment,)))
    assert own(effects) == [drawing.vertices["A2"]]
    kinds = [type(effect) for effect in effects]
    assert kinds.index(Persist) < kinds.index(Broadcast)
    assert core.own_newest == drawing.vertices["A2"]


def test_an_own_vertex_that_others_gave_back_is_said_to_all():
    """Who has it is not known."""
    drawing = Drawing().full(1, 1)
    core = drawing.core("A")
    drawing.arrive(core, "A1", sender="B")
    assert own(core.handle(Speak(2, (Repeat(drawing.vertices["A1"], ()),)))) == [drawing.vertices["A1"]]


def test_nothing_is_said_again_beside_another_vertex_of_its_slot():
    """This disk is an old copy: what was said is what the others have."""
    drawing = Drawing("A1': A0 B0 C0").full(1, 1)
    core = drawing.core("A")
    drawing.arrive(core, "A1'", sender="B")
    assert own(core.handle(Speak(2, (Repeat(drawing.vertices["A1"], ()),)))) == []


def test_a_foreign_vertex_with_my_signature_is_doubted():
    """Before Speak the disk is old, and what the others have is taken in; after it, somebody has my key."""
    drawing = Drawing().full(1, 1)
    silent = drawing.core("A")
    effects = drawing.arrive(silent, "A1", sender="B")
    assert [effect.round for effect in only(Doubt, effects)] == [1]
    assert len(only(Persist, effects)) == 1
    speaking = drawing.core("A", speak=1)
    effects = drawing.arrive(speaking, "A1", sender="B")
    assert len(only(Doubt, effects)) == 1
    assert only(Persist, effects) == []


def test_an_opening_that_knows_more_of_me_than_this_disk_is_doubted():
    """This disk is older than what was said from it."""
    core = Drawing().core("A")
    assert [e.round for e in only(Doubt, core.handle(Opened(1, (5, 9, 9, 9))))] == [5]
