"""Faults stop, and then everything goes on."""

from weft.consensus.messages import Deliver, Effect
from weft.simulation.ports import Asked, Checker, End, Told

ROUNDS_MAX = 60
"""Final rounds within which a write that is made once nothing fails any more has its effect."""


class Progress(Checker):
    """Once faults have stopped every honest member runs, serves, and comes to the same head; every call is
    answered; and what is written from then on takes effect within so many rounds (12)."""

    promise = "Progress once faults stop"

    def __init__(self) -> None:
        self._is_healed = False
        self._round = 0
        self._begun: dict[int, int] = {}
        """The round at which a call was made that is due."""

    def performed(self, place: int, effect: Effect) -> None:
        if isinstance(effect, Deliver):
            self._round = max(self._round, effect.commit.round)

    def healed(self) -> None:
        self._is_healed = True

    def asked(self, asked: Asked) -> None:
        if self._is_healed and asked.place not in self.scene.liars:
            node = self.scene.look(asked.place).node
            if node is not None and node.is_speaking and not node.is_catching_up:
                self._begun[asked.number] = self._round

    def told(self, asked: Asked, told: Told) -> None:
        rounds = self._round - self._begun.pop(asked.number, self._round)
        if rounds > ROUNDS_MAX:
            self.fail(f"call {asked.number} ({asked.verb}) took {rounds} rounds; {ROUNDS_MAX} are allowed")

    def finished(self, end: End) -> None:
        if not end.is_healed:
            return
        heads = {place: kept.store.head.height for place, kept in end.members.items()}
        if len({kept.store.head_hash for kept in end.members.values()}) > 1:
            self.fail(f"the heads are {heads}")
        for place, kept in end.members.items():
            if kept.node is None or not kept.node.is_speaking or kept.node.is_catching_up:
                self.fail(f"member {place} does not take part")
        if end.pending:
            self.fail(f"calls {[asked.number for asked in end.pending]} are without an answer")
