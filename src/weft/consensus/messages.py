"""All that goes into the core and all that comes out.

`core.handle(*inputs)` gives a list of effects, and the list is the order in which they are carried out: what
stands before a Broadcast has happened before anybody hears it. Times are whole microseconds of a clock that
only runs forward, except `wall_ms`, milliseconds since 1970.
"""

from dataclasses import dataclass

from weft.model.block import Checkpoint, Header, SignedStatement
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.encoding import Natural, Record
from weft.model.message import Item
from weft.model.vertex import Reference, Vertex


@dataclass(frozen=True, slots=True)
class Tick:
    """Time went on. Comes before every other input whose moment matters."""

    now_us: int
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Submit:
    """Transactions for the next own vertices; never more than `core.room()` allows."""

    transactions: tuple[bytes, ...]
    attachment_bytes: int


@dataclass(frozen=True, slots=True)
class Want:
    """A linearizable read waits for the next own vertex to be ordered."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A vertex that admission decoded, bounded and found validly signed (its transactions too).

    `missing` are the commitments of its attachments that are not here. `asked`: it answers a Fetch.
    """

    vertex: Vertex
    sender: int
    missing: tuple[Digest, ...]
    asked: bool


@dataclass(frozen=True, slots=True)
class Found:
    """These attachments are here now, or known to be erased."""

    commitments: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """A Fetch ended: answered by what arrived before this, or in vain. `forgotten`: no longer kept there."""

    member: int
    references: tuple[Reference, ...]
    commitments: tuple[Digest, ...]
    forgotten: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """The stream to a member has begun, or begun anew, and this is what the member has of every author."""

    member: int
    newest: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream to a member broke."""

    member: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The transport's round trip to a member."""

    member: int
    rtt_us: int


@dataclass(frozen=True, slots=True)
class Executed:
    """A block was executed and sealed here."""

    header: Header
    hash: Digest


@dataclass(frozen=True, slots=True)
class Rooted:
    """The state root after `height`, as asked for by Root."""

    height: int
    state_root: Digest


@dataclass(frozen=True, slots=True)
class Heard:
    """A validator's word on a header; its signature was verified by admission."""

    word: SignedStatement


@dataclass(frozen=True, slots=True)
class Vouched:
    """A checkpoint whose signatures were verified by admission."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Repeat:
    """An own vertex that this disk has and cannot vouch for: it may have been said, or not.

    `missing` are the commitments of its attachments that are not here.
    """

    vertex: Vertex
    missing: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Speak:
    """Start-up is over: from now on the core may propose, in rounds ≥ `round_first` only.

    What may have been said below that is said again, the very same.
    """

    round_first: int
    repeats: tuple[Repeat, ...] = ()


@dataclass(frozen=True, slots=True)
class Hush:
    """This node diverged or must not speak: no more proposals, no more statements."""


Input = (
    Tick
    | Submit
    | Want
    | Arrived
    | Found
    | Answered
    | Opened
    | Lost
    | Measured
    | Executed
    | Rooted
    | Heard
    | Vouched
    | Speak
    | Hush
)


@dataclass(frozen=True, slots=True)
class Persist:
    """Append to the journal; an own vertex is on disk, with all before it, before the next effect."""

    vertex: Vertex
    is_own: bool


@dataclass(frozen=True, slots=True)
class PersistStatement:
    """An own word on a header: on disk before the next effect, never to be contradicted."""

    word: SignedStatement


@dataclass(frozen=True, slots=True)
class Broadcast:
    """Send to every other member. A vertex goes as Announced, with its attachments, which the driver adds."""

    item: Item


@dataclass(frozen=True, slots=True)
class Send:
    """Send to one member, in order."""

    member: int
    item: Item


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask a member for vertices and attachments. Ends with exactly one Answered."""

    member: int
    references: tuple[Reference, ...]
    commitments: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Deliver:
    """The next step of the order, with the vertices it names."""

    commit: Commit
    vertices: tuple[Vertex, ...]


@dataclass(frozen=True, slots=True)
class Return:
    """Transactions of an own vertex that was never ordered in time: back to the pool."""

    transactions: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Discard:
    """Vertices that left memory without ever being ordered: their attachments may be destroyed."""

    vertices: tuple[Vertex, ...]


@dataclass(frozen=True, slots=True)
class Wake:
    """Send a Tick at this time. Replaces the Wake before it."""

    at_us: int


@dataclass(frozen=True, slots=True)
class Root:
    """Compute the state root after this height and answer with Rooted."""

    height: int


@dataclass(frozen=True, slots=True)
class Certify:
    """A new newest checkpoint: store it."""

    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Accuse:
    """Two vertices of one slot: keep as evidence, announce."""

    first: Vertex
    second: Vertex


@dataclass(frozen=True, slots=True)
class Refuse:
    """A member sent what no honest one sends, or too much."""

    member: int
    reason: str


@dataclass(frozen=True, slots=True)
class Behind:
    """What is missing is no longer kept by others: follow blocks."""

    round: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Nothing below this round is needed from the journal any more."""

    round: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Members of this weight signed another header at a height that was executed here.

    `weight` > f: compare states. `weight` ≥ q: this node is the one that diverged.
    """

    height: int
    hash: Digest
    weight: int
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """Somebody has a vertex of mine, of this round, that I did not make or no longer have.

    Before Speak: this disk is older than what was said. After it: somebody else uses this key; stop.
    """

    round: int


Effect = (
    Persist
    | PersistStatement
    | Broadcast
    | Send
    | Fetch
    | Deliver
    | Return
    | Discard
    | Wake
    | Root
    | Certify
    | Accuse
    | Refuse
    | Behind
    | Forget
    | Alarm
    | Doubt
)


class Base(Record, frozen=True):
    """From where a core starts: the genesis, a journal's base, or a checkpoint caught up to."""

    epoch: Natural
    round: Natural
    """The last final round."""
    order_hash: Digest
    time_ms: Natural
    ordered: tuple[Reference, ...]
    """All that is ordered above the floor of `round`."""
    spoken: Natural
    """The last round in which this validator may have spoken."""
    height: Natural
    """The last height this validator signed a statement for."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much the next Submit may carry."""

    transactions: int
    bytes: int
    attachment_bytes: int
