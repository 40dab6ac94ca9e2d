"""One order, and one ledger made of it."""

from collections.abc import Sequence

from weft.consensus.messages import Deliver, Effect
from weft.model.block import Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.simulation.ports import Checker


class Agreement(Checker):
    """Whoever delivers the commit of a round delivers the same one, bound to all before it."""

    promise = "Agreement"

    def __init__(self) -> None:
        self._commits: dict[int, tuple[Commit, int]] = {}

    def performed(self, place: int, effect: Effect) -> None:
        if isinstance(effect, Deliver):
            commit = effect.commit
            first, by = self._commits.setdefault(commit.round, (commit, place))
            if first != commit:
                self.fail(
                    f"member {place} orders round {commit.round} as {commit.order_hash.hex()[:16]}, "
                    f"member {by} as {first.order_hash.hex()[:16]}"
                )


class Sameness(Checker):
    """At one height there is one block, whoever executes it."""

    promise = "Equal roots at equal height"

    def __init__(self) -> None:
        self._blocks: dict[int, tuple[Digest, int]] = {}

    def stored(self, place: int, sealed: Sequence[Sealed], commits: Sequence[Commit]) -> None:
        for one in sealed:
            height = one.block.header.height
            first, by = self._blocks.setdefault(height, (one.hash, place))
            if first != one.hash:
                self.fail(
                    f"member {place} stores block {height} as {one.hash.hex()[:16]}, "
                    f"member {by} as {first.hex()[:16]}"
                )
