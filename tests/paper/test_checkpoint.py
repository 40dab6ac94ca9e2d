"""Section 9: words on executed headers, checkpoints, alarms."""

from weft.consensus.checkpoint import WORDS_KEPT
from weft.consensus.messages import (
    Alarm,
    Broadcast,
    Certify,
    Executed,
    Heard,
    Hush,
    Opened,
    Persist,
    PersistStatement,
    Root,
    Rooted,
    Send,
    Speak,
    Submit,
    Tick,
    Vouched,
    Wake,
)
from weft.model.block import Checkpoint, Header, SignedStatement, Statement
from weft.model.digest import ZERO, digest
from weft.model.keys import is_signed
from weft.model.message import Certified, Signed

from ..properties.drawing import Drawing, only
from ..properties.world import START_MS, key_of

ROOT = digest("root", b"state")


def chain_of(drawing, *times_ms):
    """Headers of heights 1, 2, … at these ledger times after the start."""
    headers, parent = [], ZERO
    for height, time_ms in enumerate(times_ms, start=1):
        header = Header(
            drawing.genesis.chain, 0, height, parent, height, ZERO, START_MS + time_ms, ZERO, ZERO, ZERO, 0
        )
        headers.append(header)
        parent = header.hash
    return headers


def word(drawing, member, header, root=ROOT, hash_=None):
    statement = Statement(drawing.genesis.chain, 0, header.height, hash_ or header.hash, root)
    return SignedStatement(statement, member, key_of(member).sign(statement.digest))


def execute(core, header):
    return core.handle(Executed(header, header.hash))


def heights_rooted(effects):
    return [effect.height for effect in only(Root, effects)]


def test_a_header_that_opens_a_window_of_ledger_time_is_signed():
    """The first of each 50 ms; the others are not."""
    drawing = Drawing()
    core = drawing.core("A", speak=1)
    effects = [execute(core, header) for header in chain_of(drawing, 0, 10, 49, 50, 99, 230)]
    assert [heights_rooted(each) for each in effects] == [[1], [], [], [4], [], [6]]


def test_a_header_that_stays_the_newest_for_50_ms_is_signed():
    """Quiet after the last transaction gets a checkpoint too; one that was overtaken does not."""
    drawing = Drawing()
    core = drawing.core("A", speak=1)
    first, second, third = chain_of(drawing, 0, 10, 20)
    execute(core, first)
    (wake,) = only(Wake, execute(core, second))
    assert wake.at_us == 1 + 50_000
    core.handle(Tick(30_000, START_MS))
    execute(core, third)
    assert heights_rooted(core.handle(Tick(wake.at_us, START_MS))) == []
    assert heights_rooted(core.handle(Tick(80_000, START_MS))) == [3]


def test_a_word_is_on_disk_before_it_is_said():
    """PersistStatement, then Broadcast; the signature is this member's."""
    drawing = Drawing()
    core = drawing.core("A", speak=1)
    (header,) = chain_of(drawing, 0)
    execute(core, header)
    effects = core.handle(Rooted(1, ROOT))
    assert [type(effect) for effect in effects[:2]] == [PersistStatement, Broadcast]
    said = effects[0].word
    assert (said.statement.header, said.statement.state_root) == (header.hash, ROOT)
    assert is_signed(drawing.genesis.members[0].public, said.statement.digest, said.signature)
    assert core.own_word == said


def test_a_word_waits_a_moment_for_the_own_vertex_that_is_to_come():
    """They go to the disk and to the others together; without a vertex it goes after 10 ms."""
    drawing = Drawing().full(1, 1)
    (header,) = chain_of(drawing, 0)
    cores = [drawing.core("A", speak=1) for _ in range(2)]
    for core in cores:
        core.handle(Submit((b"transaction",), 0))
        execute(core, header)
        effects = core.handle(Tick(2_000, START_MS), Rooted(1, ROOT))
        assert only(PersistStatement, effects) == []
        assert [effect.at_us for effect in only(Wake, effects)] == [12_000]
    effects = drawing.arrive(cores[0], "B1", "C1", "D1")
    last = [type(effect) for effect in effects if not isinstance(effect, Wake)][-4:]
    assert last == [Persist, Broadcast, PersistStatement, Broadcast]
    assert only(PersistStatement, cores[1].handle(Tick(11_999, START_MS))) == []
    assert only(PersistStatement, cores[1].handle(Tick(12_000, START_MS))) != []


