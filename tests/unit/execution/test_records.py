"""The contract `records`."""

import pytest

from tests.chain import Chain, attachment, key, make_genesis
from weft.execution.builtin import records
from weft.execution.version import PAGE
from weft.model.call import PutRecords, RecordItem
from weft.model.receipt import Receipt


def history(chain: Chain, key: str = "a") -> list[tuple[str, int, int]]:
    found = records.read_history(chain.state, "notes", key)
    return [(version.kind, version.number, version.height) for version in found]


def batch(chain: Chain, *items: RecordItem, contents: int) -> Receipt:
    given = [b"%d" % number for number in range(contents)]
    return chain.run(chain.sign("ann", "records", "put", PutRecords(items), *given))[0]


def test_versions_count_from_one() -> None:
    """The state names the newest: commitment, size, owner, height and ledger time."""
    chain = Chain()
    document = attachment(b'{"n":2}')
    chain.commit(chain.put("ann", "a"))
    chain.commit(chain.put("bob", "a", document))
    held = records.find_record(chain.state, "notes", "a")
    assert held is not None
    owner = key("bob").public.address.hex()
    assert held.newest == records.Version("put", 2, document.commitment, 7, owner, 2, chain.time_ms)


def test_every_version_is_in_the_history_even_of_one_block() -> None:
    """The block's net effect holds only the last of three writes, the value remembers all."""
    chain = Chain()
    chain.commit(*(chain.put("ann", "a") for _ in range(3)))
    chain.commit(chain.put("ann", "a"))
    assert history(chain) == [("put", 4, 2), ("put", 3, 1), ("put", 2, 1), ("put", 1, 1)]


def test_a_history_of_many_pages_is_whole_and_its_value_small() -> None:
    """However often a record is written, its value holds no more than a page of versions."""
    chain = Chain()
    for _ in range(5):
        chain.commit(*(chain.put("ann", "a") for _ in range(PAGE)))
    assert [number for _, number, _ in history(chain)] == list(range(5 * PAGE, 0, -1))
    held = records.find_record(chain.state, "notes", "a")
    assert held is not None
    assert len(held.earlier) < PAGE


def test_a_deletion_hides_and_takes_no_number() -> None:
    """The history stays, and the next document counts on."""
    chain = Chain()
    chain.commit(chain.put("ann", "a"))
    chain.commit(chain.remove("ann", "delete", "a"))
    assert records.list_records(chain.state, "notes", None, 10) == []
    chain.commit(chain.put("ann", "a"))
    assert history(chain) == [("put", 2, 3), ("deleted", 1, 2), ("put", 1, 1)]
    assert chain.erased == []


def test_an_erasure_destroys_all_versions_ever_written() -> None:
    """Those behind deletions and in pages too; afterwards versions go on."""
    chain, documents = Chain(), [attachment(b"%d" % number) for number in range(2 * PAGE + 3)]
    for document in documents:
        chain.commit(chain.put("ann", "a", document))
    chain.commit(chain.remove("ann", "delete", "a"))
    keys_before = len(chain.state.values)
    chain.commit(chain.remove("ann", "erase", "a"))
    assert sorted(chain.erased) == sorted(document.commitment for document in documents)
    assert len(chain.state.values) == keys_before - 2
    chain.commit(chain.put("ann", "a"))
    count = len(documents)
    assert history(chain) == [("put", count + 1, count + 3), ("erased", count, count + 2)]


def test_an_erasure_after_an_erasure_destroys_what_came_since() -> None:
    """No commitment is named twice."""
    chain, later = Chain(), attachment(b"later")
    chain.commit(chain.put("ann", "a"), chain.remove("ann", "erase", "a"))
    before = len(chain.erased)
    chain.commit(chain.put("ann", "a", later), chain.remove("ann", "erase", "a"))
    assert chain.erased[before:] == [later.commitment]


def test_what_is_not_there_can_be_neither_deleted_nor_erased() -> None:
    """Never written, deleted, erased: each says so."""
    chain = Chain()
    receipts = chain.run(
        chain.remove("ann", "delete", "a"),
        chain.remove("ann", "erase", "a"),
        chain.put("ann", "a"),
        chain.remove("ann", "delete", "a"),
        chain.remove("ann", "delete", "a"),
        chain.remove("ann", "erase", "a"),
        chain.remove("ann", "erase", "a"),
    )
    missing = "records.missing"
    assert [receipt.code for receipt in receipts] == [missing, missing, "", "", missing, "", missing]


@pytest.mark.parametrize(
    ("expected", "is_met"), [(None, True), (0, False), (1, False), (2, True), (3, False)]
)
def test_a_conditional_write_takes_effect_on_that_version_only(expected: int | None, is_met: bool) -> None:
    """The refusal carries the version that is there."""
    for call in ("put", "delete", "erase"):
        chain = Chain()
        chain.commit(chain.put("ann", "a"), chain.put("ann", "a"))
        if call == "put":
            receipt = chain.run(chain.put("bob", "a", expected=expected))[0]
        else:
            receipt = chain.run(chain.remove("bob", call, "a", expected))[0]
        assert receipt.code == ("" if is_met else "records.version")
        assert is_met or dict(receipt.result)["version"] == 2


