"""What a node needs of the world, said by the node. The edges fit; each has a real and an in-memory side.

Calls that touch a disk block and are made from a worker, never from the event loop, unless said otherwise.
"""

import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from weft.model.block import Block, Checkpoint, Header, Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.errors import BlobError
from weft.model.keys import PublicKey, Signed, is_signed
from weft.model.message import Answer, BlobProof, Item, Opening, ProveBlob, Refused, Request
from weft.model.stored import BASE, BOUND, OTHER, OWN, SPOKEN, WORD, Change, Erased, Place
from weft.model.transaction import Attachment

T = TypeVar("T")

__all__ = ["BASE", "BOUND", "OTHER", "OWN", "SPOKEN", "WORD", "Change", "Erased", "Place"]


class Clock(Protocol):
    """Time and the one timer of a node."""

    def now_us(self) -> int:
        """Microseconds of a clock that only runs forward."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970."""

    def call_at(self, at_us: int, call: Callable[[], None]) -> None:
        """Call once at that time or later, never before; replaces the call asked for before."""


class Signer(Protocol):
    """A validator's key, wherever it is kept."""

    def sign(self, message: Digest) -> bytes:
        """64 bytes of Ed25519 over a 32-byte digest."""


class Space(Protocol):
    """Bytes of a disk."""

    @property
    def total(self) -> int: ...

    @property
    def free(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """What else a node takes from where it runs. The simulator puts its own in their places."""

    disk_usage: Callable[[Path], Space] = shutil.disk_usage
    random_bytes: Callable[[int], bytes] = os.urandom
    is_signed: Callable[[PublicKey, Digest, bytes], bool] = is_signed
    """Whether a signature is the key's over the digest."""
    are_signed: Callable[[Sequence[Signed]], list[bool]] | None = None
    """`is_signed` for many, in less time or elsewhere. Called from a worker."""


MACHINE = Machine()


class Workers(Protocol):
    """Threads for what would hold up the event loop."""

    async def run(self, lane: str, call: Callable[[], T]) -> T:
        """Run `call` off the loop. Calls of one lane run one at a time, in order.

        The lanes: apply, sync, verify, read, send, compare.
        """


class Tally(Protocol):
    """What is counted of one member's connection."""

    is_connected: bool
    rtt_us: int
    queue_bytes: int
    bytes_sent: int
    bytes_received: int
    items_dropped: int
    overflows: int
    cuts: int


class Peers(Protocol):
    """The other members. Bounded: a queue that overflows breaks its stream, which then begins anew."""

    @property
    def tallies(self) -> Sequence[Tally]:
        """By member; this node's own stays empty."""

    async def start(self) -> int:
        """Listen, and begin to dial; the port listened on."""

    async def stop(self) -> None:
        """End all streams and leave nothing behind."""

    def send(self, member: int, item: Item) -> None:
        """Queue for one member, in order. Dropped while there is no stream: the opening makes it good."""

    def broadcast(self, item: Item) -> None:
        """`send` to every other member."""

    async def ask(self, member: int, request: Request) -> Answer:
        """One answer, or Refused when the member cannot be reached or does not answer in 10 s."""

    def read_blob(self, member: int, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        """Content of a blob from a member, in chunks; raises BlobError when it is not to be had there."""

    def cut_off(self, member: int, reason: str) -> None:
        """Refuse this member for a while that grows with each call; counted in a metric."""

    def is_connected(self, member: int) -> bool: ...


class Inbox(Protocol):
    """The node as the network sees it. All calls are made on the event loop."""

    def opening(self) -> Opening:
        """What to say first on a stream."""

    def opened(self, member: int, opening: Opening) -> None:
        """Our stream to `member` has begun and this is what the member said first."""

    def lost(self, member: int) -> None:
        """Our stream to `member` broke."""

    def measured(self, member: int, rtt_us: int) -> None:
        """A round trip on our stream to `member`."""

    def receive(self, member: int, item: Item, size: int) -> Awaitable[None] | None:
        """An item of `size` bytes came from `member`; until it is done with no more is read from that member.

        What is left to wait for, if anything: most items are done with on the spot.
        """

    async def answer(self, member: int, request: Request) -> Answer:
        """`member` asks."""

    def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        """Content of a blob that this node keeps, in chunks; raises BlobError when it is not here."""


class Blobs(Protocol):
    """Content that an application keeps beside the node, for the other members."""

    def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        """Content from the offset on, in chunks; raises BlobError when it is not here."""

    async def prove_blob(self, member: int, question: ProveBlob) -> BlobProof | Refused:
        """The answer for `member`, who asks; refused when the content is not kept here."""


class NoBlobs:
    """A node without an application that keeps content."""

    async def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        raise BlobError("this node keeps no blobs")
        yield b""

    async def prove_blob(self, member: int, question: ProveBlob) -> BlobProof | Refused:
        return Refused("this node keeps no blobs")


class Journal(Protocol):
    """Append-only memory of what was seen and said (`docs/protocol/consensus.md` section 3)."""

    def append(self, kind: int, round_: int, payload: bytes) -> None:
        """Add a record to the end; on disk only after `sync`. May be called on the event loop."""

    def sync(self) -> None:
        """All appended before is on disk when this returns; raises OSError when that fails."""

    def roll(self, round_: int, base: bytes) -> None:
        """Begin a new segment whose first record is the base (kind 0)."""

    def drop(self, round_: int) -> None:
        """Delete the oldest segments that hold only rounds below this one, as long as the base of the
        segment after them is of a round not above it. The newest segment always stays."""

    def replay(self) -> Iterator[tuple[int, int, bytes]]:
        """All records (kind, round, payload) from the oldest kept segment on, in order. A tail that was never
        synced is cut, except that own vertices found beyond the cut come as kind `SPOKEN` with their round.
        Raises JournalError when what was synced is damaged: it names the file and the place."""

    @property
    def size(self) -> int:
        """Bytes in the newest segment."""


class State(Protocol):
    """Keys and values after the newest block, and what they were."""

    def get(self, key: bytes) -> bytes | None: ...

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, rising."""

    def get_at(self, key: bytes, height: int) -> bytes | None:
        """The value after block `height`."""

    def history(self, key: bytes, before: int | None = None, limit: int = 1000) -> list[Change]:
        """Changes of the key, newest first, at heights below `before`."""


class Store(Protocol):
    """Blocks, receipts, state and commits. One atomic, durable write per `append`."""

    @property
    def state(self) -> State: ...

    @property
    def head(self) -> Header:
        """The newest block's header; height 0 is the genesis."""

    @property
    def head_hash(self) -> Digest: ...

    def append(
        self,
        sealed: Sequence[Sealed],
        commits: Sequence[Commit],
        tree: Sequence[tuple[bytes, bytes]],
        rooted: tuple[int, Digest] | None,
    ) -> None:
        """Blocks in order, all commits since the last call, changed nodes of the state tree (path, content;
        empty content deletes), and the newest height whose root the tree has with that root."""

    def find_block(self, height: int) -> Block | None: ...

    def find_header(self, height: int) -> Header | None: ...

    def find_transaction(self, identity: Digest) -> Place | None: ...

    def find_commitment(self, commitment: Digest) -> int | None:
        """The height at which a transaction that states it was executed."""

    def find_commit(self, round_: int) -> bytes | None:
        """The encoded commit record of that round, if it ordered something and is kept."""

    def commits_before(self, round_: int, limit: int) -> list[bytes]:
        """Commit records of rounds ≤ `round_`, falling."""

    def prune_commits(self, round_: int) -> None:
        """Forget commit records below this round."""

    def tree_node(self, path: bytes) -> bytes | None: ...

    @property
    def rooted(self) -> tuple[int, Digest]:
        """The height that the stored state tree is of, and its root."""

    def put_checkpoint(self, checkpoint: Checkpoint) -> None: ...

    def find_checkpoint(self, height: int) -> Checkpoint | None:
        """The checkpoint with the smallest height ≥ `height`: it vouches for that block."""

    @property
    def newest_checkpoint(self) -> Checkpoint | None: ...

    def put_fact(self, name: str, value: bytes) -> None:
        """A small fact of this node (evidence, last word signed, divergence), durable."""

    def find_fact(self, name: str) -> bytes | None: ...


class AttachmentStore(Protocol):
    """Content that can be destroyed (`docs/protocol/ledger.md` section 3)."""

    def put(self, attachments: Sequence[Attachment]) -> None:
        """Keep, durable after `sync`; what is here or erased is passed over. May be called on the loop."""

    def sync(self) -> None: ...

    def find(self, commitment: Digest) -> Attachment | Erased | None: ...

    def find_many(self, commitments: Sequence[Digest]) -> dict[Digest, Attachment | Erased | None]:
        """`find` for each, at less cost."""

    def missing(self, commitments: Sequence[Digest]) -> list[Digest]:
        """Those that are neither here nor erased. May be called on the loop."""

    def erase(self, commitments: Sequence[Digest], height: int) -> None:
        """Overwrite content and salt, sync, leave tombstones. Finished at start-up if it was cut short."""

    def suspect(self, commitments: Sequence[Digest]) -> None:
        """These may have to go: whichever is put or asked for with `missing` from now on is not suspected
        any more, nor are those that were suspected before. May be called on the loop."""

    def discard(self, commitments: Sequence[Digest]) -> None:
        """Overwrite those that are still suspected, without a tombstone: they never took effect."""

    def commitments(self, after: bytes, limit: int) -> list[Digest]:
        """Of content that is here and not quite new, rising from the first above `after`."""
