"""The two contracts of the simulator: how a validator lies, and how a promise is checked.

A `Behaviour` sits between a validator's own real node and the network. Several may sit there, one behind the
other: what the first lets out goes through the next. Each is made anew for every liar of every run, and takes
chance and time from its `Liar` alone, so that a seed says everything.

A `Checker` holds one promise of `docs/invariants.md`. It is made anew for every run, told what happens as it
happens, and raises `Violation`. It must not change what it is shown.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Literal, Protocol

from weft.consensus.core import Core
from weft.consensus.messages import Effect
from weft.execution.contract import Contract
from weft.model.block import Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.encoding import Record
from weft.model.genesis import Genesis
from weft.model.keys import PrivateKey, PublicKey
from weft.model.limits import LocalLimits
from weft.model.message import Answer, Item, Request
from weft.model.transaction import Attachment
from weft.model.view import EventRow, Fate, RecordView, Wait
from weft.node.node import Node
from weft.node.ports import AttachmentStore, Journal, Store
from weft.node.recover import Recovered

Mode = Literal["safety", "liveness"]
IsSigned = Callable[[PublicKey, Digest, bytes], bool]


class Violation(Exception):  # noqa: N818 - it is no error of the program, but what was looked for
    """A promise is broken."""

    def __init__(self, promise: str, text: str) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise = promise
        self.text = text


class Liar(Protocol):
    """What a behaviour has to work with."""

    place: int
    """Its place in the committee."""
    signer: PrivateKey
    """Its own real key: `weft.model.vertex.sign_vertex(liar.signer, ...)` makes whatever it likes."""
    random: Random
    """Seeded; the only chance there is."""

    @property
    def genesis(self) -> Genesis: ...

    @property
    def fellows(self) -> tuple[int, ...]:
        """The other liars."""

    @property
    def core(self) -> Core:
        """The core of its own node, to look at."""

    def now_us(self) -> int:
        """Its clock."""

    def wall_ms(self) -> int:
        """Its wall clock."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        """Call once, later; forgotten when its node crashes."""

    def send(self, member: int, item: Item | bytes) -> None:
        """Straight to a member, past all behaviours; bytes go as they are, decodable or not. Dropped while
        there is no stream to that member."""


class Behaviour:
    """What a Byzantine validator does. As it stands: nothing that an honest one would not do."""

    def begin(self, liar: Liar) -> None:
        """The validator's node has started, or started again after a crash."""
        self.liar = liar

    def send(self, member: int, item: Item) -> Iterable[Item | bytes]:
        """The node wants to send this to a member: what is really sent, in order. A broadcast asks once for
        each member. Bytes go as they are and pass over the behaviours behind."""
        return (item,)

    def receives(self, member: int, item: Item) -> bool:
        """Whether the own node gets what came from a member."""
        return True

    async def answer(
        self, member: int, request: Request, honestly: Callable[[], Awaitable[Answer]]
    ) -> Answer | bytes:
        """A member asks. `honestly()` is what the own node, or the behaviour behind, would say."""
        return await honestly()

    def serves(self, client: int) -> bool:
        """Whether a client of this node is heard at all; one that is not gets no answer."""
        return True


