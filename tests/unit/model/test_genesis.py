"""What a chain starts from, and its bounds."""

from typing import Any

import msgspec
import pytest

from tests.chain import key, make_genesis
from weft.model.encoding import decode, encode
from weft.model.errors import GenesisError
from weft.model.genesis import Account, Genesis
from weft.model.keys import SECP256K1, PublicKey
from weft.model.limits import KIB, LOCAL, MIB, Limits

GOOD = make_genesis(ann="administrator")


def changed(**fields: Any) -> Genesis:
    return msgspec.structs.replace(GOOD, **fields)


def test_the_chain_is_the_digest_of_every_field() -> None:
    """A genesis that differs anywhere is another chain."""
    others = [
        changed(name="other"),
        changed(created_ms=1),
        changed(fault_model="crash"),
        changed(members=GOOD.members[:3]),
        changed(limits=Limits(depth=300)),
        changed(is_open=False),
        changed(accounts=()),
    ]
    assert len({one.chain for one in (GOOD, *others)}) == 8
    assert decode(Genesis, encode(GOOD)) == GOOD


def test_a_well_formed_genesis_is_taken() -> None:
    """With both fault models, from one member to 128."""
    GOOD.check()
    for members in (1, 3, 128):
        make_genesis(members=members, fault_model="crash").check()


@pytest.mark.parametrize(
    "genesis",
    [
        changed(version=2),
        changed(members=()),
        changed(members=GOOD.members[:1] * 2),
        changed(members=make_genesis(members=129).members),
        changed(limits=Limits(slots_per_round=5)),
        changed(accounts=GOOD.accounts * 2),
        changed(accounts=(Account(PublicKey(SECP256K1, bytes(32)), "writer"),)),
        changed(accounts=(Account(PublicKey(7, key("ann").public.key), "writer"),)),
    ],
)
def test_a_genesis_whose_parts_do_not_agree_is_refused(genesis: Genesis) -> None:
    """Before anything is started with it."""
    with pytest.raises(GenesisError):
        genesis.check()


@pytest.mark.parametrize(
    "limits",
    [
        Limits(transaction_bytes_max=2 * MIB),
        Limits(batch_bytes_max=2 * MIB),
        Limits(vertex_bytes_max=3 * MIB),
        Limits(attachment_bytes_max=9 * MIB),
        Limits(vertex_attachment_bytes_max=9 * MIB),
        Limits(vertex_attachment_bytes_max=MIB - 1),
        Limits(depth=0),
        Limits(depth=255),
        Limits(checkpoint_window_ms=0),
        Limits(members_max=3),
        Limits(members_max=129),
    ],
)
def test_bounds_that_contradict_each_other_are_refused(limits: Limits) -> None:
    """What one bound lets in, the next must hold."""
    with pytest.raises(GenesisError, match="limits do not agree"):
        limits.check(4)


def test_the_bounds_of_the_protocol_agree() -> None:
    """For every size of committee."""
    for members in range(1, 129):
        Limits().check(members)
    assert Limits(batch_bytes_max=64 * KIB).check(4) is None
    assert LOCAL.incomplete_vertices_max == 1000


def test_slots_are_all_members_unless_said_otherwise() -> None:
    """`slots_per_round` 0 is everybody."""
    assert GOOD.slots_per_round == 4
    assert changed(limits=Limits(slots_per_round=2)).slots_per_round == 2
