"""What no member can ask for any more is let go of: journal segments and commit records."""

from weft.model.commit import Commit
from weft.model.encoding import decode
from weft.node.ports import Journal, Store, Workers

COMMITS_EVERY = 1_024
"""Rounds between two prunings of commit records, each of which is a durable write."""


class Pruning:
    """One node's forgetting."""

    def __init__(self, journal: Journal, store: Store, workers: Workers) -> None:
        self._journal = journal
        self._store = store
        self._workers = workers
        self._pruned = 0

    async def forget(self, round_: int) -> None:
        """Nothing below this round is needed, as far as its commits are stored."""
        round_ = min(round_, self._store.head.round)
        await self._workers.run("sync", lambda: self._journal.drop(round_))
        if round_ >= self._pruned + COMMITS_EVERY:
            self._pruned = round_
            await self._workers.run("apply", lambda: self._prune(round_))

    def _prune(self, round_: int) -> None:
        """The newest record at or below stays: by it a member that catches up sees how far its own reach."""
        for raw in self._store.commits_before(round_, 1):
            self._store.prune_commits(decode(Commit, raw).round)