def test_a_hidden_record_counts_as_nothing_for_a_condition() -> None:
    """`If-None-Match: *` holds after a deletion, the old version does not."""
    chain = Chain()
    chain.commit(chain.put("ann", "a"), chain.remove("ann", "delete", "a"))
    receipts = chain.run(chain.put("ann", "a", expected=1), chain.put("ann", "a", expected=0))
    assert [receipt.code for receipt in receipts] == ["records.version", ""]


def test_one_record_written_everywhere_at_once_has_one_order() -> None:
    """Of many who say `there must be nothing`, one is first."""
    chain = Chain()
    receipts = chain.run(*(chain.put(f"node{n % 4}", "a", expected=0) for n in range(100)))
    assert [receipt.status for receipt in receipts] == ["executed"] + 99 * ["failed"]


@pytest.mark.parametrize(
    ("collection", "record", "is_allowed"),
    [
        ("notes", "a", True),
        ("0.a_b-c", "Grüße, Welt", True),
        ("n" * 64, "ä" * 128, True),
        ("n" * 65, "a", False),
        ("", "a", False),
        ("Notes", "a", False),
        ("-notes", "a", False),
        ("notes\n", "a", False),
        ("notes", "", False),
        ("notes", "ä" * 128 + "a", False),
        ("notes", "a/b", False),
        ("notes", "a\x00", False),
        ("notes", "a\n", False),
        ("notes", "a\x7f", False),
        ("notes", "\x85", False),
        ("notes", ".", False),
        ("notes", "..", False),
        ("notes", "...", True),
        ("notes", ".a", True),
    ],
)
def test_collections_and_keys_are_bounded(collection: str, record: str, is_allowed: bool) -> None:
    """What is allowed can be found again under its name, what is not is refused."""
    chain = Chain()
    receipt = chain.run(chain.put("ann", record, collection=collection))[0]
    assert receipt.code == ("" if is_allowed else "records.name")
    assert (records.find_record(chain.state, collection, record) is not None) == is_allowed


def test_a_batch_has_one_to_five_hundred_items() -> None:
    """Each names an attachment of its own."""
    chain = Chain()
    items = tuple(RecordItem("notes", f"{number:03}", number, None) for number in range(501))
    assert batch(chain, contents=0).code == "records.count"
    assert batch(chain, *items, contents=501).code == "records.count"
    assert batch(chain, *items[:500], contents=500).result == (("count", 500),)
    assert len(records.list_records(chain.state, "notes", None, 1000)) == 500


@pytest.mark.parametrize("attachments", [(0, 0), (0, 2), (1, 2), (0,)])
def test_every_attachment_is_named_exactly_once(attachments: tuple[int, ...]) -> None:
    """Content that two records shared would be gone from both when one is erased."""
    chain = Chain()
    items = (RecordItem("notes", f"{place}", number, None) for place, number in enumerate(attachments))
    assert batch(chain, *items, contents=2).code == "attachments.mismatch"


def test_a_collection_lists_its_keys_in_order_and_no_others() -> None:
    """Page by page, without those that are deleted, whatever the collection next to it is called."""
    chain = Chain()
    names = ["b", "a", "aa", "é", "c"]
    chain.commit(*(chain.put("ann", name) for name in names), chain.put("ann", "x", collection="notes.b"))
    chain.commit(chain.remove("ann", "delete", "aa"), chain.put("ann", "y", collection="note"))
    first = records.list_records(chain.state, "notes", None, 2)
    rest = records.list_records(chain.state, "notes", first[-1][0], 10)
    assert [key for key, _ in first + rest] == ["a", "b", "c", "é"]
    assert [key for key, _ in records.list_records(chain.state, "notes", None, 1)] == ["a"]


def test_what_happened_is_announced_without_content() -> None:
    """The events name the record and the version, and the receipt its number."""
    chain = Chain(make_genesis(gate="gateway"))
    receipts = chain.run(
        chain.put("gate", "a"), chain.remove("gate", "delete", "a"), chain.remove("gate", "erase", "a")
    )
    events = [receipt.events[0] for receipt in receipts]
    assert [event.type for event in events] == ["record.put", "record.deleted", "record.erased"]
    shown = {"collection": "notes", "key": "a", "version": 1, "author": "local"}
    assert [dict(event.data) for event in events] == [shown | {"size": 2}, shown, shown]


def test_only_writers_write_in_a_closed_network() -> None:
    """Readers, auditors and strangers are refused; gateways and administrators write."""
    roles = {"ann": "administrator", "bob": "writer", "gate": "gateway", "eve": "reader", "dan": "auditor"}
    chain = Chain(make_genesis(False, **roles))  # type: ignore[arg-type]
    receipts = chain.run(*(chain.put(name, name) for name in (*roles, "stranger")))
    assert [receipt.code for receipt in receipts] == ["", "", ""] + 3 * ["access.forbidden"]
