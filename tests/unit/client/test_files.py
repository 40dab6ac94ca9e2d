"""Files from a program, over the routes of the application."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.chain import key
from tests.unit.client.conftest import FilesTwin
from weft.api.server import serve
from weft.client import AsyncClient, Options, ProblemError, UnprovedError, UnreachableError
from weft.client.errors import LargeFileError, LocalFileError
from weft.client.files import BREAKS_MAX

CONTENT = b"some text, nothing special\n" * 40_000


@pytest.fixture(params=["signed", "unsigned"])
def signer(request: pytest.FixtureRequest) -> object:
    """Files are put under the client's own key, and by the node."""
    return key("alice") if request.param == "signed" else None


async def test_a_file_goes_in_and_comes_back(
    files_url: str, nowhere: str, files_twin: FilesTwin, signer: object, tmp_path: Path
) -> None:
    """With its name and metadata; put again it is recognised; found, changed, proved, erased."""
    async with AsyncClient([nowhere, files_url], signer, files_twin.genesis) as client:  # type: ignore[arg-type]
        source = tmp_path / 'a "file".txt'
        source.write_bytes(CONTENT)
        told: list[tuple[int, int]] = []
        metadata = {"title": "Mountain", "tags": ["high"], "location": {"lat": 46.0, "lon": 7.6}}
        put = await client.files.put(source, metadata=metadata, on_progress=lambda *one: told.append(one))
        assert (put["name"], put["size"], put["is_new"]) == ('a "file".txt', len(CONTENT), True)
        assert put["sha256"] == sha256(CONTENT).hexdigest()
        assert told[-1] == (len(CONTENT), len(CONTENT))
        again = await client.files.put(CONTENT, name="other.txt")
        assert (again["id"], again["is_new"]) == (put["id"], False)

        assert await client.files.get(put["id"]) == CONTENT
        target = tmp_path / "back"
        assert await client.files.get(put["id"], target) == b""
        assert target.read_bytes() == CONTENT
        assert b"".join([chunk async for chunk in client.files.content(put["id"])]) == CONTENT

        changed = await client.files.update(put["id"], {"title": None, "description": "steep"})
        assert changed["version"] == 2
        assert changed["metadata"]["description"] == "steep"
        assert "title" not in changed["metadata"]
        assert changed["metadata"]["location"] == {"lat": 46.0, "lon": 7.6}
        with pytest.raises(ProblemError) as caught:
            await client.files.update(put["id"], {"title": "x"}, expected=1)
        assert caught.value.code == "files.version"
        assert [item["version"] for item in await client.files.history(put["id"])] == [2, 1]

        hits = await client.files.search("steep", tag=["high"])
        assert [item["id"] for item in hits["items"]] == [put["id"]]
        proof = await client.files.proof(put["id"], CONTENT)
        assert [step.name for step in proof["steps"]][:2] == ["content", "commitment"]
        with pytest.raises(UnprovedError, match="content"):
            await client.files.proof(put["id"], CONTENT + b"x")

        await client.files.erase(put["id"])
        with pytest.raises(ProblemError) as caught:
            await client.files.show(put["id"])
        assert caught.value.status == 410
        anew = await client.files.put(CONTENT)
        assert anew["is_new"]
        assert anew["id"] != put["id"]


async def test_an_empty_file_is_a_file(files_url: str, signer: object) -> None:
    """Without bytes, with a name."""
    async with AsyncClient(files_url, signer) as client:  # type: ignore[arg-type]
        put = await client.files.put(b"", name="empty")
        assert await client.files.get(put["id"]) == b""


