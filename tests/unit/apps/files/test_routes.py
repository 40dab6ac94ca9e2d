"""Files over HTTP: a real server, a real client."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from tests.unit.apps.files.twin import Net, serving
from weft.api.cursor import write_cursor
from weft.apps.files.blobs import Reading
from weft.apps.files.content import find_range
from weft.apps.files.contract import find_file
from weft.apps.files.errors import RangeError
from weft.model.transaction import Attachment

TEXT = bytes(range(32, 127)) * 20
FORM = "multipart/form-data; boundary=B"
PART = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
META = b'--B\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
END = b"\r\n--B--\r\n"
KEY = {"Idempotency-Key": "a-key-of-a-client-0001"}


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    """One node."""
    async with Net(tmp_path) as net:
        yield net


@pytest.fixture
async def web(net: Net) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the node."""
    async with serving(net) as client:
        yield client


async def put(
    web: httpx.AsyncClient, content: bytes = TEXT, name: str = "a.txt", **metadata: Any
) -> dict[str, Any]:
    parts = {"file": (name, content), "metadata": (None, json.dumps(metadata))}
    answer = await web.post("/v1/files", files=parts)
    assert answer.status_code in (200, 201), answer.text
    return cast(dict[str, Any], answer.json())


def code_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def test_a_file_is_put_shown_listed_changed_and_erased(web: httpx.AsyncClient) -> None:
    """The whole life of a file, as the interface says it."""
    answer = await web.post(
        "/v1/files",
        files={"file": ("grüße.txt", TEXT), "metadata": (None, '{"title": "Hi", "tags": ["a", "b"]}')},
    )
    assert answer.status_code == 201
    file = answer.json()
    assert (
        file.items()
        >= {
            "sha256": sha256(TEXT).hexdigest(),
            "size": len(TEXT),
            "media_type": "text/plain",
            "name": "grüße.txt",
            "metadata": {"title": "Hi", "tags": ["a", "b"]},
            "version": 1,
            "owner": "local",
        }.items()
    )
    assert file["transaction"].items() >= {"height": 1, "position": 0}.items()
    assert file["created_at"].endswith("Z")
    path = f"/v1/files/{file['id']}"
    shown = await web.get(path)
    assert shown.json() == file
    assert (shown.headers["weft-height"], shown.headers["etag"]) == ("1", '"1"')
    again = await web.post("/v1/files", files={"file": ("other.txt", TEXT)})
    assert (again.status_code, again.json()) == (200, file)
    found = (await web.get("/v1/files", params={"q": "GRUß*", "tag": ["a", "b"], "facets": "tags"})).json()
    assert found == {
        "items": [file],
        "next_cursor": None,
        "total": 1,
        "total_exact": True,
        "height": 1,
        "facets": {"tags": {"a": 1, "b": 1}},
    }
    merge = {"Content-Type": "application/merge-patch+json"}
    changed = await web.patch(path, content=b'{"title": null, "description": "x"}', headers=merge)
    assert changed.status_code == 200
    assert changed.json()["metadata"] == {"description": "x", "tags": ["a", "b"]}
    assert (changed.json()["version"], changed.json()["transaction"]["height"]) == (2, 2)
    history = (await web.get(f"{path}/history")).json()
    assert [(item["version"], item["metadata"].get("title")) for item in history["items"]] == [
        (2, None),
        (1, "Hi"),
    ]
    erased = await web.delete(path)
    assert (erased.status_code, erased.json()["erased_height"]) == (200, 3)
    for place in ("", "/content", "/thumbnail", "/proof"):
        gone = await web.get(path + place)
        assert code_of(gone) == (410, "content.erased")
        assert gone.json()["height"] == 3
    assert (await web.get(f"{path}/history")).json()["items"][0]["erased_height"] == 3
    assert code_of(await web.delete(path)) == (410, "files.erased")
    assert (await web.get("/v1/files")).json()["items"] == []


async def test_parts_may_come_in_any_order(web: httpx.AsyncClient) -> None:
    """Metadata before the file, or none at all, or a file without a name."""
    parts = [("metadata", (None, '{"title": "first"}')), ("file", ("x.txt", b"one"))]
    assert (await web.post("/v1/files", files=parts)).json()["metadata"] == {"title": "first"}
    assert (await web.post("/v1/files", files={"file": (None, b"two")})).json()["name"] == "unnamed"
    body = PART.replace(b'filename="a"', b"filename*=UTF-8''na%C3%AFve.txt") + b"three" + END
    kind = {"Content-Type": FORM}
    assert (await web.post("/v1/files", content=body, headers=kind)).json()["name"] == "naïve.txt"


