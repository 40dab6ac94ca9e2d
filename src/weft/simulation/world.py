"""A whole network in one thread: real nodes, and everything around them made up.

The world owns time, chance, the network and the validators, tells the checkers what happens, and writes the
trace. What goes wrong is decided in `faults.py`, what clients do in `workload.py`.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random

from weft.consensus.messages import (
    Accuse,
    Alarm,
    Deliver,
    Effect,
    Fetch,
    Persist,
    PersistStatement,
)
from weft.execution.contract import Contract
from weft.execution.executor import found as found_state
from weft.ledger.seal import seal_genesis
from weft.model.block import Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.genesis import Genesis
from weft.model.keys import PrivateKey, PublicKey
from weft.model.limits import LocalLimits
from weft.model.message import Announced, Item
from weft.model.view import EventRow
from weft.node.mark import Mark
from weft.node.recover import Recovered, found
from weft.simulation.disk import Disk, Store
from weft.simulation.drawing import Drawing
from weft.simulation.loop import Host, JumpingLoop
from weft.simulation.network import Network
from weft.simulation.ports import Asked, Behaviour, Checker, End, Mode, Scene, Told, Violation
from weft.simulation.trace import Trace
from weft.simulation.validator import Validator

HOOKS = (
    "said",
    "performed",
    "stored",
    "asked",
    "told",
    "followed",
    "cut",
    "crashed",
    "stopped",
    "restarted",
    "healed",
)


class World:
    """One run's network."""

    def __init__(
        self,
        seed: int,
        mode: Mode,
        loop: JumpingLoop,
        genesis: Genesis,
        signers: Sequence[PrivateKey],
        gateway: PrivateKey,
        is_signed: Callable[[PublicKey, Digest, bytes], bool],
        contracts: Mapping[str, Contract],
        limits: LocalLimits,
        behaviours: Mapping[int, Sequence[Behaviour]],
        checkers: Sequence[Checker],
    ) -> None:
        self.seed = seed
        self.mode = mode
        self.loop = loop
        self.context = Host().context
        self.genesis = genesis
        self.gateway = gateway
        self.is_signed = is_signed
        self.contracts = contracts
        self.limits = limits
        self.liars = tuple(sorted(behaviours))
        self.trace = Trace(self.now_us)
        self.drawing = Drawing(len(genesis.members), self.liars)
        self.violation: Violation | None = None
        self.is_healed = False
        self.unruly: list[int] = []
        """Honest members whose disk or clock failed as only f may fail."""
        self.is_over = False
        self.progress = Mark()
        """The highest round whose commit an honest member has delivered."""
        self.is_closing = False
        """Clients ask nothing more."""
        self.calls = 0
        """Made by clients so far."""
        self.fate = self.chance("fate")
        self._bytes = self.chance("bytes")
        self.network = Network(
            loop, len(genesis.members), self.chance("network"), limits.peer_queue_bytes_max
        )
        self.network.context = self.context
        self._checkers = checkers
        self._hooks: dict[str, list[Callable[..., None]]] = {
            hook: [
                getattr(checker, hook)
                for checker in checkers
                if getattr(type(checker), hook) is not getattr(Checker, hook)
            ]
            for hook in HOOKS
        }
        scene = Scene(
            seed, mode, genesis, self.liars, is_signed, self.now_us, contracts, limits,
            lambda place: self.validators[place].kept,
        )  # fmt: skip
        for checker in checkers:
            checker.begin(scene)
        self._origin = seal_genesis(genesis, found_state(genesis, contracts))
        self.validators = [
            Validator(self, place, signers[place], self._new_disk(), {}, behaviours.get(place, ()))
            for place in range(len(genesis.members))
        ]

    # Time and chance.

    def now_us(self) -> int:
        return round(self.loop.time() * 1e6)

    def chance(self, purpose: str) -> Random:
        """Chance for one purpose, so that more of it for one leaves the others as they are."""
        return Random(f"{self.seed}/{purpose}")

    def random_bytes(self, count: int) -> bytes:
        return self._bytes.randbytes(count)

    @property
    def round(self) -> int:
        return self.progress.reached

    # Members.

    @property
    def honest(self) -> list[Validator]:
        return [one for one in self.validators if one.place not in self.liars]

    def _new_disk(self) -> Disk:
        sealed, nodes = self._origin
        disk = Disk(lambda: Store(sealed, nodes, sealed.block.header.state_root), self.random_bytes)
        found(disk.journal, self.genesis)
        return disk

    def come_back(self, place: int) -> None:
        """Start a member again after a while, as people or their machines do."""
        delay_s = 0.05 if self.is_healed else self.fate.expovariate(1) + 0.01
        self.loop.call_later(delay_s, self._start_again, place, context=self.context)

    def _start_again(self, place: int) -> None:
        validator = self.validators[place]
        if validator.life is None and not self.is_over:
            if validator.disk.is_full and self.fate.random() < 0.8:
                self.come_back(place)
            else:
                validator.start()

    # What happens.

    def said(self, place: int, member: int, item: Item) -> None:
        what = type(item).__name__
        self.trace.note(
            place, "says", member, what, item.vertex[-8:].hex() if isinstance(item, Announced) else ""
        )
        if place not in self.liars:
            self.tell("said", place, member, item)

    def performed(self, place: int, effect: Effect) -> None:
        self.trace.note(place, type(effect).__name__, _detail(effect))
        if place not in self.liars:
            self.drawing.note(effect)
            if isinstance(effect, Deliver) and effect.commit.round > self.progress.reached:
                self.progress.reach(effect.commit.round)
            self.tell("performed", place, effect)

    def stored(self, place: int, sealed: Sequence[Sealed], commits: Sequence[Commit]) -> None:
        for one in sealed:
            self.trace.note(place, "stores", one.block.header.height, one.hash.hex()[:16])
        if place not in self.liars:
            self.tell("stored", place, sealed, commits)

    def asked(self, asked: Asked) -> None:
        self.trace.note(f"client{asked.client}", asked.verb, asked.number, asked.place, *asked.keys)
        self.tell("asked", asked)

    def told(self, asked: Asked, told: Told) -> None:
        fate = told.fate.status if told.fate is not None else ""
        self.trace.note(f"client{asked.client}", told.outcome, asked.number, fate, told.error or "")
        self.tell("told", asked, told)

    def followed(self, place: int, row: EventRow) -> None:
        self.trace.note("follower", "reads", row.height, row.position)
        self.tell("followed", place, row)

    def cut(self, place: int, member: int, reason: str) -> None:
        self.trace.note(place, "cuts", member, reason)
        if place not in self.liars:
            self.tell("cut", place, member, reason)

    def crashed(self, place: int, what: str, fate: str) -> None:
        self.trace.note(place, "crashes", what, fate)
        self.drawing.note_fall(place)
        if place not in self.liars:
            self.tell("crashed", place)
        self.come_back(place)

    def stopped(self, place: int, error: BaseException) -> None:
        self.trace.note(place, "stops", repr(error))
        if place not in self.liars:
            self.tell("stopped", place, error)
        self.come_back(place)

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        trusted = "trusted" if recovered.is_trusted else "distrusted"
        self.trace.note(place, "starts", recovered.round_first, trusted)
        if place not in self.liars:
            self.tell("restarted", place, recovered, is_disk_lost)

    def tell(self, hook: str, *arguments: object) -> None:
        """Tell the checkers. The first violation ends the run; nodes must not see it."""
        for call in self._hooks[hook]:
            try:
                call(*arguments)
            except Violation as violation:
                self.broken(violation)
                return

    def broken(self, violation: Violation) -> None:
        """A promise is broken: the run is over."""
        if self.violation is None:
            self.violation = violation
            self.trace.note("checker", "Violation", violation)
        self.loop.stop()

    async def end(self) -> None:
        """Switch everything off, and let what still runs come to its end."""
        self._hooks = {hook: [] for hook in HOOKS}
        self.is_over = True
        for validator in self.validators:
            validator.end()
        await asyncio.sleep(1)

    def finish(self, pending: tuple[Asked, ...]) -> None:
        """Show the checkers how it ended."""
        end = End({one.place: one.kept for one in self.honest}, self.is_healed, pending)
        for checker in self._checkers:
            try:
                checker.finished(end)
            except Violation as violation:
                self.broken(violation)
                return


def _detail(effect: Effect) -> str:
    match effect:
        case Persist(vertex):
            return f"{vertex.author}/{vertex.round} {vertex.digest.hex()[:12]}"
        case Deliver(commit):
            return f"{commit.round} {commit.order_hash.hex()[:12]}"
        case PersistStatement(word):
            return f"{word.statement.height} {word.statement.header.hex()[:12]}"
        case Fetch(member, references, commitments):
            return f"{member} {len(references)} {len(commitments)}"
        case Accuse(first, second):
            return f"{first.author}/{first.round} {first.digest.hex()[:12]} {second.digest.hex()[:12]}"
        case Alarm(height, hash_):
            return f"{height} {hash_.hex()[:12]}"
        case _:
            return ""
