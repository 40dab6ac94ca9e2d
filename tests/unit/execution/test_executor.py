"""What a commit does to the ledger, transaction by transaction."""

import os
import subprocess
import sys

import pytest

from tests.chain import BEGIN_MS, CONTRACTS, HOUR_MS, Chain, MemoryState, make_genesis
from weft.execution.builtin.records import find_record
from weft.execution.contract import WRITERS, Call, Context, Contract
from weft.execution.executor import execute, found
from weft.model.call import PutRecords, RecordItem
from weft.model.receipt import Named, decode_receipt, digest_writes
from weft.model.transaction import identity_of


def test_each_transaction_leaves_a_receipt_in_order() -> None:
    """Identity, status and result stand in the receipts, in the order of the commit."""
    chain = Chain()
    first, second = chain.put("ann", "a"), chain.put("bob", "a")
    outcome = chain.commit(first, second)
    assert outcome.transactions == (first, second)
    assert outcome.identities == (identity_of(first), identity_of(second))
    receipts = [decode_receipt(raw) for raw in outcome.receipts]
    assert [receipt.result for receipt in receipts] == [(("version", 1),), (("version", 2),)]
    assert [receipt.status for receipt in receipts] == ["executed", "executed"]


def test_a_transaction_that_fails_changes_nothing_else() -> None:
    """The second item of a batch is refused: the first one's writes, events and result are gone too."""
    chain = Chain()
    items = (RecordItem("notes", "good", 0, None), RecordItem("notes", "bad", 1, 7))
    bad = chain.sign("ann", "records", "put", PutRecords(items), b"{}", b"[]")
    outcome = chain.commit(bad)
    receipt = decode_receipt(outcome.receipts[0])
    assert (receipt.status, receipt.code) == ("failed", "records.version")
    assert (receipt.events, receipt.writes) == ((), digest_writes(()))
    assert (outcome.writes, outcome.erased) == ((), ())


def test_a_receipt_covers_the_writes_of_its_transaction() -> None:
    """With the transaction alone in its commit, they are the commit's."""
    chain = Chain()
    outcome = chain.commit(chain.put("ann", "a"))
    assert decode_receipt(outcome.receipts[0]).writes == digest_writes(outcome.writes)


def test_the_same_transaction_again_leaves_nothing() -> None:
    """Neither twice in one commit nor again in a later one."""
    chain = Chain()
    raw = chain.put("ann", "a")
    first = chain.commit(raw, raw)
    again = chain.commit(raw)
    assert first.passed_over == again.passed_over == ((identity_of(raw), "known"),)
    assert (len(first.receipts), len(again.receipts)) == (1, 0)
    assert chain.head.height == 1


@pytest.mark.parametrize(
    ("ahead_ms", "reason"),
    [(10, "expired"), (11, None), (10 + 24 * HOUR_MS, None), (11 + 24 * HOUR_MS, "too-far")],
)
def test_expiry_counts_from_the_time_of_the_commit(ahead_ms: int, reason: str | None) -> None:
    """It must lie after it, by 24 hours at the most."""
    chain = Chain()
    raw = chain.put("ann", "a", expires_ms=BEGIN_MS + ahead_ms)
    outcome = chain.commit(raw, after_ms=10)
    assert outcome.passed_over == (((identity_of(raw), reason),) if reason else ())
    assert len(outcome.receipts) == (reason is None)


def test_what_nobody_declared_cannot_be_called() -> None:
    """Unknown contracts, unknown calls and arguments of another form each fail with their code."""
    chain = Chain()
    receipts = chain.run(
        chain.sign("ann", "poems", "put", b""),
        chain.sign("ann", "records", "burn", b""),
        chain.sign("ann", "records", "put", b"\x90"),
        chain.sign("ann", "records", "put", b"\xff"),
    )
    codes = ["contract.unknown", "call.unknown", "arguments.invalid", "arguments.invalid"]
    assert [receipt.code for receipt in receipts] == codes


def test_arguments_that_are_not_in_shortest_form_are_refused() -> None:
    """A second spelling of the same arguments would be a second meaning of the same signature."""
    chain = Chain()
    honest = b"\x91\x91\x94\xa5notes\xa1a\x00\xc0"
    longer = b"\x91\x91\x94\xa5notes\xd9\x01a\x00\xc0"
    executed = chain.run(chain.sign("ann", "records", "put", honest, b"{}"))
    refused = chain.run(chain.sign("ann", "records", "put", longer, b"{}"))
    assert (executed[0].code, refused[0].code) == ("", "arguments.invalid")


def test_a_bug_in_a_contract_stops_the_node() -> None:
    """A node that guessed what the transaction should have done would diverge."""

    def stumble(context: Context, arguments: object) -> Named:
        raise ZeroDivisionError

    chain = Chain()
    broken = {"records": Contract("records", {"put": Call(PutRecords, WRITERS, stumble)})}
    with pytest.raises(ZeroDivisionError):
        execute(
            chain.genesis,
            broken,
            MemoryState(),
            lambda _: False,
            lambda _: False,
            1,
            BEGIN_MS,
            [chain.put("ann", "a")],
        )


def test_commits_stack_before_they_are_stored() -> None:
    """The second commit sees what the first one wrote, though the state below holds neither."""
    chain, state = Chain(), MemoryState()
    state.apply(found(chain.genesis, CONTRACTS))
    known, used = chain.is_known, chain.used.__contains__
    raws = [chain.put("ann", "a")], [chain.put("bob", "a")]
    first = execute(chain.genesis, CONTRACTS, state, known, used, 1, BEGIN_MS, raws[0])
    second = execute(chain.genesis, CONTRACTS, first.state, known, used, 2, BEGIN_MS, raws[1])
    held = find_record(second.state, "notes", "a")
    assert held is not None
    assert (held.newest.number, held.newest.height) == (2, 2)
    assert find_record(state, "notes", "a") is None


def test_gateways_of_an_open_network_are_one_owner() -> None:
    """There the owner is `local`; in a closed network each gateway has its own name."""
    for is_open, owners in ((True, 1), (False, 2)):
        chain = Chain(make_genesis(is_open, g0="gateway", g1="gateway"))
        receipts = chain.run(chain.put("g0", "a"), chain.put("g1", "b"))
        authors = {dict(receipt.events[0].data)["author"] for receipt in receipts}
        assert len(authors) == owners
        assert ("local" in authors) == is_open


STORY = """
from tests.chain import Chain, make_genesis
chain = Chain(make_genesis(gate="gateway", ann="writer", admin="administrator"))
for number in range(6):
    for name in ("ann", "gate"):
        chain.commit(*(chain.put(name, str(key), wish=(f"{number}{key}", "x")) for key in range(9)))
chain.commit(chain.remove("ann", "erase", "3"), chain.remove("gate", "delete", "4"), rounds=200)
print(chain.head.hash.hex(), chain.roots[-1].hex())
"""


def test_every_process_comes_to_the_same_roots() -> None:
    """Another seed for hashing strings changes nothing."""
    answers = set()
    for seed in ("0", "1", "4242"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        run = subprocess.run(
            [sys.executable, "-c", STORY], env=environment, capture_output=True, text=True, check=True
        )
        answers.add(run.stdout)
    assert len(answers) == 1
