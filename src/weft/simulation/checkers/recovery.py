"""What a start-up makes of the journal."""

from bisect import bisect_right
from random import Random

from weft.consensus.messages import Deliver, Effect, Persist, PersistStatement
from weft.model.digest import Digest
from weft.model.vertex import Reference
from weft.node.recover import Recovered, recover
from weft.simulation.checkers.first import CommitChecker
from weft.simulation.ports import End

LOOK_EVERY = 3_000
"""Effects between two looks at a journal in the middle of a run, about."""


class _Mute:
    """Recovery signs nothing."""

    def sign(self, message: Digest) -> bytes:
        raise AssertionError("a journal is being read, and something is signed")


class Recovery(CommitChecker):
    """The journal, read at any moment by whoever would start then, gives the core that was: no round in which
    it spoke and no height that it signed is free again, the order is what it was, and reaches at least as far
    as when it spoke last; and a vertex stands behind all that it names (4, 5, 21, 35)."""

    promise = "Recovery is replay"

    def __init__(self) -> None:
        super().__init__()
        self._spoken: dict[int, int] = {}
        self._signed: dict[int, int] = {}
        self._delivered: dict[int, int] = {}
        self._appended: dict[int, set[Reference]] = {}
        """What each member has put into its journal since its last start, and not synced for certain."""
        self._persisted: dict[int, set[Reference]] = {}
        """What of it is on its disk for certain."""
        self._durable: dict[int, int] = {}
        """The newest round that was delivered before the member last spoke: all of that is synced."""
        self._rounds: list[int] = []
        self._until_look = LOOK_EVERY

    def performed(self, place: int, effect: Effect) -> None:
        super().performed(place, effect)
        if isinstance(effect, Persist):
            self._appended.setdefault(place, set()).add(effect.vertex.reference)
        if isinstance(effect, Persist) and effect.is_own:
            self._note_sync(place)
            self._spoken[place] = effect.vertex.round
            self._durable[place] = self._delivered.get(place, 0)
        elif isinstance(effect, PersistStatement):
            self._note_sync(place)
            self._signed[place] = effect.word.statement.height
        self._until_look -= 1
        if self._until_look < 0:
            random = Random(f"{self.scene.seed}/{len(self.commits)}")
            self._until_look = random.randint(1, 2 * LOOK_EVERY)
            self._look(place)

    def _note_sync(self, place: int) -> None:
        """What makes an own word durable makes everything before it durable too."""
        self._persisted.setdefault(place, set()).update(self._appended.pop(place, ()))

    def delivered(self, place: int, delivered: Deliver) -> None:
        self._delivered[place] = delivered.commit.round

    def ordered(self, place: int, delivered: Deliver) -> None:
        self._rounds.append(delivered.commit.round)

    def restarted(self, place: int, recovered: Recovered, is_disk_lost: bool) -> None:
        super().restarted(place, recovered, is_disk_lost)
        self._appended[place] = set()
        self._persisted[place] = set()
        if self.scene.look(place).is_damaged:
            for known in (self._spoken, self._signed, self._delivered, self._durable):
                known.pop(place, None)
        # What was delivered on vertices that were not synced has to be delivered again.
        self._delivered[place] = min(self._delivered.get(place, 0), recovered.core.last_final)
        self._check(place, recovered)

    def finished(self, end: End) -> None:
        up = [place for place, kept in end.members.items() if kept.node is not None]
        if up:
            self._look(Random(f"{self.scene.seed}/recovery").choice(up))

    def _look(self, place: int) -> None:
        """Read the journal as if the power went now."""
        kept, scene = self.scene.look(place), self.scene
        recovered = recover(scene.genesis, place, _Mute(), kept.reopen(), kept.store, scene.limits)
        self._check(place, recovered)
        if kept.node is not None and kept.node.core.newest() == recovered.core.newest():
            live, again = kept.node.core, recovered.core
            is_same = live.base().ordered == again.base().ordered and live.floor == again.floor
            unordered = [{vertex.reference for vertex in core.unordered()} for core in (live, again)]
            lost = (unordered[0] - unordered[1]) & self._persisted.get(place, set())
            if not is_same or lost or unordered[1] - unordered[0]:
                self.fail(f"the journal of member {place} gives another graph than the one that it has")

    def _check(self, place: int, recovered: Recovered) -> None:
        base, who = recovered.core.base(), f"the journal of member {place}"
        if not recovered.is_trusted:
            if not self.scene.look(place).is_damaged and not self.scene.liars:
                self.fail(f"{who} is not trusted, although nothing that was synced is gone")
            return
        if recovered.round_first <= self._spoken.get(place, 0):
            self.fail(
                f"{who} lets it speak in round {recovered.round_first}; it spoke in {self._spoken[place]}"
            )
        if base.height < self._signed.get(place, 0):
            self.fail(f"{who} knows its words up to height {base.height}; it signed {self._signed[place]}")
        if base.round < self._durable.get(place, 0):
            self.fail(
                f"{who} knows rounds up to {base.round}; {self._durable[place]} was final before it spoke"
            )
        if recovered.core.waiting() and not self.scene.look(place).is_damaged:
            self.fail(f"{who} holds vertices without what they name: {recovered.core.waiting()[0].reference}")
        if recovered.core.floor != base.round - self.scene.genesis.limits.depth:
            self.fail(f"{who} gives a floor of {recovered.core.floor} at round {base.round}")
        for delivered in recovered.delivered:
            if self.commits.get(delivered.commit.round, delivered.commit) != delivered.commit:
                self.fail(f"{who} orders round {delivered.commit.round} in another way than it was ordered")
        is_ahead = recovered.delivered and recovered.delivered[-1].commit.round not in self.commits
        at = bisect_right(self._rounds, base.round)
        if at and not is_ahead and self.commits[self._rounds[at - 1]].order_hash != base.order_hash:
            self.fail(f"{who} orders everything up to round {base.round} in another way than it was ordered")
