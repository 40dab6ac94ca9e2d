"""One validator's contribution to a round, and the chain of commits."""

import pytest

from tests.chain import key
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.digest import ZERO
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError
from weft.model.keys import is_signed
from weft.model.vertex import Reference, Vertex, decode_vertex, implied_reference, sign_vertex, vertex_digest

CHAIN = b"c" * 32
PARENTS = tuple(implied_reference(CHAIN, 0, author) for author in range(4))


def vertex(batch: tuple[bytes, ...] = (b"one", b"two"), round_: int = 1) -> Vertex:
    return sign_vertex(key("node2"), CHAIN, 0, 2, round_, 1234, PARENTS, batch)


def test_a_vertex_comes_back_from_its_bytes() -> None:
    """With the reference that its author gave it."""
    made = vertex()
    read = decode_vertex(made.raw)
    assert read == made
    assert read.reference == Reference(2, 1, made.digest)
    assert (read.batch, read.parents, read.time_ms) == ((b"one", b"two"), PARENTS, 1234)
    assert is_signed(key("node2").public, read.digest, read.signature)


def test_the_digest_covers_everything_but_the_signature() -> None:
    """Each field changed is another vertex."""
    fields = (CHAIN, 0, 2, 1, 1234, PARENTS, (b"one", b"two"))
    others = [
        (ZERO, *fields[1:]),
        (CHAIN, 1, *fields[2:]),
        (*fields[:2], 3, *fields[3:]),
        (*fields[:3], 2, *fields[4:]),
        (*fields[:4], 1235, *fields[5:]),
        (*fields[:5], PARENTS[::-1], fields[6]),
        (*fields[:6], (b"two", b"one")),
        (*fields[:6], (b"one", b"two", b"")),
    ]
    digests = {vertex_digest(*one) for one in (fields, *others)}  # type: ignore[arg-type]
    assert len(digests) == 9
    assert vertex().digest == vertex_digest(*fields)


def test_implied_vertices_differ_by_chain_epoch_and_author() -> None:
    """Round 0 of one ledger is no round 0 of another."""
    places = [(CHAIN, 0, 0), (CHAIN, 0, 1), (CHAIN, 1, 0), (ZERO, 0, 0)]
    assert len({implied_reference(*place).digest for place in places}) == 4


def test_bytes_that_are_no_vertex_are_refused() -> None:
    """Cut short, with more behind them, or nothing."""
    raw = vertex().raw
    for wrong in (raw[:-1], raw + b"\0", b"", b"\x98" + raw[1:-3]):
        with pytest.raises(EncodingError):
            decode_vertex(wrong)


def test_the_order_hash_chains_every_part_of_a_commit() -> None:
    """What came before, round, slots, order and time."""
    first = first_order_hash(CHAIN)
    one, two = PARENTS[:2]
    parts = [
        (first, 1, (one,), (one, two), 5),
        (ZERO, 1, (one,), (one, two), 5),
        (first, 2, (one,), (one, two), 5),
        (first, 1, (two,), (one, two), 5),
        (first, 1, (one,), (two, one), 5),
        (first, 1, (one,), (one, two), 6),
        (first, 1, (one, one), (two,), 5),
    ]
    assert len({next_order_hash(*part) for part in parts}) == len(parts)
    commit = Commit(1, 5, (one,), (one, two), next_order_hash(*parts[0]))
    assert decode(Commit, encode(commit)) == commit
