"""When a watched file has come to rest: it looked the same at two passes, some seconds apart."""

from pathlib import Path

from weft.client.uploader.walk import Facts, Found

REST_S = 2.0
"""So long a file must look the same."""
PASS_S, PASS_S_MAX = 1.0, 60.0
SHARE = 10
"""A pass that took a second is followed by so many seconds of pause."""
MOVING_MAX = 10_000
"""Files that are waited for together; more are seen at a later pass."""


class Resting:
    """Files that have changed lately, as they were seen first."""

    def __init__(self) -> None:
        self._moving: dict[Path, tuple[Facts, float]] = {}
        self._seen: set[Path] = set()

    def is_due(self, one: Found, now_s: float) -> bool:
        """Whether the file rests; it is forgotten then."""
        facts, since_s = self._moving.get(one.path, (None, now_s))
        self._seen.add(one.path)
        if facts != one.facts:
            if facts is not None or len(self._moving) < MOVING_MAX:
                self._moving[one.path] = (one.facts, now_s)
            return False
        if now_s < since_s + REST_S:
            return False
        del self._moving[one.path]
        return True

    def next_pass(self, took_s: float) -> float:
        """Ends a pass, forgetting files that are gone; seconds until the next one."""
        self._moving = {path: seen for path, seen in self._moving.items() if path in self._seen}
        self._seen = set()
        return min(max(PASS_S, SHARE * took_s), PASS_S_MAX)
