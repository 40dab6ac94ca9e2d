"""What the application needs of a node, said by the application; `assembly` fills it."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from weft.execution.contract import Reader
from weft.model.block import Block, Checkpoint, Header
from weft.model.digest import Digest
from weft.model.genesis import Genesis
from weft.model.message import Answer, Request
from weft.model.stored import Erased
from weft.model.transaction import Attachment
from weft.model.view import Caller, EventRow, Fate, Wait, Wish

T = TypeVar("T")


class Attachments(Protocol):
    """Content that can be destroyed."""

    def find(self, commitment: Digest) -> Attachment | Erased | None:
        """Touches the disk."""

    def find_many(self, commitments: Sequence[Digest]) -> Mapping[Digest, Attachment | Erased | None]:
        """`find` for each, at less cost. Touches the disk."""


class Peers(Protocol):
    """The other members, as holders of content."""

    def is_connected(self, member: int) -> bool: ...

    async def ask(self, member: int, request: Request) -> Answer:
        """One answer, or Refused when the member cannot be reached or does not answer in time."""

    def read_blob(self, member: int, name: str, offset: int) -> AsyncIterator[bytes]:
        """Content from `offset` on, in chunks; raises BlobError when it is not to be had there. At an offset
        that is the content's size, nothing follows and nothing is raised: the member has the content."""


class Service(Protocol):
    """What clients may do with a node, and so the application on their behalf."""

    def authenticate(self, token: str | None, need: Literal["read", "write", "administer"]) -> Caller: ...

    async def reach(self, min_height: int | None, is_linearizable: bool) -> int: ...

    async def write(self, caller: Caller, wish: Wish, wait: Wait, timeout_ms: int) -> Fate: ...

    async def find_first(self, caller: Caller, idempotency_key: str, meaning: bytes) -> Fate | None:
        """The executed fate of the wish that used this key first, if the ledger remembers one; raises
        ConflictError when it meant something else. Makes no transaction."""

    async def find_fate(self, identity: Digest) -> Fate | None: ...

    async def find_block(self, height: int) -> Block | None: ...

    async def find_checkpoint(self, height: int) -> Checkpoint | None: ...

    async def headers(self, below: int | None, limit: int) -> list[tuple[Header, Digest]]:
        """Newest first, heights below `below`."""

    async def seek(self, commitments: Sequence[Digest]) -> None:
        """Look among the members for attachments that are not here; whatever is found is here then."""

    def follow(self, cursor: tuple[int, int] | None, contract: str | None = None) -> AsyncIterator[EventRow]:
        """Every row after the cursor, for ever, or a contract's alone; the `block` row, which is always
        among them, is the last of its height."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A node, as the application may use it."""

    genesis: Genesis
    member: int | None
    """This node's place in the committee; None of a replica."""
    state: Reader
    """Touches the disk; may be read from any thread."""
    attachments: Attachments
    peers: Peers
    service: Service


@asynccontextmanager
async def ending(rows: AsyncIterator[T]) -> AsyncIterator[AsyncIterator[T]]:
    """Lets go of an iterator that may not have been read to its end, and of what it holds open."""
    try:
        yield rows
    finally:
        if isinstance(rows, AsyncGenerator):
            await rows.aclose()
