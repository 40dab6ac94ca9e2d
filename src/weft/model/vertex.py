"""One validator's signed contribution to one round.

The digest covers all but the signature, the batch through a Merkle root, so that a vertex can be checked and
proved without its batch (`docs/protocol/consensus.md` section 2).
"""

import msgspec

from weft.model import merkle
from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.keys import PrivateKey, Signature


class Reference(Record, frozen=True):
    """Names one vertex for ever."""

    author: Natural
    round: Natural
    digest: Digest


class Wire(Record, frozen=True):
    """A vertex as it is sent and kept."""

    chain: Digest
    epoch: Natural
    author: Natural
    round: Natural
    time_ms: Natural
    parents: tuple[Reference, ...]
    batch: tuple[bytes, ...]
    signature: Signature


class Body(Record, frozen=True):
    """What a vertex' digest covers."""

    chain: Digest
    epoch: Natural
    author: Natural
    round: Natural
    time_ms: Natural
    parents: tuple[Reference, ...]
    batch_root: Digest
    batch_count: Natural


class Vertex(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A decoded vertex with its reference and its bytes at hand. Made by `decode_vertex` or `sign_vertex`."""

    chain: Digest
    """The chain's identity."""
    epoch: int
    author: int
    """The author's place in the committee."""
    round: int
    """At least 1; round 0 is implied and never sent."""
    time_ms: int
    """The author's clock, milliseconds since 1970."""
    parents: tuple[Reference, ...]
    """Own previous vertex first, at most one an author."""
    batch: tuple[bytes, ...]
    """Raw transactions in order; may be empty."""
    signature: bytes
    reference: Reference
    raw: bytes

    @property
    def digest(self) -> Digest:
        return self.reference.digest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vertex) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


def decode_vertex(raw: bytes) -> Vertex:
    """The vertex that `raw` encodes; raises EncodingError. Says nothing of its validity."""
    wire = decode(Wire, raw)
    return _vertex(wire, raw)


def sign_vertex(
    key: PrivateKey,
    chain: Digest,
    epoch: int,
    author: int,
    round_: int,
    time_ms: int,
    parents: tuple[Reference, ...],
    batch: tuple[bytes, ...],
) -> Vertex:
    """A vertex signed by its author."""
    message = vertex_digest(chain, epoch, author, round_, time_ms, parents, batch)
    wire = Wire(chain, epoch, author, round_, time_ms, parents, batch, key.sign(message))
    return _vertex(wire, encode(wire), message)


def vertex_digest(
    chain: Digest,
    epoch: int,
    author: int,
    round_: int,
    time_ms: int,
    parents: tuple[Reference, ...],
    batch: tuple[bytes, ...],
) -> Digest:
    """What the author signs."""
    batch_root = merkle.root("batch", batch)
    body = Body(chain, epoch, author, round_, time_ms, parents, batch_root, len(batch))
    return digest("vertex", encode(body))


def implied_reference(chain: Digest, epoch: int, author: int) -> Reference:
    """The vertex of round 0 that every member has without sending it."""
    return Reference(author, 0, digest("vertex:implied", encode((chain, epoch, author))))


def _vertex(wire: Wire, raw: bytes, message: Digest | None = None) -> Vertex:
    message = message or vertex_digest(
        wire.chain, wire.epoch, wire.author, wire.round, wire.time_ms, wire.parents, wire.batch
    )
    reference = Reference(wire.author, wire.round, message)
    return Vertex(
        wire.chain,
        wire.epoch,
        wire.author,
        wire.round,
        wire.time_ms,
        wire.parents,
        wire.batch,
        wire.signature,
        reference,
        raw,
    )
