"""Who goes too fast, and who is refused for how long. Times are seconds of a clock that only runs forward."""

from weft.network.bounds import Bounds


class Allowance:
    """A rate with room for a burst: what is taken beyond it is debt, and debt takes time to go."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left = burst
        self._seen: float | None = None
        self._strained_since: float | None = None

    def take(self, amount: float, now: float) -> float:
        """Take, and get the seconds to wait until nothing is owed."""
        if self._seen is not None:
            self._left = min(self._burst, self._left + (now - self._seen) * self._per_s)
        self._seen = now
        if self._left >= self._burst / 2:
            self._strained_since = None
        self._left -= amount
        if self._left >= 0:
            return 0
        if self._strained_since is None:
            self._strained_since = now
        return -self._left / self._per_s

    def strained_for(self, now: float) -> float:
        """Seconds since there was debt without half of the burst becoming free again: who waits off each debt
        and goes on at once never rests."""
        return 0 if self._strained_since is None else now - self._strained_since


class Standing:
    """Whether a member is refused at the moment. Each cut doubles the time."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._refuse_s = 0.0
        self._until = float("-inf")
        self.reason = ""

    def cut(self, reason: str, now: float) -> float:
        """Refuse from now on; the seconds for which."""
        bounds = self._bounds
        if now - self._until > bounds.forgive_s:
            self._refuse_s = 0
        self._refuse_s = min(bounds.refuse_max_s, max(bounds.refuse_first_s, 2 * self._refuse_s))
        self._until = now + self._refuse_s
        self.reason = reason
        return self._refuse_s

    def refused_for(self, now: float) -> float:
        """Seconds for which the member is still refused; 0 if it is welcome."""
        return max(0.0, self._until - now)
