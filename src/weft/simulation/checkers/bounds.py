"""Nothing grows without end."""

from weft.consensus.catchup import FETCHES_PER_MEMBER, PIECES_PER_FETCH
from weft.consensus.core import FORGET_EVERY, Core
from weft.consensus.messages import Effect, Forget
from weft.node.node import Node
from weft.node.recover import Recovered
from weft.simulation.ports import Checker

LOOK_EVERY = 97
"""Effects between two looks at the member that carried out the last of them."""


class Bounds(Checker):
    """Whatever a member keeps of others and for others stays within its bound (27)."""

    promise = "Every queue, message and loop has a bound"

    def __init__(self) -> None:
        self._effects = 0
        self._forgot: dict[int, int] = {}
        self._cores: dict[int, Core] = {}

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        self._meet(place, recovered.core)

    def performed(self, place: int, effect: Effect) -> None:
        if isinstance(effect, Forget):
            self._forgot[place] = effect.round
        self._effects += 1
        if self._effects % LOOK_EVERY == 0:
            node = self.scene.look(place).node
            if node is not None:
                self._meet(place, node.core)
                self._check(place, node)

    def _meet(self, place: int, core: Core) -> None:
        """A core that begins, or takes over when blocks were followed, holds nothing below its floor."""
        if self._cores.get(place) is not core:
            self._cores[place] = core
            self._forgot[place] = max(0, core.floor)

    def _check(self, place: int, node: Node) -> None:
        limits, core, size = node.limits, node.core, len(self.scene.genesis.members)
        asked = size * FETCHES_PER_MEMBER * PIECES_PER_FETCH
        pool = node.pool.transactions()
        for what, count, most in (
            ("transactions in the pool", len(pool), limits.pool_transactions_max),
            ("bytes in the pool", sum(map(len, pool)), limits.pool_bytes_max),
            ("vertices waiting", len(core.waiting()), size * limits.incomplete_vertices_max + asked),
            ("rounds kept too long", self._overdue(place, node), 0),
            (
                "bytes to a peer",
                max(one.queue_bytes for one in node.peers.tallies),
                limits.peer_queue_bytes_max,
            ),
        ):
            if count > most:
                self.fail(f"member {place}: {what}: {count}; {most} are allowed")

    def _overdue(self, place: int, node: Node) -> int:
        """How many rounds a member keeps that nobody may ask for any more, beyond those that it may let lie
        for a moment."""
        newest, head = node.core.newest_checkpoint, node.store.head
        if newest is None or newest.statement.height > head.height:
            return 0
        vouched = node.store.find_header(newest.statement.height)
        assert vouched is not None
        kept_from = min(node.core.last_final, vouched.round) - 2 * self.scene.genesis.limits.depth
        return kept_from - 2 * FORGET_EVERY - self._forgot.get(place, 0)
