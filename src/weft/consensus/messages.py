"""All that goes into the core and all that comes out.

`core.handle(*inputs)` gives a list of effects, and the list is the order in which they are carried out: what
stands before a Broadcast has happened before anybody hears it. Times are whole microseconds of a clock that
only runs forward, except `wall_ms`, milliseconds since 1970.
"""

import msgspec

from weft.model.block import Checkpoint, Header, SignedStatement
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.encoding import Natural, Record
from weft.model.message import Item
from weft.model.vertex import Reference, Vertex


class Fact(msgspec.Struct, frozen=True, gc=False):
    """Base of all inputs and effects: a dozen are made each round, at a third of what a dataclass costs."""


class Tick(Fact, frozen=True):
    """Time went on. Comes before every other input whose moment matters."""

    now_us: int
    wall_ms: int


class Submit(Fact, frozen=True):
    """Transactions for the next own vertices; never more than `core.room()` allows."""

    transactions: tuple[bytes, ...]
    attachment_bytes: int


class Want(Fact, frozen=True):
    """A linearizable read waits for the next own vertex to be ordered."""


class Arrived(Fact, frozen=True):
    """A vertex that admission decoded, bounded and found validly signed (its transactions too).

    `missing` are the commitments of its attachments that are not here. `asked`: it answers a Fetch.
    """

    vertex: Vertex
    sender: int
    missing: tuple[Digest, ...]
    asked: bool


class Found(Fact, frozen=True):
    """These attachments are here now, or known to be erased."""

    commitments: tuple[Digest, ...]


class Answered(Fact, frozen=True):
    """A Fetch ended: answered by what arrived before this, or in vain. `forgotten`: no longer kept there."""

    member: int
    references: tuple[Reference, ...]
    commitments: tuple[Digest, ...]
    forgotten: tuple[Reference, ...]


class Opened(Fact, frozen=True):
    """The stream to a member has begun, or begun anew, and this is what the member has of every author."""

    member: int
    newest: tuple[int, ...]


class Lost(Fact, frozen=True):
    """The stream to a member broke."""

    member: int


class Measured(Fact, frozen=True):
    """The transport's round trip to a member."""

    member: int
    rtt_us: int


class Executed(Fact, frozen=True):
    """A block was executed and sealed here."""

    header: Header
    hash: Digest


class Rooted(Fact, frozen=True):
    """The state root after `height`, as asked for by Root."""

    height: int
    state_root: Digest


class Heard(Fact, frozen=True):
    """A validator's word on a header; its signature was verified by admission."""

    word: SignedStatement


class Vouched(Fact, frozen=True):
    """A checkpoint whose signatures were verified by admission."""

    checkpoint: Checkpoint


class Repeat(Fact, frozen=True):
    """An own vertex that this disk has and cannot vouch for: it may have been said, or not.

    `missing` are the commitments of its attachments that are not here.
    """

    vertex: Vertex
    missing: tuple[Digest, ...]


class Speak(Fact, frozen=True):
    """Start-up is over: from now on the core may propose, in rounds ≥ `round_first` only.

    What may have been said below that is said again, the very same.
    """

    round_first: int
    repeats: tuple[Repeat, ...] = ()


class Hush(Fact, frozen=True):
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


class Persist(Fact, frozen=True):
    """Append to the journal; an own vertex is on disk, with all before it, before the next effect."""

    vertex: Vertex
    is_own: bool


class PersistStatement(Fact, frozen=True):
    """An own word on a header: on disk before the next effect, never to be contradicted."""

    word: SignedStatement


class Broadcast(Fact, frozen=True):
    """Send to every other member. A vertex goes as Announced, with its attachments, which the driver adds."""

    item: Item


class Send(Fact, frozen=True):
    """Send to one member, in order."""

    member: int
    item: Item


class Fetch(Fact, frozen=True):
    """Ask a member for vertices and attachments. Ends with exactly one Answered."""

    member: int
    references: tuple[Reference, ...]
    commitments: tuple[Digest, ...]


class Deliver(Fact, frozen=True):
    """The next step of the order, with the vertices it names."""

    commit: Commit
    vertices: tuple[Vertex, ...]


class Return(Fact, frozen=True):
    """Transactions of an own vertex that was never ordered in time: back to the pool."""

    transactions: tuple[bytes, ...]


class Discard(Fact, frozen=True):
    """Vertices that left memory without ever being ordered: their attachments may be destroyed."""

    vertices: tuple[Vertex, ...]


class Wake(Fact, frozen=True):
    """Send a Tick at this time. Replaces the Wake before it."""

    at_us: int


class Root(Fact, frozen=True):
    """Compute the state root after this height and answer with Rooted."""

    height: int


class Certify(Fact, frozen=True):
    """A new newest checkpoint: store it."""

    checkpoint: Checkpoint


class Accuse(Fact, frozen=True):
    """Two vertices of one slot: keep as evidence, announce."""

    first: Vertex
    second: Vertex


class Refuse(Fact, frozen=True):
    """A member sent what no honest one sends, or too much."""

    member: int
    reason: str


class Behind(Fact, frozen=True):
    """What is missing is no longer kept by others: follow blocks."""

    round: int


class Forget(Fact, frozen=True):
    """Nothing below this round is needed from the journal any more."""

    round: int


class Alarm(Fact, frozen=True):
    """Members of this weight signed another header at a height that was executed here.

    `weight` > f: compare states. `weight` ≥ q: this node is the one that diverged.
    """

    height: int
    hash: Digest
    weight: int
    members: tuple[int, ...]


class Doubt(Fact, frozen=True):
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


class Room(Fact, frozen=True):
    """How much the next Submit may carry."""

    transactions: int
    bytes: int
    attachment_bytes: int
