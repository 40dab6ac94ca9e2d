"""One member of a simulated network: its disk and clocks, and its lives, from each start to the next crash.

A life is the shipped node on the simulator's ports. Every call of a port is a step, counted over all lives,
and at any step the power may go: then nothing of that life happens any more, and what was not synced is
subject to the disk's fate.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from weft.consensus.core import Core
from weft.consensus.messages import Effect
from weft.model.genesis import Genesis
from weft.model.keys import PrivateKey
from weft.model.message import Item
from weft.node.gateway import Gateway
from weft.node.node import Node
from weft.node.ports import Machine
from weft.node.recover import recover
from weft.node.service import NodeService
from weft.simulation.clock import Clock, Wall, Workers
from weft.simulation.disk import Disk, PowerLostError
from weft.simulation.loop import Host
from weft.simulation.port import Port
from weft.simulation.ports import Behaviour, Kept

if TYPE_CHECKING:
    from weft.simulation.world import World

T = TypeVar("T")


class Watched(Node):
    """The shipped node; what it carries out is seen."""

    life: "Life"

    def _perform(self, effect: Effect) -> None:
        self.life.step("effect")
        super()._perform(effect)
        self.life.performed(effect)


class Life:
    """One run of a member's process."""

    def __init__(self, validator: "Validator") -> None:
        self.validator = validator
        self.host = Host()
        self.host.on_mistake = self._stumble
        self.is_on = True
        self.node: Watched
        self.service: NodeService
        self.port: Port

    def begin(self) -> None:
        """Start the node on its disk. Raises what a node that cannot start raises."""
        self.host.context.run(self._begin)

    def run(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Do something as this process; cancelled when it ends."""
        task: asyncio.Task[T] = self.validator.world.loop.create_task(work, context=self.host.context)
        return task

    def step(self, what: str) -> None:
        """A port is called; here the power may go."""
        if not self.is_on:
            raise PowerLostError
        validator = self.validator
        validator.steps += 1
        if validator.steps == validator.crash_at:
            validator.crash(what)
            raise PowerLostError

    def performed(self, effect: Effect) -> None:
        self.validator.world.performed(self.validator.place, effect)

    def _begin(self) -> None:
        validator, world = self.validator, self.validator.world
        disk, place, genesis = validator.disk, validator.place, world.genesis
        disk.let(self.step, validator.stored)
        journal = disk.open_journal()
        recovered = recover(genesis, place, validator.signer, journal, disk.store, world.limits)
        world.restarted(place, recovered, validator.is_disk_lost)
        validator.is_disk_lost = False
        clock = Clock(world.loop, self.host, validator.wall)
        machine = Machine(lambda _: validator, world.random_bytes, world.is_signed)
        self.node = node = Watched(
            genesis, place, f"http://{genesis.members[place].name}", validator.signer, world.contracts,
            recovered, clock, Workers(world.loop, validator.delays_s), journal, disk.store, disk.attachments,
            Path(), self._connect, world.limits, machine,
        )  # fmt: skip
        node.life = self
        gateway = Gateway(genesis, world.gateway, lambda _: None, world.random_bytes)
        self.service = NodeService(node, gateway, node.url)
        for behaviour in validator.behaviours:
            behaviour.begin(validator)
        task = asyncio.ensure_future(node.run())
        task.add_done_callback(self._stop)

    def _connect(self, inbox: Any) -> Port:
        validator = self.validator
        self.port = Port(
            validator.world.network, validator.place, self.host, inbox, self.step, validator.said,
            validator.cut, validator.behaviours,
        )  # fmt: skip
        return self.port

    def _stop(self, task: "asyncio.Task[None]") -> None:
        """The node has ended by itself."""
        if self.is_on:
            error = task.exception() if not task.cancelled() else None
            self.validator.stopped(error or AssertionError("a node ended without a reason"))

    def _stumble(self, error: BaseException) -> None:
        """A callback failed; as the shipped process does, the node stops."""
        if self.is_on and not isinstance(error, PowerLostError):
            self.node.stop_because(error)


class Validator:
    """One member."""

    def __init__(
        self,
        world: "World",
        place: int,
        signer: PrivateKey,
        disk: Disk,
        delays_s: dict[str, float],
        behaviours: Sequence[Behaviour],
    ) -> None:
        self.world = world
        self.place = place
        self.signer = signer
        self.disk = disk
        self.delays_s = delays_s
        self.behaviours = behaviours
        self.wall = Wall()
        self.life: Life | None = None
        self.steps = 0
        self.crash_at = 0
        """The step at which the power goes; 0 is never."""
        self.is_disk_lost = False
        """Since the last life."""
        self.is_damaged = False
        """Whether faults took something from this disk that was synced."""
        self.total, self.free = 1 << 40, 1 << 40
        """Bytes of its disk."""
        self.random = world.chance(f"liar {place}")

    # Lives.

    def start(self) -> None:
        """Begin a life."""
        assert self.life is None
        self.life = life = Life(self)
        try:
            life.begin()
        except PowerLostError:
            pass
        except Exception as error:
            self.stopped(error)

    def crash(self, what: str) -> None:
        """The power goes."""
        life = self.life
        assert life is not None
        life.is_on, self.life = False, None
        fate = self.disk.crash(self.world.fate)
        self.world.crashed(self.place, what, fate)
        self._bury(life)

    def stopped(self, error: BaseException) -> None:
        """The process ended by itself: what it wrote stays written."""
        life = self.life
        assert life is not None
        life.is_on, self.life = False, None
        self.disk.stop()
        self.world.stopped(self.place, error)
        self._bury(life)

    def end(self) -> None:
        """The world ends."""
        if self.life is not None:
            life, self.life = self.life, None
            life.is_on = False
            self.disk.stop()
            self._bury(life)

    def _bury(self, life: Life) -> None:
        """End what still waits in that life, and let nothing of it happen again."""
        loop, world = self.world.loop, self.world
        if hasattr(life, "port"):
            life.port.down()

        def cancel() -> None:
            for task in life.host.tasks:
                task.cancel()
            loop.call_at(loop.time() + 1e-6, loop.drop, life.host, context=world.context)

        loop.resume(life.host)
        loop.call_soon(cancel, context=world.context)

    # What its ports tell.

    def said(self, member: int, item: Item) -> None:
        self.world.said(self.place, member, item)

    def stored(self, sealed: Any, commits: Any) -> None:
        self.world.stored(self.place, sealed, commits)

    def cut(self, member: int, reason: str) -> None:
        self.world.cut(self.place, member, reason)

    @property
    def kept(self) -> Kept:
        node = getattr(self.life, "node", None)
        disk = self.disk
        return Kept(
            self.place, disk.journal, disk.store, disk.attachments, node, self.is_damaged, disk.files.is_safe,
            disk.attachments.is_safe, disk.reopen_copy,
        )  # fmt: skip

    # What a behaviour has to work with (`weft.simulation.ports.Liar`).

    @property
    def genesis(self) -> Genesis:
        return self.world.genesis

    @property
    def fellows(self) -> tuple[int, ...]:
        return tuple(place for place in self.world.liars if place != self.place)

    @property
    def core(self) -> Core:
        assert self.life is not None
        return self.life.node.core

    def now_us(self) -> int:
        assert self.life is not None
        return self.life.node.clock.now_us()

    def wall_ms(self) -> int:
        assert self.life is not None
        return self.life.node.clock.wall_ms()

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        assert self.life is not None
        self.world.loop.call_later(seconds, call, context=self.life.host.context)

    def send(self, member: int, item: Item | bytes) -> None:
        if self.life is not None:
            self.life.port.slip(member, item)
