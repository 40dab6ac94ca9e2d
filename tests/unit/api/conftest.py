"""A twin of a node behind the real interface and the real server, on loopback."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter

from tests.unit.api.twin import Twin
from weft.api.app import create_app
from weft.api.server import serve


@asynccontextmanager
async def serving(
    twin: Twin, ui: Path | None = None, routers: Sequence[APIRouter] = ()
) -> AsyncIterator[str]:
    """The address at which the twin is served."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = create_app(twin, routers, lambda: b"weft_height 1\n", ui)
    work = asyncio.create_task(serve(app, "127.0.0.1", 0, ready.set_result))
    try:
        yield f"http://127.0.0.1:{await ready}"
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
def twin() -> Twin:
    return Twin()


@pytest.fixture
async def url(twin: Twin) -> AsyncIterator[str]:
    async with serving(twin) as address:
        yield address


@pytest.fixture
async def http(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client
