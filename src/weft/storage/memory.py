"""Twins of the stores without a disk: same promises while the process lives, nothing after it."""

from collections.abc import Iterator

from weft.model.stored import BASE

Record = tuple[int, int, bytes]


class MemoryJournal:
    """The twin of `journal.Journal`."""

    def __init__(self) -> None:
        self._segments: list[list[Record]] = [[]]

    def append(self, kind: int, round_: int, payload: bytes) -> None:
        self._segments[-1].append((kind, round_, payload))

    def sync(self) -> None:
        """Nothing waits."""

    def roll(self, round_: int, base: bytes) -> None:
        self._segments.append([(BASE, round_, base)])

    def drop(self, round_: int) -> None:
        while len(self._segments) > 1:
            oldest, (kind, base, _) = self._segments[0], self._segments[1][0]
            if kind != BASE or base > round_ or any(record[1] >= round_ for record in oldest):
                break
            del self._segments[0]

    def replay(self) -> Iterator[Record]:
        for segment in self._segments:
            yield from segment

    @property
    def size(self) -> int:
        return sum(len(payload) for _, _, payload in self._segments[-1])