def test_a_height_is_never_signed_twice():
    """Not again, not below, and not at or below the height that the base names."""
    drawing = Drawing()
    core = drawing.core("A", speak=1)
    for header in chain_of(drawing, 0, 60):
        execute(core, header)
    assert only(PersistStatement, core.handle(Rooted(2, ROOT))) != []
    assert only(PersistStatement, core.handle(Rooted(2, digest("root", b"other")))) == []
    assert only(PersistStatement, core.handle(Rooted(1, ROOT))) == []
    restarted = drawing.core("A", speak=1, base=core.base())
    assert heights_rooted(execute(restarted, chain_of(drawing, 0, 60)[1])) == []
    assert only(PersistStatement, restarted.handle(Rooted(2, digest("root", b"other")))) == []


def test_nothing_is_signed_before_speak_or_after_hush():
    """Then the newest header is, once it may be."""
    drawing = Drawing()
    core = drawing.core("A")
    first, second = chain_of(drawing, 0, 60)
    assert heights_rooted(execute(core, first)) == []
    assert heights_rooted(core.handle(Speak(1))) == [1]
    core.handle(Hush())
    assert heights_rooted(execute(core, second)) == []
    assert core.handle(Rooted(2, ROOT)) == []


def test_a_quorum_of_equal_words_is_a_checkpoint():
    """Three of four, whether this node has executed the header or not; a word for another hash is none."""
    drawing = Drawing()
    core = drawing.core("D", speak=1)
    first, _ = chain_of(drawing, 0, 60)
    assert only(Certify, core.handle(Heard(word(drawing, 0, first)))) == []
    assert only(Certify, core.handle(Heard(word(drawing, 1, first, hash_=ZERO)))) == []
    execute(core, first)
    assert only(Certify, core.handle(Rooted(1, ROOT))) == []
    (certify,) = only(Certify, core.handle(Heard(word(drawing, 2, first))))
    assert [member for member, _ in certify.checkpoint.signatures] == [0, 2, 3]
    assert core.newest_checkpoint == certify.checkpoint


def test_a_member_has_one_word_a_height():
    """The first counts; saying another thing later changes nothing."""
    drawing = Drawing()
    core = drawing.core("D")
    (header,) = chain_of(drawing, 0)
    core.handle(Heard(word(drawing, 0, header)))
    core.handle(Heard(word(drawing, 1, header, hash_=ZERO)))
    core.handle(Heard(word(drawing, 1, header)))
    assert only(Certify, core.handle(Heard(word(drawing, 2, header)))) == []


def test_a_vouched_checkpoint_is_stored_once_and_covers_what_is_below():
    """Older ones, and those of another chain, are passed over."""
    drawing = Drawing()
    core = drawing.core("D")
    first, second = chain_of(drawing, 0, 60)
    newer = Checkpoint(Statement(drawing.genesis.chain, 0, 2, second.hash, ROOT), ())
    older = Checkpoint(Statement(drawing.genesis.chain, 0, 1, first.hash, ROOT), ())
    foreign = Checkpoint(Statement(ZERO, 0, 3, second.hash, ROOT), ())
    assert len(only(Certify, core.handle(Vouched(newer)))) == 1
    for other in (newer, older, foreign):
        assert core.handle(Vouched(other)) == []


def test_more_than_f_against_the_own_header_is_an_alarm_and_a_quorum_another():
    """One liar of four is no alarm; two are; three mean that this node diverged."""
    drawing = Drawing()
    core = drawing.core("D")
    (header,) = chain_of(drawing, 0)
    execute(core, header)
    wrong = digest("header", b"other")
    assert only(Alarm, core.handle(Heard(word(drawing, 0, header, hash_=wrong)))) == []
    (alarm,) = only(Alarm, core.handle(Heard(word(drawing, 1, header, hash_=wrong))))
    assert (alarm.height, alarm.hash, alarm.weight, alarm.members) == (1, wrong, 2, (0, 1))
    (alarm,) = only(Alarm, core.handle(Heard(word(drawing, 2, header, hash_=wrong))))
    assert alarm.weight == 3
    assert core.handle(Heard(word(drawing, 2, header, hash_=wrong)))[0].member == 2


