"""Every value comes back from its bytes, and every other byte string is another value or none."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.model.block import Block, Checkpoint, Header, Statement
from weft.model.call import CreateFile, PutRecords, SetRole, ShareFile, UpdateFile
from weft.model.commit import Commit
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError
from weft.model.genesis import Genesis
from weft.model.merkle import Proof
from weft.model.message import Announced, Opening, Told, Tree, Vertices
from weft.model.proof import FileProof, StateProof, TransactionProof
from weft.model.receipt import Event, Receipt
from weft.model.transaction import Attachment, Transaction
from weft.model.vertex import Reference, Wire

KINDS = [
    *(Transaction, Attachment, Wire, Reference, Commit, Header, Block, Statement, Checkpoint, Genesis),
    *(PutRecords, CreateFile, UpdateFile, ShareFile, SetRole, Proof, TransactionProof, FileProof, StateProof),
    *(Opening, Announced, Vertices, Told, Tree),
]


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type, within the bounds that its annotations set."""
    return _values(msgspec.inspect.type_info(kind))


def _values(info: Any) -> st.SearchStrategy[Any]:
    match info:
        case msgspec.inspect.StructType(cls=cls, fields=fields):
            parts = [_values(field.type) for field in fields]
            return st.tuples(*parts).map(lambda values: cls(*values))
        case msgspec.inspect.VarTupleType(item_type=item):
            return st.lists(_values(item), max_size=3).map(tuple)
        case msgspec.inspect.TupleType(item_types=items):
            return st.tuples(*(_values(item) for item in items))
        case msgspec.inspect.BytesType(min_length=least, max_length=most):
            return st.binary(min_size=least or 0, max_size=20 if most is None else most)
        case msgspec.inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern, fullmatch=True)
        case msgspec.inspect.StrType(min_length=least, max_length=most):
            return st.text(min_size=least or 0, max_size=20 if most is None else most)
        case msgspec.inspect.IntType(ge=least, le=most):
            return st.integers(-(2**63) if least is None else least, 2**64 - 1 if most is None else most)
        case msgspec.inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case msgspec.inspect.UnionType(types=types):
            return st.one_of(*(_values(one) for one in types))
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.NoneType():
            return st.none()
    raise NotImplementedError(info)


scalars = st.one_of(st.text(), st.binary(), st.booleans(), st.none(), st.integers(-(2**63), 2**64 - 1))
named = st.lists(st.tuples(st.text(), scalars), max_size=4).map(tuple)
digests = st.binary(min_size=32, max_size=32)
events = st.builds(Event, st.text(), st.text(), named)
receipts = st.builds(
    Receipt,
    digests,
    st.sampled_from(["executed", "failed"]),
    st.text(),
    named,
    digests,
    st.lists(events, max_size=3).map(tuple),
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25)
@given(st.data())
def test_a_value_comes_back_from_its_bytes(kind: Any, data: st.DataObject) -> None:
    """For every record that is sent, stored or signed."""
    value = data.draw(values_of(kind))
    assert decode(kind, encode(value)) == value


@given(receipts)
def test_a_receipt_comes_back_from_its_bytes(receipt: Receipt) -> None:
    """Whatever scalars its result and events hold."""
    raw = encode(receipt)
    assert encode(decode(Receipt, raw)) == raw


@given(receipts, st.data())
def test_a_changed_byte_is_another_value_or_none(receipt: Receipt, data: st.DataObject) -> None:
    """No two byte strings are one receipt."""
    raw = encode(receipt)
    place = data.draw(st.integers(0, len(raw) - 1))
    changed = raw[:place] + bytes((raw[place] ^ data.draw(st.integers(1, 255)),)) + raw[place + 1 :]
    try:
        assert encode(decode(Receipt, changed)) == changed
    except EncodingError:
        return


@given(st.sampled_from([*KINDS, Event, Receipt]), st.binary(max_size=80))
def test_arbitrary_bytes_are_a_value_or_refused(kind: Any, raw: bytes) -> None:
    """Never another exception, and never a value with other bytes."""
    try:
        value = decode(kind, raw)
    except EncodingError:
        return
    assert encode(value) == raw
