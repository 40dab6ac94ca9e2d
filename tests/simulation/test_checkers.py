"""Checkers against made-up histories: the good one passes, each bad one is named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from weft.consensus.messages import Accuse, Alarm, Deliver, Persist, PersistStatement
from weft.execution.builtin.records import RecordState, Version, record_key
from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.model.block import Block, Header, Sealed, SignedStatement, Statement
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.committee import Member
from weft.model.digest import Digest, digest
from weft.model.encoding import encode
from weft.model.errors import ExpiredError
from weft.model.genesis import Genesis
from weft.model.limits import LOCAL, Limits
from weft.model.message import Announced
from weft.model.receipt import Receipt
from weft.model.transaction import Attachment
from weft.model.vertex import Reference, Vertex, sign_vertex
from weft.model.view import EventRow, Fate, RecordView
from weft.simulation.checkers import CHECKERS
from weft.simulation.checkers.acknowledged import Acknowledged, Refused
from weft.simulation.checkers.agreement import Agreement, OrderedOnce, PrefixOrder
from weft.simulation.checkers.checkpoints import Checkpoints
from weft.simulation.checkers.erasure import Erasure
from weft.simulation.checkers.evidence import Guilt
from weft.simulation.checkers.following import Followed
from weft.simulation.checkers.ledger_time import LedgerTime
from weft.simulation.checkers.progress import Progress
from weft.simulation.checkers.reads import Linearizable
from weft.simulation.checkers.spoken import NoTwin, OnDisk
from weft.simulation.clock import BEGIN_MS
from weft.simulation.keyed import KeyedKey, is_keyed
from weft.simulation.ports import Asked, Checker, End, Kept, Scene, Told, Violation
from weft.simulation.run import CONTRACTS
from weft.storage.memory import MemoryAttachments, MemoryJournal, MemoryStore

KEYS = [KeyedKey(f"node{place}") for place in range(4)]
MEMBERS = tuple(Member(f"node{place}", key.public.key, 1) for place, key in enumerate(KEYS))
GENESIS = Genesis(1, "made up", BEGIN_MS, "byzantine", MEMBERS, Limits(), True, ())
LIAR = 3
INVARIANTS = Path(__file__).parents[2] / "docs" / "invariants.md"


class Bench:
    """A checker, and members whose disks are in memory."""

    def __init__(self, checker: Checker) -> None:
        self.checker = checker
        sealed, nodes = seal_genesis(GENESIS, found(GENESIS, CONTRACTS))
        self.safe: set[bytes] = set()
        self.kept = [
            Kept(
                place,
                MemoryJournal(),
                MemoryStore(sealed, nodes, sealed.block.header.state_root),
                MemoryAttachments(),
                None,
                False,
                self.safe.__contains__,
                self.safe.__contains__,
                MemoryJournal,
            )
            for place in range(3)
        ]
        look = self.kept.__getitem__
        checker.begin(
            Scene(7, "safety", GENESIS, (LIAR,), is_keyed, lambda: 0, CONTRACTS, LOCAL, look)
        )  # fmt: skip

    def store(self, place: int, *sealed: Sealed) -> None:
        self.kept[place].store.append(sealed, [], [], None)
        self.checker.stored(place, sealed, [])

    def finish(self, is_healed: bool = False) -> None:
        self.checker.finished(End(dict(enumerate(self.kept)), is_healed))


def vertex(author: int, round_: int, time_ms: int = 0) -> Vertex:
    parent = Reference(author, round_ - 1, digest("before", b""))
    return sign_vertex(KEYS[author], GENESIS.chain, 0, author, round_, BEGIN_MS + time_ms, (parent,), ())


def deliver(before: Commit | None, round_: int, *vertices: Vertex, time_ms: int = 0) -> Deliver:
    """A commit of these vertices, slots of their round."""
    references = tuple(one.reference for one in vertices)
    slots = tuple(one for one in references if one.round == round_)
    last = first_order_hash(GENESIS.chain) if before is None else before.order_hash
    time_ms += BEGIN_MS
    order_hash = next_order_hash(last, round_, slots, references, time_ms)
    return Deliver(Commit(round_, time_ms, slots, references, order_hash), vertices)


def seal(
    height: int, receipts: tuple[Receipt, ...] = (), erased: tuple[Digest, ...] = (), **writes: int
) -> Sealed:
    """A block that gives keys of the collection `c` these versions."""
    header = Header(
        GENESIS.chain, 0, height, bytes(32), height, bytes(32), BEGIN_MS, bytes(32), bytes(32), bytes(32), 0
    )
    values = tuple(
        (record_key("c", key), encode(RecordState(_version(number, height), (), 0)))
        for key, number in sorted(writes.items())
    )
    raws = tuple(encode(receipt) for receipt in receipts)
    identities = tuple(receipt.transaction for receipt in receipts)
    return Sealed(Block(header, raws, raws), header.hash, identities, (), values, erased, b"")


def _version(number: int, height: int) -> Version:
    return Version("put", number, digest("attachment", b"%d" % number), 1, "local", height, 0)


def view(number: int, height: int) -> RecordView:
    return RecordView("c", "k", number, height, 0, "local", 1, False, b"1", None)


def write(number: int, begun_us: int, ended_us: int, height: int, position: int = 0) -> tuple[Asked, Told]:
    identity = digest("transaction", b"%d" % number)
    fate = Fate(identity, "executed", height, position, "", (), False)
    return Asked(number, 0, 0, "put", begun_us, "c", ("k",)), Told("told", ended_us, fate)


def read(
    number: int, begun_us: int, ended_us: int, height: int, record: RecordView | None
) -> tuple[Asked, Told]:
    asked = Asked(number, 0, 1, "read", begun_us, "c", ("k",), is_linearizable=True)
    return asked, Told("told", ended_us, record=record, height=height)


def breaks(checker: type[Checker], story: Callable[[Bench], object], text: str) -> None:
    """The story's last act breaks the promise."""
    with pytest.raises(Violation, match=text) as caught:
        story(Bench(checker()))
    assert caught.value.promise == checker.promise


