"""One value, one encoding: everything else is refused."""

import pytest

from weft.model.block import Block, Checkpoint, Header
from weft.model.call import PutRecords
from weft.model.commit import Commit
from weft.model.encoding import Natural, Record, check_scalars, decode, decode_many, encode
from weft.model.errors import EncodingError
from weft.model.genesis import Genesis
from weft.model.merkle import Proof
from weft.model.message import decode_answer, decode_item, decode_request
from weft.model.receipt import Event, Receipt
from weft.model.transaction import Transaction
from weft.model.vertex import Wire


class Pair(Record, frozen=True):
    """A record for these tests."""

    number: Natural
    text: str


KINDS = [
    Transaction,
    Wire,
    Receipt,
    Event,
    Block,
    Header,
    Checkpoint,
    Commit,
    Genesis,
    PutRecords,
    Proof,
    Pair,
]

NOTHING = [
    b"",
    b"\xc1",
    b"\xc0",
    b"\x80",
    b"\x81\x01\x02",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x00",
    b"\xd6\xff\x00\x00\x00\x00",
    b"\xcb" + bytes(8),
    b"\x91" * 100_000,
    b"\x81" * 100_000,
]
"""Torn, empty, of other types, nested without end, with lengths that are not there."""


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 65_535, 65_536])
def test_decoding_many_answers_as_decoding_one_by_one(count: int) -> None:
    """However long the head of an array of so many is."""
    pairs = [Pair(number, "x") for number in range(count)]
    assert decode_many(Pair, [encode(pair) for pair in pairs]) == pairs


@pytest.mark.parametrize(
    "odd",
    [
        [b"\x92\xcc\x01\xa1x"],
        [b"\x93\x01\xa1x\x02"],
        [b"\xdc\x00\x02\x01\xa1x"],
        [b"\x92\x01", b"\xa1x"],
        [b"\x92\x01\xa1x\x92", b"\x01\xa1x"],
        [b"\x92\x01\xd9\x01x", b"\x92\x01\xa1x"],
        [b""],
        [b"\x92\x01\xa1x\x92\x01\xa1x"],
    ],
)
def test_among_many_no_second_spelling_slips_through(odd: list[bytes]) -> None:
    """Longer than need be, with more fields, cut where another begins: as if each came alone."""
    good = encode(Pair(1, "x"))
    for many in (odd, [good, *odd], [*odd, good], [good] * 20 + odd + [good] * 20):
        with pytest.raises(EncodingError):
            decode_many(Pair, many)


def test_a_record_is_an_array_of_its_fields() -> None:
    """In the order written, in MessagePack's shortest form."""
    assert encode(Pair(1, "a")) == b"\x92\x01\xa1a"
    assert decode(Pair, b"\x92\x01\xa1a") == Pair(1, "a")


@pytest.mark.parametrize(
    "raw",
    [
        b"\x92\xcc\x01\xa1a",
        b"\x92\xcd\x00\x01\xa1a",
        b"\x92\xd0\x01\xa1a",
        b"\x92\x01\xd9\x01a",
        b"\xdc\x00\x02\x01\xa1a",
        b"\xdd\x00\x00\x00\x02\x01\xa1a",
    ],
)
def test_a_longer_spelling_of_a_value_is_refused(raw: bytes) -> None:
    """Though a MessagePack decoder would read it."""
    with pytest.raises(EncodingError, match="shortest"):
        decode(Pair, raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x93\x01\xa1a\xc0",
        b"\x91\x01",
        b"\x92\x01\xa1a\x00",
        b"\x92\xff\xa1a",
        b"\x92\xcf" + b"\xff" * 8 + b"\xa1a",
        b"\x92\xcb?\xf0" + bytes(6) + b"\xa1a",
        b"\x92\x01\xc4\x01a",
        b"\x92\x01\xa1\xff",
        b"\x92\x01\xa3\xed\xa0\x80",
        b"\x92\xc2\xa1a",
        b"\x82\x00\x01\x01\xa1a",
    ],
)
def test_other_values_are_refused(raw: bytes) -> None:
    """Too many fields, too few, bytes left over, numbers out of range, floats, bad UTF-8, truth, maps."""
    with pytest.raises(EncodingError):
        decode(Pair, raw)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_bytes_are_refused_by_every_record(kind: type) -> None:
    """Alone, and in the place of each field."""
    for raw in NOTHING:
        for before in (b"", *(bytes((0x90 + count,)) for count in range(1, 13))):
            with pytest.raises(EncodingError):
                decode(kind, before + raw)


def test_hostile_bytes_are_refused_as_messages() -> None:
    """Pushed, asked and answered."""
    for raw in (*NOTHING, b"\x91\xa6Nobody", b"\x92\xa7Refused\xff", encode(("Refused", "why", 1))):
        for read in (decode_item, decode_request, decode_answer):
            with pytest.raises(EncodingError):
                read(raw)


@pytest.mark.parametrize("value", [1.5, [1], {"a": 1}, (1,)])
def test_only_scalars_may_be_named(value: object) -> None:
    """An event with anything else can neither be made nor read."""
    with pytest.raises(TypeError):
        check_scalars((("name", value),))  # type: ignore[arg-type]
    raw = encode(("records", "record.put", (("name", value),)))
    with pytest.raises(EncodingError):
        decode(Event, raw)


def test_every_scalar_may_be_named() -> None:
    """And comes back as what it was."""
    event = Event(
        "a", "b", (("a", "text"), ("b", b"bytes"), ("c", 2**63), ("d", -1), ("e", True), ("f", None))
    )
    assert decode(Event, encode(event)) == event
