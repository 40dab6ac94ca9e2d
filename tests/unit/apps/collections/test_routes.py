"""Collections over HTTP: a real server, a real client, a search among their files."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.unit.apps.files.test_routes import code_of, put
from tests.unit.apps.files.twin import Net
from weft.api.app import create_app
from weft.api.server import serve
from weft.apps.collections import reader
from weft.apps.collections.contract import list_collections
from weft.apps.collections.routes import router as collections_router
from weft.apps.collections.service import CollectionsService
from weft.apps.files.routes import router

PLAIN = {"Content-Type": "text/plain"}
NOWHERE = "00" * 16


@pytest.fixture
async def webs(tmp_path: Path) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two nodes."""
    async with Net(tmp_path, 2) as net:
        webs, servers = [], []
        for node in net.nodes:
            collections = CollectionsService(node.files.ledger)
            routes = [router(node.files), collections_router(collections)]
            app = create_app(cast(Any, node), routes, lambda: b"", None)
            port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            servers.append(asyncio.create_task(serve(app, "127.0.0.1", 0, port.set_result)))
            webs.append(httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}", timeout=20))
        for node in net.nodes:
            node.gateway.recognize("bob")
        yield webs
        for web, server in zip(webs, servers, strict=True):
            await web.aclose()
            server.cancel()
        await asyncio.gather(*servers, return_exceptions=True)


async def create(web: httpx.AsyncClient, name: str = "Summer") -> str:
    answer = await web.post("/v1/collections", json={"name": name})
    assert answer.status_code == 201, answer.text
    return cast(str, answer.json()["id"])


async def test_a_collection_lives_at_every_node(webs: list[httpx.AsyncClient]) -> None:
    """Made at one, filled at another, searched at both, renamed, taken apart."""
    here, there = webs
    files = [(await put(here, b"%d" % one, f"{one}.txt", tags=["odd"] * (one % 2)))["id"] for one in range(5)]
    id_ = await create(here, "Été 2008/09")
    answer = await there.post(f"/v1/collections/{id_}/files", json={"add": files[:4]})
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert (shown["name"], shown["owner"], shown["files"], shown["version"]) == ("Été 2008/09", "local", 4, 2)
    assert shown["transaction"]["height"] > 0
    for web in webs:
        found = (await web.get("/v1/files", params={"collection": id_, "facets": "tags"})).json()
        assert [item["id"] for item in found["items"]] == files[3::-1]
        assert (found["total"], found["facets"]) == (4, {"tags": {"odd": 2}})
        found = (await web.get("/v1/files", params={"collection": id_, "tag": "odd"})).json()
        assert [item["id"] for item in found["items"]] == [files[3], files[1]]
        assert (await web.get("/v1/files:timeline", params={"collection": id_})).json()["undated"] == 4
        assert (await web.get("/v1/collections")).json()["items"][0]["id"] == id_
    await there.delete(f"/v1/files/{files[0]}")
    answer = await here.post(f"/v1/collections/{id_}/files", json={"remove": files[1:2]})
    assert answer.json()["files"] == 3
    assert (await there.get("/v1/files", params={"collection": id_})).json()["total"] == 2
    answer = await here.patch(f"/v1/collections/{id_}", json={"name": "Herbst"}, headers={"If-Match": "1"})
    assert code_of(answer) == (412, "collections.version")
    answer = await here.patch(f"/v1/collections/{id_}", json={"name": "Herbst"}, headers={"If-Match": "3"})
    assert answer.json()["name"] == "Herbst"
    assert (await there.get(f"/v1/collections/{id_}")).json()["name"] == "Herbst"
    assert (await here.delete(f"/v1/collections/{id_}")).status_code == 200
    for web in webs:
        assert code_of(await web.get(f"/v1/collections/{id_}")) == (404, "collection.unknown")
        assert code_of(await web.get(f"/v1/files?collection={id_}")) == (404, "collection.unknown")
        assert (await web.get("/v1/collections")).json() == {"items": [], "next_cursor": None}
        assert (await web.get(f"/v1/files/{files[2]}")).status_code == 200


