"""Vertices that wait: what frees them, what bounds them, what the floor does to them."""

from weft.consensus.waiting import Pending, Waiting
from weft.model.limits import LocalLimits

from ...properties.drawing import Drawing

DRAWN = Drawing().full(1, 6)


def pending(label, *missing, sender=0, held=False, asked=False):
    pieces = [piece if isinstance(piece, bytes) else DRAWN.reference(piece) for piece in missing]
    return Pending(DRAWN.vertices[label], sender, pieces, held, asked)


def labels(freed):
    return [DRAWN.label(each.vertex) for each in freed]


def test_the_last_missing_piece_frees_a_vertex():
    """Parents and attachments alike; what still lacks something stays."""
    waiting = Waiting(4, LocalLimits())
    waiting.add(pending("A2", "B1", b"x" * 32))
    waiting.add(pending("C2", "B1"))
    assert labels(waiting.satisfy(DRAWN.reference("B1"))) == ["C2"]
    assert labels(waiting.satisfy(b"x" * 32)) == ["A2"]
    assert not waiting


def test_a_vertex_that_waits_itself_is_not_missing():
    """It is here, so nobody asks for it."""
    waiting = Waiting(4, LocalLimits())
    waiting.add(pending("A2", "B1"))
    waiting.add(pending("A3", "A2", "C2"))
    assert not waiting.is_missing(DRAWN.reference("A2"))
    assert waiting.is_missing(DRAWN.reference("C2"))


def test_what_is_held_is_freed_by_its_time_and_its_pieces():
    """Both must be there."""
    waiting = Waiting(4, LocalLimits())
    waiting.add(pending("A2", "B1", held=True))
    assert waiting.satisfy(DRAWN.reference("B1")) == []
    assert labels(waiting.release(DRAWN.reference("A2"))) == ["A2"]
    assert waiting.held == {}


def test_over_the_bound_of_a_peer_the_highest_round_goes():
    """And is named again when half of the room is free."""
    waiting = Waiting(4, LocalLimits(incomplete_vertices_max=2))
    for label in ("A2", "A4", "A3"):
        waiting.add(pending(label, "B1"))
    assert sorted(labels(waiting.pending.values())) == ["A2", "A3"]
    assert waiting.take_dropped() == []
    waiting.remove(DRAWN.reference("A2"))
    assert waiting.take_dropped() == [(0, DRAWN.reference("A4"))]
    assert not waiting.has_dropped


def test_peers_have_bounds_of_their_own_and_what_was_asked_for_has_none():
    """One flood does not push out another peer's vertices."""
    waiting = Waiting(4, LocalLimits(incomplete_vertices_max=1))
    waiting.add(pending("A2", "B1", sender=0))
    waiting.add(pending("B2", "B1", sender=1))
    waiting.add(pending("C2", "B1", sender=0, asked=True))
    waiting.add(pending("D2", "B1", sender=0, asked=True))
    assert len(waiting.pending) == 4


def test_bytes_and_held_vertices_are_bounded_too():
    """Whichever bound is reached first."""
    size = len(DRAWN.vertices["A2"].raw)
    waiting = Waiting(4, LocalLimits(incomplete_bytes_max=2 * size))
    for label in ("A2", "A3", "A4"):
        waiting.add(pending(label, "B1"))
    assert labels(waiting.pending.values()) == ["A2", "A3"]
    waiting = Waiting(4, LocalLimits(held_vertices_max=1))
    for label in ("A2", "A3"):
        waiting.add(pending(label, held=True))
    waiting.add(pending("A4", "B1"))
    assert labels(waiting.pending.values()) == ["A2", "A4"]


def test_the_floor_drops_what_it_passes_and_frees_what_waited_for_it():
    """A parent at or below the floor counts as present."""
    waiting = Waiting(4, LocalLimits())
    waiting.add(pending("A2", "B1"))
    waiting.add(pending("A3", "B2"))
    waiting.add(pending("A4", "B2", "B3"))
    assert labels(waiting.raise_floor(2)) == ["A3"]
    assert labels(waiting.pending.values()) == ["A4"]
    assert labels(waiting.raise_floor(3)) == ["A4"]
    assert not waiting


def test_the_floor_may_pass_a_parent_and_its_child_at_once():
    """Several rounds may become final together: nothing that the floor passes is left."""
    waiting = Waiting(4, LocalLimits())
    waiting.add(pending("A3", "B2"))
    waiting.add(pending("A4", "B2"))
    assert labels(waiting.raise_floor(3)) == ["A4"]
    assert not waiting


def test_nothing_is_remembered_of_what_left():
    """A peer that makes vertices come and go leaves no trace in any index."""
    waiting = Waiting(4, LocalLimits(incomplete_vertices_max=1))
    for label in ("A6", "A5", "A4", "A3"):
        waiting.add(pending(label, "B1", b"x" * 32, held=True))
    waiting.remove(DRAWN.reference("A3"))
    indexes = (waiting.pending, waiting.children, waiting.held, waiting.claimed)
    assert [len(index) for index in (*indexes, waiting._rounds, waiting._slots)] == [0] * 6


def test_a_chain_is_claimed_when_another_author_builds_on_its_end():
    """All that the chain lacks is claimed with it, and nothing before that."""
    waiting = Waiting(4, LocalLimits())
    assert waiting.add(pending("B3", "B2")) == []
    assert waiting.add(pending("B4", "B3")) == []
    claimed = waiting.add(pending("A5", "B4"))
    assert claimed == [DRAWN.reference(label) for label in ("B4", "B3", "B2")]


def test_another_vertex_of_the_same_slot_is_found():
    """Whatever it waits for."""
    drawing = Drawing("B1': B0 A0 C0 D0").full(1, 1)
    waiting = Waiting(4, LocalLimits())
    waiting.add(Pending(drawing.vertices["B1"], 0, [b"x" * 32], False, False))
    assert waiting.find_other(drawing.vertices["B1'"]) == drawing.vertices["B1"]
    assert waiting.find_other(drawing.vertices["B1"]) is None
    assert waiting.find_other(drawing.vertices["A1"]) is None
