"""Vertices that few have and all need."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from weft.model.message import Answer, FetchVertices, Item, Request
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar


class Hoard(Lie):
    """Gives each second vertex to one honest member alone, names it to all in the next, and never answers who
    asks for it, so that everybody who asks the likeliest member first waits in vain.

    Nobody is waited for longer than a moment, and whoever let others wait is asked last.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._every = liar.random.choice((2, 2, 3, 7))

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        victims = self.victims
        is_hoarded = vertex.round % self._every == 1
        if not is_hoarded or member not in victims or member == victims[vertex.round // 2 % len(victims)]:
            return (item,)
        self.told["hoarded"] += 1
        return ()

    async def answer(
        self, member: int, request: Request, honestly: Callable[[], Awaitable[Answer]]
    ) -> Answer | bytes:
        if isinstance(request, FetchVertices):
            self.told["unanswered"] += 1
            await asyncio.sleep(1_000)
        return await honestly()
