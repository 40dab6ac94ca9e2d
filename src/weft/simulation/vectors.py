"""Drawn DAGs with expected decisions, replayed through the shipped DAG, rule and order.

The form is that of `docs/protocol/consensus.md` section 13. Each case is replayed with all vertices counted
before anchors are looked for, which tells the direct rule from the indirect one, and then in several arrival
orders, children before parents too, where only what is decided can be compared: a node that decided earlier
may have got there by the other rule.
"""

import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import msgspec

from weft.consensus.check import Checked, resolve
from weft.consensus.order import Order, Step
from weft.consensus.rule import Decision
from weft.consensus.waiting import Pending, Waiting
from weft.model.committee import Committee, FaultModel, Member
from weft.model.digest import ZERO
from weft.model.errors import VectorError
from weft.model.limits import LocalLimits
from weft.model.vertex import Reference, Vertex

_ORDERS = 6
_LABEL = re.compile(r"([A-Z]+)([0-9]{1,9})('*)")
_UNBOUNDED = LocalLimits(incomplete_vertices_max=2**31, incomplete_bytes_max=2**62, held_vertices_max=2**31)


class FinalRound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A final round with what it orders."""

    round: int
    order: tuple[str, ...]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One drawn DAG."""

    name: str
    why: str
    model: FaultModel
    weights: tuple[int, ...]
    slots_per_round: int
    depth: int
    dag: tuple[str, ...]
    """`A2: A1 B1 C1`: a vertex and its parents, own first."""
    slots: dict[str, str]
    final: tuple[FinalRound, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What the core made of a DAG: each slot's fate, and the final rounds."""

    slots: dict[str, str]
    final: tuple[FinalRound, ...]


def replay_vectors(path: Path, out: TextIO) -> tuple[int, int]:
    """Replay all cases of a file and print those that differ; gives (passed, failed).

    Raises VectorError when the file is not of this form.
    """
    passed = failed = 0
    for case in load_cases(path):
        differences = list(dict.fromkeys(find_differences(case)))
        for difference in differences:
            print(f"{case.name}: {difference}", file=out)
        passed, failed = passed + (not differences), failed + bool(differences)
    print(f"{passed} passed, {failed} failed", file=out)
    return passed, failed


def load_cases(path: Path) -> list[Case]:
    """The cases of a file; raises VectorError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Case])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise VectorError(f"{path} is not a file of drawn DAGs: {error}") from None


def find_differences(case: Case) -> Iterator[str]:
    """Each way in which what the core finds differs from what the case expects."""
    drawing = Drawing(case)
    whole = drawing.replay_at_once()
    yield from _compare(case.slots, whole.slots, "")
    yield from _compare_final(case.final, whole.final, "")
    expected = {slot: _outcome(fate) for slot, fate in case.slots.items()}
    for number, vertices in enumerate(drawing.arrival_orders()):
        found = drawing.replay_one_by_one(vertices)
        label = f" (arrival order {number})"
        yield from _compare(expected, {slot: _outcome(fate) for slot, fate in found.slots.items()}, label)
        yield from _compare_final(case.final, found.final, label)


class Drawing:
    """A case as values of the model. A vertex' label stands for its digest."""

    def __init__(self, case: Case) -> None:
        self._case = case
        is_sound = case.weights and min(case.weights) >= 1 and case.depth >= 1
        if not is_sound or not 1 <= case.slots_per_round <= len(case.weights):
            raise VectorError(f"case {case.name!r}: weights, slots_per_round and depth do not agree")
        members = tuple(
            Member(member_name(place), place.to_bytes(32, "big"), weight)
            for place, weight in enumerate(case.weights)
        )
        self._committee = Committee(members, case.model)
        self.vertices = [self._draw(line) for line in case.dag]
        if len({vertex.reference for vertex in self.vertices}) != len(self.vertices):
            raise VectorError(f"case {case.name!r}: a vertex is drawn twice")
        if max((vertex.round for vertex in self.vertices), default=0) > len(self.vertices):
            # The rule looks at every round up to the newest: one without a past would keep it busy for ever.
            raise VectorError(f"case {case.name!r}: a vertex of a round that nobody leads up to")

    def arrival_orders(self) -> Iterator[list[Vertex]]:
        """As drawn, backwards, and shuffled."""
        yield list(self.vertices)
        yield self.vertices[::-1]
        for seed in range(_ORDERS - 2):
            shuffled = list(self.vertices)
            random.Random(seed).shuffle(shuffled)
            yield shuffled

    def replay_at_once(self) -> Found:
        """Insert everything, then look for anchors once: what the rule says of the whole DAG."""
        order = self._order()
        for vertex in sorted(self.vertices, key=lambda drawn: drawn.round):
            order.insert(self._resolve(vertex, order))
        return self._report(order, order.advance())

    def replay_one_by_one(self, vertices: Iterable[Vertex]) -> Found:
        """Let vertices arrive one at a time, deciding after each; children wait for their parents."""
        order, waiting, steps = self._order(), Waiting(1, _UNBOUNDED), []
        for vertex in vertices:
            verdict = resolve(vertex, order.dag)
            if not isinstance(verdict, Checked):
                waiting.add(Pending(vertex, 0, verdict.missing, False, True))
                continue
            ready = [verdict.vertex]
            while ready:
                complete = ready.pop()
                if complete.round <= order.dag.floor:
                    continue
                order.insert(self._resolve(complete, order))
                steps += order.advance()
                freed = waiting.satisfy(complete.reference) + waiting.raise_floor(order.dag.floor)
                ready += [pending.vertex for pending in freed]
        return self._report(order, steps)

    def _order(self) -> Order:
        case = self._case
        return Order(self._committee, case.slots_per_round, case.depth, 0, ZERO, 0, ())

    def _resolve(self, vertex: Vertex, order: Order) -> Checked:
        verdict = resolve(vertex, order.dag)
        if not isinstance(verdict, Checked):
            missing = " ".join(_label(reference) for reference in verdict.missing)
            raise VectorError(
                f"case {self._case.name!r}: {_label(vertex.reference)} names {missing}: not drawn"
            )
        return verdict

    def _draw(self, line: str) -> Vertex:
        head, colon, rest = line.partition(":")
        if not colon:
            raise VectorError(f"case {self._case.name!r}: {line!r} has no colon")
        reference = self._read(head.strip())
        parents = tuple(self._read(label) for label in rest.split())
        return Vertex(
            ZERO, 0, reference.author, reference.round, 0, parents, (), bytes(64), reference, head.encode()
        )

    def _read(self, label: str) -> Reference:
        match = _LABEL.fullmatch(label)
        author = member_number(match[1]) if match else -1
        if match is None or author >= self._committee.size:
            raise VectorError(f"case {self._case.name!r}: {label!r} is no vertex of its members")
        return Reference(author, int(match[2]), label.encode())

    def _report(self, order: Order, steps: list[Step]) -> Found:
        """Slots of all rounds that have a vertex, and the final rounds."""
        rounds = [step.slots for step in steps] + list(order.rule.open_slots.values())
        slots = {
            f"{member_name(author)}{row.round}": _fate(decision)
            for row in rounds
            for author, decision in zip(row.authors, row.decisions, strict=True)
        }
        final = tuple(
            FinalRound(step.slots.round, tuple(_label(known.reference) for known in step.ordered))
            for step in steps
        )
        return Found(slots, final)


def member_name(place: int) -> str:
    """A to Z, then AA, AB and so on."""
    name = ""
    while place >= 0:
        name, place = chr(ord("A") + place % 26) + name, place // 26 - 1
    return name


def member_number(name: str) -> int:
    """The place of the member with this name."""
    number = 0
    for letter in name:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _label(reference: Reference) -> str:
    return reference.digest.decode()


def _fate(decision: Decision | None) -> str:
    if decision is None:
        return "undecided"
    how = "direct" if decision.is_direct else "indirect"
    return f"{how} commit {_label(decision.vertex.reference)}" if decision.vertex else f"{how} skip"


def _outcome(fate: str) -> str:
    """What was decided, without how."""
    return fate.removeprefix("in").removeprefix("direct ")


def _compare(expected: dict[str, str], found: dict[str, str], where: str) -> Iterator[str]:
    for slot in [*expected, *(slot for slot in found if slot not in expected)]:
        wanted, got = expected.get(slot, "no such slot"), found.get(slot, "no such slot")
        if wanted != got:
            yield f"slot {slot}: expected {wanted}, found {got}{where}"


def _compare_final(
    expected: tuple[FinalRound, ...], found: tuple[FinalRound, ...], where: str
) -> Iterator[str]:
    wanted = {final.round: final.order for final in expected}
    got = {final.round: final.order for final in found}
    for round_ in sorted(wanted.keys() | got.keys()):
        if wanted.get(round_) != got.get(round_):
            expected_order, found_order = _show(wanted.get(round_)), _show(got.get(round_))
            yield f"round {round_}: expected {expected_order}, found {found_order}{where}"


def _show(order: tuple[str, ...] | None) -> str:
    return "not final" if order is None else f"final with {' '.join(order) or 'nothing'}"
