"""Sections 4 and 5: when a validator speaks, and how long it waits."""

from weft.consensus.dag import Dag
from weft.consensus.messages import (
    Arrived,
    Broadcast,
    Deliver,
    Hush,
    Measured,
    Opened,
    Persist,
    Room,
    Send,
    Speak,
    Submit,
    Tick,
    Wake,
    Want,
)
from weft.consensus.rounds import PATIENCE_US_MAX, Rounds
from weft.model.vertex import decode_vertex

from ..properties.drawing import Drawing, only
from ..properties.world import START_MS, World
from .test_vertex import own


def test_nobody_opens_a_round_without_a_reason():
    """A complete round alone is none."""
    drawing = Drawing().full(1, 1)
    core = drawing.core("A", speak=2)
    assert own(drawing.arrive(core, "A1", "B1", "C1", "D1")) == []


def test_a_waiting_transaction_is_a_reason():
    """And it goes into the vertex."""
    (vertex,) = own(Drawing().core("A", speak=1).handle(Submit((b"tx",), 0)))
    assert vertex.batch == (b"tx",)


def test_a_waiting_read_is_a_reason_until_the_next_own_vertex_is_ordered():
    """One empty vertex, and rounds until it is final; then silence."""
    world = World(4)
    world.nodes[2].handle(Want())
    world.run()
    first = next(vertex for vertex, is_own in world.nodes[2].journal if is_own)
    assert first.reference in [r for commit in world.nodes[0].commits for r in commit.ordered]
    assert all(not vertex.batch for node in world.nodes for vertex, _ in node.journal)


def test_an_unfinished_batch_of_another_is_a_reason():
    """B's transaction is not ordered yet: A opens round 2 although it has nothing to say."""
    drawing = Drawing("B1 +tx: B0 A0 C0 D0").full(1, 1, "ACD")
    core = drawing.core("A", speak=2)
    (vertex,) = own(drawing.arrive(core, "A1", "B1", "C1", "D1", sender="B"))
    assert (vertex.round, vertex.batch) == (2, ())


def test_everybody_joins_a_round_that_somebody_opened():
    """Always, reason or not."""
    drawing = Drawing("B1: B0 A0 C0 D0")
    (vertex,) = own(drawing.arrive(drawing.core("A", speak=1), "B1"))
    assert vertex.round == 1


def come(drawing, core, *labels):
    """All of these at once, so that nothing is said in between."""
    came = [Arrived(drawing.vertices[label], "ABCD".index(label[0]), (), False) for label in labels]
    return core.handle(*came)


def shown(drawing, effects, kind=Broadcast):
    return [drawing.label(decode_vertex(effect.item.vertex)) for effect in only(kind, effects)]


def test_a_round_that_was_complete_without_me_is_shown_to_all_once():
    """A liar may have shown its vertex of round 1 to A alone: B and C could neither complete the round nor
    speak in it again. A opens nothing; and B, whose stream begins later, is told what it lacks."""
    drawing = Drawing().full(1, 1)
    core = drawing.core("A", speak=1)
    assert shown(drawing, come(drawing, core, "B1", "C1", "D1")) == ["B1", "C1", "D1"]
    assert only(Broadcast, core.handle(Tick(2, START_MS))) == []
    assert shown(drawing, core.handle(Opened(1, (0, 1, 1, 0))), Send) == ["D1"]


def test_a_round_that_is_to_be_named_is_not_shown():
    """A batch is a reason to speak, and so is a vertex of the next round."""
    waiting, opened = Drawing().full(1, 1), Drawing().full(1, 1)
    waiting.draw("B1 +tx: B0 A0 C0 D0")
    opened.draw("B2: B1 C1 D1")
    for drawing, labels in ((waiting, ("B1", "C1", "D1")), (opened, ("B1", "C1", "D1", "B2"))):
        said = own(come(drawing, drawing.core("A", speak=1), *labels))
        assert [(vertex.author, vertex.round) for vertex in said] == [(0, 2)]


def test_nobody_speaks_before_it_may_or_after_hush():
    """A node that starts, or that diverged, only listens."""
    drawing = Drawing().full(1, 1)
    core = drawing.core("A")
    assert own(core.handle(Submit((b"tx",), 0))) == []
    (vertex,) = own(core.handle(Speak(1)))
    assert vertex.batch == (b"tx",)
    core.handle(Hush())
    assert own(drawing.arrive(core, "B1", "C1", "D1")) == []


def test_no_round_below_the_bound_is_ever_spoken_in():
    """A member that lost its disk is bound to M + 2."""
    drawing = Drawing().full(1, 4, "BCD")
    core = drawing.core("A", speak=4)
    core.handle(Submit((b"tx",), 0))
    assert own(drawing.arrive(core, "B1", "C1", "D1", "B2", "C2", "D2")) == []
    (vertex,) = own(drawing.arrive(core, "B3", "C3", "D3"))
    assert vertex.round == 4


def test_one_member_alone_is_its_own_quorum():
    """Its transaction is final three rounds later, and then it is silent."""
    core = Drawing(size=1).core("A", speak=1)
    effects = core.handle(Submit((b"tx",), 0))
    assert [effect.vertex.round for effect in only(Persist, effects)] == [1, 2, 3]
    assert [effect.commit.round for effect in only(Deliver, effects)] == [1]
    assert core.handle(Tick(10**9, START_MS + 10**6)) == []


