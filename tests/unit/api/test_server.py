"""The server beneath: it stops, and says when it cannot start."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tests.unit.api.ask import code_of
from tests.unit.api.conftest import serving
from tests.unit.api.twin import Twin
from weft.api import front, request, server
from weft.api.app import create_app
from weft.api.front import Front
from weft.api.request import read_body
from weft.api.server import serve
from weft.model.errors import PortError


async def test_a_port_in_use_is_named() -> None:
    """The error says which, and what to do."""
    twin = Twin()
    async with serving(twin) as url:
        port = int(url.rsplit(":", 1)[1])
        with pytest.raises(PortError, match=f"127.0.0.1:{port}"):
            await serve(create_app(twin, [], bytes, None), "127.0.0.1", port)


async def test_open_streams_do_not_hold_up_the_end() -> None:
    """A follower sees its stream end; the server is gone."""
    async with serving(Twin()) as url:
        client = httpx.AsyncClient(base_url=url)
        stream = await client.send(client.build_request("GET", "/v1/events"), stream=True)
        reading = asyncio.create_task(stream.aread())
    assert await asyncio.wait_for(reading, 10) == b""
    with pytest.raises(httpx.ConnectError):
        await client.get("/livez")
    await client.aclose()


async def test_a_request_in_progress_is_finished() -> None:
    """What was begun is answered, although the server stops."""
    twin = Twin()
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def reach(min_height: int | None, is_linearizable: bool) -> int:
        begun.set()
        await may_end.wait()
        return 0

    twin.reach = reach  # type: ignore[method-assign]
    async with httpx.AsyncClient() as client:
        async with serving(twin) as url:
            asking = asyncio.create_task(client.get(url + "/v1/blocks"))
            await begun.wait()
            asyncio.get_running_loop().call_soon(may_end.set)
        assert (await asking).status_code == 200


async def test_a_request_that_takes_too_long_to_end_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its problem says that the node stops, rather than that the node made a mistake."""
    monkeypatch.setattr(server, "STOP_S", 0)
    twin = Twin()
    begun = asyncio.Event()

    async def reach(min_height: int | None, is_linearizable: bool) -> int:
        begun.set()
        await asyncio.Event().wait()
        return 0

    twin.reach = reach  # type: ignore[method-assign]
    async with httpx.AsyncClient() as client:
        async with serving(twin) as url:
            asking = asyncio.create_task(client.get(url + "/v1/blocks"))
            await begun.wait()
        assert code_of(await asking) == (503, "server.stopping")


async def test_what_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that says nothing or not all of its head is broken; a body that stops is 408."""
    monkeypatch.setattr(server, "HEAD_S", 0.05)
    monkeypatch.setattr(request, "BODY_IDLE_S", 0.05)
    async with serving(Twin()) as url:
        host, port = url.removeprefix("http://").split(":")
        for beginning in (b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: x\r\nA: "):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(beginning)
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"PUT /v1/records/a/b HTTP/1.1\r\nHost: %s:%s\r\n" % (host.encode(), port.encode()))
        writer.write(b"Content-Length: 99\r\n\r\n{")
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()


@pytest.mark.parametrize("sizes", [[1], [1] * 3000, [1, 300_000, 1, 700_000], [90_000] * 20])
async def test_a_body_arrives_whole_whatever_its_pieces(sizes: list[int]) -> None:
    """Those that wait for each other on the way, and those that come alone."""
    pieces = [bytes((place % 251,)) * size for place, size in enumerate(sizes)]
    bodies: list[bytes] = []

    async def hear(scope: Scope, receive: Receive, send: Send) -> None:
        bodies.append(await read_body(Request({**scope, "app": app}, receive), 1 << 24))
        await Response(b"heard")(scope, receive, send)

    app = FastAPI()
    app.state.bodies = request.Bodies()
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    work = asyncio.create_task(serve(Front(hear, Twin(), lambda: None), "127.0.0.1", 0, ready.set_result))

    async def send_pieces() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await ready}") as client:
        for body in (send_pieces(), b"".join(pieces)):
            assert (await client.post("/", content=body)).text == "heard"
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    assert bodies == [b"".join(pieces)] * 2
    assert app.state.bodies.held == 0


async def test_more_than_a_node_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies in memory, and requests in progress: 503 with Retry-After, and then it goes on."""
    async with serving(Twin()) as url, httpx.AsyncClient(base_url=url) as client:
        with monkeypatch.context() as few:
            few.setattr(request, "BODIES_BYTES_MAX", 10)
            refused = await client.put("/v1/records/a/b", content=b'"too much to hold"')
            assert code_of(refused) == (503, "server.busy")
            assert "retry-after" in refused.headers
            assert (await client.put("/v1/records/a/b", content=b'"less"')).status_code == 201
        with monkeypatch.context() as few:
            few.setattr(front, "REQUESTS_MAX", 0)
            assert code_of(await client.get("/livez")) == (503, "server.busy")
        assert (await client.get("/livez")).status_code == 200