BAD_FORMS = [
    (b"", FORM, (400, "file.upload")),
    (b"--B--\r\n", FORM, (400, "file.upload")),
    (b"nothing of the kind", FORM, (400, "file.upload")),
    (PART + b"cut", FORM, (400, "file.upload")),
    (PART + b"x\r\n" + PART + b"y" + END, FORM, (400, "file.upload")),
    (META + b"{}" + END, FORM, (400, "file.upload")),
    (PART.replace(b"file", b"photo", 1) + b"x" + END, FORM, (400, "file.upload")),
    (b"--B\r\nX: " + b"x" * 9000 + b"\r\n\r\nx" + END, FORM, (400, "file.upload")),
    (b"--B\r\nno colon\r\n\r\nx" + END, FORM, (400, "file.upload")),
    (PART + b"x" + END, "multipart/form-data", (400, "file.upload")),
    (PART + b"x" + END, "multipart/form-data; boundary=" + "x" * 300, (400, "file.upload")),
    (PART + b"x" + END, "application/json", (415, "request.media_type")),
    (PART + b"x\r\n" + META + b"{" + END, FORM, (400, "document.invalid")),
    (PART + b"x\r\n" + META + b'{"a":1}' + END, FORM, (400, "file.metadata")),
    (META + b" " * 70_000 + b"\r\n" + PART + b"x" + END, FORM, (413, "request.size")),
]
BAD_SEARCHES = [
    ("colour=red", "request.invalid"),
    ('q="open', "search.query"),
    ("q=a*b", "search.query"),
    ("near=91,0", "request.invalid"),
    ("radius_km=5", "request.invalid"),
    ("near=1,1&radius_km=0", "request.invalid"),
    ("bbox=1,2,3", "request.invalid"),
    ("sort=colour", "request.invalid"),
    ("facets=colour", "request.invalid"),
    ("taken_from=now", "request.invalid"),
    ("limit=0", "request.invalid"),
    ("limit=1001", "request.invalid"),
    ("cursor=zzz", "cursor.invalid"),
    (f"cursor={write_cursor('files created_at False', (2**63, 1))}", "cursor.invalid"),
    (f"cursor={write_cursor('files created_at False', (None, 2**64 - 1))}", "cursor.invalid"),
    (f"cursor={write_cursor('files created_at False', ('x', 1))}", "cursor.invalid"),
    (f"sort=-name&cursor={write_cursor('files name False', (1, 1))}", "cursor.invalid"),
    (f"sort=-name&cursor={write_cursor('files name False', (chr(0), 1))}", "cursor.invalid"),
    (f"sort=size&cursor={write_cursor('files size True', (None, 1))}", "cursor.invalid"),
    (f"q=a&sort=relevance&cursor={write_cursor('files relevance False', ('x', 1))}", "cursor.invalid"),
    ("tag=a%00", "request.invalid"),
    ("any_tag=%00", "request.invalid"),
    ("not_tag=%00", "request.invalid"),
    ("media_type=%00/*", "request.invalid"),
    ("q=a&q=b", "request.invalid"),
    ("min_height=x", "request.invalid"),
    ("&".join(["tag=x"] * 21), "request.invalid"),
    ("&".join(["any_tag=x"] * 21), "request.invalid"),
    ("&".join(["not_tag=x"] * 21), "request.invalid"),
    ("duplicates=maybe", "request.invalid"),
    ("sort=relevance", "search.query"),
]


async def test_a_bad_form_is_refused(web: httpx.AsyncClient, net: Net) -> None:
    """As what it is, without a transaction, and nothing of it stays on the disk."""
    node = net.nodes[0]
    for body, kind, problem in BAD_FORMS:
        answer = await web.post("/v1/files", content=body, headers={"Content-Type": kind})
        assert code_of(answer) == problem, (body, kind)
        assert [path for path in (node.home / "blobs").rglob("*") if path.is_file()] == []
    assert node.store.head.height == 0


async def test_a_bad_search_is_refused(web: httpx.AsyncClient) -> None:
    """With 400, never 500."""
    for query, problem in BAD_SEARCHES:
        assert code_of(await web.get(f"/v1/files?{query}")) == (400, problem), query


