"""What may be let go of."""

from weft.consensus.messages import Deliver, Effect, Forget
from weft.node.recover import Recovered
from weft.simulation.checkers.first import CommitChecker


class Forgetting(CommitChecker):
    """No member forgets a vertex that it has still to order, nor one that others may still ask for: of the
    last 2 · depth rounds below both the newest checkpoint and the last final round (8)."""

    promise = "The floor cuts alike"

    def __init__(self) -> None:
        super().__init__()
        self._forgot: dict[int, int] = {}
        """The round below which a member has forgotten all."""

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        super().restarted(place, recovered, is_disk_lost)
        self._forgot.pop(place, None)

    def performed(self, place: int, effect: Effect) -> None:
        super().performed(place, effect)
        if isinstance(effect, Forget):
            self._forgot[place] = effect.round
            self._check(place, effect.round)

    def ordered(self, place: int, delivered: Deliver) -> None:
        commit = delivered.commit
        oldest = min(reference.round for reference in commit.ordered)
        for other, forgot in self._forgot.items():
            node = self.scene.look(other).node
            if forgot > oldest and node is not None and node.core.last_final < commit.round:
                self.fail(
                    f"member {other} has forgotten everything below round {forgot}, and round {commit.round} "
                    f"orders a vertex of round {oldest}"
                )

    def _check(self, place: int, round_: int) -> None:
        kept, depth = self.scene.look(place), self.scene.genesis.limits.depth
        if kept.node is None or kept.node.is_catching_up:
            return
        core = kept.node.core
        newest, head = core.newest_checkpoint, kept.store.head
        vouched = head if newest is None else kept.store.find_header(newest.statement.height) or head
        kept_from = min(core.last_final, vouched.round) - 2 * depth
        if round_ > kept_from:
            self.fail(f"member {place} forgets rounds below {round_}; others may ask from {kept_from} on")
