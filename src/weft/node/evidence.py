"""Proof that members lied: two vertices of one slot, both signed by their author.

Kept as facts of the store, for people to look at. A liar can make as many as it likes, and each is as large
as two vertices, so only the first few of each author are kept, told to others and looked into when others
tell; one would be enough.
"""

from weft.model.encoding import encode
from weft.model.message import Evidence
from weft.model.vertex import Vertex
from weft.node.ports import Store, Workers
from weft.node.reception import Reception
from weft.node.watch import Watch

PAIRS_MAX = 16
"""Kept of one author, each run of the process."""


class Accusations:
    """What one node knows of liars."""

    def __init__(self, size: int, store: Store, workers: Workers, watch: Watch) -> None:
        self._rounds: list[set[int]] = [set() for _ in range(size)]
        self._store = store
        self._workers = workers
        self._watch = watch

    def wants(self, author: int, round_: int) -> bool:
        """Whether a proof of this slot would be kept."""
        rounds = self._rounds[author] if author < len(self._rounds) else set()
        return round_ not in rounds and len(rounds) < PAIRS_MAX

    async def hear(self, reception: Reception, member: int, told: Evidence) -> None:
        """Keep what a member told, if on a closer look it is a proof."""
        pair = await reception.evidence(member, told, self.wants)
        if pair is not None:
            await self.keep(*pair)

    async def keep(self, first: Vertex, second: Vertex) -> None:
        """Write a proof down, unless there are enough of its author."""
        author, round_ = first.author, first.round
        if self.wants(author, round_):
            self._rounds[author].add(round_)
            self._watch.accused(author, round_)
            pair = Evidence(*sorted((first.raw, second.raw)))
            name = f"evidence:{author}:{round_}"
            await self._workers.run("apply", lambda: self._store.put_fact(name, encode(pair)))
