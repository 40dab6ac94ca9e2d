"""From final rounds to one order.

Promise: the commits of any two validators are the same commits in the same order, as far as each has come
(`docs/protocol/consensus.md` section 7). A round is final when its slots and those of all rounds before are
decided; its commit orders the committed vertices and everything in their past that is above the floor and
not ordered yet. The floor of a round depends on the round alone, never on what this node happens to hold.
"""

from dataclasses import dataclass

from weft.consensus.check import Checked
from weft.consensus.dag import Dag, Known
from weft.consensus.rule import Rule, Slots
from weft.model.commit import Commit, next_order_hash
from weft.model.committee import Committee
from weft.model.digest import Digest
from weft.model.vertex import Reference


@dataclass(frozen=True, slots=True)
class Step:
    """A round that became final."""

    slots: Slots
    commit: Commit | None
    """None where the round orders nothing: then it leaves no record."""
    ordered: tuple[Known, ...]


class Order:
    """The DAG, the rule over it, and where the order has come to."""

    def __init__(
        self,
        committee: Committee,
        slots_per_round: int,
        depth: int,
        final: int,
        order_hash: Digest,
        time_ms: int,
        ordered: tuple[Reference, ...],
    ) -> None:
        self._weights = committee.weights
        self._depth = depth
        self.dag = Dag(committee, final - depth, ordered)
        self.rule = Rule(committee, slots_per_round, self.dag, final)
        self.final = final
        """The last final round."""
        self.order_hash = order_hash
        self.time_ms = time_ms
        """Ledger time."""

    def insert(self, checked: Checked) -> Known:
        """Insert a vertex and count it by the direct rule, no more."""
        known = self.dag.insert(checked)
        self.rule.add(known)
        return known

    def advance(self) -> list[Step]:
        """The rounds that became final since the last call."""
        self.rule.settle()
        steps = []
        while (slots := self.rule.close()) is not None:
            steps.append(self._finish(slots))
        return steps

    def ordered_above_floor(self) -> tuple[Reference, ...]:
        """All that is ordered and that a later vertex may still name, sorted."""
        floor = self.dag.floor
        known = [k.reference for k in self.dag.known.values() if k.is_ordered and k.round > floor]
        before = [reference for reference in self.dag.ordered_before if reference.round > floor]
        return tuple(sorted(known + before, key=_by_slot))

    def _finish(self, slots: Slots) -> Step:
        self.final = slots.round
        self.dag.floor = slots.round - self._depth
        committed = slots.committed
        if not committed:
            return Step(slots, None, ())
        ordered = self._collect(committed)
        self.time_ms = max(self.time_ms, self._agree_on_time(committed))
        names = tuple(known.reference for known in committed)
        references = tuple(known.reference for known in ordered)
        self.order_hash = next_order_hash(self.order_hash, slots.round, names, references, self.time_ms)
        commit = Commit(slots.round, self.time_ms, names, references, self.order_hash)
        return Step(slots, commit, tuple(ordered))

    def _collect(self, committed: list[Known]) -> list[Known]:
        """The committed vertices with their unordered past above the floor, in order.

        The past of what is ordered is ordered as far as any later floor reaches, so the search stops there.
        """
        floor, size, found, waiting = self.dag.floor, self.dag.size, [], list(committed)
        while waiting:
            known = waiting.pop()
            if not known.is_ordered and known.round > floor:
                known.is_ordered = True
                found.append(known)
                waiting.extend(known.parents)
        found.sort(key=lambda k: (k.round, (k.author - k.round // 3) % size, k.reference.digest))
        return found

    def _agree_on_time(self, committed: list[Known]) -> int:
        """The smallest time by which authors of at least half of the committed weight had spoken."""
        weights = self._weights
        half = sum(weights[known.author] for known in committed)
        spoken = 0
        for known in sorted(committed, key=lambda k: k.vertex.time_ms):
            spoken += weights[known.author]
            if 2 * spoken >= half:
                return known.vertex.time_ms
        raise AssertionError("somebody is committed")


def _by_slot(reference: Reference) -> tuple[int, int, Digest]:
    return reference.round, reference.author, reference.digest
