"""Receipts, and the sentences for those that failed."""

import string

from weft.model.encoding import decode, encode
from weft.model.failure import REFUSALS, Failure, explain
from weft.model.receipt import Event, Receipt, decode_receipt, digest_writes


def test_a_receipt_comes_back_from_its_bytes() -> None:
    """With text and bytes among the values of its events."""
    event = Event("files", "file.created", (("id", bytes(16)), ("owner", "local"), ("version", 1)))
    receipt = Receipt(bytes(32), "executed", "", (("id", bytes(16)),), digest_writes(()), (event,))
    assert decode_receipt(encode(receipt)) == receipt
    assert decode(Event, encode(event)) == event


def test_the_digest_of_writes_binds_keys_values_and_deletions() -> None:
    """An empty value is not a deletion."""
    writes = [(), ((b"a", b"1"),), ((b"b", b"1"),), ((b"a", b"2"),), ((b"a", b""),), ((b"a", None),)]
    assert len({digest_writes(one) for one in writes}) == len(writes)


def test_every_refusal_can_be_explained_with_its_values() -> None:
    """Each brace of a sentence is filled from the receipt."""
    for code, refusal in REFUSALS.items():
        fields = [name for _, name, _, _ in string.Formatter().parse(refusal.sentence) if name]
        sentence = explain(code, tuple((name, b"\xab") for name in fields))
        assert "{" not in sentence
        assert sentence.count("ab") >= len(fields)
        assert refusal.fix.endswith(".")


def test_an_unknown_code_is_its_own_explanation() -> None:
    """A newer contract may know more than this program."""
    assert explain("poems.rhyme", ()) == "poems.rhyme"


def test_a_failure_carries_its_code_and_values() -> None:
    """As a contract raised it."""
    failure = Failure("files.missing", (("id", bytes(16)),))
    assert (failure.code, failure.values) == ("files.missing", (("id", bytes(16)),))
