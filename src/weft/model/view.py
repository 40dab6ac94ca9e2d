"""What a node tells those who use it: plain frozen values, made by `node/`, shown by `api/` and `apps/`."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from weft.model.block import Header
from weft.model.digest import Digest
from weft.model.genesis import Role
from weft.model.receipt import Event, Named
from weft.model.transaction import Attachment

Wait = Literal["none", "executed", "certified"]
"""How long a write waits: not at all, until it took effect on this node, until a quorum signed its block."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another member as this node sees it."""

    id: int
    name: str
    url: str
    is_connected: bool
    latest_height: int


@dataclass(frozen=True, slots=True)
class Status:
    """Where this node is."""

    id: int
    name: str
    role: str
    chain: Digest
    head: Header
    head_hash: Digest
    state_root: Digest
    """Of the newest height whose root was computed, `state_height`."""
    state_height: int
    certified_height: int
    is_catching_up: bool
    peers: tuple[Peer, ...]


@dataclass(frozen=True, slots=True)
class VertexView:
    """A vertex as people look at it."""

    author: int
    round: int
    digest: Digest
    time_ms: int
    transactions: int
    is_ordered: bool
    """Whether this node's total order holds it."""
    parents: tuple[tuple[int, int], ...]
    """Author and round of each."""


@dataclass(frozen=True, slots=True)
class Health:
    """`is_alive`: the process works. `is_ready`: it can take writes. Reasons are sentences."""

    is_alive: bool
    is_ready: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a request is made."""

    account: bytes
    """Address of the account that the node signs with."""
    role: Role | None
    """None: any account of an open network."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A write that the node signs for its caller."""

    contract: str
    call: str
    arguments: bytes
    attachments: tuple[Attachment, ...]
    idempotency_key: str | None
    meaning: bytes
    """Verb, path and the meaning of the body: what must be equal when the key is used again."""


class Fate(msgspec.Struct, frozen=True):
    """What became of a transaction. A structure, because every transaction costs one."""

    identity: Digest
    status: Literal["pending", "executed", "failed", "expired"]
    height: int | None
    position: int | None
    code: str
    """Of a failure."""
    result: Named
    is_certified: bool
    is_repeated: bool = False
    """The answer of an earlier transaction with the same Idempotency-Key."""
    time_ms: int = 0
    """Of the block."""
    events: tuple[Event, ...] = ()
    """What the contract announced; a write is presented from them."""


@dataclass(frozen=True, slots=True)
class RecordView:
    """One version of a record. `content` None: erased at `erased_height`. A deleted one is not shown."""

    collection: str
    key: str
    version: int
    height: int
    time_ms: int
    author: str
    """Address in hex, or `local`."""
    size: int
    is_deleted: bool
    content: bytes | None
    erased_height: int | None


@dataclass(frozen=True, slots=True)
class RecordsView:
    """Some of a list of versions, and whether there are more behind them."""

    versions: tuple[RecordView, ...]
    has_more: bool


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event with its place. `transaction` is None for the `block` event, whose data is the header."""

    height: int
    position: int
    transaction: Digest | None
    event: Event | None
    header: Header
    place: int | None = None
    """The transaction's, within its block."""
