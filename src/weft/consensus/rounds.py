"""Which round is open, and how long to wait before speaking in it.

Patience instead of a timeout (`docs/protocol/consensus.md` section 5): wait for those that are usually there,
as long as they usually take, never longer than the network's own round trip explains. Safety never depends
on any of it. Time is whole microseconds; `g` is kept in eighths.
"""

from collections import deque

from weft.consensus.dag import Dag, Known
from weft.consensus.weight import largest_faulty
from weft.model.committee import Committee

PATIENCE_US_MAX = 10_000_000
_SLACK_US = 200
_EIGHTHS = 8
_OWN_REMEMBERED = 8
_LATENESS_REMEMBERED = 16
_OPENINGS_REMEMBERED = 64
_GROWTH_PAUSE_ROUNDS = 8
_GROWTH_MAX = _EIGHTHS << 20
_GROWTH_STUCK = 4 * _EIGHTHS
"""From here on it is not lateness that keeps slots undecided."""


class Rounds:
    """The rounds as this validator lives through them."""

    def __init__(self, me: int, committee: Committee, dag: Dag, final: int) -> None:
        self._me = me
        self._committee = committee
        self._dag = dag
        self._final = final
        self.complete = final
        """R: the highest round whose complete vertices weigh a quorum."""
        self._opened_us = {final + 1: 0}
        self._heard: deque[int] = deque(maxlen=_OWN_REMEMBERED)
        """Whom each of the last own vertices named of the round before."""
        self._lateness = [deque[int](maxlen=_LATENESS_REMEMBERED) for _ in range(committee.size)]
        self._rtt_us = [PATIENCE_US_MAX] * committee.size
        self._rtt_us[me] = 0
        self._growth = _EIGHTHS
        self._grown_at = 0
        self._undecided_max = 3 * (largest_faulty(committee.weights, committee.faulty) + 1) + 5
        self._patience: tuple[int, int] | None = None
        """(round, patience): computed once a round."""

    def note_complete(self, known: Known, now_us: int) -> None:
        """A vertex entered the DAG: how late it was, and whether it completes a round."""
        if known.author != self._me and known.round == self._dag.newest[known.author]:
            opened_us = self._opened_us.get(known.round + 1)
            if opened_us is not None:
                self._lateness[known.author].append(now_us - opened_us)
            elif known.round <= self.complete:
                self._lateness[known.author].append(PATIENCE_US_MAX)
            else:
                self._lateness[known.author].append(0)
        while True:
            row = self._dag.rows.get(self.complete + 1)
            if row is None or row.weight < self._committee.quorum:
                return
            self._open(self.complete + 2, now_us)

    def note_own(self, known: Known) -> None:
        """An own vertex entered the DAG: whom it named is expected again."""
        self._heard.append(known.named)

    def note_final(self, round_: int, is_direct: bool) -> None:
        """A round became final. By direct decisions alone: the waiting is long enough."""
        self._final = round_
        if is_direct:
            self._growth = max(_EIGHTHS, self._growth - max(1, self._growth // _EIGHTHS))

    def measure(self, member: int, rtt_us: int) -> None:
        """The transport's round trip to a member."""
        self._rtt_us[member] = max(0, rtt_us)

    def rtt_us(self, member: int) -> int | None:
        """The round trip to a member, if it is known."""
        rtt = self._rtt_us[member]
        return rtt if rtt < PATIENCE_US_MAX else None

    @property
    def open_round(self) -> int:
        """The round to speak in."""
        return self.complete + 1

    def ready_at(self, round_: int) -> int:
        """When the waiting for the round before `round_` is over; 0 if nobody is waited for."""
        row = self._dag.rows.get(round_ - 1)
        expected = self._expected()
        if row is None or not expected & ~row.authors:
            return 0
        return self._opened_us.get(round_, 0) + self._turn(round_) * self.patience_us()

    def patience_us(self) -> int:
        """g · min(1.5 · p90 of the lateness of the expected + 0.2 ms, 2 · rtt that completes a quorum)."""
        if self._patience is None or self._patience[0] != self.complete:
            late = self._p90_us() * 3 // 2 + _SLACK_US
            wait = min(late, 2 * self._quorum_rtt_us())
            self._patience = self.complete, min(PATIENCE_US_MAX, self._growth * wait // _EIGHTHS)
        return self._patience[1]

    def _open(self, round_: int, now_us: int) -> None:
        self.complete = round_ - 1
        self._opened_us[round_] = now_us
        self._opened_us.pop(round_ - _OPENINGS_REMEMBERED, None)
        is_stuck = self.complete - (self._final + 1) > self._undecided_max
        if is_stuck and self.complete >= self._grown_at + _GROWTH_PAUSE_ROUNDS:
            self._grown_at = self.complete
            self._growth = min(_GROWTH_MAX, 2 * self._growth)

    def _expected(self) -> int:
        authors = 0
        for named in self._heard:
            authors |= named
        if self._is_stuck:
            for author, newest in enumerate(self._dag.newest):
                authors |= (newest > self.complete - _OWN_REMEMBERED) << author
        return authors & ~(1 << self._me)

    def _turn(self, round_: int) -> int:
        """How many patiences to wait. Members that miss different vertices for want of a link learn of them
        only from somebody who speaks first; so they take turns, in another order each round."""
        return 1 + (self._me + round_) % self._committee.size if self._is_stuck else 1

    @property
    def _is_stuck(self) -> bool:
        return self._growth >= _GROWTH_STUCK

    def _p90_us(self) -> int:
        expected = self._expected()
        kept: list[int] = []
        for author, lateness in enumerate(self._lateness):
            if expected >> author & 1:
                kept += lateness
        kept.sort()
        return kept[(9 * len(kept) + 9) // 10 - 1] if kept else 0

    def _quorum_rtt_us(self) -> int:
        """The round trip to the member that, counted from the nearest, completes a quorum."""
        weight = 0
        for rtt, author in sorted((rtt, author) for author, rtt in enumerate(self._rtt_us)):
            weight += self._committee.weights[author]
            if weight >= self._committee.quorum:
                return rtt
        raise AssertionError("all members together are a quorum")
