"""Time on the ledger."""

from weft.consensus.messages import Deliver, Effect, Persist
from weft.simulation.checkers.first import CommitChecker


class LedgerTime(CommitChecker):
    """Ledger time never falls, is what half of the committed weight had come to, and lies no further ahead of
    the furthest honest clock than is tolerated (38)."""

    promise = "Nobody pushes ledger time"

    def __init__(self) -> None:
        super().__init__()
        self._time_ms = 0
        self._furthest_ms = 0
        """Of what honest clocks showed so far, when their members voted."""

    def performed(self, place: int, effect: Effect) -> None:
        super().performed(place, effect)
        if isinstance(effect, Persist) and effect.is_own:
            node = self.scene.look(place).node
            now_ms = 0 if node is None else node.clock.wall_ms()
            # The clock may have been set back while the disk was busy.
            self._furthest_ms = max(self._furthest_ms, now_ms, effect.vertex.time_ms)

    def ordered(self, place: int, delivered: Deliver) -> None:
        commit, weights = delivered.commit, self.scene.genesis.committee.weights
        said = sorted(
            (vertex.time_ms, weights[vertex.author])
            for vertex in delivered.vertices
            if vertex.reference in commit.slots
        )
        half = sum(weight for _, weight in said) / 2
        agreed = next(
            time_ms for at, (time_ms, _) in enumerate(said) if sum(one for _, one in said[: at + 1]) >= half
        )
        if commit.time_ms != max(agreed, self._time_ms, self.scene.genesis.created_ms):
            self.fail(
                f"round {commit.round} has the time {commit.time_ms}; its members say {agreed}, the round "
                f"before had {self._time_ms}"
            )
        self._time_ms = commit.time_ms
        # One that was on disk when its author's power went is said without being persisted again.
        honest = [one.time_ms for one in delivered.vertices if one.author not in self.scene.liars]
        self._furthest_ms = max((self._furthest_ms, *honest))
        bound = self._furthest_ms + self.scene.limits.ahead_ms_max
        if commit.time_ms > max(bound, self.scene.genesis.created_ms):
            self.fail(
                f"round {commit.round} has the time {commit.time_ms}, {commit.time_ms - bound} ms further "
                "ahead of every honest clock than is tolerated"
            )