async def test_tags_are_wanted_or_not(web: httpx.AsyncClient) -> None:
    """All of `tag`, one of `any_tag`, none of `not_tag`; and the same bytes of two owners are duplicates."""
    for name, tags in (("a", ["sea", "sun"]), ("b", ["sea"]), ("c", ["hill", "sun"])):
        await put(web, name.encode(), f"{name}.txt", tags=tags)

    async def names(query: str) -> str:
        answer = (await web.get(f"/v1/files?sort=name&{query}")).json()
        return "".join(item["name"][0] for item in answer["items"])

    assert await names("tag=sea&tag=sun") == "a"
    assert await names("any_tag=hill&any_tag=sea") == "abc"
    assert await names("not_tag=sea") == "c"
    assert await names("any_tag=sea&not_tag=sun") == "b"
    assert await names("not_tag=sea&not_tag=hill") == ""
    assert await names("duplicates=true") == ""
    assert await names("duplicates=false") == "abc"
    found = (await web.get("/v1/files?q=txt&sort=relevance")).json()
    assert found["total"] == 3


async def test_pages_have_cursors(web: httpx.AsyncClient) -> None:
    """Which lead through all files once, and to no other order."""
    ids = [(await put(web, b"%d" % number, f"{number}.txt"))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        params: dict[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await web.get("/v1/files", params=params)).json()
        seen += [item["id"] for item in page["items"]]
        assert page["total"] == 5
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == ids[::-1]
    answer = await web.get("/v1/files", params={"cursor": cursor, "sort": "name"})
    assert code_of(answer) == (400, "cursor.invalid")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", (0, 0)),
        ("bytes=10-19", (10, 19)),
        ("bytes=95-", (95, 99)),
        ("bytes=-5", (95, 99)),
        ("bytes=-500", (0, 99)),
        ("bytes=50-500", (50, 99)),
        ("bytes= 1 - 2", (1, 2)),
        ("bytes=0-1,5-6", None),
        ("bytes=9-1", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("lines=1-2", None),
        ("", None),
        (None, None),
        ("bytes=100-", RangeError),
        ("bytes=-0", RangeError),
        ("bytes=99999999999999999999-", None),
    ],
)
def test_ranges(header: str | None, part: Any) -> None:
    """RFC 9110 section 14.2, of a hundred bytes; several ranges are answered with the whole."""
    if part is RangeError:
        with pytest.raises(RangeError):
            find_range(header, 100)
    else:
        assert find_range(header, 100) == part


