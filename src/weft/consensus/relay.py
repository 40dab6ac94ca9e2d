"""What is told beside the own next vertex: old ones where a stream begins, a round completed without me.

Promise: while one honest member has something unfinished, no other holds back what would let it go on
(`docs/protocol/consensus.md` sections 3 and 4, `docs/protocol/divergence.md`). Who is silent in a round that
is complete here never speaks in it; a liar may have shown its vertex of that round to this member alone, and
whoever has spoken in it and lacks the quorum can open nothing.
"""

from weft.consensus.dag import Dag, Known
from weft.consensus.messages import Broadcast, Effect, Send
from weft.consensus.propose import Proposer
from weft.consensus.rounds import Rounds
from weft.model.message import Announced


class Relay:
    """Which vertices to tell again."""

    def __init__(self, me: int, dag: Dag, rounds: Rounds, proposer: Proposer) -> None:
        self._me = me
        self._dag = dag
        self._rounds = rounds
        self._proposer = proposer
        self._passed_on = rounds.complete
        """The newest round whose vertices all were shown to all."""

    def begin(self, member: int, newest: tuple[int, ...]) -> list[Effect]:
        """A stream to a member begins, which holds these rounds: all of mine that it lacks, in order."""
        dag, me = self._dag, self._me
        first = max(newest[me], dag.floor, 0) + 1
        mine = [dag.find_first(round_, me) for round_ in range(first, self._proposer.spoken + 1)]
        shown = self._newest_row() if self._passed_on == self._rounds.complete else []
        lacked = [known for known in shown if known.round > newest[known.author]]
        return [Send(member, _announce(known)) for known in (*mine, *lacked) if known is not None]

    def pass_on(self) -> list[Effect]:
        """Nothing is said now: show the newest round to all, if it was complete without me and I shall not
        name it. None of its vertices carries a batch, or there would be a reason to speak."""
        proposer, complete = self._proposer, self._rounds.complete
        if not proposer.is_speaking or complete <= max(proposer.spoken, self._passed_on):
            return []
        if complete + 1 in self._dag.rows or proposer.has_reason:
            return []
        self._passed_on = complete
        return [Broadcast(_announce(known)) for known in self._newest_row()]

    def _newest_row(self) -> list[Known]:
        """Of the newest complete round, one vertex of each author."""
        row = self._dag.rows.get(self._rounds.complete)
        return [known for known in row.vertices[: self._dag.size] if known is not None] if row else []


def _announce(known: Known) -> Announced:
    return Announced(known.vertex.raw, ())
