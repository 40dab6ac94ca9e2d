"""Commit, skip or undecided: what becomes of a slot.

Promise: on any two validators, whatever part of the graph each holds, a slot that both decide is decided
alike, and what is decided stays decided (`docs/protocol/consensus.md` sections 6 and 8). The family of the
rule: Babel et al., Mysticeti (arXiv 2310.14821), direct and indirect decision. Here each line follows our
own section 6.

A new vertex of round R adds blame to slots of round R − 1 and certificates to slots of round R − 2, and
nothing else, so that is all its coming costs. A slot that gets decided can matter to slots at least three
rounds below it, as their anchor, so those are looked at then and only then, from the newest to the oldest.

Nothing but the graph may be asked here: no clock, no own vote, no memory of what arrived first.
"""

from dataclasses import dataclass

from weft.consensus.dag import Dag, Known, Row
from weft.consensus.weight import bits_of
from weft.model.committee import Committee


@dataclass(frozen=True, slots=True)
class Decision:
    """A slot's fate: committed to a vertex, or skipped."""

    vertex: Known | None
    is_direct: bool


_SKIPPED = Decision(None, True)
_SKIPPED_BY_ANCHOR = Decision(None, False)


class Slots:
    """The slots of one round, in slot order."""

    __slots__ = ("all_authors", "authors", "blame", "decisions", "open", "round")

    def __init__(self, round_: int, authors: tuple[int, ...]) -> None:
        self.round = round_
        self.authors = authors
        self.all_authors = bits_of(authors)
        self.decisions: list[Decision | None] = [None] * len(authors)
        self.blame = [0] * len(authors)
        """Vertices of the next round that name nothing in the slot."""
        self.open = list(range(len(authors)))
        """Places of undecided slots, rising."""

    @property
    def committed(self) -> list[Known]:
        """The vertices that the decided slots committed to, in slot order."""
        return [decision.vertex for decision in self.decisions if decision and decision.vertex]

    @property
    def is_skipped(self) -> bool:
        """Whether every slot is decided and none is committed."""
        return not self.open and not self.committed

    @property
    def is_direct(self) -> bool:
        """Whether every slot was decided by the direct rule."""
        return all(decision is not None and decision.is_direct for decision in self.decisions)


class Rule:
    """Decides the slots of the rounds that are not final yet."""

    def __init__(self, committee: Committee, slots_per_round: int, dag: Dag, final: int) -> None:
        self._quorum = committee.quorum
        self._dag = dag
        self._weigh = dag.scale.weigh
        size = committee.size
        self._turns = [
            tuple((first + step) % size for step in range(slots_per_round)) for first in range(size)
        ]
        self._slots: dict[int, Slots] = {}
        self._next = final + 1
        self._touched: set[int] = set()
        """Rounds with a slot that was decided since anchors were last looked for."""

    def add(self, known: Known) -> None:
        """Count a vertex that was just inserted into the DAG: the direct rule."""
        self._open_rounds(known.round)
        below = self._slots.get(known.round - 1)
        if below is not None and below.open:
            self._count_blame(below, known)
        voted_on = self._slots.get(known.round - 2)
        if voted_on is not None and voted_on.open:
            self._count_certificates(voted_on, known)

    def settle(self) -> None:
        """The indirect rule, as far as the slots decided since the last call reach."""
        while self._touched:
            round_ = max(self._touched)
            self._touched.remove(round_)
            anchor = self._find_anchor(round_)
            if anchor is not None:
                self._decide_by_anchor(round_ - 3, anchor)
            # The round below passes its search on to this one when all of it is skipped.
            below = self._slots.get(round_ - 1)
            if below is not None and below.is_skipped:
                self._touched.add(round_ - 1)

    def close(self) -> Slots | None:
        """The next final round, if its slots are all decided; it is not looked at again."""
        slots = self._slots.get(self._next)
        if slots is None or slots.open:
            return None
        self._next += 1
        return self._slots.pop(slots.round)

    @property
    def open_slots(self) -> dict[int, Slots]:
        """The rounds that are not final, rising."""
        return self._slots

    def _open_rounds(self, newest: int) -> None:
        for round_ in range(self._next + len(self._slots), newest + 1):
            self._slots[round_] = Slots(round_, self._turns[(round_ // 3) % self._dag.size])

    def _count_blame(self, slots: Slots, known: Known) -> None:
        """Section 6, direct skip: vertices of the next round that blame the slot weigh a quorum."""
        if not slots.all_authors & ~known.named:
            return
        row = self._dag.rows[known.round]
        for place in tuple(slots.open):
            if not known.named >> slots.authors[place] & 1:
                slots.blame[place] |= known.bit
                if self._is_quorum(row, slots.blame[place]):
                    self._decide(slots, place, _SKIPPED)

    def _count_certificates(self, slots: Slots, known: Known) -> None:
        """Section 6, direct commit: vertices two rounds on that certify the vertex weigh a quorum.

        All voters that `known` names came before it, so its certificates are complete when it comes.
        """
        rows = self._dag.rows
        row, voters, candidates = rows[known.round], rows.get(known.round - 1), rows.get(slots.round)
        if voters is None or candidates is None:
            return
        is_quorum, voted = self._is_quorum, known.voted
        for place in tuple(slots.open):
            for candidate in candidates.of(slots.authors[place]):
                if is_quorum(voters, voted & candidate.votes):
                    candidate.certificates |= known.bit
                    if is_quorum(row, candidate.certificates):
                        self._decide(slots, place, Decision(candidate, True))
                    break

    def _is_quorum(self, row: Row, vertices: int) -> bool:
        return self._weigh(row.fold(vertices)) >= self._quorum

    def _decide(self, slots: Slots, place: int, decision: Decision) -> None:
        slots.decisions[place] = decision
        slots.open.remove(place)
        self._touched.add(slots.round)

    def _find_anchor(self, round_: int) -> Known | None:
        """Section 6, indirect rule: the first slot from `round_` on that is not skipped, if committed."""
        slots = self._slots.get(round_)
        while slots is not None:
            for decision in slots.decisions:
                if decision is None:
                    return None
                if decision.vertex is not None:
                    return decision.vertex
            slots = self._slots.get(slots.round + 1)
        return None

    def _decide_by_anchor(self, round_: int, anchor: Known) -> None:
        """Commit to what a vertex two rounds on, in the anchor's past, certifies; skip if there is none."""
        slots = self._slots.get(round_)
        if slots is None or not slots.open:
            return
        past = _past(anchor, round_ + 2)
        candidates = self._dag.rows.get(round_)
        for place in tuple(slots.open):
            decision = _SKIPPED_BY_ANCHOR
            for candidate in candidates.of(slots.authors[place]) if candidates else ():
                if candidate.certificates & past:
                    decision = Decision(candidate, False)
                    break
            self._decide(slots, place, decision)


def _past(anchor: Known, round_: int) -> int:
    """The vertices of `round_` in the anchor's past, as bits."""
    found, seen, waiting = 0, {anchor.reference}, [anchor]
    while waiting:
        for parent in waiting.pop().parents:
            if parent.round == round_:
                found |= parent.bit
            elif parent.round > round_ and parent.reference not in seen:
                seen.add(parent.reference)
                waiting.append(parent)
    return found