async def test_a_file_is_not_taken_into_memory_beyond_a_bound(
    files_url: str, signer: object, tmp_path: Path
) -> None:
    """None of it is fetched; into a file and piece by piece it comes, however large."""
    async with AsyncClient(files_url, signer) as client:  # type: ignore[arg-type]
        put = await client.files.put(CONTENT, name="large")
        told: list[tuple[int, int]] = []
        with pytest.raises(LargeFileError, match=f"{len(CONTENT)} bytes, and in memory go 10 at most"):
            await client.files.get(put["id"], bytes_max=10, on_progress=lambda *one: told.append(one))
        assert told == []
        assert await client.files.get(put["id"], tmp_path / "back", bytes_max=10) == b""
        assert (tmp_path / "back").read_bytes() == CONTENT
        assert await client.files.get(put["id"], bytes_max=len(CONTENT)) == CONTENT


async def test_content_that_is_not_what_it_should_be_is_found_out(
    files_url: str, files_twin: FilesTwin, tmp_path: Path
) -> None:
    """And never appears under the target's name."""
    async with AsyncClient(files_url) as client:
        put = await client.files.put(CONTENT)
        show = client.files.show

        async def lie(id_: str) -> dict[str, object]:
            return await show(id_) | {"sha256": "0" * 64}

        client.files.show = lie  # type: ignore[method-assign]
        with pytest.raises(UnprovedError):
            await client.files.get(put["id"], tmp_path / "back")
    assert [path for path in await asyncio.to_thread(os.listdir, tmp_path) if "back" in path] == []


async def test_a_download_that_breaks_goes_on_at_another_node(files_url: str, files_twin: FilesTwin) -> None:
    """From the byte that was reached."""
    async with cutting(files_url, 300_000) as cut:
        files_twin.url_peers = [cut]
        async with AsyncClient([files_url]) as client:
            put = await client.files.put(CONTENT)
        async with AsyncClient([cut, files_url]) as client:
            told: list[int] = []
            content = await client.files.get(put["id"], on_progress=lambda done, of: told.append(done))
            assert content == CONTENT
            assert told == sorted(told)


@asynccontextmanager
async def cutting(url: str, bytes_max: int) -> AsyncIterator[str]:
    """An address that leads to `url`, over connections that break after so many bytes of answer."""
    host, port = url.removeprefix("http://").split(":")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
        while left > 0 and (data := await reader.read(1 << 16)):
            left -= len(data)
            writer.write(data)
        writer.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(
            pump(reader, inner_writer, 1 << 40),
            pump(inner_reader, writer, bytes_max),
            return_exceptions=True,
        )

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


BAD = (
    {"titel": "x"},
    {"title": "x" * 501},
    {"tags": ["ok", "a" * 101]},
    {"taken_at": "2020-13-40"},
    {"location": {"lat": 95, "lon": 1}},
    {"custom": {"x": "y" * (64 << 10)}},
    {"custom": {"x": float("nan")}},
)


@pytest.mark.parametrize("said", BAD)
async def test_what_makes_no_sense_is_refused_before_it_is_signed(
    files_url: str, signer: object, said: dict[str, object], tmp_path: Path
) -> None:
    """Readers would leave it out: the same refusal with a key and without one, and nothing is stored."""
    path = tmp_path / "file"
    path.write_bytes(b"content")
    async with AsyncClient([files_url], signer) as client:  # type: ignore[arg-type]
        with pytest.raises(ProblemError) as caught:
            await client.files.put(path, metadata=said)
        assert caught.value.code == "file.metadata"
        with pytest.raises(ProblemError) as caught:
            [one async for one in client.files.put_many([path], Options(metadata=said))]
        assert caught.value.code == "file.metadata"
        assert (await client.files.search())["total"] == 0


async def test_a_bad_change_leaves_what_was_said(files_url: str, signer: object) -> None:
    """And what people write in any script is kept as they wrote it."""
    async with AsyncClient([files_url], signer) as client:  # type: ignore[arg-type]
        put = await client.files.put(b"content", name="Screenshot\u202f3.png", metadata={"title": "good"})
        assert put["name"] == "Screenshot\u202f3.png"
        with pytest.raises(ProblemError) as caught:
            await client.files.update(put["id"], {"title": "x" * 501})
        assert caught.value.code == "file.metadata"
        family = "Familie \U0001f468\u200d\U0001f469\u200d\U0001f467"
        assert (await client.files.show(put["id"]))["metadata"]["title"] == "good"
        changed = await client.files.update(put["id"], {"title": family, "tags": ["caf\u00e9\u00a0noir"]})
        assert changed["metadata"]["title"] == family
        assert changed["metadata"]["tags"] == ["caf\u00e9\u00a0noir"]


