"""Following the ledger over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.unit.api.ask import code_of
from tests.unit.api.twin import Twin
from weft.api.routes import events
from weft.model.errors import DivergedError


async def read(response: httpx.Response, count: int) -> list[dict[str, Any]]:
    """The next events of a stream, each with its `id` and `event` checked against its data."""
    found: list[dict[str, Any]] = []
    lines: dict[str, str] = {}
    async for line in response.aiter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            lines[name] = value
            continue
        if lines:
            data = json.loads(lines["data"])
            assert (lines["id"], lines["event"]) == (data["cursor"], data["type"])
            found.append(data)
            lines = {}
        if len(found) == count:
            break
    return found


async def write(http: httpx.AsyncClient, *keys: str) -> None:
    for key in keys:
        assert (await http.put(f"/v1/records/notes/{key}", content=b'"secret"')).is_success


async def test_events_are_followed_from_the_beginning(http: httpx.AsyncClient, twin: Twin) -> None:
    """In order, each once, the block's header after what is in it; never with content."""
    await write(http, "a", "b")
    async with http.stream("GET", "/v1/events", params={"cursor": "0"}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        rows = await read(response, 4)
    assert [(row["cursor"], row["type"]) for row in rows] == [
        ("1-0", "record.put"),
        ("1-1", "block"),
        ("2-0", "record.put"),
        ("2-1", "block"),
    ]
    assert rows[0].keys() == {"cursor", "height", "position", "transaction", "contract", "type", "data"}
    assert (rows[0]["contract"], rows[0]["data"]["key"]) == ("records", "a")
    assert len(rows[0]["transaction"]) == 64
    assert rows[1]["data"]["hash"] == twin.ledger.blocks[1].header.hash.hex()
    assert rows[1]["transaction"] is None
    assert "secret" not in json.dumps(rows)


async def test_a_reader_goes_on_where_it_was(http: httpx.AsyncClient) -> None:
    """From `cursor`, or from `Last-Event-ID`, which goes before it."""
    await write(http, "a", "b")
    async with http.stream("GET", "/v1/events", params={"cursor": "1-0"}) as response:
        assert (await read(response, 1))[0]["cursor"] == "1-1"
    headers = {"last-event-id": "1-1"}
    async with http.stream("GET", "/v1/events", params={"cursor": "0"}, headers=headers) as response:
        assert (await read(response, 1))[0]["cursor"] == "2-0"


async def test_without_a_cursor_from_now_on(http: httpx.AsyncClient) -> None:
    """What comes later, as it comes."""
    await write(http, "a")
    async with http.stream("GET", "/v1/events") as response:
        await write(http, "b")
        assert [row["cursor"] for row in await read(response, 2)] == ["2-0", "2-1"]


async def test_a_silent_stream_shows_that_it_lives(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment now and then."""
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    async with http.stream("GET", "/v1/events") as response:
        assert await anext(response.aiter_lines()) == ": still here"


async def test_cursors_that_are_none_are_refused(http: httpx.AsyncClient, twin: Twin) -> None:
    """400; and 410 when what follows is no longer kept."""
    for bad in ("", "1", "x", "1-", "-1-0", "1-0-0", "01-0", "1-00", "1.5-0", "9" * 30 + "-0", "0-٣"):
        assert code_of(await http.get("/v1/events", params={"cursor": bad})) == (400, "cursor.invalid"), bad
        if bad.isascii():
            answer = await http.get("/v1/events", headers={"last-event-id": bad})
            assert code_of(answer) == (400, "cursor.invalid"), bad
    twin.pruned_below = 5
    assert code_of(await http.get("/v1/events", params={"cursor": "0-0"})) == (410, "events.pruned")


async def test_a_cursor_of_a_node_that_is_further_on_is_waited_for(http: httpx.AsyncClient) -> None:
    """And answered with 503 when it does not come: the cursor is good, this node is behind."""
    await write(http, "a")
    assert code_of(await http.get("/v1/events", params={"cursor": "2-0"})) == (503, "node.behind")
    async with http.stream("GET", "/v1/events", params={"cursor": "1-0"}) as response:
        assert [event["type"] for event in await read(response, 1)] == ["block"]


async def test_followers_are_counted(http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 beyond the bound; a place is free again once a reader left."""

    class Few:
        followers_max = 1

    monkeypatch.setattr(events, "LOCAL", Few)
    async with http.stream("GET", "/v1/events"):
        refused = await http.get("/v1/events")
        assert code_of(refused) == (503, "events.full")
        assert "retry-after" in refused.headers
    async with asyncio.timeout(10):
        while (await http.head("/v1/events")).status_code != 200:
            pass


async def test_a_stream_ends_with_the_reason(http: httpx.AsyncClient, twin: Twin) -> None:
    """A node that finds out that it differs says so and stops telling."""

    async def follow(cursor: object) -> AsyncIterator[object]:
        yield next(iter(twin._rows(twin.ledger.blocks[1])))
        raise DivergedError("the state differs at height 2")

    await write(http, "a")
    twin.follow = follow  # type: ignore[assignment, method-assign]
    text = (await http.get("/v1/events")).text
    assert text.startswith("id: 1-0\nevent: record.put\n")
    problem = json.loads(text.split("event: problem\ndata: ")[1])
    assert problem["code"] == "node.diverged"


async def test_a_reader_that_takes_nothing_is_cut_off(
    url: str, twin: Twin, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing piles up for it, and its place is free again."""
    monkeypatch.setattr(events, "SLOW_S", 0.05)
    await write(http, "a")
    row, is_over = twin._rows(twin.ledger.blocks[1])[0], asyncio.Event()

    async def follow(cursor: object) -> AsyncIterator[object]:
        try:
            while True:
                yield row
        finally:
            is_over.set()

    twin.follow = follow  # type: ignore[assignment, method-assign]
    host, port = url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port), limit=1024)
    writer.write(b"GET /v1/events HTTP/1.1\r\nHost: %s:%s\r\n\r\n" % (host.encode(), port.encode()))
    await asyncio.wait_for(is_over.wait(), 20)
    writer.close()