def test_every_checker_looks_at_a_promise_of_the_list() -> None:
    text = INVARIANTS.read_text(encoding="utf-8")
    assert [one.__name__ for one in CHECKERS if f"**{one.promise}" not in text] == []


def test_two_commits_of_one_round_are_no_agreement() -> None:
    def story(bench: Bench) -> None:
        bench.checker.performed(0, deliver(None, 1, vertex(0, 1)))
        bench.checker.performed(1, deliver(None, 1, vertex(0, 1)))
        bench.checker.performed(2, deliver(None, 1, vertex(1, 1)))

    breaks(Agreement, story, "member 2 orders round 1")


def test_a_commit_that_does_not_name_the_one_before_it_is_out_of_order() -> None:
    def story(bench: Bench) -> None:
        bench.checker.performed(0, deliver(None, 1, vertex(0, 1)))
        bench.checker.performed(0, deliver(None, 2, vertex(0, 2)))

    breaks(PrefixOrder, story, "does not follow that of 1")


def test_a_vertex_in_two_commits_is_ordered_twice() -> None:
    def story(bench: Bench) -> None:
        first = deliver(None, 1, vertex(0, 1))
        bench.checker.performed(0, first)
        bench.checker.performed(0, deliver(first.commit, 2, vertex(0, 1), vertex(0, 2)))

    breaks(OrderedOnce, story, "again in round 2")


def test_an_honest_twin_is_found_wherever_it_shows_up() -> None:
    def story(bench: Bench) -> None:
        bench.checker.performed(0, Persist(vertex(LIAR, 1), False))
        bench.checker.performed(0, Persist(vertex(LIAR, 1, 5), False))
        bench.checker.said(1, 0, Announced(vertex(1, 1).raw, ()))
        bench.checker.performed(2, Persist(vertex(1, 1, 5), False))

    breaks(NoTwin, story, "member 1 signs two vertices of round 1")


def test_a_vertex_that_is_not_on_disk_must_not_be_said() -> None:
    def story(bench: Bench) -> None:
        bench.safe.add(vertex(0, 1).raw)
        bench.checker.said(0, 1, Announced(vertex(0, 1).raw, ()))
        bench.checker.said(0, 1, Announced(vertex(0, 2).raw, ()))

    breaks(OnDisk, story, "vertex of round 2 before it is on disk")


def test_a_write_that_stands_before_what_had_ended_is_not_linearizable() -> None:
    def story(bench: Bench) -> None:
        for call in (write(1, 0, 10, 4), write(2, 5, 30, 3), write(3, 20, 40, 4, 1), write(4, 41, 50, 4, 0)):
            bench.checker.told(*call)

    breaks(Linearizable, story, "call 4")


def test_a_read_that_misses_what_had_ended_is_stale() -> None:
    def story(bench: Bench) -> None:
        bench.store(0, seal(1, k=1), seal(2, k=2))
        bench.checker.told(*write(1, 0, 10, 1))
        bench.checker.told(*read(2, 5, 15, 1, view(1, 1)))
        bench.checker.told(*write(3, 12, 20, 2))
        bench.checker.told(*read(4, 15, 25, 1, view(1, 1)))
        bench.checker.told(*read(5, 26, 30, 1, view(1, 1)))

    breaks(Linearizable, story, "call 5")


def test_a_read_shows_what_the_chain_says() -> None:
    def story(bench: Bench) -> None:
        bench.store(0, seal(1, k=1), seal(2, other=1))
        bench.checker.told(*read(1, 0, 5, 0, None))
        bench.checker.told(*read(2, 6, 7, 2, view(1, 1)))
        bench.checker.told(*read(3, 8, 9, 2, None))

    breaks(Linearizable, story, "call 3 read nothing")


