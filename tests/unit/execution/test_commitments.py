"""A commitment belongs to one transaction: whoever states it again is refused."""

import pytest

from tests.chain import BEGIN_MS, Chain, attachment, make_genesis
from weft.execution.builtin.records import find_record
from weft.model.call import PutRecords, RecordItem
from weft.model.receipt import Receipt, decode_receipt, digest_writes
from weft.model.transaction import Attachment, identity_of

POEM = attachment(b'"a poem"')
BOTH = PutRecords((RecordItem("notes", "a", 0, None), RecordItem("notes", "b", 1, None)))


def put_two(chain: Chain, first: Attachment, second: Attachment) -> bytes:
    """A transaction that states two attachments."""
    return chain.sign("ann", "records", "put", BOTH, first, second)


def assert_used(receipt: Receipt, given: Attachment = POEM) -> None:
    """It failed for this commitment, and left nothing but itself."""
    assert (receipt.status, receipt.code) == ("failed", "attachments.used")
    assert dict(receipt.result) == {"commitment": given.commitment}
    assert (receipt.writes, receipt.events) == (digest_writes(()), ())


@pytest.mark.parametrize("is_together", [True, False])
def test_a_commitment_that_was_executed_cannot_be_stated_again(is_together: bool) -> None:
    """Neither in the same commit nor in a later one, by nobody, also not by who stated it first."""
    chain = Chain()
    raws = [chain.put("ann", "a", POEM), chain.put("mallory", "m", POEM), chain.put("ann", "b", POEM)]
    outcomes = [chain.commit(*raws)] if is_together else [chain.commit(raw) for raw in raws]
    first, *others = [decode_receipt(raw) for outcome in outcomes for raw in outcome.receipts]
    assert first.status == "executed"
    for receipt in others:
        assert_used(receipt)
    assert [one for outcome in outcomes for one in outcome.commitments] == [POEM.commitment]
    assert find_record(chain.state, "notes", "m") is None


def test_who_erases_their_own_destroys_nobody_elses() -> None:
    """The record that would have shared the first one's end was never written."""
    chain = Chain()
    chain.commit(chain.put("ann", "a", POEM))
    chain.commit(chain.put("mallory", "m", POEM))
    chain.commit(put_two(chain, POEM, attachment(b"{}")))
    receipts = chain.run(*(chain.remove("mallory", "erase", key) for key in ("m", "b")))
    assert [receipt.code for receipt in receipts] == ["records.missing"] * 2
    assert chain.erased == []


def test_what_was_erased_cannot_come_back() -> None:
    """Under its old commitment, that is; the content may, with fresh salt."""
    chain = Chain()
    chain.commit(chain.put("ann", "a", POEM))
    chain.commit(chain.remove("ann", "erase", "a"))
    (again, anew) = chain.run(chain.put("ann", "a", POEM), chain.put("ann", "a", POEM.content))
    assert_used(again)
    assert anew.status == "executed"


def test_a_commitment_stated_twice_in_one_transaction_is_refused() -> None:
    """Although no other states it."""
    chain = Chain()
    (receipt,) = chain.run(put_two(chain, POEM, POEM))
    assert_used(receipt)


def test_a_transaction_that_failed_takes_no_commitment() -> None:
    """Not even that of its first item; the next one to state it may."""
    chain = Chain()
    items = PutRecords((RecordItem("notes", "a", 0, None), RecordItem("notes", "b", 1, 7)))
    raw = chain.sign("ann", "records", "put", items, POEM, attachment(b"{}"))
    failed = chain.commit(raw)
    assert (failed.commitments, failed.void) == ((), (POEM.commitment, attachment(b"{}").commitment))
    taken = chain.commit(chain.put("bob", "a", POEM))
    assert (taken.commitments, taken.void) == ((POEM.commitment,), ())


def test_the_same_transaction_again_is_known_before_its_commitments_are_looked_at() -> None:
    """So who sends again is told what became of the first."""
    chain = Chain()
    raw = chain.put("ann", "a", POEM)
    assert decode_receipt(chain.commit(raw, raw).receipts[0]).status == "executed"
    outcome = chain.commit(raw)
    assert outcome.passed_over == ((identity_of(raw), "known"),)
    assert (outcome.receipts, outcome.void) == ((), ())


def test_what_expired_is_void() -> None:
    """As is what lies too far ahead."""
    chain = Chain()
    late = chain.put("ann", "a", POEM, expires_ms=BEGIN_MS)
    early = chain.put("ann", "a", attachment(b"{}"), expires_ms=BEGIN_MS * 2)
    outcome = chain.commit(late, early)
    assert outcome.void == (POEM.commitment, attachment(b"{}").commitment)


def test_a_wish_that_is_repeated_is_told_so_first() -> None:
    """Then a stated commitment, then arguments: the order of the codes is part of the ledger."""
    chain = Chain(make_genesis(gate="gateway"))
    chain.commit(chain.put("gate", "a", POEM, wish=("key", "x")))
    repeated, used = chain.run(
        chain.put("gate", "a", POEM, wish=("key", "x")), chain.sign("ann", "records", "put", b"\xff", POEM)
    )
    assert repeated.code == "idempotency.repeated"
    assert_used(used)
