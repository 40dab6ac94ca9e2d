"""Section 6 of docs/protocol/consensus.md, sentence by sentence, on DAGs drawn as text."""

from weft.simulation.vectors import Case, Drawing


def decide(text, size=4, weights=None, model="byzantine", slots=None, depth=512):
    """Each slot's fate on the whole DAG, and the final rounds."""
    weights = tuple(weights or [1] * size)
    lines = tuple(filter(None, (line.split("#")[0].strip() for line in text.splitlines())))
    case = Case("drawn", "", model, weights, slots or len(weights), depth, lines, {}, ())
    found = Drawing(case).replay_at_once()
    return found.slots, {final.round: list(final.order) for final in found.final}


def full(first, last, authors="ABCD"):
    """Rounds in which everybody names everybody."""
    return "\n".join(
        f"{author}{round_}: "
        + " ".join(f"{n}{round_ - 1}" for n in sorted(authors, key=lambda a: a != author))
        for round_ in range(first, last + 1)
        for author in authors
    )


def test_a_slot_is_committed_directly_two_rounds_later():
    """A quorum of certificates in round r + 2, not one vertex less."""
    fates, _ = decide(full(1, 2) + "\nA3: A2 B2 C2 D2\nB3: B2 A2 C2 D2")
    assert fates["A1"] == "undecided"
    fates, _ = decide(full(1, 2) + "\nA3: A2 B2 C2 D2\nB3: B2 A2 C2 D2\nC3: C2 A2 B2 D2")
    assert fates["A1"] == "direct commit A1"


def test_a_slot_is_skipped_directly_by_a_quorum_of_blame():
    """Three of four name nothing of D in round 1; two are not enough."""
    fates, _ = decide(full(1, 1, "ABC") + "\nA2: A1 B1 C1\nB2: B1 A1 C1")
    assert fates["D1"] == "undecided"
    fates, _ = decide(full(1, 1, "ABC") + "\nA2: A1 B1 C1\nB2: B1 A1 C1\nC2: C1 A1 B1")
    assert fates["D1"] == "direct skip"


def test_a_vote_for_a_twin_is_no_blame():
    """All four name something in D's slot: no quorum blames it, and neither twin has a quorum of votes."""
    text = (
        full(1, 1)
        + "\nD1': D0 A0 B0 C0\nA2: A1 B1 C1 D1\nB2: B1 A1 C1 D1\nC2: C1 A1 B1 D1'\nD2: D1' A1 B1 C1"
    )
    fates, _ = decide(text + "\n" + full(3, 3))
    assert fates["D1"] == "undecided"


def test_a_certificate_counts_the_vertices_that_are_named_not_their_authors():
    """D2 votes for A1 and its twin does not; a vertex that names the twin certifies nothing by it."""
    text = full(1, 1) + "\nA2: A1 B1 C1 D1\nB2: B1 A1 C1 D1\nC2: C1 B1 D1\nD2: D1 A1 B1 C1\nD2': D1 B1 C1"
    honest = "\nA3: A2 B2 C2 D2\nB3: B2 A2 C2 D2\nC3: C2 A2 B2 D2"
    misled = "\nA3: A2 B2 C2 D2'\nB3: B2 A2 C2 D2'\nC3: C2 A2 B2 D2'"
    assert decide(text + honest)[0]["A1"] == "direct commit A1"
    assert decide(text + misled)[0]["A1"] == "undecided"


def test_an_author_with_twins_certifies_once():
    """Two twins of D3 and one of A3 are two authors."""
    text = full(1, 2) + "\nA3: A2 B2 C2 D2\nD3: D2 A2 B2 C2\nD3': D2 A2 B2 C2"
    assert decide(text)[0]["B1"] == "undecided"
    assert decide(text + "\nC3: C2 A2 B2 D2")[0]["B1"] == "direct commit B1"


