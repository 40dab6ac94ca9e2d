"""Section 7: from slots to one order, and what is too old for it."""

from weft.consensus.messages import (
    Deliver,
    Discard,
    Executed,
    Forget,
    Return,
    Submit,
    Vouched,
)
from weft.model.block import Checkpoint, Header, Statement
from weft.model.commit import first_order_hash, next_order_hash
from weft.model.digest import ZERO

from ..properties.drawing import Drawing, only
from ..properties.world import START_MS
from .test_decision import decide, full

LATE = (
    full(1, 1)
    + "\n"
    + full(2, 2, "ABC")
    + "\n"
    + full(3, 3, "ABC")
    + "\nA4: A3 B3 C3 D1\nB4: B3 A3 C3\nC4: C3 A3 B3"
)


def test_a_late_vertex_is_ordered_with_the_commit_that_reaches_it():
    """D1 is named by nobody in round 2, so its slot is skipped; A4 brings it in."""
    fates, final = decide(LATE + "\n" + full(5, 6, "ABC"))
    assert fates["D1"] == "direct skip"
    assert final[4] == ["D1", "B4", "C4", "A4"]


def test_the_floor_cuts_what_comes_too_late():
    """With depth 3 round 4 reaches back to round 2: D1 is never ordered."""
    _, final = decide(LATE + "\n" + full(5, 6, "ABC"), depth=3)
    assert final[4] == ["B4", "C4", "A4"]


def test_an_empty_final_round_leaves_no_record():
    """One slot a round, and its member silent: the round is final and orders nothing."""
    _, final = decide("\n".join(full(r, r, "BCD") for r in range(1, 7)), slots=1)
    assert final[1] == []


def commits_of(drawing, *labels):
    effects = drawing.arrive(drawing.core("A"), *(labels or drawing.vertices))
    return [effect.commit for effect in only(Deliver, effects)], effects


def test_the_order_hash_chains_every_commit_to_all_before():
    """H(previous, round, committed slots, ordered references, time), from the genesis on."""
    drawing = Drawing().full(1, 5)
    commits, _ = commits_of(drawing)
    previous = first_order_hash(drawing.genesis.chain)
    assert [commit.round for commit in commits] == [1, 2, 3]
    for commit in commits:
        previous = next_order_hash(previous, commit.round, commit.slots, commit.ordered, commit.time_ms)
        assert commit.order_hash == previous


def test_ledger_time_is_that_of_half_the_committed_weight():
    """Two of four say 100 or earlier, whatever the other two say."""
    later = START_MS + 400
    times = {"A1": START_MS + 90, "B1": START_MS + 100, "C1": later, "D1": later}
    drawing = Drawing()
    for label, time_ms in times.items():
        drawing.draw(f"{label}: {label[0]}0 " + " ".join(f"{n}0" for n in "ABCD" if n != label[0]), time_ms)
    drawing.full(2, 3)
    commits, _ = commits_of(drawing)
    assert commits[0].time_ms == START_MS + 100


def test_ledger_time_never_falls():
    """All clocks are set back an hour after round 1: the time stands still."""
    drawing = Drawing().full(1, 1)
    for round_ in (2, 3, 4):
        for author in "ABCD":
            others = " ".join(f"{n}{round_ - 1}" for n in "ABCD" if n != author)
            drawing.draw(f"{author}{round_}: {author}{round_ - 1} {others}", START_MS - 3_600_000)
    commits, _ = commits_of(drawing)
    assert [commit.time_ms for commit in commits] == [START_MS, START_MS]


def test_transactions_of_a_vertex_that_nobody_reached_go_back():
    """A's vertex of round 1 is seen by nobody; when the floor passes it, its batch is returned."""
    drawing = Drawing(depth=3)
    core = drawing.core("A", speak=1)
    effects = core.handle(Submit((b"lost",), 0))
    assert core.unfinished() == (b"lost",)
    drawing.draw("\n".join(f"{n}1: {n}0 " + " ".join(f"{o}0" for o in "BCD" if o != n) for n in "BCD"))
    drawing.full(2, 8, "BCD")
    effects = drawing.arrive(core, *drawing.vertices)
    assert [effect.transactions for effect in only(Return, effects)] == [(b"lost",)]
    assert core.unfinished() == ()
    assert core.floor >= 1


def test_what_nobody_may_ask_for_any_more_is_forgotten():
    """Below min(final, checkpoint) − 2·depth; without a checkpoint nothing is."""
    drawing = Drawing(depth=2).full(1, 80)
    _, effects = commits_of(drawing)
    assert only(Forget, effects) == []


def test_a_vertex_that_leaves_memory_unordered_is_discarded():
    """A twin that is in the DAG and in nobody's past; what was ordered is only forgotten."""
    drawing = Drawing("D1': D0 A0 B0 C0", depth=2).full(1, 80)
    core = drawing.core("A")
    trust(core, drawing, round_=10_000)
    effects = drawing.arrive(core, *drawing.vertices)
    effects += drawing.arrive(core, "D1", asked=True)
    discarded = [vertex for effect in only(Discard, effects) for vertex in effect.vertices]
    assert [drawing.label(vertex) for vertex in discarded] == ["D1'"]
    assert only(Forget, effects)[-1].round > 40
    assert core.find_vertex(drawing.vertices["A3"].reference) is None
    assert core.is_forgotten(drawing.vertices["A3"].reference)
    assert not core.is_forgotten(drawing.vertices["A80"].reference)


def trust(core, drawing, round_):
    """A checkpoint over a header of this round."""
    chain = drawing.genesis.chain
    header = Header(chain, 0, 1, ZERO, round_, ZERO, START_MS, ZERO, ZERO, ZERO, 0)
    core.handle(Executed(header, header.hash))
    core.handle(Vouched(Checkpoint(Statement(chain, 0, 1, header.hash, ZERO), ())))


def test_vertices_only_vote_while_checkpoints_lag():
    """More than depth final rounds above the newest checkpoint: no room, and empty batches."""
    drawing = Drawing(depth=5).full(1, 12)
    core = drawing.core("D")
    assert core.room().transactions > 0
    drawing.arrive(core, *drawing.vertices)
    assert core.last_final == 10
    assert core.room().transactions == 0
    trust(core, drawing, round_=10)
    assert core.room().transactions > 0
