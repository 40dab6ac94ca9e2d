"""The state while blocks are executed again, in memory and in order, each value with the height that set it.

Keys stand in short sorted runs, so that adding one costs the same however many there are.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

_RUN_MAX = 1024


class Tally:
    """A state that remembers when, and nothing of what was before."""

    def __init__(self) -> None:
        self._entries: dict[bytes, tuple[int, bytes]] = {}
        self._runs: list[list[bytes]] = [[]]
        self._firsts: list[bytes] = [b""]

    def get(self, key: bytes) -> bytes | None:
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def find(self, key: bytes) -> tuple[int, bytes] | None:
        """The height that set the key, and its value."""
        return self._entries.get(key)

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, rising."""
        found: list[tuple[bytes, bytes]] = []
        for key in self._keys(max(prefix, after)):
            if len(found) == limit or not key.startswith(prefix):
                break
            if key > after:
                found.append((key, self._entries[key][1]))
        return found

    def write(self, height: int, key: bytes, value: bytes | None) -> None:
        """Let `key` have `value` after block `height`, or none."""
        if value is None:
            if self._entries.pop(key, None) is not None:
                run = self._runs[self._place(key)]
                del run[bisect_left(run, key)]
            return
        if key not in self._entries:
            self._add(key)
        self._entries[key] = (height, value)

    def entries(self) -> Iterator[tuple[bytes, tuple[int, bytes]]]:
        """All keys, rising."""
        return ((key, self._entries[key]) for run in self._runs for key in run)

    def _add(self, key: bytes) -> None:
        place = self._place(key)
        run = self._runs[place]
        insort(run, key)
        if len(run) > _RUN_MAX:
            half = run[_RUN_MAX // 2 :]
            del run[_RUN_MAX // 2 :]
            self._runs.insert(place + 1, half)
            self._firsts.insert(place + 1, half[0])

    def _place(self, key: bytes) -> int:
        return bisect_right(self._firsts, key) - 1

    def _keys(self, start: bytes) -> Iterator[bytes]:
        place = self._place(start)
        yield from self._runs[place][bisect_left(self._runs[place], start) :]
        for run in self._runs[place + 1 :]:
            yield from run