SPLIT = "\nA2: A1 B1 C1 D1\nB2: B1 A1 C1 D1\nC2: C1 A1 B1\nD2: D1 A1 B1 C1"
ONE_CERTIFICATE = "\nA3: A2 B2 D2\nB3: B2 A2 C2\nC3: C2 A2 B2\nD3: D2 B2 C2"


def test_an_undecided_slot_waits_for_an_anchor_three_rounds_later():
    """One certificate is not enough for the direct rule; the anchor of round 4 finds it in its past."""
    text = full(1, 1) + SPLIT + ONE_CERTIFICATE
    assert decide(text + "\n" + full(4, 5))[0]["D1"] == "undecided"
    fates, final = decide(text + "\n" + full(4, 6))
    assert fates["D1"] == "indirect commit D1"
    assert final[1] == ["A1", "B1", "C1", "D1"]


def test_without_a_certificate_in_its_past_the_anchor_skips():
    """A3 certifies D1, but the anchor B4 and all it knows never saw A3."""
    text = full(1, 1) + SPLIT + ONE_CERTIFICATE
    unseen = "\nB4: B3 C3 D3\nC4: C3 B3 D3\nD4: D3 B3 C3"
    fates, final = decide(text + unseen + "\n" + full(5, 6, "BCD"))
    assert fates["D1"] == "indirect skip"
    assert final[1] == ["A1", "B1", "C1"]


def test_the_first_slot_that_is_not_skipped_is_the_anchor():
    """Slot order of round 4 begins with B, which is silent: C4 is the anchor."""
    text = full(1, 1) + SPLIT + ONE_CERTIFICATE
    silent = "\nA4: A3 C3 D3\nC4: C3 A3 D3\nD4: D3 A3 C3"
    fates, _ = decide(text + silent + "\n" + full(5, 6, "ACD"))
    assert fates["B4"] == "direct skip"
    assert fates["D1"] == "indirect commit D1"


def test_an_undecided_slot_in_front_of_it_hides_an_anchor():
    """B4 has one vote of four and two blames: what needs an anchor waits, although C4 is committed."""
    text = full(1, 1) + SPLIT + ONE_CERTIFICATE + "\n" + full(4, 4)
    fifth = "\nA5: A4 C4 D4\nB5: B4 A4 C4 D4\nC5: C4 A4 D4\nD5: D4 B4 A4 C4"
    fates, _ = decide(text + fifth + "\n" + full(6, 6))
    assert fates["C4"] == "direct commit C4"
    assert fates["B4"] == "undecided"
    assert fates["D1"] == "undecided"


def test_weight_decides_not_heads():
    """A weighs 4 of 8: with two others it is a quorum of 6; four others together are none."""
    weights = (4, 1, 1, 1, 1)
    heavy = full(1, 1, "ABC") + "\n" + full(2, 3, "ABC")
    assert decide(heavy, weights=weights)[0]["B1"] == "direct commit B1"
    assert decide(heavy, weights=weights)[0]["D1"] == "direct skip"


def test_two_of_three_are_a_quorum_when_members_only_crash():
    """The same thresholds with f = 0."""
    fates, final = decide(full(1, 3, "AB"), size=3, model="crash")
    assert (fates["A1"], fates["C1"]) == ("direct commit A1", "direct skip")
    assert final == {1: ["A1", "B1"]}


def test_every_member_stands_first_in_a_round_that_slots_wait_for():
    """Slot order begins at (r // 3) mod n, so rounds 1, 4, 7, 10 begin with A, B, C, D."""
    _, final = decide(full(1, 12))
    assert [final[round_][0] for round_ in (1, 4, 7, 10)] == ["A1", "B4", "C7", "D10"]
    assert final[4] == ["B4", "C4", "D4", "A4"]


def test_with_fewer_slots_the_others_come_with_the_next_commit():
    """One slot a round: B4 stands alone, the rest of round 4 is ordered by round 5's."""
    _, final = decide(full(1, 8), slots=1)
    assert final[1] == ["A1"]
    assert final[2] == ["B1", "C1", "D1", "A2"]
