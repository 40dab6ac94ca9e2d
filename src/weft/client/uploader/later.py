"""Files that are watched and that no node has room for now: when each is tried again."""

from pathlib import Path

PAUSE_S_FIRST, PAUSE_S_MAX = 10.0, 600.0
"""Between two tries of a file; each pause is twice the one before."""
WAITING_MAX = 10_000
"""Files that are remembered; of those beyond it, the ones that came first are tried earlier."""


class Later:
    """What waits for room."""

    def __init__(self) -> None:
        self._waiting: dict[Path, tuple[float, float]] = {}
        """When to try again, and the pause before; used longest ago first."""

    def put_off(self, path: Path, now_s: float) -> bool:
        """Whether it is the first time."""
        known = self._waiting.pop(path, None)
        pause_s = PAUSE_S_FIRST if known is None else min(2 * known[1], PAUSE_S_MAX)
        self._waiting[path] = now_s + pause_s, pause_s
        if len(self._waiting) > WAITING_MAX:
            del self._waiting[next(iter(self._waiting))]
        return known is None

    def is_due(self, path: Path, now_s: float) -> bool:
        """Whether to try it, for all that is known of it."""
        return path not in self._waiting or now_s >= self._waiting[path][0]

    def forget(self, path: Path) -> None:
        """It went through, or is wrong in another way."""
        self._waiting.pop(path, None)
