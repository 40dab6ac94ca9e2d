"""Events as they come, from one node after another, each once."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from weft.client.errors import ProblemError
from weft.client.nodes import PASSED_OVER, PAUSE_S_FIRST, PAUSE_S_MAX, Nodes

SILENCE_S = 45.0
"""Longer than a node's heartbeat; after it the node counts as gone."""
LAST_POSITION = 10**17


class BrokenOffError(Exception):
    """A node ended its stream, for a reason that may be its own alone."""

    def __init__(self, reason: ProblemError) -> None:
        super().__init__(str(reason))
        self.reason = reason


async def follow(nodes: Nodes, cursor: str | None) -> AsyncIterator[dict[str, Any]]:
    """Every event after the cursor, for ever: from now on if None, from the genesis if `0`.

    A node that breaks off is left for another, from the last event on.
    """
    if cursor is None:
        head = await nodes.ask_json("GET", "/v1/head")
        cursor = f"{head['height']}-{LAST_POSITION}"
    pause_s = PAUSE_S_FIRST
    while True:
        try:
            # Who is asked may not be as far as the node that gave the cursor: then another is asked.
            async with nodes.open("/v1/events", params={"cursor": cursor}, read_s=SILENCE_S) as response:
                async for event in _events(response):
                    cursor, pause_s = event["cursor"], PAUSE_S_FIRST
                    yield event
        except httpx.RequestError:
            pass
        except BrokenOffError as error:
            if error.reason.status not in PASSED_OVER:
                raise error.reason from None
        nodes.pass_over()
        # Nodes that end every stream at once are not to be asked without a breath.
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, PAUSE_S_MAX)


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """What a stream holds; raises BrokenOffError for a `problem` that the node ends it with, and for what is
    no event."""
    kind, data = "", ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            data = line[6:]
        elif not line and data:
            found = _read(data)
            if kind == "problem":
                status = found.get("status")
                raise BrokenOffError(ProblemError(status if isinstance(status, int) else 502, found))
            if not isinstance(found.get("cursor"), str):
                raise BrokenOffError(ProblemError(502, {"detail": "the node sent what is no event"}))
            yield found
            kind = data = ""


def _read(data: str) -> dict[str, Any]:
    """The object that a line of data holds; an empty one if it holds none."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