async def test_content_comes_whole_and_in_parts(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With validators, and nothing in it can run in a browser."""
    content = os.urandom(700_000)
    file = await put(web, content, 'my "photo"\n.bin')
    path = f"/v1/files/{file['id']}/content"
    whole = await web.get(path)
    assert whole.content == content
    etag = whole.headers["etag"]
    assert (
        whole.headers.items()
        >= {
            "content-length": "700000",
            "accept-ranges": "bytes",
            "x-content-type-options": "nosniff",
            "cache-control": "private, no-cache",
        }.items()
    )
    assert etag == f'"{sha256(content).hexdigest()}"'
    assert whole.headers["content-security-policy"].startswith("sandbox")
    part = await web.get(path, headers={"Range": "bytes=100000-399999"})
    assert (part.status_code, part.content) == (206, content[100_000:400_000])
    assert part.headers["content-range"] == "bytes 100000-399999/700000"
    assert (await web.get(path, headers={"Range": "bytes=-10"})).content == content[-10:]
    none = await web.get(path, headers={"Range": "bytes=700000-"})
    assert code_of(none) == (416, "file.range")
    assert none.headers["content-range"] == "bytes */700000"
    assert (await web.get(path, headers={"If-None-Match": etag})).status_code == 304
    assert (await web.get(path, headers={"If-None-Match": f'"x", W/{etag}'})).status_code == 304
    stale = await web.get(path, headers={"Range": "bytes=0-9", "If-Range": '"old"'})
    assert (stale.status_code, len(stale.content)) == (200, 700_000)
    fresh = await web.get(path, headers={"Range": "bytes=0-9", "If-Range": etag})
    assert (fresh.status_code, len(fresh.content)) == (206, 10)
    monkeypatch.setattr(Reading, "read", None)
    head = await web.head(path)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "700000")


@pytest.mark.parametrize(
    ("content", "name", "media_type", "disposition"),
    [
        (b"<script>alert(1)</script><html>", "x.html", "text/plain; charset=utf-8", "inline"),
        (b"<html><script>alert(1)</script>", "x.jpg", "text/html; charset=utf-8", "attachment"),
        (b"<svg onload='x'/>", "x.png", "image/svg+xml", "attachment"),
        (b"", "empty", "application/octet-stream", "inline"),
    ],
)
async def test_what_could_run_is_handed_over_to_be_saved(
    web: httpx.AsyncClient, content: bytes, name: str, media_type: str, disposition: str
) -> None:
    """As the kind that it is, whatever its name says."""
    file = await put(web, content, name)
    answer = await web.get(f"/v1/files/{file['id']}/content")
    assert answer.content == content
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"].startswith(f"{disposition}; filename=")


async def test_names_of_all_scripts_survive_the_header(web: httpx.AsyncClient) -> None:
    """RFC 6266: plain for old clients, extended for the others."""
    file = await put(web, TEXT, "señal 日本.txt")
    header = (await web.get(f"/v1/files/{file['id']}/content")).headers["content-disposition"]
    assert header == "inline; filename=\"se_al __.txt\"; filename*=UTF-8''se%C3%B1al%20%E6%97%A5%E6%9C%AC.txt"


async def test_a_photo_has_metadata_a_thumbnail_and_a_proof(web: httpx.AsyncClient, samples: Path) -> None:
    """All that can be read from it."""
    photo = (samples / "cape-town-portrait.jpg").read_bytes()
    file = await put(web, photo, "cape.jpg", tags=["mountain"])
    assert file["media_type"] == "image/jpeg"
    assert file["metadata"] == {
        "width": 900,
        "height": 1200,
        "orientation": 6,
        "camera": "Apple iPhone 12",
        "taken_at": "2022-01-15T17:33:58Z",
        "taken_offset": "+02:00",
        "location": {"lat": -33.9628, "lon": 18.4098},
        "place": "Newlands, Cape Town, South Africa",
        "tags": ["mountain"],
    }
    found = (await web.get("/v1/files", params={"near": "-33.96,18.41", "radius_km": "5"})).json()
    assert [item["id"] for item in found["items"]] == [file["id"]]
    thumbnail = await web.get(f"/v1/files/{file['id']}/thumbnail")
    assert (thumbnail.status_code, thumbnail.headers["content-type"]) == (200, "image/webp")
    tag = {"If-None-Match": thumbnail.headers["etag"]}
    assert (await web.get(f"/v1/files/{file['id']}/thumbnail", headers=tag)).status_code == 304
    text = await put(web)
    assert code_of(await web.get(f"/v1/files/{text['id']}/thumbnail")) == (404, "file.thumbnail")
    proof = (await web.get(f"/v1/files/{file['id']}/proof")).json()
    assert proof["proof"]["attachment"]["content"] == proof["sha256"] == sha256(photo).hexdigest()
    assert len(proof["proof"]["transaction"]["checkpoint"]["signatures"]) == 3


async def test_a_place_has_its_name_and_loses_it_with_its_position(
    web: httpx.AsyncClient, net: Net, samples: Path
) -> None:
    """It is found as text; it follows the position that the owner gives, and is in no other attachment."""
    file = await put(web, (samples / "tuscany-hills.jpg").read_bytes(), "hills.jpg")
    path = f"/v1/files/{file['id']}"

    async def find(words: str) -> list[str]:
        return [item["id"] for item in (await web.get("/v1/files", params={"q": words})).json()["items"]]

    assert file["metadata"]["place"] == "Pienza, Italy"
    assert await find("pienza") == [file["id"]]
    moved = (await web.patch(path, json={"location": {"lat": 43.4674, "lon": 11.8851}})).json()
    assert moved["metadata"]["place"] == "Arezzo, Italy"
    assert (await find("pienza"), await find("arezzo")) == ([], [file["id"]])
    state = find_file(net.nodes[0].files.ledger.state, bytes.fromhex(file["id"]))
    assert state is not None
    assert b"Arezzo" not in content_of(net, state.newest.metadata.digest)
    assert state.newest.position is not None
    assert b"Arezzo" in content_of(net, state.newest.position.digest)
    gone = (await web.patch(path, json={"location": None})).json()
    assert {"place", "location"} & set(gone["metadata"]) == set()
    given = await put(web, b"a walk", "walk.txt", location={"lat": 69.65, "lon": 18.95})
    assert given["metadata"]["place"] == "Tromsø, Norway"


def content_of(net: Net, commitment: bytes) -> bytes:
    found = net.nodes[0].files.ledger.attachments.find(commitment)
    assert isinstance(found, Attachment)
    return found.content


async def test_the_same_key_gives_the_first_answer(web: httpx.AsyncClient) -> None:
    """With its status; another body with it is refused."""
    first = await web.post("/v1/files", files={"file": ("a", b"x")}, headers=KEY)
    again = await web.post("/v1/files", files={"file": ("a", b"x")}, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = await web.post("/v1/files", files={"file": ("a", b"y")}, headers=KEY)
    assert code_of(other) == (409, "idempotency.conflict")


async def test_changes_can_be_conditional(web: httpx.AsyncClient) -> None:
    """412 with the version that is there."""
    file = await put(web)
    path = f"/v1/files/{file['id']}"
    assert (await web.patch(path, json={"title": "x"}, headers={"If-Match": "1"})).json()["version"] == 2
    refused = await web.patch(path, json={"title": "y"}, headers={"If-Match": "1"})
    assert code_of(refused) == (412, "files.version")
    assert refused.json()["version"] == 2
    assert code_of(await web.delete(path, headers={"If-Match": "1"})) == (412, "files.version")
    assert code_of(await web.patch(path, json={"width": 5})) == (400, "file.metadata")
    assert code_of(await web.patch(path, content=b"{}", headers={"Content-Type": "text/plain"}))[0] == 415
    assert code_of(await web.patch("/v1/files/nothing", json={})) == (404, "file.unknown")
    assert code_of(await web.get("/v1/files/" + "0" * 32)) == (404, "file.unknown")
    assert code_of(await web.put(path)) == (405, "route.method")


async def test_nobody_waits_who_does_not_want_to(web: httpx.AsyncClient) -> None:
    """202 with the transaction's id."""
    answer = await web.post("/v1/files?wait=none", files={"file": ("a", b"x")})
    assert answer.status_code == 202
    assert answer.json()["transaction"]["height"] is None


async def test_content_can_be_left_for_a_file_to_come(web: httpx.AsyncClient, samples: Path) -> None:
    """For clients that sign for themselves: the answer holds what goes into the transaction."""
    photo = (samples / "matterhorn-morning.jpg").read_bytes()
    answer = await web.post("/v1/blobs?name=x.jpg", content=photo)
    assert answer.status_code == 201
    assert (
        answer.json().items()
        >= {
            "sha256": sha256(photo).hexdigest(),
            "size": len(photo),
            "media_type": "image/jpeg",
        }.items()
    )
    assert answer.json()["metadata"]["camera"] == "NIKON D750"


async def test_a_client_that_goes_away_leaves_nothing(web: httpx.AsyncClient, net: Net) -> None:
    """Its half file is overwritten and removed."""

    async def half() -> AsyncIterator[bytes]:
        yield PART + b"x" * 3_000_000
        raise ConnectionError

    kind = {"Content-Type": FORM}
    with pytest.raises(ConnectionError):
        await web.post("/v1/files", content=half(), headers=kind)
    folder = net.nodes[0].home / "blobs"
    for _ in range(2000):
        if not [path for path in folder.rglob("*") if path.is_file()]:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("the half file is still there")


async def test_the_routes_describe_themselves(web: httpx.AsyncClient) -> None:
    """Every path with its parameters, in the one document of the interface."""
    paths = (await web.get("/openapi.json")).json()["paths"]
    assert paths["/v1/files"].keys() >= {"get", "post"}
    assert "multipart/form-data" in paths["/v1/files"]["post"]["requestBody"]["content"]
    names = {one["name"] for one in paths["/v1/files"]["get"]["parameters"]}
    assert names >= {"q", "tag", "media_type", "camera", "taken_from", "near", "radius_km", "bbox", "facets"}
    assert paths["/v1/files/{id}"].keys() >= {"get", "patch", "delete"}
    assert {
        f"/v1/files/{{id}}/{part}" for part in ("content", "thumbnail", "history", "proof")
    } <= paths.keys()


@pytest.mark.skipif("WEFT_LARGE" not in os.environ, reason="set WEFT_LARGE=1: writes 300 MB")
async def test_a_large_file_takes_little_memory(web: httpx.AsyncClient) -> None:
    """300 MB up and down again; less than 100 MB more of memory at the peak, client and server together."""
    import resource

    def rows() -> Iterator[bytes]:
        piece = os.urandom(1 << 20)
        yield PART
        for _ in range(300):
            yield piece
        yield b"\r\n--B--\r\n"

    async def body() -> AsyncIterator[bytes]:
        for row in rows():
            yield row

    await put(web)
    unit = 1 if sys.platform == "darwin" else 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    kind = {"Content-Type": FORM}
    file = (await web.post("/v1/files", content=body(), headers=kind)).json()
    size = 0
    async with web.stream("GET", f"/v1/files/{file['id']}/content") as answer:
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    assert size == file["size"] == 300 << 20
    assert after - before < 100_000_000
