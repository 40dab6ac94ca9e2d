"""Bugs in the centre: who agrees on what, and in which order."""

from collections.abc import Awaitable, Sequence
from contextlib import suppress

import msgspec
import pytest

from tests.simulation.planted.bug import Bug
from weft.consensus import core, order, rule
from weft.consensus.ahead import Ahead
from weft.consensus.catchup import Catchup
from weft.consensus.check import Checked
from weft.consensus.checkpoint import Witness
from weft.consensus.core import Core
from weft.consensus.dag import Dag, Known
from weft.consensus.messages import Arrived, Effect, Refuse
from weft.consensus.order import Order
from weft.consensus.rule import Decision, Rule, Slots
from weft.model.block import Checkpoint
from weft.model.commit import next_order_hash
from weft.model.committee import Committee
from weft.model.errors import VertexError
from weft.model.message import Certified, Evidence, Item
from weft.model.vertex import Vertex
from weft.node.admit import Door
from weft.node.node import Node
from weft.node.reception import Reception
from weft.simulation.byzantine.forge import Forge
from weft.simulation.byzantine.misdate import Misdate
from weft.simulation.byzantine.slander import Slander
from weft.simulation.checkers.agreement import Agreement, OrderedOnce, PrefixOrder
from weft.simulation.checkers.bounds import Bounds
from weft.simulation.checkers.checkpoints import Checkpoints
from weft.simulation.checkers.evidence import Guilt
from weft.simulation.checkers.forgetting import Forgetting
from weft.simulation.checkers.ledger_time import LedgerTime
from weft.simulation.checkers.progress import Progress


def _quorum_off_by_one(patch: pytest.MonkeyPatch) -> None:
    made = Committee.__post_init__

    def make(self: Committee) -> None:
        made(self)
        object.__setattr__(self, "quorum", self.quorum - 1)

    patch.setattr(Committee, "__post_init__", make)


def _set_without_order(patch: pytest.MonkeyPatch) -> None:
    collect = Order._collect
    patch.setattr(Order, "_collect", lambda self, committed: list(set(collect(self, committed))))


def _parents_not_checked(patch: pytest.MonkeyPatch) -> None:
    def resolve(vertex: Vertex, dag: Dag) -> Checked:
        found = (dag.known.get(reference) for reference in vertex.parents)
        return Checked(vertex, tuple(known for known in found if known is not None))

    patch.setattr("weft.consensus.check.resolve", resolve)
    patch.setattr(core, "resolve", resolve)


def _indirect_rule_skips(patch: pytest.MonkeyPatch) -> None:
    def decide(self: Rule, round_: int, anchor: Known) -> None:
        slots = self._slots.get(round_)
        for place in tuple(slots.open) if slots is not None else ():
            assert slots is not None
            self._decide(slots, place, rule._SKIPPED_BY_ANCHOR)

    patch.setattr(Rule, "_decide_by_anchor", decide)


def _certified_by_votes(patch: pytest.MonkeyPatch) -> None:
    def count(self: Rule, slots: Slots, known: Known) -> None:
        candidates, row = self._dag.rows.get(slots.round), self._dag.rows[known.round - 1]
        for place in tuple(slots.open):
            for candidate in candidates.of(slots.authors[place]) if candidates else ():
                if self._is_quorum(row, candidate.votes):
                    self._decide(slots, place, Decision(candidate, True))
                    break

    patch.setattr(Rule, "_count_certificates", count)


def _order_hash_without_slots(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        order,
        "next_order_hash",
        lambda previous, round_, slots, ordered, time_ms: next_order_hash(
            previous, round_, (), ordered, time_ms
        ),
    )


def _ordered_again(patch: pytest.MonkeyPatch) -> None:
    collect = Order._collect

    def collect_all(self: Order, committed: list[Known]) -> list[Known]:
        for known in committed:
            for parent in known.parents[:1]:
                parent.is_ordered = False
        return collect(self, committed)

    patch.setattr(Order, "_collect", collect_all)


def _forgets_too_early(patch: pytest.MonkeyPatch) -> None:
    forget = Core._forget

    def forget_all(self: Core) -> None:
        limits = self._limits
        self._limits = msgspec.structs.replace(limits, depth=0)
        forget(self)
        self._limits = limits

    patch.setattr(Core, "_forget", forget_all)


def _never_forgets(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Core, "_forget", lambda self: None)


