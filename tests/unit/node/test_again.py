"""Members that wish to hear everything again."""

import asyncio
from typing import Any

from weft.node import again
from weft.node.again import Again

from .together import play


def test_a_wish_is_granted_at_once_and_of_those_that_follow_the_last() -> None:
    """Who asks a thousand times in a moment is told twice."""
    told: list[tuple[int, tuple[int, ...]]] = []
    tasks: list[Any] = []

    async def story() -> None:
        wishes = Again(lambda *wish: told.append(wish), lambda work: tasks.append(asyncio.create_task(work)))
        wishes.wish(1, (0,))
        assert told == [(1, (0,))]
        for number in range(1_000):
            wishes.wish(1, (number,))
        wishes.wish(2, (7,))
        assert told == [(1, (0,)), (2, (7,))]
        await asyncio.sleep(again.PAUSE_S + 0.1)
        assert told[2:] == [(1, (999,))]
        await asyncio.sleep(again.PAUSE_S)
        wishes.wish(1, (1,))
        assert told[3:] == [(1, (1,))]

    play(story())
