"""The graph as text: rounds as rows, members as columns.

    round   A   B   C   D
       17   #   #   .   o
       16   #   -   o   #*   final

`o` a vertex that an honest member holds, `oo` twins, `.` none; where the slot is decided, `#` committed, `-`
skipped though there is a vertex, `_` skipped and empty; `*` the member went down while that was its newest
round. Small letters are liars.
"""

from weft.consensus.messages import Deliver, Effect, Persist
from weft.model.digest import Digest
from weft.simulation.vectors import member_name

ROWS_MAX = 40


class Drawing:
    """All that honest members hold and have decided."""

    def __init__(self, size: int, liars: tuple[int, ...]) -> None:
        self._size = size
        self._liars = liars
        self._vertices: dict[int, dict[int, dict[Digest, None]]] = {}
        self._committed: dict[int, set[int]] = {}
        self._newest = [0] * size
        self._falls: set[tuple[int, int]] = set()

    def note(self, effect: Effect) -> None:
        """An honest member did this."""
        if isinstance(effect, Persist):
            vertex = effect.vertex
            row = self._vertices.setdefault(vertex.round, {})
            row.setdefault(vertex.author, {})[vertex.digest] = None
            self._newest[vertex.author] = max(self._newest[vertex.author], vertex.round)
        elif isinstance(effect, Deliver):
            commit = effect.commit
            self._committed[commit.round] = {reference.author for reference in commit.slots}

    def note_fall(self, place: int) -> None:
        """A member went down."""
        self._falls.add((self._newest[place], place))

    def render(self, rows: int = ROWS_MAX) -> str:
        """The newest rounds, newest first."""
        names = [
            member_name(place).lower() if place in self._liars else member_name(place)
            for place in range(self._size)
        ]
        lines = ["  round  " + "".join(f"{name:<4}" for name in names)]
        last = max(self._vertices, default=0)
        for round_ in range(last, max(0, last - rows), -1):
            cells = "".join(f"{self._cell(round_, place):<4}" for place in range(self._size))
            lines.append(f"{round_:>7}  {cells}{'final' if round_ in self._committed else ''}".rstrip())
        return "\n".join(lines)

    def _cell(self, round_: int, place: int) -> str:
        count = len(self._vertices.get(round_, {}).get(place, {}))
        fall = "*" if (round_, place) in self._falls else ""
        committed = self._committed.get(round_)
        if committed is None:
            return ("o" * min(count, 3) or ".") + fall
        mark = "#" if place in committed else "-" if count else "_"
        return mark * max(1, min(count, 3)) + fall
