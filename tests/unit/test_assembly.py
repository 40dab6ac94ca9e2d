"""What nobody waits for and fails all the same."""

import asyncio
from typing import Any

from weft.assembly import hear_mistake


class Node:
    def __init__(self) -> None:
        self.stopped: list[BaseException] = []

    def stop_because(self, error: BaseException) -> None:
        self.stopped.append(error)


async def test_a_part_that_says_that_it_failed_stops_the_node() -> None:
    """What a library's callback or a connection raises does not."""
    node, mistake = Node(), ValueError("a link failed")
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = [
        {"message": "the link to node1 failed", "exception": mistake},
        {"message": "a callback failed", "exception": ValueError("another"), "handle": object()},
        {"message": "only words"},
    ]
    for context in told:
        hear_mistake(node, loop, context)  # type: ignore[arg-type]
    assert node.stopped == [mistake]
