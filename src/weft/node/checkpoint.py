"""The newest checkpoint: known from the moment that a core has it, told once it is stored."""

from collections.abc import Awaitable

from weft.model.block import Checkpoint
from weft.node.mark import Mark
from weft.node.ports import Store, Workers
from weft.node.watch import Watch


class Checkpoints:
    """What a quorum has signed, as far as this node knows."""

    def __init__(self, store: Store, workers: Workers, watch: Watch) -> None:
        self.newest: Checkpoint | None = store.newest_checkpoint
        """May still be on its way to the disk: a core that takes over must not be told of an older one."""
        self._stored = Mark(0 if self.newest is None else self.newest.statement.height)
        self._store = store
        self._workers = workers
        self._watch = watch

    @property
    def height(self) -> int:
        """The newest height that a stored checkpoint vouches for."""
        return self._stored.reached

    def wait(self, height: int) -> Awaitable[None]:
        """Done once a stored checkpoint vouches for this height."""
        return self._stored.wait(height)

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Store it, unless a newer one is here."""
        height = checkpoint.statement.height
        if self.newest is not None and height <= self.newest.statement.height:
            return
        self.newest = checkpoint
        await self._workers.run("apply", lambda: self._store.put_checkpoint(checkpoint))
        self._stored.reach(height)
        self._watch.certified(checkpoint)
