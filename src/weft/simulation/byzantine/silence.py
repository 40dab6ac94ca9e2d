"""Somebody who is not there, at times."""

from collections.abc import Awaitable, Callable, Iterable

from weft.model.message import Answer, Item, Refused, Request
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar


class Silence(Lie):
    """Hears everything, says nothing and answers nothing for some rounds, and comes back as if nothing had
    been; its vertices of that time it sends then, or never.

    The others go on without it and fetch what they need.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._span = liar.random.choice((3, 20, 100))
        self._is_late = liar.random.random() < 0.5
        self._kept: dict[int, list[Item]] = {}

    def send(self, member: int, item: Item) -> Iterable[Item | bytes]:
        said = super().send(member, item)
        kept = self._kept.setdefault(member, [])
        if self._is_silent:
            self.told["unsaid"] += 1
            if self._is_late:
                kept.append(item)
            return ()
        self._kept[member] = []
        return (*kept, *said)

    async def answer(
        self, member: int, request: Request, honestly: Callable[[], Awaitable[Answer]]
    ) -> Answer | bytes:
        if not self._is_silent:
            return await honestly()
        self.told["unanswered"] += 1
        return Refused("")

    @property
    def _is_silent(self) -> bool:
        return self.liar.core.round // self._span % 2 == 1


class Halt(Lie):
    """Speaks in every second round only, or every third, and to some only in the others.

    It is not expected for long, and its vertices come in as late parents or not at all.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._every = liar.random.choice((2, 3))

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        if (vertex.round + member % 2) % self._every == 0:
            return (item,)
        self.told["passed over"] += 1
        return ()
