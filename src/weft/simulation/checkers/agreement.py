"""One order, and one ledger made of it."""

from collections.abc import Sequence

from weft.consensus.messages import Deliver
from weft.model.block import Sealed
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.digest import Digest
from weft.model.vertex import Reference
from weft.simulation.checkers.first import CommitChecker
from weft.simulation.ports import Checker


class Agreement(CommitChecker):
    """Whoever delivers the commit of a round delivers the same one, also after a crash (promises 1 and 7)."""

    promise = "Agreement"

    def delivered(self, place: int, delivered: Deliver) -> None:
        commit = delivered.commit
        first = self.commits.get(commit.round, commit)
        if first != commit:
            self.fail(
                f"member {place} orders round {commit.round} as {commit.order_hash.hex()[:16]}, "
                f"another one as {first.order_hash.hex()[:16]}"
            )


class PrefixOrder(CommitChecker):
    """Each commit follows from the one before it, so that equal hashes are equal prefixes (2 and 9)."""

    promise = "Prefix order"

    def __init__(self) -> None:
        super().__init__()
        self._newest: Commit | None = None

    def ordered(self, place: int, delivered: Deliver) -> None:
        commit, newest = delivered.commit, self._newest
        before = first_order_hash(self.scene.genesis.chain) if newest is None else newest.order_hash
        expected = next_order_hash(before, commit.round, commit.slots, commit.ordered, commit.time_ms)
        if expected != commit.order_hash or (newest is not None and commit.round < newest.round):
            behind = 0 if newest is None else newest.round
            self.fail(
                f"the commit of round {commit.round} of member {place} does not follow that of {behind}"
            )
        self._newest = commit


class OrderedOnce(CommitChecker):
    """No vertex is in the order twice, and none that is at or below the floor (6 and 8)."""

    promise = "Ordered at most once"

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[Reference, int] = {}

    def ordered(self, place: int, delivered: Deliver) -> None:
        commit = delivered.commit
        floor = commit.round - self.scene.genesis.limits.depth
        for reference in commit.ordered:
            before = self._seen.setdefault(reference, commit.round)
            if before != commit.round:
                self.fail(f"{reference} is ordered in round {before} and again in round {commit.round}")
            if not floor < reference.round <= commit.round:
                self.fail(f"{reference} is ordered in round {commit.round}, whose floor is {floor}")
        if len(set(commit.ordered)) < len(commit.ordered):
            self.fail(f"a vertex is ordered twice in round {commit.round}")


class Sameness(Checker):
    """At one height there is one block, whoever executes it (13)."""

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
