"""Who is called a liar, lied."""

from weft.consensus.messages import Accuse, Effect, Persist
from weft.simulation.ports import Checker, End

ROUNDS_AHEAD = 64
"""Above the newest round, in which evidence is looked for too."""


class Guilt(Checker):
    """Only who signed two vertices of one slot is accused, and the pair proves it (36)."""

    promise = "Only the guilty are accused"

    def __init__(self) -> None:
        self._round = 0

    def performed(self, place: int, effect: Effect) -> None:
        if isinstance(effect, Persist):
            self._round = max(self._round, effect.vertex.round)
        if not isinstance(effect, Accuse):
            return
        first, second = effect.first, effect.second
        public = self.scene.genesis.members[first.author].public
        is_slot = (first.author, first.round) == (second.author, second.round)
        if not is_slot or first.digest == second.digest:
            self.fail(f"member {place} accuses member {first.author} of nothing, in round {first.round}")
        if not all(self.scene.is_signed(public, one.digest, one.signature) for one in (first, second)):
            self.fail(f"member {place} accuses member {first.author} with what it did not sign")
        if first.author not in self.scene.liars:
            self.fail(
                f"member {place} accuses member {first.author}, which is honest, in round {first.round}"
            )

    def finished(self, end: End) -> None:
        """Nor is there evidence on anybody's disk."""
        for place, kept in end.members.items():
            for author in end.members:
                for round_ in range(self._round + ROUNDS_AHEAD):
                    if kept.store.find_fact(f"evidence:{author}:{round_}") is not None:
                        self.fail(f"member {place} keeps evidence against member {author}, round {round_}")

    def cut(self, place: int, member: int, reason: str) -> None:
        if member not in self.scene.liars:
            self.fail(f"member {place} cuts off member {member}, which is honest: {reason}")
