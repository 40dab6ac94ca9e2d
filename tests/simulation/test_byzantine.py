"""Each way of lying takes place, is met as it must be, and harms nobody honest."""

from collections import Counter
from dataclasses import dataclass, field

import pytest

from weft.consensus.messages import Accuse, Alarm, Behind, Fetch
from weft.model.encoding import decode
from weft.model.receipt import Receipt
from weft.simulation import byzantine
from weft.simulation.byzantine import forge, parents, perjure, slander, strange
from weft.simulation.checkers.agreement import Agreement, Sameness
from weft.simulation.checkers.evidence import Guilt
from weft.simulation.checkers.standing import Stops
from weft.simulation.ports import Checker
from weft.simulation.run import simulate
from weft.simulation.scenario import Given

CHECKERS = (Agreement, Sameness, Guilt, Stops)
"""What these stories are about; drawn seeds meet the same lies with all checkers."""
NAMES = {behaviour.__name__: behaviour for behaviour in byzantine.BEHAVIOURS}


@dataclass
class Seen:
    """What liars told, and what honest members did about it."""

    liars: set = field(default_factory=set)
    told: Counter = field(default_factory=Counter)
    effects: list = field(default_factory=list)
    cuts: Counter = field(default_factory=Counter)
    codes: Counter = field(default_factory=Counter)
    facts: set = field(default_factory=set)
    blocks: int = 0
    rounds: int = 0

    def of(self, kind):
        return [(place, effect) for place, effect in self.effects if isinstance(effect, kind)]

    @property
    def reasons(self):
        return " / ".join(self.cuts)


