"""Uploads in pieces over HTTP: a real server, a real client."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any, cast

import httpx
import pytest

from tests.unit.apps.files.test_routes import KEY, net, put, web
from tests.unit.apps.files.test_service import until
from tests.unit.apps.files.twin import Net, serving
from weft.api.errors import PendingError

__all__ = ["net", "web"]

CONTENT = os.urandom(3 << 20) + b"end"
NAME = sha256(CONTENT).hexdigest()


async def begin(web: httpx.AsyncClient, content: bytes = CONTENT, **announced: Any) -> str:
    answer = await web.post("/v1/uploads", json={"size": len(content), **announced})
    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/v1/uploads/{answer.json()['id']}"
    return cast(str, answer.headers["location"])


async def add(web: httpx.AsyncClient, place: str, offset: int, piece: Any) -> httpx.Response:
    return await web.patch(place, content=piece, headers={"Upload-Offset": str(offset)})


async def test_a_file_in_pieces_is_as_one_in_one_piece(web: httpx.AsyncClient) -> None:
    """HEAD tells how much is there; the file is found, has its name, metadata and bytes, and is known."""
    place = await begin(web, sha256=NAME)
    for offset in range(0, len(CONTENT), 1 << 20):
        head = await web.head(place)
        assert (head.headers["upload-offset"], head.headers["upload-complete"]) == (str(offset), "?0")
        assert (await add(web, place, offset, CONTENT[offset : offset + (1 << 20)])).status_code == 200
    shown = await web.get(place)
    assert (shown.json()["offset"], shown.headers["upload-complete"]) == (len(CONTENT), "?1")
    made = await web.post(f"{place}/file", json={"name": "a.bin", "metadata": {"tags": ["x"]}}, headers=KEY)
    assert made.status_code == 201, made.text
    file = made.json()
    assert (file["name"], file["sha256"], file["metadata"]) == ("a.bin", NAME, {"tags": ["x"]})
    assert (await web.get(f"/v1/files/{file['id']}/content")).content == CONTENT
    assert (await web.head(place)).status_code == 404

    known = await web.post("/v1/files:known", json={"sha256": [NAME, "0" * 64]})
    item = {"sha256": NAME, "id": file["id"], "held": True, "readers": None}
    assert known.json()["items"] == [item]
    other = await web.post("/v1/files:known", json={"sha256": [NAME], "owner": "ab" * 20})
    assert other.json()["items"] == []


async def test_a_broken_piece_leaves_what_came(web: httpx.AsyncClient) -> None:
    """The sender goes on at the byte that the node names; another offset is refused with the right one."""
    place = await begin(web)

    async def breaking() -> AsyncIterator[bytes]:
        yield CONTENT[: 2 << 20]
        await asyncio.sleep(0.2)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await add(web, place, 0, breaking())
    offset = int((await web.head(place)).headers["upload-offset"])
    assert 0 < offset <= 2 << 20
    wrong = await add(web, place, offset + 1, b"x")
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["offset"]) == (409, "upload.offset", offset)
    early = await web.post(f"{place}/blob")
    assert (early.status_code, early.json()["code"]) == (409, "upload.incomplete")
    beyond = await add(web, place, offset, CONTENT[offset:] + b"more")
    assert beyond.status_code == 413
    offset = int((await web.head(place)).headers["upload-offset"])
    assert (await add(web, place, offset, CONTENT[offset:])).status_code == 200
    blob = await web.post(f"{place}/blob?name=a.txt")
    assert (blob.status_code, blob.json()["sha256"], blob.json()["size"]) == (201, NAME, len(CONTENT))


async def test_what_came_before_a_break_stays(net: Net, web: httpx.AsyncClient) -> None:
    """Also when connections break so often that no chunk for the disk is ever full."""
    place = await begin(web)
    folder = net.nodes[0].files.blobs.folder / "drafts"
    size, count = 100_000, 3

    async def breaking(offset: int) -> AsyncIterator[bytes]:
        yield CONTENT[offset : offset + size]
        await asyncio.sleep(0.2)
        raise ConnectionError

    for number in range(count):
        with pytest.raises(ConnectionError):
            await add(web, place, number * size, breaking(number * size))
        reached = (number + 1) * size
        await until(lambda: (folder / place.rpartition("/")[2]).stat().st_size >= reached)  # noqa: B023
    assert int((await web.head(place)).headers["upload-offset"]) == count * size


async def leave_unordered(net: Net, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> str:
    """An upload whose content was kept when the ledger did not answer."""
    place = await begin(web)
    await add(web, place, 0, CONTENT)

    async def wait_in_vain(raw: bytes, attachments: object) -> None:
        raise PendingError("not ordered in time", id="0" * 64)

    with monkeypatch.context() as patched:
        patched.setattr(net, "order", wait_in_vain)
        late = await web.post(f"{place}/file", json={}, headers=KEY)
        assert (late.status_code, late.json()["code"]) == (504, "transaction.pending")
    assert int((await web.head(place)).headers["upload-offset"]) == len(CONTENT)
    return place


async def check_made(web: httpx.AsyncClient, place: str) -> None:
    """The same wish makes the file, once, and ends the upload."""
    made = await web.post(f"{place}/file", json={}, headers=KEY)
    assert made.status_code == 201, made.text
    content = await web.get(f"/v1/files/{made.json()['id']}/content")
    assert content.content == CONTENT
    assert (await web.head(place)).status_code == 404


@pytest.mark.parametrize("is_swept", [False, True])
async def test_a_file_that_was_not_ordered_in_time_is_not_sent_again(
    net: Net, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, is_swept: bool
) -> None:
    """The same wish may be asked again; and it need not be told when the content is swept meanwhile."""
    place = await leave_unordered(net, web, monkeypatch)
    if is_swept:
        await asyncio.to_thread(net.nodes[0].files.blobs.sweep, time.time() + 1e6)
        gone = await web.post(f"{place}/file", json={}, headers=KEY)
        assert (gone.status_code, gone.json()["code"]) == (404, "upload.unknown")
        assert (await web.head(place)).status_code == 404
    else:
        await check_made(web, place)


async def test_a_file_that_was_not_ordered_before_a_restart_is_not_sent_again(
    net: Net, web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process of the node knows the upload, and that all of it is here."""
    place = await leave_unordered(net, web, monkeypatch)
    await net.nodes[0].stop()
    net.nodes[0].start()
    async with serving(net) as again:
        assert int((await again.head(place)).headers["upload-offset"]) == len(CONTENT)
        await check_made(again, place)


