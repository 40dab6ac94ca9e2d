"""The resources of the REST interface: each is written once, and is what is sent and what /openapi.json says.

Times are RFC 3339 in UTC with milliseconds, digests and identities lower-case hex.
"""

from typing import Annotated, Any

import msgspec

from weft.api.service import Fate

Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Time = Annotated[str, msgspec.Meta(description="RFC 3339, UTC, milliseconds.")]
NextCursor = Annotated[str | None, msgspec.Meta(description="For the next page; null at the end.")]
Values = dict[str, str | int | bool | None]


class Problem(msgspec.Struct):
    """What is wrong and what to do (RFC 9457). Values that explain it may follow as further members."""

    type: str
    title: str
    status: int
    detail: str
    code: Annotated[str, msgspec.Meta(description="Stable; docs/reference/errors.md lists all.")]
    fix: str
    instance: str


class Health(msgspec.Struct):
    """`alive`: the process works. `ready`: it takes writes."""

    alive: bool
    ready: bool
    reasons: list[str]


class Version(msgspec.Struct):
    """What runs here."""

    name: str
    version: str
    api: str


class Node(msgspec.Struct):
    """This node."""

    id: int
    name: str
    role: str


class PeerState(msgspec.Struct):
    """Another member as this node sees it."""

    id: int
    name: str
    url: str
    connected: bool
    latest_height: int


class NodeStatus(msgspec.Struct):
    """Where this node is. `state_root` is of `state_height`."""

    node: Node
    chain_id: Hash
    latest_height: int
    latest_hash: Hash
    state_root: Hash
    state_height: int
    certified_height: int
    timestamp: Time
    catching_up: bool
    peers: list[PeerState]


class GenesisText(msgspec.Struct):
    """What the chain starts from. `chain_id` is the digest of `encoded`, base64 of the canonical bytes;
    `genesis` says the same by name, as genesis.json does."""

    chain_id: Hash
    genesis: msgspec.Raw
    encoded: bytes


class SlotName(msgspec.Struct, array_like=True):
    """Author and round of a vertex."""

    author: int
    round: int


class VertexNote(msgspec.Struct):
    """A validator's contribution to a round, as this node has it."""

    author: int
    round: int
    digest: Hash
    timestamp: Time
    transactions: int
    ordered: bool
    parents: list[SlotName]


class Member(msgspec.Struct):
    """A lane of the graph."""

    id: int
    name: str


class Graph(msgspec.Struct):
    """Vertices of the newest rounds, oldest first, and who takes part."""

    members: list[Member]
    vertices: list[VertexNote]


class Head(msgspec.Struct):
    """The newest block. `state_root` is of `state_height`."""

    height: int
    hash: Hash
    state_root: Hash
    state_height: int
    timestamp: Time
    certified_height: int


class BlockHeader(msgspec.Struct):
    """What a block is known by."""

    height: int
    hash: Hash
    parent: Hash
    timestamp: Time
    time_ms: int
    epoch: int
    round: int
    order_hash: Hash
    transaction_root: Hash
    receipt_root: Hash
    state_root: Hash
    state_height: int


class BlockPage(msgspec.Struct):
    """Headers, newest first."""

    items: list[BlockHeader]
    next_cursor: NextCursor


class AttachmentNote(msgspec.Struct):
    """What a transaction says of an attachment."""

    commitment: Hash
    size: int


class BlockTransaction(msgspec.Struct):
    """A transaction in its block. `raw` is base64 of the signed bytes."""

    id: Hash
    position: int
    signer: str
    contract: str
    call: str
    expires_at: Time
    attachments: list[AttachmentNote]
    raw: bytes


class EventNote(msgspec.Struct):
    """Something a contract announced."""

    contract: str
    type: str
    data: Values


class BlockReceipt(msgspec.Struct):
    """What became of the transaction at the same position. `raw` is base64 of the encoded receipt."""

    transaction: Hash
    status: str
    code: str
    result: Values
    events: list[EventNote]
    raw: bytes


class CheckpointSignature(msgspec.Struct):
    """A member's signature over the checkpoint's statement."""

    member: int
    signature: str


class CheckpointNote(msgspec.Struct):
    """The first checkpoint at or above the block: a quorum's word on a header and the state after it."""

    height: int
    epoch: int
    header: Hash
    state_root: Hash
    signatures: list[CheckpointSignature]


class BlockDetail(BlockHeader):
    """A block with its transactions and receipts."""

    transactions: list[BlockTransaction]
    receipts: list[BlockReceipt]
    checkpoint: CheckpointNote | None


class Submission(msgspec.Struct, forbid_unknown_fields=True):
    """A signed transaction in base64; each attachment is base64 of its 32 bytes of salt and its content."""

    transaction: bytes
    attachments: list[bytes] = []


class Submissions(msgspec.Struct, forbid_unknown_fields=True):
    """Up to 1,000 transactions; each is taken or refused on its own."""

    items: Annotated[list[Submission], msgspec.Meta(min_length=1, max_length=1000)]


class Refusal(msgspec.Struct):
    """Why a transaction had no effect."""

    status: int
    code: str
    detail: str
    fix: str
    values: Values


class TransactionState(msgspec.Struct):
    """What became of a transaction: `pending`, `executed`, `failed` or `expired`; or `refused` before all."""

    id: Hash | None
    status: str
    height: int | None
    position: int | None
    certified: bool
    error: Refusal | None
    result: Values


class TransactionStates(msgspec.Struct):
    """One answer for each item, in order."""

    items: list[TransactionState]


class Place(msgspec.Struct):
    """A transaction and where it stands; height and position are null while it waits."""

    id: Hash
    height: int | None
    position: int | None


class Accepted(msgspec.Struct):
    """The write is accepted here and not executed yet."""

    transaction: Place


class Record(msgspec.Struct):
    """A record: `value` is the JSON document as it was sent."""

    collection: str
    key: str
    value: Any
    version: int
    height: int
    updated_at: Time
    author: str


class RecordWritten(Record):
    """The record after the write, and the transaction that wrote it."""

    transaction: Place


class RecordVersion(Record):
    """One entry of a history. `value` is null when it was deleted or erased, or signed without being JSON."""

    size: int
    deleted: bool
    erased_height: int | None


class RecordRemoved(RecordVersion):
    """The record after its deletion or erasure, and the transaction that did it."""

    transaction: Place


class RecordPage(msgspec.Struct):
    """Records, keys rising; of one whose content is gone, `value` is null and `erased_height` says when."""

    items: list[RecordVersion]
    next_cursor: NextCursor


class RecordHistory(msgspec.Struct):
    """Versions, newest first."""

    items: list[RecordVersion]
    next_cursor: NextCursor


class RecordItem(msgspec.Struct, forbid_unknown_fields=True):
    """One document of a batch."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    value: msgspec.Raw


class RecordItems(msgspec.Struct, forbid_unknown_fields=True):
    """1 to 500 documents, written together or not at all."""

    items: Annotated[list[RecordItem], msgspec.Meta(min_length=1, max_length=500)]


class RecordsWritten(msgspec.Struct):
    """The records after the write, in the order sent, and the one transaction that wrote them."""

    items: list[Record]
    transaction: Place


def place_of(fate: Fate) -> Place:
    """Where a write stands."""
    return Place(fate.identity.hex(), fate.height, fate.position)


def accept(fate: Fate) -> Accepted:
    """The body of a 202."""
    return Accepted(place_of(fate))