def test_one_input_causes_a_bounded_number_of_rounds():
    """A committee of one with a reason that never ends still answers; a Wake goes on with it."""
    core = Drawing(size=1, depth=512).core("A", speak=1)
    rounds = []
    for number in range(40):
        core.handle(Submit((b"tx%d" % number,), 0))
        effects = core.handle(Want())
        rounds.append(len(only(Persist, effects)))
    assert max(rounds) <= 8


def test_room_is_what_still_fits_into_the_waiting_batch():
    """One batch waits at most; above the bound of unfinished bytes nothing is taken."""
    drawing = Drawing(batch_transactions_max=10, batch_bytes_max=100, transaction_bytes_max=50)
    core = drawing.core("A")
    assert core.room() == Room(10, 100, drawing.genesis.limits.vertex_attachment_bytes_max)
    core.handle(Submit((b"x" * 40, b"y" * 10), 7))
    assert core.room() == Room(8, 50, drawing.genesis.limits.vertex_attachment_bytes_max - 7)


def test_too_many_unfinished_bytes_leave_only_votes():
    """An own vertex beyond the bound is empty, and its batch keeps waiting."""
    from weft.model.limits import LocalLimits

    drawing = Drawing().full(1, 1)
    core = drawing.core("A", speak=1, local=LocalLimits(unfinished_bytes_max=10))
    (first,) = own(core.handle(Submit((b"x" * 20,), 0)))
    assert core.room() == Room(0, 0, 0)
    drawing.arrive(core, "B1", "C1", "D1")
    assert core.unfinished() == (b"x" * 20,)
    assert first.batch == (b"x" * 20,)


def wait_for(drawing, core):
    """The Wake that patience asked for."""
    return only(Wake, drawing.arrive(core, "B1", "C1"))


def test_the_expected_are_waited_for_at_most_patience():
    """D was named by the last own vertex and is not there: 0.2 ms of slack, then speak."""
    drawing = Drawing().full(1, 1)
    core = drawing.core("A", speak=1)
    core.handle(Want())
    (wake,) = wait_for(drawing, core)
    assert wake.at_us == 1 + 200
    assert own(core.handle(Tick(wake.at_us - 1, START_MS))) == []
    assert [vertex.round for vertex in own(core.handle(Tick(wake.at_us, START_MS)))] == [2]


def test_the_last_expected_vertex_ends_the_waiting():
    """No timer needs to ring when everybody is there."""
    drawing = Drawing().full(1, 1)
    core = drawing.core("A", speak=1)
    core.handle(Want())
    assert [vertex.round for vertex in own(drawing.arrive(core, "B1", "C1", "D1"))] == [2]


def rounds_of(drawing, lateness_us=(), rtts=(400, 600, 800), grown=8):
    """Rounds of member A after D's vertices were this late."""
    committee = drawing.genesis.committee
    dag = Dag(committee, -512, ())
    rounds = Rounds(0, committee, dag, 0)
    for member, rtt in enumerate(rtts, start=1):
        rounds.measure(member, rtt)
    rounds._lateness[3].extend(lateness_us)
    rounds._heard.append(0b1111)
    rounds._growth = grown
    return rounds


def test_patience_is_one_and_a_half_of_p90_and_a_little():
    """Sixteen vertices of the expected are remembered; nine tenths of them were in time."""
    rounds = rounds_of(Drawing(), [100] * 14 + [300, 900], rtts=(10_000, 10_000, 10_000))
    assert rounds.patience_us() == 300 * 3 // 2 + 200


def test_the_round_trip_that_completes_a_quorum_bounds_patience():
    """A liar who is late on purpose drags nobody further: two others and oneself are a quorum."""
    rounds = rounds_of(Drawing(), [50_000] * 16)
    assert rounds.patience_us() == 2 * 600


def test_patience_never_exceeds_ten_seconds():
    """However much it grew."""
    assert rounds_of(Drawing(), [9_000_000] * 16, (9_000_000,) * 3, 8 << 10).patience_us() == PATIENCE_US_MAX


def test_growth_doubles_while_a_slot_stays_undecided_and_shrinks_with_direct_rounds():
    """More than 3·(b + 1) + 5 rounds undecided: once in eight rounds; an eighth off for each direct one."""
    drawing = Drawing().full(1, 40)
    core = drawing.core("A")
    rounds = rounds_of(drawing)
    rounds._dag = core._dag
    drawing.arrive(core, *drawing.vertices)
    growth = []
    for round_ in range(1, 31):
        rounds._open(round_ + 1, 0)
        growth.append(rounds._growth)
    assert growth[11] == 8
    assert growth[12] == 16
    assert growth[19] == 16
    assert growth[20] == 32
    for round_ in range(1, 60):
        rounds.note_final(round_, True)
    assert rounds._growth == 8
    rounds.note_final(60, False)
    assert rounds._growth == 8


def test_an_unknown_round_trip_does_not_bound_patience():
    """Until the transport has measured a quorum, only the cap of ten seconds does."""
    core = Drawing().core("A")
    core.handle(Measured(1, 300))
    assert core._rounds.rtt_us(1) == 300
    assert core._rounds.rtt_us(2) is None