def _stale_checkpoint(patch: pytest.MonkeyPatch) -> None:
    receive = Node.receive

    def receive_any(self: Node, member: int, item: Item, size: int) -> Awaitable[None] | None:
        if isinstance(item, Certified):
            self._reception.checkpoint(member, item.checkpoint)
            return None
        return receive(self, member, item, size)

    def vouch(self: Witness, checkpoint: Checkpoint) -> list[Effect]:
        return self._adopt(checkpoint) if self._is_ours(checkpoint.statement) else []

    patch.setattr(Node, "receive", receive_any)
    patch.setattr(Witness, "vouch", vouch)


def _checkpoint_without_quorum(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Door, "checkpoint", lambda self, checkpoint: True)


def _latest_time(patch: pytest.MonkeyPatch) -> None:
    def latest(self: Order, committed: Sequence[Known]) -> int:
        return max(known.vertex.time_ms for known in committed)

    patch.setattr(Order, "_agree_on_time", latest)


def _nothing_is_held(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Ahead, "is_ahead", lambda self, time_ms, wall_ms: False)


def _ahead_is_a_lie(patch: pytest.MonkeyPatch) -> None:
    arrived = Core._arrived

    def refuse(self: Core, input_: Arrived) -> None:
        if self._ahead.is_ahead(input_.vertex.time_ms, self._wall_ms):
            self._effects.append(Refuse(input_.vertex.author, "from the future"))
        else:
            arrived(self, input_)

    patch.setattr(Core, "_arrived", refuse)


def _evidence_is_believed(patch: pytest.MonkeyPatch) -> None:
    async def evidence(
        self: Reception, member: int, item: Evidence, _: object
    ) -> tuple[Vertex, Vertex] | None:
        with suppress(VertexError):
            first, second = [await self._door.vertex(raw, ()) for raw in (item.first, item.second)]
            return first.vertex, second.vertex
        return None

    patch.setattr(Reception, "evidence", evidence)


def _asks_only_once(patch: pytest.MonkeyPatch) -> None:
    def pause(self: Catchup, *_: object) -> list[Effect]:
        return []

    patch.setattr(Catchup, "_pause", pause)


AGREEMENT = (
    Bug(
        "quorum off by one",
        "`Committee.quorum` is one less",
        Agreement,
        _quorum_off_by_one,
    ),
    Bug(
        "unsorted set",
        "`Order._collect` gives the members of a set as they come",
        Agreement,
        _set_without_order,
    ),
    Bug(
        "skipped parent check",
        "`resolve` lets a vertex into the graph whose parents are missing",
        Agreement,
        _parents_not_checked,
    ),
    Bug(
        "wrong indirect rule",
        "`Rule._decide_by_anchor` skips whatever it is asked for",
        Agreement,
        _indirect_rule_skips,
        faults=("delay", "partition"),
    ),
    Bug(
        "a quorum of votes commits",
        "`Rule._count_certificates` counts votes for certificates",
        Agreement,
        _certified_by_votes,
        faults=("delay", "partition"),
    ),
    Bug(
        "order hash without slots",
        "`next_order_hash` leaves the committed slots out",
        PrefixOrder,
        _order_hash_without_slots,
    ),
    Bug(
        "ordered again",
        "`Order._collect` takes what the vertex before was for not ordered",
        OrderedOnce,
        _ordered_again,
    ),
    Bug(
        "GC too early",
        "`Core._forget` keeps nothing below the last final round",
        Forgetting,
        _forgets_too_early,
    ),
    Bug(
        "no GC",
        "`Core._forget` does nothing",
        Bounds,
        _never_forgets,
        faults=(),
    ),
    Bug(
        "stale checkpoint accepted",
        "`Node.receive` and `Witness.vouch` take a checkpoint below the newest",
        Checkpoints,
        _stale_checkpoint,
    ),
    Bug(
        "checkpoint without a quorum",
        "`Door.checkpoint` does not look at signatures",
        Checkpoints,
        _checkpoint_without_quorum,
        liars=(Forge,),
    ),
    Bug(
        "the latest time is the time",
        "`Order._agree_on_time` takes the largest",
        LedgerTime,
        _latest_time,
    ),
    Bug(
        "nothing is held",
        "`Ahead.is_ahead` is never so",
        LedgerTime,
        _nothing_is_held,
        liars=(Misdate,),
    ),
    Bug(
        "a clock ahead is a lie",
        "`Core._arrived` refuses what it should hold",
        Guilt,
        _ahead_is_a_lie,
        faults=("clock",),
    ),
    Bug(
        "evidence is believed",
        "`Reception.evidence` does not look whether the pair proves anything",
        Guilt,
        _evidence_is_believed,
        liars=(Slander,),
    ),
    Bug(
        "asked once and never again",
        "`Catchup._pause` forgets what nobody had",
        Progress,
        _asks_only_once,
        faults=("loss", "partition"),
        mode="liveness",
    ),
)
