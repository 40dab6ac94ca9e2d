"""Whom to ask for what, and how often."""

import pytest

from weft.consensus.catchup import (
    ANSWER_US,
    FETCHES_PER_MEMBER,
    GRACE_US_BEHIND,
    GRACES_BEHIND,
    LATE_US_FIRST,
    LATE_US_MAX,
    PIECES_PER_FETCH,
    Catchup,
)
from weft.consensus.dag import Dag
from weft.consensus.messages import Behind, Fetch
from weft.consensus.waiting import Pending, Waiting
from weft.model.limits import LocalLimits
from weft.model.vertex import Reference

from ...properties.drawing import Drawing, only

DRAWN = Drawing().full(1, 3)


def catchup(connected=(1, 2, 3)):
    """Member A's wishes."""
    dag = Dag(DRAWN.genesis.committee, -512, ())
    waiting = Waiting(4, LocalLimits())
    wishes = Catchup(0, 1, 512, dag, waiting)
    for member in connected:
        wishes.connect(member, 0)
    return wishes, waiting


def lack(wishes, waiting, label, pieces, sender=1):
    """The vertex came and lacks these."""
    waiting.add(Pending(DRAWN.vertices[label], sender, pieces, False, False))
    for piece in pieces:
        wishes.wish(piece, 0, None, 1 << sender)


def commitments(count):
    return [number.to_bytes(32, "big") for number in range(count)]


def test_requests_carry_many_pieces_and_no_more_than_a_few_are_under_way():
    """256 pieces in each, four at a member; the rest waits for an answer."""
    wishes, waiting = catchup(connected=[1])
    pieces = commitments(PIECES_PER_FETCH * (FETCHES_PER_MEMBER + 1))
    lack(wishes, waiting, "B2", pieces)
    fetches = only(Fetch, wishes.ask(1, 0))
    assert [len(fetch.commitments) for fetch in fetches] == [PIECES_PER_FETCH] * FETCHES_PER_MEMBER
    assert wishes.ask(2, 0) == []
    for piece in fetches[0].commitments:
        waiting.satisfy(piece)
    wishes.answer(1, (), fetches[0].commitments, ())
    (fetch,) = only(Fetch, wishes.ask(3, 0))
    assert fetch.commitments == tuple(pieces[-PIECES_PER_FETCH:])


def test_a_member_that_gave_something_is_asked_for_the_rest():
    """An answer holds as much as fits; who gave nothing is passed over until the next pause."""
    wishes, waiting = catchup(connected=[1, 2])
    first, second = commitments(2)
    lack(wishes, waiting, "B2", [first, second])
    (fetch,) = only(Fetch, wishes.ask(1, 0))
    waiting.satisfy(first)
    wishes.answer(fetch.member, (), fetch.commitments, ())
    (again,) = only(Fetch, wishes.ask(2, 0))
    assert (again.member, again.commitments) == (1, (second,))
    wishes.answer(1, (), again.commitments, ())
    (elsewhere,) = only(Fetch, wishes.ask(3, 0))
    assert elsewhere.member == 2


@pytest.mark.parametrize(("newest", "is_behind"), [(514, True), (3, False)])
def test_what_members_far_ahead_have_forgotten_is_behind(newest, is_behind):
    """If nobody is far ahead, a liar may have named a vertex that never was."""
    wishes, waiting = catchup()
    missing = DRAWN.reference("C1")
    lack(wishes, waiting, "B2", [missing])
    wishes.note_claim(2, newest, 1, 0)
    wishes.note_claim(3, newest, 1, 0)
    told = []
    for now in range(10_000, 60_000, 10_000):
        for effect in wishes.ask(now, 1):
            if isinstance(effect, Fetch):
                wishes.answer(effect.member, (missing,), (), (missing,))
            told += only(Behind, [effect])
    assert [behind.round for behind in told[:1]] == ([1] if is_behind else [])


@pytest.mark.parametrize(("newest", "is_behind"), [((0, 513, 513, 0), True), ((0, 513, 0, 0), False)])
def test_content_that_nobody_has_and_the_others_floor_has_passed_is_behind(newest, is_behind):
    """What took no effect is destroyed there, while the vertex that needs it is still kept and named."""
    wishes, waiting = catchup()
    for member, round_ in enumerate(newest):
        wishes.note_claim(member, round_, 0, 0)
    (piece,) = commitments(1)
    lack(wishes, waiting, "B2", [piece])
    for now_us in range(1, 4):
        (fetch,) = only(Fetch, wishes.ask(now_us, 0))
        wishes.answer(fetch.member, (), (piece,), ())
    assert bool(only(Behind, wishes.ask(4, 0))) == is_behind


