"""What validators say to each other besides the vertex itself.

`Item`s are pushed along a stream, in order; a `Request` gets one `Answer`. Each is encoded as an array that
begins with its name, so a message cannot be taken for another. Signed answers sign their own digest.
"""

import msgspec

from weft.model.block import Block, Checkpoint, SignedStatement
from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, decode, encode
from weft.model.keys import Signature
from weft.model.transaction import Attachment
from weft.model.vertex import Reference


class Message(msgspec.Struct, array_like=True, frozen=True, gc=False, tag=True):
    """Base of all messages: an array whose first element is the name of the class."""


class Opening(Message, frozen=True):
    """The first item of a stream, and of every stream begun anew."""

    chain: Digest
    epoch: Natural
    newest: tuple[Natural, ...]
    """The newest round that the speaker has of every author, in committee order."""
    height: Natural
    url: str
    """Where the speaker's REST interface is; empty if it has none."""


class Resumed(Message, frozen=True):
    """The speaker has caught up by following blocks: send it your own vertices again, above these."""

    newest: tuple[Natural, ...]


class Stated(Message, frozen=True):
    """What the speaker's state is, so that two whose states differ find out at once."""

    height: Natural
    header: Digest
    """Hash of the header at this height."""
    state_root: Digest
    """Root of the state tree after it."""


class Announced(Message, frozen=True):
    """A vertex, sent by its author with all its attachments, or by another in answer to a request."""

    vertex: bytes
    """Raw."""
    attachments: tuple[Attachment, ...]


class Signed(Message, frozen=True):
    """A validator's word on an executed header."""

    word: SignedStatement


class Certified(Message, frozen=True):
    """A checkpoint."""

    checkpoint: Checkpoint


class Evidence(Message, frozen=True):
    """Two vertices of one slot, both signed by its author (raw, smaller bytes first)."""

    first: bytes
    second: bytes


Item = Opening | Resumed | Stated | Announced | Signed | Certified | Evidence


class FetchVertices(Message, frozen=True):
    """Answered by Vertices."""

    references: tuple[Reference, ...]


class Vertices(Message, frozen=True):
    """As many of the wished vertices as fit in an answer, and those that are no longer kept."""

    vertices: tuple[bytes, ...]
    forgotten: tuple[Reference, ...]


class FetchAttachments(Message, frozen=True):
    """Answered by Attachments."""

    commitments: tuple[Digest, ...]


class Attachments(Message, frozen=True):
    """As many as fit in an answer, and a signed word on those that were erased."""

    attachments: tuple[Attachment, ...]
    erased: tuple[tuple[Digest, Natural], ...]
    """(commitment, height of the erasure)."""
    member: Natural
    signature: Signature
    """Over `erased_digest`."""

    @property
    def erased_digest(self) -> Digest:
        return digest("erased", encode((self.member, self.erased)))


class FetchBlocks(Message, frozen=True):
    """Answered by Blocks: from this height on, as many as fit in an answer."""

    height: Natural


class Blocks(Message, frozen=True):
    """Consecutive blocks; none if the first one does not fit in an answer."""

    blocks: tuple[Block, ...]


class FetchPiece(Message, frozen=True):
    """A block that is larger than an answer, piece by piece. Answered by Piece."""

    height: Natural
    offset: Natural


class Piece(Message, frozen=True):
    """Bytes of the encoded block from the offset on."""

    size: Natural
    """Of the whole; 0 if there is no such block."""
    content: bytes


class FetchCommits(Message, frozen=True):
    """Answered by Commits: from this round's record backwards, as many as fit in an answer."""

    round: Natural


class Commits(Message, frozen=True):
    """Encoded commit records, rounds falling."""

    commits: tuple[bytes, ...]


class FetchCheckpoint(Message, frozen=True):
    """Answered by Newest: the newest checkpoint at or above this height."""

    height: Natural


class Newest(Message, frozen=True):
    """A checkpoint or nothing, and the answerer's own newest word."""

    checkpoint: Checkpoint | None
    word: SignedStatement | None


class FetchTree(Message, frozen=True):
    """A node of the state tree, to find out where two states differ. Answered by Tree."""

    height: Natural
    path: bytes


class Tree(Message, frozen=True):
    """The children's digests of a node, or the entries of a bucket; nothing if the tree has moved on."""

    children: tuple[Digest, ...]
    entries: tuple[tuple[bytes, Digest], ...]
    """(state key, digest of its value), keys rising."""


class AskNewest(Message, frozen=True):
    """A member that cannot trust its own disk asks what it may have said. Answered by Told."""

    epoch: Natural
    nonce: Digest


class Told(Message, frozen=True):
    """A signed answer to AskNewest over the asker's nonce."""

    epoch: Natural
    nonce: Digest
    member: Natural
    bound: Natural
    """The round of the answerer's newest own vertex, or the bound it is under itself."""
    vertex: bytes
    """That vertex, raw; empty if it has none or is under a bound."""
    signature: Signature

    @property
    def digest(self) -> Digest:
        return digest("told", encode((self.epoch, self.nonce, self.member, self.bound, self.vertex)))


class ProveBlob(Message, frozen=True):
    """Does the member have the bytes of this blob? Answered by BlobProof."""

    name: Digest
    """SHA-256 of the content."""
    nonce: Digest
    """Drawn for this question; it chooses what the answer is made of."""


class BlobProof(Message, frozen=True):
    """What only who has the bytes can say, to who asked (docs/protocol/peers.md section 8)."""

    proof: Digest


class Refused(Message, frozen=True):
    """The answerer has nothing to say to this request."""

    reason: str


Request = (
    FetchVertices
    | FetchAttachments
    | FetchBlocks
    | FetchPiece
    | FetchCommits
    | FetchCheckpoint
    | FetchTree
    | AskNewest
    | ProveBlob
)
Answer = Vertices | Attachments | Blocks | Piece | Commits | Newest | Tree | Told | BlobProof | Refused


def decode_item(raw: bytes) -> Item:
    """The item that `raw` encodes; raises EncodingError."""
    return decode(Item, raw)  # type: ignore[arg-type]


def decode_request(raw: bytes) -> Request:
    """The request that `raw` encodes; raises EncodingError."""
    return decode(Request, raw)  # type: ignore[arg-type]


def decode_answer(raw: bytes) -> Answer:
    """The answer that `raw` encodes; raises EncodingError."""
    return decode(Answer, raw)  # type: ignore[arg-type]