def live_with(name, seeds=(1,), size=4, faults=(), rounds=60, mode="liveness", **pinned):
    """Runs with one behaviour, whose drawn attributes may be pinned. Whatever is violated fails the test,
    progress at the end too."""
    seen = Seen()

    class Witness(Checker):
        def performed(self, place, effect):
            seen.effects.append((place, effect))

        def cut(self, place, member, reason):
            seen.liars.update(self.scene.liars)
            seen.cuts[reason] += member in self.scene.liars

        def stored(self, place, sealed, commits):
            for one in sealed:
                seen.codes.update(decode(Receipt, raw).code for raw in one.block.receipts)

        def finished(self, end):
            seen.liars.update(self.scene.liars)
            for kept in end.members.values():
                seen.blocks += kept.store.head.height
                facts = kept.store.find_fact
                pairs = [(a, r) for a in range(size) for r in range(rounds) if facts(f"evidence:{a}:{r}")]
                seen.facts.update((place, self.scene.seed) for place, _ in pairs)
                assert {place for place, _ in pairs} <= set(self.scene.liars), "the innocent are accused"

    class Pinned(NAMES[name]):
        def begin(self, liar):
            super().begin(liar)
            vars(self).update(pinned)
            self.told = seen.told

    given = Given(size, "byzantine", (size - 1) // 3, faults, rounds, mode)
    for seed in seeds:
        result = simulate(seed, given, checkers=(*CHECKERS, Witness), behaviours=(Pinned,))
        assert result.violation is None, f"seed {seed}: {result.violation}"
        seen.rounds += result.rounds
    assert seen.blocks
    return seen


def accused(seen):
    """Members that accused, all of the guilty."""
    accusations = seen.of(Accuse)
    assert {effect.first.author for _, effect in accusations} <= seen.liars
    return {place for place, _ in accusations}


def fetched_of_liars(seen):
    """Honest members asked for vertices by liars."""
    return any(name.author in seen.liars for _, fetch in seen.of(Fetch) for name in fetch.references)


@pytest.mark.parametrize("count", [2, 3])
def test_who_speaks_twice_is_accused_by_all(count):
    seen = live_with("Equivocate", (3,), _count=count, _chance=256)
    assert seen.told["twin"] > 50
    assert len(accused(seen)) == 3
    assert seen.facts


def test_fellows_who_show_matching_faces_fork_nobody():
    seen = live_with("Equivocate", (3,), size=7, _count=2, _chance=256, _span=50)
    assert {effect.first.author for _, effect in seen.of(Accuse)} == seen.liars
    assert len(seen.liars) == 2
    assert len(accused(seen)) == 5


def test_who_forgets_what_it_said_is_accused():
    seen = live_with("Forget", _chance=0.5)
    assert seen.told["twin"]
    assert accused(seen)


@pytest.mark.parametrize("late_s", [0.0, 0.05])
def test_a_vertex_that_some_did_not_get_is_fetched(late_s):
    seen = live_with("Withhold", _late_s=late_s)
    assert seen.told["withheld"] > 50
    assert fetched_of_liars(seen)


def test_who_keeps_others_waiting_is_asked_last():
    """Before it was, one member of four let the others come to no more than a round in ten seconds."""
    seen = live_with("Hoard", (1, 2, 3), rounds=100, mode="safety", _every=2)
    assert seen.told["hoarded"]
    assert seen.told["unanswered"]
    assert fetched_of_liars(seen)
    assert seen.rounds >= 300


@pytest.mark.parametrize("way", ["none", "wrong", "swapped", "erased"])
def test_content_that_is_missing_or_wrong_is_asked_for(way):
    seen = live_with("Starve", _way=way, _mask=0b0101)
    assert seen.told[f"announced {way}"]
    assert any(fetch.commitments for _, fetch in seen.of(Fetch))


def test_content_that_nobody_has_is_asked_of_the_liar_in_vain():
    seen = live_with("Starve", _way="erased", _mask=0)
    assert seen.told["answered erased"]


def test_old_rounds_change_nothing():
    seen = live_with("Stale")
    assert seen.told["again"]
    assert seen.told["another"]
    assert accused(seen)


def test_rounds_far_above_are_asked_for_and_nobody_feels_behind():
    seen = live_with("Leap")
    assert len(seen.told) > 3
    assert not seen.of(Behind)
    assert any(name.round > 500 for _, fetch in seen.of(Fetch) for name in fetch.references)


def test_wrong_parents_cut_their_author_off():
    seen = live_with("Parents", range(1, 5), _kinds=parents.KINDS, _chance=0.7, _mask=-1)
    assert set(seen.told) == set(parents.KINDS)
    for flaw in (
        "not a vertex of the author's own",
        "two parents by",
        "a parent by member 4 of 4",
        "a quorum is",
        "not the implied",
        "a parent of round",
    ):
        assert flaw in seen.reasons, flaw


def test_every_strange_transaction_has_its_end():
    seen = live_with("Strange", range(1, 5), _kinds=strange.KINDS, _chance=1.0)
    assert set(seen.told) == set(strange.KINDS)
    assert {
        "contract.unknown",
        "call.unknown",
        "arguments.invalid",
        "attachments.used",
        "attachments.mismatch",
        "access.forbidden",
    } <= set(seen.codes), seen.codes


def test_forgeries_cut_off_who_sends_them():
    seen = live_with("Forge", range(1, 5), _kinds=forge.KINDS, _chance=0.5)
    assert set(seen.told) == set(forge.KINDS)
    for flaw in (
        "not signed by its author",
        "a transaction's signature",
        "made for chain",
        "epoch 1",
        "a statement that is not signed",
        "without a quorum",
        "a batch of more than",
    ):
        assert flaw in seen.reasons, flaw


def test_garbage_cuts_off_who_sends_it():
    seen = live_with("Garbage", (3, 4), faults=("loss", "crash"), rounds=100, _chance=0.3)
    assert seen.told["item"]
    assert seen.told["answer"]
    assert "not the encoding of" in seen.reasons


def test_false_words_alarm_nobody_and_make_no_checkpoint():
    seen = live_with("Perjure", (1, 2), size=7, _kinds=perjure.KINDS, _chance=1.0)
    assert set(seen.told) == set(perjure.KINDS)
    assert not seen.of(Alarm)
    assert "without a quorum" in seen.reasons


def test_wrong_answers_are_found_out():
    seen = live_with("Mislead", (5, 6), faults=("loss", "crash"), rounds=100, _ways=("wrong",), _chance=1.0)
    assert seen.told["wrong FetchVertices"]
    assert "more vertices than were asked for" in seen.reasons or "nobody asked for" in seen.reasons


def test_what_was_said_before_does_no_harm_again():
    seen = live_with("Replay", _chance=0.5)
    assert {"Announced", "Signed", "Stated"} <= set(seen.told)
    assert not seen.cuts
    assert not seen.of(Accuse)


@pytest.mark.parametrize("kind", ["twins", "orphans", "words", "states", "resumed"])
def test_a_flood_is_survived(kind):
    seen = live_with("Flood", (1,), _kinds=(kind,), _count=200)
    assert seen.told[kind] >= 600


def test_who_falls_silent_is_not_waited_for_and_may_come_back():
    seen = live_with("Silence", _span=10)
    assert seen.told["unsaid"]
    seen = live_with("Halt")
    assert seen.told["passed over"]


def test_who_is_never_named_by_liars_is_named_by_others():
    seen = live_with("Censor", _client=0)
    assert seen.told["unnamed"]
    assert seen.told["refused"]


def test_votes_that_are_split_hold_nobody_up_for_ever():
    seen = live_with("Split", size=7, _late_s=0.001)
    assert seen.told["unnamed"]
    assert seen.told["late"]


@pytest.mark.parametrize("shift_ms", [-3_600_000, 499, 60_000, 2**62])
def test_a_false_time_moves_nobody_elses(shift_ms):
    seen = live_with("Misdate", (1,), _shifts=(shift_ms,))
    assert seen.told["ahead" if shift_ms > 0 else "behind"] > 20


def test_slander_is_not_believed():
    seen = live_with("Slander", range(1, 4), _chance=0.5)
    assert set(seen.told) == set(slander.KINDS)
    assert not seen.of(Accuse)
    assert not seen.facts
    assert "not signed by its author" in seen.reasons


def test_all_of_them_are_drawn():
    assert len(NAMES) == len(byzantine.BEHAVIOURS) >= 12