@dataclass(frozen=True, slots=True)
class Asked:
    """A client's call, as it was made."""

    number: int
    """Counts all calls of the run."""
    client: int
    place: int
    """The node that it was made to."""
    verb: Literal["put", "delete", "erase", "batch", "submit", "read", "write"]
    begun_us: int
    """Time of the world, which no node's clock shows exactly."""
    collection: str = ""
    keys: tuple[str, ...] = ()
    contents: tuple[bytes, ...] = ()
    """Of the documents, in the order of the keys."""
    expected: int | None = None
    idempotency_key: str | None = None
    wait: Wait = "executed"
    raw: bytes = b""
    """`submit`: the transaction that the client signed itself; it may send the same to several nodes."""
    attachments: tuple[Attachment, ...] = ()
    is_linearizable: bool = False
    contract: str = ""
    call: str = ""
    arguments: Record | None = None
    """`write`: a call of any contract, through the node's gateway."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a call ended."""

    outcome: Literal["told", "refused", "silent"]
    """`told`: `fate` or `record` say it. `refused`: `error` says why. `silent`: the node went away."""
    ended_us: int
    fate: Fate | None = None
    """Of a write. Executed and failed ones are decided for good; a pending one is not decided yet."""
    record: RecordView | None = None
    """Of a read; None is nothing there."""
    height: int = 0
    """Of a read: what the node had executed at least."""
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Scene:
    """What a checker knows from the beginning."""

    seed: int
    mode: Mode
    genesis: Genesis
    liars: tuple[int, ...]
    is_signed: IsSigned
    """How signatures are verified in this run."""
    now_us: Callable[[], int]
    """Time of the world."""
    contracts: Mapping[str, Contract]
    limits: LocalLimits
    look: "Callable[[int], Kept]"
    """What an honest member has at this moment."""


@dataclass(slots=True)
class Kept:
    """All that one honest member has on its disk, and its node if it runs."""

    place: int
    journal: Journal
    store: Store
    attachments: AttachmentStore
    node: Node | None
    is_damaged: bool
    """Whether the faults of this run took its whole disk, or what was synced on it, away."""
    is_safe: Callable[[bytes], bool]
    """Whether these bytes stand in its journal and would outlive a loss of power."""
    is_content_safe: Callable[[Digest], bool]
    """Whether this content, or its tombstone, would."""
    reopen: Callable[[], Journal]
    """A copy of its journal, as a start-up would find it if all that is not synced were lost now."""


@dataclass(frozen=True, slots=True)
class End:
    """The world when a run is over. Nothing moves any more."""

    members: Mapping[int, Kept]
    """The honest ones."""
    is_healed: bool
    """Liveness mode: faults have stopped, everything was given time, and the network is silent."""
    pending: tuple[Asked, ...] = ()
    """Calls that nobody answered."""


class Checker:
    """One promise. All hooks do nothing until overridden; each may raise Violation."""

    promise: ClassVar[str] = ""
    """Its name in `docs/invariants.md`, for example `Agreement`."""

    def begin(self, scene: Scene) -> None:
        """Before anything happens."""
        self.scene = scene

    def said(self, place: int, member: int, item: Item) -> None:
        """An honest node handed an item for a member to the network, whether or not it will arrive."""

    def performed(self, place: int, effect: Effect) -> None:
        """An honest node has carried out an effect of its core: what is to be persisted is on disk, what is
        delivered waits for execution. A broadcast shows up here once, in `said` for each member."""

    def stored(self, place: int, sealed: Sequence[Sealed], commits: Sequence[Commit]) -> None:
        """An honest node's store has appended these durably."""

    def asked(self, asked: Asked) -> None:
        """A client makes a call, to an honest node or to a liar."""

    def told(self, asked: Asked, told: Told) -> None:
        """The call has ended. What a liar's node told binds nobody."""

    def followed(self, place: int, row: EventRow) -> None:
        """The run's follower, who keeps its place through crashes and goes to one honest node after the
        other, was given the next row of the ledger."""

    def cut(self, place: int, member: int, reason: str) -> None:
        """An honest node cuts off a member for what it sent."""

    def crashed(self, place: int) -> None:
        """The power of an honest node went: what was not synced may be gone."""

    def stopped(self, place: int, error: BaseException) -> None:
        """An honest node has stopped by itself."""

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        """An honest node comes back, with what its journal told."""

    def healed(self) -> None:
        """From here on nothing fails any more (liveness mode)."""

    def finished(self, end: End) -> None:
        """The run is over."""

    def fail(self, text: str) -> None:
        """The promise is broken."""
        raise Violation(self.promise, text)
