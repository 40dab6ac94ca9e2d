"""The server beneath: it stops, and says when it cannot start."""

import asyncio

import httpx
import pytest

from tests.unit.api.conftest import serving
from tests.unit.api.twin import Twin
from weft.api.app import create_app
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
