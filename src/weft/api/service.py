"""What the REST interface needs of a node, said by the interface; `assembly` fills it.

Every route is: parse, call one verb here, present. All verbs raise `WeftError`s; `problems.py` maps
their codes to HTTP. Reads answer from what this node has executed, and say at which height.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from weft.model.block import Block, Checkpoint, Header
from weft.model.digest import Digest
from weft.model.genesis import Role
from weft.model.limits import Limits
from weft.model.receipt import Event, Named
from weft.model.transaction import Attachment

Wait = Literal["none", "executed", "certified"]


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


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a transaction."""

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
class EventRow:
    """An event with its place. `transaction` is None for the `block` event, whose data is the header."""

    height: int
    position: int
    transaction: Digest | None
    event: Event | None
    header: Header


class Service(Protocol):
    """A node, as its clients may use it."""

    chain: Digest
    limits: Limits
    url_peers: Sequence[str]
    """REST addresses of the network's own nodes: allowed origins and hosts."""

    def status(self) -> Status: ...

    def health(self) -> Health: ...

    def authenticate(self, token: str | None, need: Literal["read", "write", "administer"]) -> Caller:
        """The caller a bearer token stands for; raises UnauthorizedError (401) or ForbiddenError (403)."""

    async def reach(self, min_height: int | None, is_linearizable: bool) -> int:
        """Wait until a read may be answered; the height it is answered at. Raises BehindError (503)."""

    async def submit(
        self, raw: bytes, attachments: tuple[Attachment, ...], wait: Wait, timeout_ms: int
    ) -> Fate:
        """Take a signed transaction. `pending` when `wait` is none, or when time ran out."""

    async def submit_many(
        self, items: Sequence[tuple[bytes, tuple[Attachment, ...]]], wait: Wait, timeout_ms: int
    ) -> "list[Fate | Exception]":
        """`submit` for each: its fate, or the WeftError that refused it."""

    async def write(self, caller: Caller, wish: Wish, wait: Wait, timeout_ms: int) -> Fate:
        """Sign for the caller and submit. With an Idempotency-Key: the first one's fate, or ConflictError."""

    async def find_fate(self, identity: Digest) -> Fate | None: ...

    async def find_block(self, height: int) -> Block | None: ...

    async def headers(self, below: int | None, limit: int) -> list[tuple[Header, Digest]]:
        """Newest first, heights below `below`."""

    async def find_checkpoint(self, height: int) -> Checkpoint | None:
        """The first checkpoint at or above this height."""

    async def find_record(self, collection: str, key: str, at_height: int | None) -> RecordView | None:
        """The version valid at that height (now if None); also when it is a deletion."""

    async def record_history(
        self, collection: str, key: str, below: int | None, limit: int
    ) -> list[RecordView]:
        """Versions, newest first."""

    async def list_records(self, collection: str, after: str | None, limit: int) -> list[RecordView]:
        """Records of a collection that are not deleted, keys rising."""

    def follow(self, cursor: tuple[int, int] | None) -> AsyncIterator[EventRow]:
        """Every event after the cursor, for ever; from now on if None. Raises PrunedError (410)."""
