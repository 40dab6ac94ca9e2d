"""genesis.json: what people read and copy is the same value, strictly."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from weft.model.committee import Member
from weft.model.errors import GenesisError
from weft.model.genesis import Account, Genesis, format_genesis, parse_genesis
from weft.model.keys import ED25519, SECP256K1, PrivateKey
from weft.model.limits import Limits

KEYS = [PrivateKey(ED25519, bytes([number]) * 32).public for number in range(1, 5)]
GENESIS = Genesis(
    version=1,
    name="näme",
    created_ms=1,
    fault_model="byzantine",
    members=tuple(Member(f"m{place}", key.key, place + 1) for place, key in enumerate(KEYS)),
    limits=Limits(depth=300, slots_per_round=2),
    is_open=False,
    accounts=(
        Account(KEYS[0], "gateway"),
        Account(PrivateKey(SECP256K1, b"\1" * 32).public, "administrator"),
    ),
)


def test_a_genesis_comes_back_from_its_text() -> None:
    """So the chain is the same for whoever copied the file."""
    assert parse_genesis(format_genesis(GENESIS)) == GENESIS
    assert parse_genesis(format_genesis(GENESIS)).chain == GENESIS.chain


def test_the_order_and_spacing_of_the_text_do_not_matter() -> None:
    """An editor that reformats the file does not make another chain; the order of members does."""
    fields = json.loads(format_genesis(GENESIS))
    assert parse_genesis(json.dumps(dict(reversed(fields.items())))).chain == GENESIS.chain
    fields["members"].reverse()
    assert parse_genesis(json.dumps(fields)).chain != GENESIS.chain


CHANGES: list[tuple[str, Callable[[Any], object]]] = [
    ("a member's weight is 0", lambda one: one["members"][0].update(weight=0)),
    ("a weight is text", lambda one: one["members"][0].update(weight="1")),
    ("a member's key is short", lambda one: one["members"][0].update(key="00")),
    ("a key is not hex", lambda one: one["members"][0].update(key="zz" * 32)),
    ("a member has one field more", lambda one: one["members"][0].update(url="x")),
    ("two members have one name", lambda one: one["members"][0].update(name="m1")),
    ("nobody is a member", lambda one: one.update(members=[])),
    ("a limit is missing", lambda one: one["limits"].pop("depth")),
    ("a limit is unknown", lambda one: one["limits"].update(deep=1)),
    ("a limit is negative", lambda one: one["limits"].update(depth=-1)),
    ("a limit is beyond 64 bits", lambda one: one["limits"].update(depth=2**64)),
    ("limits contradict each other", lambda one: one["limits"].update(batch_bytes_max=1)),
    ("a field is missing", lambda one: one.pop("is_open")),
    ("a field is unknown", lambda one: one.update(extra=1)),
    ("the version is another", lambda one: one.update(version=2)),
    ("the fault model is unknown", lambda one: one.update(fault_model="none")),
    ("a role is unknown", lambda one: one["accounts"][0].update(role="king")),
    ("a curve is unknown", lambda one: one["accounts"][0].update(curve="p256")),
    ("an account's key is of another curve", lambda one: one["accounts"][0].update(curve="secp256k1")),
    ("an account is there twice", lambda one: one["accounts"].append(one["accounts"][0])),
]


@pytest.mark.parametrize("change", [change for _, change in CHANGES], ids=[name for name, _ in CHANGES])
def test_a_genesis_that_is_not_exactly_one_is_refused(change: Callable[[Any], object]) -> None:
    """Nothing is guessed, filled in or passed over."""
    fields = json.loads(format_genesis(GENESIS))
    change(fields)
    with pytest.raises(GenesisError):
        parse_genesis(json.dumps(fields))


@pytest.mark.parametrize("text", ["", "[]", "{", b"\xff"])
def test_what_is_no_json_object_is_refused(text: str | bytes) -> None:
    """Also bytes that are no text."""
    with pytest.raises(GenesisError):
        parse_genesis(text)