def test_an_author_whose_stream_is_open_is_given_a_moment():
    """Its vertices come in order anyway; if a later one is here, this one was lost."""
    wishes, waiting = catchup()
    lack(wishes, waiting, "B2", [DRAWN.reference("C1")])
    assert wishes.ask(1, 0) == []
    assert wishes.next_us == 20_000
    wishes.note_pushed(3, 2)
    wishes.wish(DRAWN.reference("D1"), 10, None, 1 << 1)
    waiting.add(Pending(DRAWN.vertices["B3"], 1, [DRAWN.reference("D1")], False, False))
    assert [fetch.references for fetch in only(Fetch, wishes.ask(10, 0))] == [(DRAWN.reference("D1"),)]


def far_behind(wishes, waiting, label, piece):
    """As `lack`, by a member that has much before it."""
    waiting.add(Pending(DRAWN.vertices[label], 1, [piece], False, False))
    wishes.wish(piece, 0, None, 1 << 1, is_far_behind=True)


def test_who_is_far_behind_waits_while_the_authors_stream_goes_on():
    """Asked of another it would come twice. A moment without a step, and another is asked."""
    wishes, waiting = catchup()
    missing = DRAWN.reference("C3")
    far_behind(wishes, waiting, "B3", missing)
    for step in (1, 2):
        assert wishes.ask(GRACE_US_BEHIND * step - 1, 0) == []
        wishes.note_pushed(2, step)
        assert wishes.ask(GRACE_US_BEHIND * step, 0) == []
    (fetch,) = only(Fetch, wishes.ask(GRACE_US_BEHIND * 3, 0))
    assert fetch.references == (missing,)


def test_a_stream_that_trickles_is_not_waited_for_without_end():
    """Some steps of the smallest kind; and all that waits for the author has waited at once."""
    drawn = Drawing().full(1, 40)
    dag, waiting = Dag(drawn.genesis.committee, -512, ()), Waiting(4, LocalLimits())
    wishes = Catchup(0, 1, 512, dag, waiting)
    for member in (1, 2, 3):
        wishes.connect(member, 0)
    missing = [drawn.reference(f"C{round_}") for round_ in (38, 39)]
    for reference in missing:
        child = drawn.vertices[f"B{reference.round + 1}"]
        waiting.add(Pending(child, 1, [reference], False, False))
        wishes.wish(reference, 0, None, 1 << 1, is_far_behind=True)
    asked = {}
    for step in range(1, 30):
        wishes.note_pushed(2, step)
        asked[step] = [
            one for fetch in only(Fetch, wishes.ask(GRACE_US_BEHIND * step, 0)) for one in fetch.references
        ]
    assert next((step, names) for step, names in asked.items() if names) == (GRACES_BEHIND + 1, missing)


