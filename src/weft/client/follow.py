"""Events as they come, from one node after another, each once."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from weft.client.errors import ProblemError
from weft.client.nodes import Nodes

SILENCE_S = 45.0
"""Longer than a node's heartbeat; after it the node counts as gone."""
LAST_POSITION = 10**17
REFUSALS_MAX = 10


async def follow(nodes: Nodes, cursor: str | None) -> AsyncIterator[dict[str, Any]]:
    """Every event after the cursor, for ever: from now on if None, from the genesis if `0`.

    A node that breaks off is left for another, from the last event on.
    """
    if cursor is None:
        head = await nodes.ask_json("GET", "/v1/head")
        cursor = f"{head['height']}-{LAST_POSITION}"
    refusals = 0
    while True:
        try:
            async with nodes.open("/v1/events", params={"cursor": cursor}, read_s=SILENCE_S) as response:
                async for event in _events(response):
                    refusals = 0
                    cursor = event["cursor"]
                    yield event
        except httpx.TransportError:
            pass
        except ProblemError as error:
            # A node that is behind does not know the cursor yet; when all say so, it is gone.
            refusals += 1
            if error.code != "events.pruned" or refusals > REFUSALS_MAX:
                raise
        nodes.pass_over()


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """What a stream holds; a `problem` that the node ends with is raised."""
    kind, data = "", ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            kind = line[7:]
        elif line.startswith("data: "):
            data = line[6:]
        elif not line and data:
            found = json.loads(data)
            if kind == "problem":
                raise ProblemError(found["status"], found)
            yield found
            kind = data = ""
