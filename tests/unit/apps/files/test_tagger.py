"""What looks at pictures, over a network of twins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.unit.apps.files.inside.test_eyes import draw_people
from tests.unit.apps.files.test_service import bytes_of, erase, find, put_file, until
from tests.unit.apps.files.twin import Net, TwinNode
from weft.apps.files import query as q
from weft.apps.files.alike import find_alike
from weft.apps.files.contract import find_file, find_findings
from weft.apps.files.findings import APART_MAX, FINDER
from weft.apps.files.samples import SCENES
from weft.apps.files.tagger import Tagger
from weft.apps.files.worker import Worker


def picture(count: int = 2, edge: int = 0, kind: str = "JPEG") -> bytes:
    out = BytesIO()
    drawn = draw_people(count)
    if edge:
        drawn = drawn.resize((edge * count, edge), Image.Resampling.LANCZOS)
    drawn.save(out, kind)
    return out.getvalue()


@asynccontextmanager
async def looking(*nodes: TwinNode, left_s: float = 0.0) -> AsyncIterator[None]:
    """Their taggers, for as long as the block lasts."""
    taggers = [Tagger(node.files.ledger, node.files, node.caller, left_s) for node in nodes]
    tasks = [asyncio.create_task(tagger.run()) for tagger in taggers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def told(node: TwinNode, id_: str) -> list[str]:
    return [finding.by for finding in find_findings(node.files.ledger.state, bytes.fromhex(id_))]


def machine_tags(view: Any) -> list[Any]:
    tags: list[Any] = view.metadata.get("machine_tags", [])
    return tags


async def test_what_is_seen_is_told_once_by_all_nodes_together(net: Net) -> None:
    """Files that were there, and that come; no findings twice, though all look at once, and look again."""
    nodes = net.nodes
    before = await put_file(nodes[0], picture(2), "two.jpg")
    async with looking(*nodes):
        after = await put_file(nodes[1], picture(1), "one.jpg")
        await put_file(nodes[1], b"no picture", "a.txt")
        await until(lambda: all(told(node, file.id) for node in nodes for file in (before, after)))
    height = nodes[0].store.head.height
    async with looking(*nodes):
        last = await put_file(nodes[2], picture(3), "three.jpg")
        await until(lambda: bool(told(nodes[0], last.id)))
    assert nodes[0].store.head.height == height + 2, "the new file and what was found in it"
    for node in nodes:
        assert [told(node, file.id) for file in (before, after, last)] == [[FINDER]] * 3
        views = {view.id: view for view in await find(node, q.machine_tag("face"))}
        counts = [machine_tags(views[file.id])[0]["count"] for file in (before, after, last)]
        assert counts == [2, 1, 3]
        assert views[before.id].metadata.get("tags") is None, "people's tags are theirs"
        assert views[before.id].version == 1


async def test_pictures_that_look_alike_are_found(net: Net, samples: Path) -> None:
    """The same one smaller and in another format; not another one."""
    node = net.nodes[0]
    paths = [samples / f"{scene.name}.jpg" for scene in SCENES[:3]]
    files = [await put_file(node, path.read_bytes(), path.name) for path in paths]
    out = BytesIO()
    with Image.open(paths[0]) as whole:
        whole.resize((400, 300)).save(out, "WEBP", exif=whole.getexif())
    small = await put_file(node, out.getvalue(), "small.webp")
    async with looking(node):
        await until(lambda: all(told(node, file.id) for file in (*files, small)))
    height = node.store.head.height
    viewer = node.files.viewer(node.caller)
    ((bits, found),) = await find_alike(node.files, viewer, files[0].id, 10, height)
    assert (found.id, bits <= APART_MAX) == (small.id, True)
    assert [view.id for _, view in await find_alike(node.files, viewer, small.id, 10, height)] == [
        files[0].id
    ]
    assert await find_alike(node.files, viewer, files[1].id, 10, height) == []


async def test_pictures_of_one_colour_look_like_none(net: Net) -> None:
    """As many films begin: nothing is there to tell them apart by, so they are no group."""
    node = net.nodes[0]
    files = []
    for number, grey in enumerate((0, 16, 255)):
        out = BytesIO()
        Image.new("RGB", (640, 480 + number), (grey,) * 3).save(out, "PNG")
        files.append(await put_file(node, out.getvalue(), f"{grey}.png"))
    async with looking(node):
        await until(lambda: all(told(node, file.id) for file in files))
    viewer = node.files.viewer(node.caller)
    for file in files:
        assert await find_alike(node.files, viewer, file.id, 10, node.store.head.height) == []


async def test_a_picture_that_is_moved_meanwhile_is_seen_all_the_same(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when its file has only just been made."""
    node = net.nodes[0]
    file = await put_file(node, picture(1), "one.jpg")
    assert file.sha256 is not None
    await until(lambda: node.files.blobs.has(file.sha256 or ""))
    see_it, seen = Worker.see, list[Path]()

    async def move_and_see(worker: Worker, source: Path, media_type: str) -> dict[str, Any]:
        if not seen:
            node.files.blobs.relax(file.sha256 or "")
        seen.append(source)
        return await see_it(worker, source, media_type)

    monkeypatch.setattr(Worker, "see", move_and_see)
    async with looking(node):
        await until(lambda: bool(told(node, file.id)))
    assert len(seen) == 2
    assert machine_tags(await node.files.get(file.id))[0]["count"] == 1


async def test_what_was_seen_goes_with_the_file(net: Net) -> None:
    """No byte of it is left on any node, nor can the file be found by it."""
    file = await put_file(net.nodes[0], picture(2), "a.jpg")
    async with looking(net.nodes[0]):
        await until(lambda: bool(told(net.nodes[0], file.id)))
    view = await net.nodes[1].files.get(file.id)
    likeness = machine_tags(view)[-1]["likeness"].encode()
    await until(lambda: likeness in bytes_of(net.nodes[1]))
    await erase(net.nodes[0], file)
    await until(lambda: likeness not in bytes_of(*net.nodes))
    for node in net.nodes:
        assert find_findings(node.files.ledger.state, bytes.fromhex(file.id)) == ()
        assert await find(node, q.machine_tag("face")) == []


async def test_a_change_by_its_owner_keeps_what_was_seen_apart(net: Net) -> None:
    """It is not in the owner's attachment, and stays with the file."""
    node = net.nodes[0]
    file = await put_file(node, picture(2), "a.jpg")
    async with looking(node):
        await until(lambda: bool(told(node, file.id)))
    written = await node.files.update(node.caller, file.id, {"title": "Us"}, None, None, "executed", 5000)
    assert written.file is not None
    assert (written.file.metadata["title"], machine_tags(written.file)[0]["count"]) == ("Us", 2)
    state = find_file(node.files.ledger.state, bytes.fromhex(file.id))
    assert state is not None
    content: Any = node.files.ledger.attachments.find(state.newest.metadata.digest)
    assert b"face" not in content.content


async def test_what_cannot_be_opened_is_told_as_nothing(net: Net) -> None:
    """So that no node looks again."""
    node = net.nodes[0]
    file = await put_file(node, b"\xff\xd8\xff\xe0 no more", "broken.jpg")
    async with looking(node):
        await until(lambda: bool(told(node, file.id)))
    assert "machine_tags" not in (await node.files.get(file.id)).metadata
