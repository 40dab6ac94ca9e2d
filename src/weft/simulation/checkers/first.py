"""What many members come to alike is looked at closely once: when the first of them does."""

from collections.abc import Sequence

from weft.consensus.messages import Deliver, Effect
from weft.model.block import Sealed
from weft.model.commit import Commit
from weft.node.recover import Recovered
from weft.simulation.ports import Checker


class CommitChecker(Checker):
    """Looks at commits. That all members have the same ones is `Agreement`."""

    def __init__(self) -> None:
        self.commits: dict[int, Commit] = {}
        """By round; those of the first who delivered it. Rounds rise."""

    def performed(self, place: int, effect: Effect) -> None:
        if isinstance(effect, Deliver):
            self._take(place, effect)

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        for delivered in recovered.delivered:
            self._take(place, delivered)

    def delivered(self, place: int, delivered: Deliver) -> None:
        """A member delivers a commit, or its journal tells that it had."""

    def ordered(self, place: int, delivered: Deliver) -> None:
        """Nobody delivered this round before."""

    def _take(self, place: int, delivered: Deliver) -> None:
        self.delivered(place, delivered)
        if delivered.commit.round not in self.commits:
            self.ordered(place, delivered)
            self.commits[delivered.commit.round] = delivered.commit


class BlockChecker(Checker):
    """Looks at blocks. That all members have the same ones is `Sameness`."""

    def __init__(self) -> None:
        self.height = 0
        """Up to here blocks were looked at."""

    def stored(self, place: int, sealed: Sequence[Sealed], commits: Sequence[Commit]) -> None:
        for one in sealed:
            if one.block.header.height > self.height:
                self.height = one.block.header.height
                self.executed(place, one)

    def executed(self, place: int, sealed: Sealed) -> None:
        """Nobody stored a block of this height before."""