async def test_a_file_that_was_erased_is_made_again_of_an_upload(web: httpx.AsyncClient) -> None:
    """A key that leads to the erased file is refused, and takes nothing of the new upload."""
    for is_again in (False, True):
        place = await begin(web, sha256=NAME)
        await add(web, place, 0, CONTENT)
        if is_again:
            gone = await web.post(f"{place}/file", json={}, headers=KEY)
            assert (gone.status_code, gone.json()["code"]) == (410, "content.erased")
        made = await web.post(f"{place}/file", json={}, headers={} if is_again else KEY)
        assert made.status_code == 201, made.text
        assert (await web.delete(f"/v1/files/{made.json()['id']}")).status_code == 200


async def test_a_node_that_restarts_goes_on(net: Net, web: httpx.AsyncClient) -> None:
    """What came is still there, and becomes the file."""
    place = await begin(web, sha256=NAME)
    await add(web, place, 0, CONTENT[: 1 << 20])
    await net.nodes[0].stop()
    net.nodes[0].start()
    files = net.nodes[0].files
    caller = net.nodes[0].caller
    _, offset = await files.pieces.show(caller, place.rpartition("/")[2])
    assert offset == 1 << 20


async def test_content_that_changed_on_the_way_is_no_file(web: httpx.AsyncClient) -> None:
    """Another digest than announced: refused, and gone."""
    place = await begin(web, sha256="0" * 64)
    await add(web, place, 0, CONTENT)
    made = await web.post(f"{place}/file", json={})
    assert (made.status_code, made.json()["code"]) == (422, "upload.digest")
    assert (await web.head(place)).status_code == 404
    assert (await web.get("/v1/files")).json()["total"] == 0


async def test_bytes_that_are_there_make_no_second_file(web: httpx.AsyncClient) -> None:
    """As with an upload in one piece; and an empty upload is a file."""
    first = await put(web, CONTENT)
    place = await begin(web)
    await add(web, place, 0, CONTENT)
    again = await web.post(f"{place}/file", json={"name": "b"})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    place = await begin(web, b"")
    assert (await web.post(f"{place}/file", json={"name": "nothing"})).json()["size"] == 0


async def test_an_upload_can_be_given_up(web: httpx.AsyncClient) -> None:
    """What came is destroyed."""
    place = await begin(web)
    await add(web, place, 0, CONTENT[:10])
    assert (await web.delete(place)).json()["offset"] == 10
    assert (await web.delete(place)).json()["code"] == "upload.unknown"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/uploads", {"size": -1}),
        ("/v1/uploads", {"size": 1, "sha256": "x"}),
        ("/v1/uploads", {"size": 1, "colour": "red"}),
        ("/v1/files:known", {"sha256": []}),
        ("/v1/files:known", {"sha256": ["0" * 64] * 1001}),
        ("/v1/files:known", {"sha256": ["0" * 64], "owner": "ann"}),
    ],
)
async def test_what_makes_no_sense_is_refused(web: httpx.AsyncClient, path: str, body: Any) -> None:
    """With a problem that says what is wrong."""
    answer = await web.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "document.invalid")


async def test_a_piece_says_where_it_begins(web: httpx.AsyncClient) -> None:
    """Without that nothing is added."""
    answer = await web.patch(await begin(web), content=b"x")
    assert (answer.status_code, "Upload-Offset" in answer.json()["detail"]) == (400, True)


async def test_content_lost_at_a_node_is_mended_by_an_upload(net: Net, web: httpx.AsyncClient) -> None:
    """Content for a file that the client signs for is also what files lack that are there already."""
    await put(web, CONTENT)
    blobs = net.nodes[0].files.blobs
    await asyncio.to_thread(blobs.destroy, NAME)
    assert not blobs.has(NAME)
    assert (await web.post("/v1/blobs", content=CONTENT)).status_code == 201
    assert blobs.has(NAME)