async def test_a_collection_is_shared(webs: list[httpx.AsyncClient]) -> None:
    """With an account, as long as its owner wants."""
    here, there = webs
    id_ = await create(here)
    token = {"Authorization": "Bearer bob"}
    answer = await there.post(f"/v1/collections/{id_}/files", json={}, headers=token)
    assert code_of(answer) == (403, "collections.owner")
    account = answer.json()["account"]
    shared = await here.put(f"/v1/collections/{id_}/writers/{account}")
    assert shared.json()["writers"] == [account]
    assert (await there.post(f"/v1/collections/{id_}/files", json={}, headers=token)).status_code == 200
    assert (await here.delete(f"/v1/collections/{id_}/writers/{account}")).json()["writers"] == []
    answer = await there.post(f"/v1/collections/{id_}/files", json={}, headers=token)
    assert code_of(answer) == (403, "collections.owner")


async def test_collections_have_pages(webs: list[httpx.AsyncClient]) -> None:
    """Each once, deleted ones not."""
    web = webs[0]
    ids = [await create(web, f"{number}") for number in range(6)]
    await web.delete(f"/v1/collections/{ids.pop(2)}")
    seen: list[str] = []
    cursor = None
    while True:
        params: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await web.get("/v1/collections", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(ids)


async def test_a_page_looks_at_a_bounded_number_of_collections(
    webs: list[httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many were deleted: the page is short then, and its cursor leads to the rest."""
    here, _ = webs
    ids = sorted([await create(here) for _ in range(9)])
    for id_ in ids[1:8]:
        assert (await here.delete(f"/v1/collections/{id_}")).status_code == 200
    monkeypatch.setattr(reader, "ROWS_MAX", 4)
    monkeypatch.setattr(reader, "ROWS_AT_ONCE", 2)
    looked = list[int]()

    def watched(state: Any, after: bytes | None, limit: int) -> list[tuple[bytes, Any]]:
        rows = list_collections(state, after, limit)
        looked.append(len(rows))
        return rows

    monkeypatch.setattr(reader, "list_collections", watched)
    pages, cursor = list[list[str]](), ""
    while cursor is not None:
        params: dict[str, Any] = {"limit": 1} | ({"cursor": cursor} if cursor else {})
        looked.clear()
        page = (await here.get("/v1/collections", params=params)).json()
        assert sum(looked) <= 4
        pages.append([one["id"] for one in page["items"]])
        cursor = page["next_cursor"]
    assert pages == [[ids[0]], [], [ids[8]]]


async def test_what_makes_no_sense_is_refused(webs: list[httpx.AsyncClient]) -> None:
    """With a code, without a transaction."""
    web = webs[0]
    id_ = await create(web)
    file = await put(web, b"x")
    before = (await web.get(f"/v1/collections/{id_}")).json()
    await web.delete(f"/v1/files/{file['id']}")
    url = f"/v1/collections/{id_}"
    for answer, problem in (
        (await web.post("/v1/collections", json={"name": ""}), (400, "document.invalid")),
        (await web.post("/v1/collections", json={"name": "a", "colour": 1}), (400, "document.invalid")),
        (await web.post("/v1/collections", content=b"a", headers=PLAIN), (415, "request.media_type")),
        (await web.post(f"{url}/files", json={"add": ["x"]}), (400, "document.invalid")),
        (await web.post(f"{url}/files", json={"add": [NOWHERE]}), (404, "file.unknown")),
        (await web.post(f"{url}/files", json={"add": [file["id"]]}), (410, "content.erased")),
        (await web.post(f"{url}/files", json={"remove": [NOWHERE] * 501}), (400, "request.invalid")),
        (await web.post(f"/v1/collections/{NOWHERE}/files", json={}), (404, "collections.missing")),
        (await web.put(f"{url}/writers/bob"), (400, "request.invalid")),
        (await web.get("/v1/collections/x"), (404, "collection.unknown")),
        (await web.get(f"/v1/collections/{NOWHERE}"), (404, "collection.unknown")),
        (await web.get("/v1/files?collection=x"), (400, "request.invalid")),
        (await web.get("/v1/collections?cursor=zzz"), (400, "cursor.invalid")),
    ):
        assert code_of(answer) == problem
    assert (await web.get(url)).json() == before
