"""What the REST interface needs of a node, said by the interface; `assembly` fills it.

Every route is: parse, call one verb here, present. All verbs raise `WeftError`s; `problems.py` maps
their codes to HTTP. Reads answer from what this node has executed, and say at which height.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Protocol

from weft.model.block import Block, Checkpoint, Header
from weft.model.digest import Digest
from weft.model.genesis import Genesis
from weft.model.limits import Limits
from weft.model.transaction import Attachment
from weft.model.view import (
    Caller,
    EventRow,
    Fate,
    Health,
    Peer,
    RecordsView,
    RecordView,
    Status,
    VertexView,
    Wait,
    Wish,
)

__all__ = [
    "Caller",
    "EventRow",
    "Fate",
    "Health",
    "Peer",
    "RecordView",
    "RecordsView",
    "Service",
    "Status",
    "VertexView",
    "Wait",
    "Wish",
]


class Service(Protocol):
    """A node, as its clients may use it."""

    chain: Digest
    limits: Limits
    genesis: Genesis

    @property
    def url_peers(self) -> Sequence[str]:
        """REST addresses of the network's own nodes: allowed origins and hosts."""

    def status(self) -> Status: ...

    def health(self) -> Health: ...

    def vertices(self, rounds: int) -> list[VertexView]:
        """Vertices of the newest rounds that this node keeps, oldest first; within a bound fewer rounds."""

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
        self, collection: str, key: str, below: int | None, passed: int, limit: int
    ) -> RecordsView:
        """Versions written at heights below `below`, newest first, without the first `passed` of them;
        several may be of one height. No more than fit in memory."""

    async def list_records(self, collection: str, after: str | None, limit: int) -> RecordsView:
        """Records of a collection that are not deleted, keys rising. No more than fit in memory."""

    def follow(self, cursor: tuple[int, int] | None) -> AsyncIterator[EventRow]:
        """Every event after the cursor, for ever; from now on if None. `(0, -1)` is the beginning.

        Raises PrunedError (410) before it waits for anything.
        """