def test_another_state_root_under_the_same_header_is_an_alarm_too():
    """Header and root are both signed, so both are compared."""
    drawing = Drawing()
    core = drawing.core("D", speak=1)
    (header,) = chain_of(drawing, 0)
    execute(core, header)
    core.handle(Rooted(1, ROOT))
    core.handle(Heard(word(drawing, 0, header, root=ZERO)))
    (alarm,) = only(Alarm, core.handle(Heard(word(drawing, 1, header, root=ZERO))))
    assert (alarm.hash, alarm.weight) == (header.hash, 2)


def test_words_that_came_before_the_block_are_compared_when_it_is_executed():
    """Also against a checkpoint that the others made without this node."""
    drawing = Drawing()
    core = drawing.core("D")
    (header,) = chain_of(drawing, 0)
    wrong = digest("header", b"other")
    for member in (0, 1, 2):
        core.handle(Heard(word(drawing, member, header, hash_=wrong)))
    (alarm,) = only(Alarm, execute(core, header))
    assert (alarm.hash, alarm.weight) == (wrong, 3)


def test_a_word_without_a_quorum_is_said_again_with_growing_pauses():
    """Until a checkpoint covers it; then there is silence."""
    drawing = Drawing()
    core = drawing.core("A", speak=1)
    (header,) = chain_of(drawing, 0)
    execute(core, header)
    effects, now, pauses = core.handle(Rooted(1, ROOT)), 1, []
    for _ in range(8):
        (wake,) = only(Wake, effects)
        pauses.append(wake.at_us - now)
        now = wake.at_us
        effects = core.handle(Tick(now, START_MS))
        assert [type(effect.item) for effect in only(Broadcast, effects)] == [Signed]
    assert pauses[0] == 250_000
    assert pauses[-1] == 10_000_000
    core.handle(Heard(word(drawing, 1, header)))
    assert only(Certify, core.handle(Heard(word(drawing, 2, header)))) != []
    assert core.handle(Tick(now + 60_000_000, START_MS)) == []


def test_who_says_a_word_twice_is_told_the_checkpoint_that_covers_it():
    """Once is news, twice is a question; a checkpoint is no word, so nobody answers for ever."""
    drawing = Drawing()
    core = drawing.core("D")
    (header,) = chain_of(drawing, 0)
    for member in (0, 1, 2):
        core.handle(Heard(word(drawing, member, header)))
    assert core.handle(Heard(word(drawing, 3, header))) == []
    (send,) = core.handle(Heard(word(drawing, 1, header)))
    assert (send.member, type(send.item)) == (1, Certified)


def test_a_stream_begins_with_the_newest_checkpoint_and_the_own_word():
    """After the own vertices that the member lacks, in order."""
    drawing = Drawing()
    core = drawing.core("A", speak=1)
    (header,) = chain_of(drawing, 0)
    execute(core, header)
    core.handle(Rooted(1, ROOT))
    for member in (1, 2):
        core.handle(Heard(word(drawing, member, header)))
    items = [effect.item for effect in only(Send, core.handle(Opened(3, (0, 0, 0, 0))))]
    assert [type(item) for item in items] == [Certified, Signed]


def test_an_own_word_from_the_journal_is_known_again():
    """It counts towards the quorum, and nothing at or below its height is signed once more."""
    drawing = Drawing()
    core = drawing.core("A")
    (header,) = chain_of(drawing, 0)
    own = word(drawing, 0, header)
    assert only(PersistStatement, core.handle(Heard(own))) == []
    execute(core, header)
    assert heights_rooted(core.handle(Speak(1))) == []
    assert core.own_word == own
    core.handle(Heard(word(drawing, 1, header)))
    assert only(Certify, core.handle(Heard(word(drawing, 2, header)))) != []


def test_only_the_newest_words_of_a_member_are_kept():
    """A member that signs thousands of heights costs a bounded amount of memory."""
    drawing = Drawing()
    core = drawing.core("D")
    for header in chain_of(drawing, *range(0, 60 * (WORDS_KEPT + 20), 60)):
        core.handle(Heard(word(drawing, 0, header)))
    assert len(core._witness._words) == WORDS_KEPT