def test_content_that_was_never_committed_to_is_not_shown() -> None:
    def story(bench: Bench) -> None:
        attachment = Attachment(bytes(32), b"the true one")
        asked, told = read(1, 0, 5, 1, view(1, 1))
        version = Version("put", 1, attachment.commitment, 12, "local", 1, 0)
        value = encode(RecordState(version, (), 0))
        bench.checker.asked(Asked(1, 0, 0, "put", 0, attachments=(attachment,)))
        block = seal(1)
        bench.store(0, Sealed(block.block, block.hash, (), (), ((record_key("c", "k"), value),), (), b""))
        bench.checker.told(asked, told)

    breaks(Linearizable, story, "call 1 read version 1")


def test_a_fate_that_the_teller_does_not_have_is_lost() -> None:
    breaks(Acknowledged, lambda bench: bench.checker.told(*write(1, 0, 1, 1)), "member 0 does not have")


def test_two_fates_of_one_transaction_are_one_too_many() -> None:
    def story(bench: Bench) -> None:
        asked, told = write(1, 0, 1, 1)
        assert told.fate is not None
        receipt = Receipt(told.fate.identity, "executed", "", (), bytes(32), ())
        bench.store(0, seal(1, (receipt,)))
        bench.checker.told(asked, told)
        bench.checker.told(*write(1, 0, 1, 2))

    breaks(Acknowledged, story, "is told as")


def test_what_was_refused_must_not_be_executed() -> None:
    def story(bench: Bench) -> None:
        attachment = Attachment(bytes(32), b"content")
        asked = Asked(1, 0, 0, "put", 0, attachments=(attachment,))
        bench.checker.asked(asked)
        bench.checker.told(asked, Told("refused", 1, error=ExpiredError("too late")))
        bench.finish()
        block = seal(1)
        bench.store(2, Sealed(block.block, block.hash, (), (attachment.commitment,), (), (), b""))
        bench.finish()

    breaks(Refused, story, "refused by all, took effect at height 1 of member 2")


def test_a_word_on_what_was_not_executed_is_a_false_one() -> None:
    def story(bench: Bench) -> None:
        bench.store(0, seal(1))
        for header in (seal(1).hash, digest("other", b"")):
            statement = Statement(GENESIS.chain, 0, 1, header, bytes(32))
            word = SignedStatement(statement, 0, KEYS[0].sign(statement.digest))
            bench.checker.performed(0, PersistStatement(word))

    breaks(Checkpoints, story, "member 0 signs height 1")


def test_an_alarm_among_honest_members_is_one() -> None:
    breaks(Checkpoints, lambda bench: bench.checker.performed(0, Alarm(3, bytes(32), 2, (1, 2))), "height 3")


def test_a_follower_misses_no_row_and_sees_none_twice() -> None:
    for places in (((1, 0), (1, 2)), ((1, 0), (1, 1), (3, 0)), ((1, 0), (1, 0))):

        def story(bench: Bench, places: tuple[tuple[int, int], ...] = places) -> None:
            for height, position in places:
                bench.checker.followed(0, EventRow(height, position, None, None, seal(height).block.header))

        breaks(Followed, story, f"row {places[-1][0]}-{places[-1][1]}")


def test_the_honest_are_not_accused() -> None:
    def story(bench: Bench) -> None:
        bench.checker.performed(0, Accuse(vertex(LIAR, 1), vertex(LIAR, 1, 5)))
        bench.checker.cut(0, LIAR, "garbage")
        bench.checker.cut(0, 1, "late")

    breaks(Guilt, story, "cuts off member 1")
    breaks(
        Guilt, lambda bench: bench.checker.performed(0, Accuse(vertex(LIAR, 1), vertex(LIAR, 2))), "nothing"
    )


def test_time_that_falls_or_is_pushed_is_noticed() -> None:
    def story(bench: Bench) -> None:
        first = deliver(None, 1, vertex(0, 1))
        bench.checker.performed(0, first)
        bench.checker.performed(0, deliver(first.commit, 2, vertex(0, 2, -10), time_ms=-10))

    breaks(LedgerTime, story, "round 2 has the time")

    def push(bench: Bench) -> None:
        hour_ms = 3_600_000
        bench.checker.performed(0, deliver(None, 1, vertex(LIAR, 1, hour_ms), time_ms=hour_ms))

    breaks(LedgerTime, push, "further ahead")


def test_erased_content_that_is_still_there_is_found() -> None:
    attachment = Attachment(b"s" * 32, b"content")

    def story(bench: Bench) -> None:
        bench.kept[0].attachments.put([attachment])
        bench.store(0, seal(1, erased=(attachment.commitment,)))

    breaks(Erasure, story, "still has it")

    def hide(bench: Bench) -> None:
        bench.checker.asked(Asked(1, 0, 0, "put", 0, attachments=(attachment,)))
        bench.kept[0].attachments.erase([attachment.commitment], 1)
        bench.store(0, seal(1, erased=(attachment.commitment,)))
        bench.safe.add(attachment.salt)
        bench.finish()

    breaks(Erasure, hide, "the journal of member 0")


def test_heads_that_differ_once_all_is_well_are_no_progress() -> None:
    def story(bench: Bench) -> None:
        bench.store(0, seal(1))
        bench.finish()
        bench.finish(is_healed=True)

    breaks(Progress, story, "the heads are")
