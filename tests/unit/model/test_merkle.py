"""The Merkle tree over a list."""

from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.model.digest import ZERO, digest
from weft.model.merkle import WIDTH, Proof, prove, root, verify

SIZES = [1, 2, WIDTH - 1, WIDTH, WIDTH + 1, 2 * WIDTH, WIDTH**2, WIDTH**2 + 1]


def items(count: int) -> list[bytes]:
    return [b"item %d" % place for place in range(count)]


def test_an_empty_list_has_a_root() -> None:
    """Its number of items, nought, and no node at all."""
    assert root("list", []) == digest("list", bytes(8) + ZERO)


def test_a_single_item_is_its_own_top() -> None:
    """Hashed as a leaf, sealed with the number one."""
    assert root("list", [b"a"]) == digest("list", (1).to_bytes(8, "big") + sha256(b"\0a").digest())


@pytest.mark.parametrize("count", SIZES)
def test_every_item_is_proved_at_its_place(count: int) -> None:
    """And at no other, and not for another item."""
    listed = items(count)
    top = root("list", listed)
    for place in {0, 1, count // 2, count - 1} & set(range(count)):
        proof = prove(listed, place)
        assert verify("list", top, listed[place], proof)
        assert not verify("list", top, b"another", proof)
        for other in (place - 1, place + 1):
            assert not verify("list", top, listed[place], msgspec.structs.replace(proof, index=other))


def test_the_root_binds_order_number_and_domain() -> None:
    """The same items otherwise are another list."""
    listed = items(20)
    roots = {
        root("list", listed),
        root("other", listed),
        root("list", listed[:-1]),
        root("list", [*listed, b""]),
        root("list", listed[::-1]),
    }
    assert len(roots) == 5


def test_an_inner_node_is_no_leaf() -> None:
    """A list whose only item is the inside of another's top has another root."""
    leaves = b"".join(sha256(b"\0" + item).digest() for item in items(2))
    assert root("list", [leaves]) != root("list", items(2))
    assert root("list", [b"\1" + leaves]) != root("list", items(2))


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_a_tampered_proof_is_refused(listed: list[bytes], data: st.DataObject) -> None:
    """Siblings left out, added, swapped, or another count."""
    place = data.draw(st.integers(0, len(listed) - 1))
    top, proof = root("list", listed), prove(listed, place)
    assert verify("list", top, listed[place], proof)
    wrong = [
        Proof(proof.index, proof.count + 1, proof.levels),
        Proof(proof.index, proof.count, (*proof.levels, ())),
        Proof(proof.index, proof.count, (*proof.levels, (ZERO,))),
        Proof(proof.index, 0, proof.levels),
        Proof(-1, proof.count, proof.levels),
    ]
    if proof.levels:
        wrong += [
            Proof(proof.index, proof.count, proof.levels[:-1]),
            Proof(proof.index, proof.count, ((*proof.levels[0], ZERO), *proof.levels[1:])),
            Proof(proof.index, proof.count, ((ZERO, *proof.levels[0][1:]), *proof.levels[1:])),
        ]
        if proof.levels[0]:  # the last of 17 has no siblings
            wrong.append(Proof(proof.index, proof.count, (proof.levels[0][:-1], *proof.levels[1:])))
    assert [verify("list", top, listed[place], one) for one in wrong] == [False] * len(wrong)


@pytest.mark.parametrize("place", [-1, 3])
def test_what_is_not_in_the_list_cannot_be_proved(place: int) -> None:
    """There is no such place."""
    with pytest.raises(IndexError):
        prove(items(3), place)