@pytest.mark.parametrize("is_trickling", [False, True])
def test_who_was_waited_for_in_vain_is_not_a_second_time(is_trickling):
    """Or a member that keeps its vertices from one would hold that one seconds behind for ever."""
    drawn, now_us = Drawing().full(1, 30), 0
    dag, waiting = Dag(drawn.genesis.committee, -512, ()), Waiting(4, LocalLimits())
    wishes = Catchup(0, 1, 512, dag, waiting)
    for member in (1, 2, 3):
        wishes.connect(member, 0)

    def lack_far_behind(label, sender, missing):
        waiting.add(Pending(drawn.vertices[label], sender, [drawn.reference(missing)], False, False))
        wishes.wish(drawn.reference(missing), now_us, None, 1 << sender, is_far_behind=True)

    def asked_after(us):
        fetches = only(Fetch, wishes.ask(now_us + us, 0))
        return {reference for fetch in fetches for reference in fetch.references}

    lack_far_behind("B21", 1, "C20")
    while not asked_after(0):
        now_us += GRACE_US_BEHIND
        wishes.note_pushed(2, now_us // GRACE_US_BEHIND if is_trickling else 0)
    lack_far_behind("D22", 3, "C21")
    assert drawn.reference("C21") in asked_after(20_000)
    lack_far_behind("B22", 1, "D21")
    assert drawn.reference("D21") not in asked_after(GRACE_US_BEHIND - 1), "others are waited for as before"


def test_what_a_stream_has_passed_is_asked_for_at_once_also_far_behind():
    """It begins above what was here, so what lies below that does not come on it."""
    wishes, waiting = catchup(connected=[1, 2])
    wishes.note_pushed(2, 3)
    far_behind(wishes, waiting, "B3", DRAWN.reference("C2"))
    assert only(Fetch, wishes.ask(1, 0))
    wishes._dag.newest[3] = 2
    wishes.connect(3, 1)
    far_behind(wishes, waiting, "C3", DRAWN.reference("D2"))
    assert [fetch.references for fetch in only(Fetch, wishes.ask(2, 0))] == [(DRAWN.reference("D2"),)]


def test_a_member_alone_makes_nobody_far_behind():
    """More than f must have spoken more than 32 rounds above what is complete here."""
    wishes, _ = catchup()
    wishes.note_claim(1, 1_000, 10, 1)
    assert not wishes.is_far_behind(10)
    wishes.note_claim(2, 43, 10, 1)
    assert wishes.is_far_behind(10)
    assert not wishes.is_far_behind(11)


def test_nobody_is_asked_while_nobody_is_there():
    """And everybody's wishes are ready when somebody is."""
    wishes, waiting = catchup(connected=[])
    lack(wishes, waiting, "B2", [DRAWN.reference("C1")])
    assert only(Fetch, wishes.ask(1, 0)) == []
    wishes.connect(3, 2)
    (fetch,) = only(Fetch, wishes.ask(2, 0))
    assert fetch.member == 3


def test_a_wish_ends_when_the_piece_is_here():
    """No request, no timer, no memory of it."""
    wishes, waiting = catchup()
    lack(wishes, waiting, "B2", [DRAWN.reference("C1")])
    waiting.satisfy(DRAWN.reference("C1"))
    assert wishes.next_us is None
    assert wishes.ask(60_000_000, 0) == []


def test_far_claims_of_more_than_f_are_behind_and_said_once_in_a_while():
    """A single member may claim what it likes."""
    wishes, _ = catchup()
    assert wishes.note_claim(1, 5_000, 10, 1) == []
    assert wishes.note_claim(2, 4_000, 10, 2) == [Behind(4_000)]
    assert wishes.note_claim(3, 6_000, 10, 3) == []
    assert wishes.note_claim(3, 6_001, 10, 3_000_000) == [Behind(6_001)]


def test_a_dropped_vertex_is_fetched_although_nobody_names_it():
    """Until it is here again."""
    wishes, _ = catchup()
    lost = Reference(2, 9, b"z" * 32)
    wishes.wish_again(lost, 2, 0)
    (fetch,) = only(Fetch, wishes.ask(21_000, 0))
    assert (fetch.member, fetch.references) == (2, (lost,))
    wishes._dag.known[lost] = object()
    wishes.answer(2, (lost,), (), ())
    assert wishes.ask(60_000_000, 0) == []


def test_who_does_not_answer_in_time_is_not_waited_for_and_asked_last():
    """A liar that gives a vertex to few, names it to all and says nothing would else hold up everybody. Twice
    as long each time."""
    wishes, waiting = catchup()
    now, last_us = 1, 0
    for number, label in enumerate(("B2", "B3", "B3")):
        if number == 2:
            now += last_us - 2 * ANSWER_US
        piece = bytes([number]) * 32
        lack(wishes, waiting, label, [piece])
        (fetch,) = only(Fetch, wishes.ask(now, 0))
        assert fetch.member == (2 if number == 1 else 1), number
        if number == 1:
            waiting.satisfy(piece)
            wishes.answer(2, (), (piece,), ())
            continue
        assert wishes.next_us == now + ANSWER_US
        now += ANSWER_US
        (other,) = only(Fetch, wishes.ask(now, 0))
        assert (other.member, other.commitments) == (2, (piece,))
        waiting.satisfy(piece)
        wishes.answer(2, (), (piece,), ())
        wishes.answer(1, (), (piece,), ())
        last_us = LATE_US_FIRST + 3 * ANSWER_US
    assert wishes._late_us[1] == 2 * LATE_US_FIRST <= LATE_US_MAX
