"""A node that is the one that is wrong knows it, and says where."""

import pytest
from structlog.testing import capture_logs

from tests.chain import CONTRACTS, Chain
from tests.unit.node.test_bounds import GENESIS, make_store
from tests.unit.node.test_fetch import Members
from tests.unit.node.together import Workers
from weft.apps.files.contract import file_key
from weft.consensus.messages import Alarm
from weft.execution.builtin.records import record_key
from weft.execution.context import state_key
from weft.execution.contract import show_key
from weft.model import message
from weft.node import compare
from weft.node.compare import Comparison
from weft.storage.memory import MemoryStore

QUORUM = (1, 2, 3)


def test_a_quorum_against_us_is_remembered_by_its_checkpoint() -> None:
    """A node that starts again holds its newest blocks against what was signed."""
    chain = Chain(GENESIS)
    for name in ("a", "other", "c"):
        chain.commit(chain.put("alice", name))
    store = make_store("a", "b", "c")
    comparison = Comparison(GENESIS, CONTRACTS, store, Members(), Workers())
    store.put_checkpoint(chain.checkpoint(1))
    comparison.check_own()
    assert comparison.divergence is None
    store.put_checkpoint(chain.checkpoint(3))
    comparison.check_own()
    assert comparison.divergence == "this node's state differs from the quorum's at height 3"


def test_a_state_that_is_wrong_throughout_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few wrong values say enough: the node does not serve, and the others find a key."""
    monkeypatch.setattr(compare, "WRONG_MAX", 3)
    store = make_store(*(f"r{number}" for number in range(40)))
    for key, value in store.state.scan(b""):
        store.state.write(41, key, value + b"!")
    comparison = Comparison(GENESIS, CONTRACTS, store, Members(), Workers())
    comparison.check_own()
    assert comparison.divergence is not None
    assert comparison.stated.state_root != store.rooted[1]
    assert len(comparison._altered) <= 3 * 3


def test_an_alarm_of_a_quorum_is_against_us() -> None:
    """One of fewer is not."""
    comparison = Comparison(GENESIS, CONTRACTS, make_store(), Members(), Workers())
    assert not comparison.is_against_us(Alarm(1, bytes(32), 2, (1, 2)))
    assert comparison.is_against_us(Alarm(1, bytes(32), 3, (1, 2, 3)))
    assert comparison.divergence is not None


class Trees(Members):
    """Members that answer from another store's tree."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__()
        self._store = store

    async def ask(self, member: int, request: message.Request) -> message.Answer:
        assert isinstance(request, message.FetchTree)
        return Comparison(GENESIS, CONTRACTS, self._store, self, Workers()).answer(request)


async def test_a_later_alarm_leaves_the_key_that_was_found() -> None:
    """And a first one without a key gives way to one that has it. Nothing is said against the others: they
    are right."""
    comparison = Comparison(
        GENESIS, CONTRACTS, make_store("a", "b", "mine"), Trees(make_store("a", "b", "theirs")), Workers()
    )
    with capture_logs() as logs:
        for height in (2, 3, 4, 5):
            alarm = Alarm(height, bytes(32), 3, QUORUM)
            assert comparison.is_against_us(alarm)
            await comparison.compare_with(alarm)
    place = "height 3, first at key records/notes/"
    assert comparison.divergence is not None
    assert place in comparison.divergence
    reasons = [event["reason"] for event in logs if event["event"] == "node.diverged"]
    assert reasons == ["this node's state differs from the quorum's at height 2", comparison.divergence]
    assert len(reasons) == len(logs)


async def test_what_differs_is_named_once_for_each_member_and_never_as_nothing() -> None:
    """One member signs another header over the same state: there is no key to name."""
    comparison = Comparison(GENESIS, CONTRACTS, make_store("a"), Trees(make_store("a")), Workers())
    with capture_logs() as logs:
        await comparison.compare_with(Alarm(1, bytes(32), 1, (1,)))
    assert [(event["event"], event["member"], "key" in event) for event in logs] == [
        ("state.differs", "node1", False)
    ]


async def test_a_member_whose_tree_is_of_another_height_names_no_key() -> None:
    """It cannot say what its state was, and every key would seem to be missing there."""
    comparison = Comparison(GENESIS, CONTRACTS, make_store("a"), Trees(make_store("a", "b")), Workers())
    assert await comparison.investigate(1, 1) is None


def test_a_key_is_shown_as_people_know_it() -> None:
    """Without the letter that tells kinds of keys apart."""
    page = (7).to_bytes(4, "big")
    shown = {
        record_key("ledger", "balance"): "records/ledger/balance",
        state_key(
            "records", b"prledger\0balance\0" + page
        ): "records/ledger/balance (earlier versions, page 7)",
        file_key(b"\x01" * 16): "files/" + "01" * 16,
        state_key("files", b"p" + b"\x01" * 16 + page): "files/" + "01" * 16 + " (earlier versions, page 7)",
        state_key("members", b"committee"): "members/committee",
        state_key("members", b"a\x02\x03"): "members/0203",
        state_key("idempotency", b"\x00\xff"): "idempotency/00ff",
        b"\xff": "\\xff/",
    }
    assert {key: show_key(CONTRACTS, key) for key in shown} == shown