@asynccontextmanager
async def lying(content: Callable[[str], Response]) -> AsyncIterator[tuple[str, list[str]]]:
    """A node that says a file has 1,000 bytes, and answers for its content as it likes; what it was asked."""
    asked: list[str] = []
    file = {"id": "0" * 32, "size": 1000, "sha256": sha256(bytes(1000)).hexdigest()}

    async def answer(request: Request) -> Response:
        if not request.url.path.endswith("/content"):
            return JSONResponse(file)
        asked.append(request.headers.get("range", ""))
        return content(asked[-1])

    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    app = Starlette(routes=[Route("/{path:path}", answer)])
    server = asyncio.create_task(serve(app, "127.0.0.1", 0, port.set_result))
    try:
        yield f"http://127.0.0.1:{await port}", asked
    finally:
        server.cancel()
        await asyncio.gather(server, return_exceptions=True)


def find_drafts(folder: Path) -> list[Path]:
    """What is left of downloads."""
    return [*folder.glob(".*"), *folder.glob("out")]


async def test_a_node_that_sends_no_end_fills_no_disk(tmp_path: Path) -> None:
    """Nothing is taken beyond the size that was named, and no half file is left."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 16)
            await asyncio.sleep(0.001)

    async with lying(lambda _: StreamingResponse(endless())) as (url, _), AsyncClient([url]) as client:
        with pytest.raises(UnprovedError):
            await asyncio.wait_for(client.files.get("0" * 32, tmp_path / "out"), 20)
    assert not find_drafts(tmp_path)


@pytest.mark.parametrize(
    ("start", "told"),
    [
        (b"", {}),
        (bytes(10), {}),
        (bytes(10), {"content-range": "bytes 0-9/1000"}),
    ],
)
async def test_a_node_whose_answers_bring_nothing_is_not_asked_for_ever(
    start: bytes, told: dict[str, str]
) -> None:
    """Neither when it answers with nothing, nor with another part than was asked for."""

    def content(asked: str) -> Response:
        return Response(start if told or not asked else b"", 206, headers=told)

    async with lying(content) as (url, asked), AsyncClient([url]) as client:
        with pytest.raises(UnreachableError):
            await asyncio.wait_for(client.files.get("0" * 32), 30)
    assert len(asked) == BREAKS_MAX + 1


@pytest.mark.parametrize("id_", ["notanid", "../../v1/status", "A" * 32, "0" * 33, ""])
async def test_what_is_no_id_asks_for_nothing_else(files_url: str, signer: object, id_: str) -> None:
    """It would go into a path."""
    async with AsyncClient([files_url], signer) as client:  # type: ignore[arg-type]
        for ask in (client.files.get(id_), client.files.erase(id_), client.files.update(id_, {})):
            with pytest.raises(ProblemError) as caught:
                await ask
            assert (caught.value.status, caught.value.code) == (404, "file.unknown")


async def test_a_target_has_any_name_that_a_file_may_have(files_url: str, tmp_path: Path) -> None:
    """And one that cannot be written is told as an error of this program's."""
    async with AsyncClient([files_url]) as client:
        put = await client.files.put(CONTENT, name="a")
        target = tmp_path / ("x" * 255)
        await client.files.get(put["id"], target)
        assert target.read_bytes() == CONTENT
        for bad in (tmp_path / "nowhere" / "x", tmp_path / ("x" * 256)):
            with pytest.raises(LocalFileError):
                await client.files.get(put["id"], bad)
    assert not find_drafts(tmp_path)
