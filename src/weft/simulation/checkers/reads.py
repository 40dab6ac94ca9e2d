"""Real time and the order agree."""

from bisect import bisect_left, bisect_right
from math import inf

from weft.execution.builtin.records import RecordState, decode_record, record_key
from weft.model.block import Sealed
from weft.model.digest import Digest
from weft.model.view import RecordView
from weft.simulation.checkers.first import BlockChecker
from weft.simulation.ports import Asked, Told

Position = tuple[int, float]
"""Height, and place in the block; a read stands behind all of its block."""


class Linearizable(BlockChecker):
    """Whatever ended before something else began stands before it in the order: writes, and reads that asked
    to be linearizable. Every read shows what the chain says, of a moment that was (37).

    The ledger gives every call its place, so there is nothing to search for.
    """

    promise = "A linearizable read is current"

    def __init__(self) -> None:
        super().__init__()
        self._ended_us: list[int] = []
        """When calls ended, rising."""
        self._reached: list[Position] = []
        """The furthest place in the order of all that had ended by then."""
        self._begun_us: dict[object, int] = {}
        """When a signed transaction, or a wish with a key, was first tried."""
        self._versions: dict[bytes, tuple[list[int], list[bytes | None]]] = {}
        """What blocks wrote under each state key, and at which heights."""
        self._contents: dict[Digest, bytes] = {}

    def executed(self, place: int, sealed: Sealed) -> None:
        for key, value in sealed.writes:
            heights, values = self._versions.setdefault(key, ([], []))
            heights.append(sealed.block.header.height)
            values.append(value)

    def asked(self, asked: Asked) -> None:
        self._contents |= {one.commitment: one.content for one in asked.attachments}
        if asked.raw or asked.idempotency_key:
            self._begun_us.setdefault(asked.raw or asked.idempotency_key, asked.begun_us)

    def told(self, asked: Asked, told: Told) -> None:
        if told.outcome != "told" or asked.place in self.scene.liars:
            return
        if asked.verb == "read":
            self._check_content(asked, told)
            if asked.is_linearizable:
                self._check_order(asked, told, (told.height, inf))
        elif told.fate is not None and told.fate.height is not None:
            self._check_order(asked, told, (told.fate.height, told.fate.position or 0))

    def _check_order(self, asked: Asked, told: Told, position: Position) -> None:
        begun_us = self._begun_us.get(asked.raw or asked.idempotency_key, asked.begun_us)
        before = bisect_left(self._ended_us, begun_us)
        if before and self._reached[before - 1] > position:
            self.fail(
                f"call {asked.number} ({asked.verb}) began at {begun_us} us and stands at {position}; "
                f"something at {self._reached[before - 1]} had ended before"
            )
        furthest = max(position, self._reached[-1]) if self._reached else position
        self._ended_us.append(told.ended_us)
        self._reached.append(furthest)

    def _check_content(self, asked: Asked, told: Told) -> None:
        """The record is the one of some height from `told.height` on."""
        (key,), record = asked.keys, told.record
        heights, values = self._versions.get(record_key(asked.collection, key), ([], []))
        first = max(0, bisect_right(heights, told.height) - 1)
        seen = [None, *map(_decode, values)] if not heights or told.height < heights[0] else None
        states = seen if seen is not None else [_decode(value) for value in values[first:]]
        if not any(self._is_shown(state, record) for state in states):
            self.fail(
                f"call {asked.number} read {_show(record)} of key {key} at height {told.height}; the chain "
                f"has it as {[_show_state(state) for state in states]}"
            )

    def _is_shown(self, state: RecordState | None, record: RecordView | None) -> bool:
        if state is None or record is None:
            return state is None and record is None
        newest = state.newest
        is_same = (newest.number, newest.height, newest.kind != "put") == (
            record.version,
            record.height,
            record.is_deleted,
        )
        if not is_same or newest.commitment is None or record.content is None:
            return is_same
        return self._contents.get(newest.commitment, record.content) == record.content


def _decode(value: bytes | None) -> RecordState | None:
    return None if value is None else decode_record(value)


def _show(record: RecordView | None) -> str:
    return "nothing" if record is None else f"version {record.version} of height {record.height}"


def _show_state(state: RecordState | None) -> str:
    return "nothing" if state is None else f"{state.newest.number} of height {state.newest.height}"
