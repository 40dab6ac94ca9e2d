"""What happened, as a running digest of everything and the last lines of it.

Two runs of a seed are the same run exactly when their digests are equal.
"""

from collections import Counter, deque
from collections.abc import Callable
from hashlib import sha256

LINES_KEPT = 400


class Trace:
    """One run's trace."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._state = sha256()
        self._lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.counts: Counter[str] = Counter()
        """How often each thing happened."""

    def note(self, who: int | str, what: str, *details: object) -> None:
        """Something happened to a member, a client or the world."""
        line = f"{self._now_us()} {who} {what} {' '.join(map(str, details))}"
        self.counts[what] += 1
        self._lines.append(line)
        self._state.update(line.encode())

    @property
    def digest(self) -> str:
        """Of all lines so far."""
        return self._state.hexdigest()

    def last(self, count: int) -> list[str]:
        """The newest lines, oldest first, with seconds in front."""
        lines = list(self._lines)[-count:]
        return [f"{int(when) / 1e6:12.6f}  {rest}" for when, _, rest in (one.partition(" ") for one in lines)]
