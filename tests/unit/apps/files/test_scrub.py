"""The background notices what is missing or damaged and has it made again."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

import weft.apps.files.blobs as module
from tests.unit.apps.files.conftest import keep
from tests.unit.apps.files.test_service import erase, put_file, read, until
from tests.unit.apps.files.twin import Net, TwinNode
from weft.apps.files.blobs import Reading
from weft.apps.files.scrub import AWAY_S, ORPHAN_MS, Scrub
from weft.apps.files.vault import Keeping

CONTENT = b"looked after" * 1000


def path_of(node: TwinNode, name: str) -> Path:
    return node.home / "blobs" / name[:2] / name


async def kept_by_all(net: Net, content: bytes = CONTENT) -> str:
    """The digest of a file's content that every node keeps."""
    name = (await put_file(net.nodes[0], content)).sha256
    assert name is not None
    await until(
        lambda: all(
            node.files.blobs.has(name) and not node.files._follower.fetcher.wanted for node in net.nodes
        )
    )
    return name


async def test_a_deleted_blob_is_noticed_and_fetched(net: Net) -> None:
    """Nobody has to ask for it."""
    name = await kept_by_all(net)
    node = net.nodes[1]
    path_of(node, name).unlink()
    await node.files.scrub.look_at(name[:2])
    await until(lambda: node.files.vault.counts["repaired"] == 1)
    assert path_of(node, name).read_bytes() == CONTENT


async def test_a_bit_that_rots_is_noticed_by_reading_again(net: Net) -> None:
    """Also where nothing but the bytes tells of it."""
    name = await kept_by_all(net)
    node = net.nodes[1]
    assert await node.files.scrub.read_again(name)
    path = path_of(node, name)
    path.write_bytes(CONTENT[:-1] + b"R")
    # As if the disk had done it: the node has no reason to look again.
    node.files.blobs._remember(path)
    assert node.files.blobs.find(name) == path
    assert not await node.files.scrub.read_again(name)
    await until(lambda: node.files.vault.counts["repaired"] == 1)
    assert path.read_bytes() == CONTENT
    assert not list((node.home / "blobs" / "damaged").iterdir())


async def test_a_sector_that_cannot_be_read_is_damage_like_any_other(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends no node, and the content is fetched again."""
    name = await kept_by_all(net)
    node = net.nodes[1]
    path = path_of(node, name)
    lost = path.stat().st_ino
    read_it, hash_it = Reading.read, module.hash_file

    def read_sector(reading: Reading, offset: int, length: int) -> bytes:
        if os.fstat(reading._handle).st_ino == lost:
            raise OSError(errno.EIO, "Input/output error")
        return read_it(reading, offset, length)

    def hash_sector(path: Path) -> str:
        if path.stat().st_ino == lost:
            raise OSError(errno.EIO, "Input/output error")
        return hash_it(path)

    monkeypatch.setattr(Reading, "read", read_sector)
    monkeypatch.setattr(module, "hash_file", hash_sector)
    assert not await node.files.scrub.read_again(name)
    await until(lambda: node.files.vault.counts["repaired"] == 1)
    assert path.read_bytes() == CONTENT


async def test_a_holder_that_lost_its_copy_is_asked_and_cannot_prove_it(net: Net) -> None:
    """Whoever reads its own copy again asks another holder."""
    name = await kept_by_all(net)
    for node in net.nodes[1:]:
        node.files.blobs.destroy(name)
    asker = net.nodes[0].files
    # The background may have asked a moment ago; then this would be too soon.
    asker.scrub._challenged = 0.0
    asker.vault.counts.clear()
    assert await asker.scrub.read_again(name)
    assert asker.vault.counts["unproved"] == 1


async def test_rounds_go_on_where_they_stopped(net: Net) -> None:
    """A restart does not begin anew; a damaged record of the place does."""
    files = net.nodes[0].files
    path = net.nodes[0].home / "index" / "scrub.json"
    await until(lambda: files.scrub.progress[0] > 0)
    assert not path.exists(), "an idle node writes nothing"
    await net.nodes[0].stop()
    place = files.scrub.progress

    def again() -> Scrub:
        return Scrub(files.ledger, files.vault, files._follower, files.prover, path)

    assert again().progress == place
    path.write_bytes(b"[7]")
    assert again().progress == (0, 0)


async def test_a_member_that_is_away_for_long_is_stood_in_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And when it is back and has its copy again, the other one goes."""
    async with Net(tmp_path, 4, keeping=lambda _: Keeping(copies=2)) as net:
        now = [1000.0]
        monkeypatch.setattr("weft.apps.files.scrub.monotonic", lambda: now[0])
        name = str((await put_file(net.nodes[0], CONTENT)).sha256)
        first, second, third, _ = net.nodes[0].files.vault.placement.ranking(name)
        await until(lambda: all(net.nodes[place].files.blobs.has(name) for place in (first, second)))
        for node in net.nodes:
            node.files.scrub._watch_members()
        net.nodes[first].is_away = True
        now[0] += AWAY_S + 1
        others = [node for node in net.nodes if node.place != first]
        for node in others:
            node.files.scrub._watch_members()
            await node.files.scrub.look_at(name[:2])
        await until(lambda: net.nodes[third].files.blobs.has(name))
        net.nodes[first].is_away = False
        for node in others:
            node.files.scrub._watch_members()
            await node.files.scrub.look_at(name[:2])
        for _ in range(300):
            if not net.nodes[third].files.blobs.has(name):
                break
            await asyncio.sleep(0.02)
        assert [node.place for node in net.nodes if node.files.blobs.has(name)] == sorted((first, second))


@pytest.mark.parametrize("way", ["s3", "s3-shared", "azure", "azure-shared"])
async def test_what_a_bucket_lost_is_put_there_again(
    way: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """From this disk or from another member; what nobody names goes, when its time is over."""
    async with Net(tmp_path, 2, keeping=keep(request, way)) as net:
        node, other = net.nodes
        file = await put_file(node, CONTENT)
        name = str(file.sha256)
        await read(other, file)
        vault, bucket = node.files.vault, node.files.vault.bucket
        assert bucket is not None
        await until(lambda: not node.files.blobs.has(name))
        for stored in await bucket.find(name):
            await bucket.remove(stored)
        if "shared" not in way:
            node.files.blobs.destroy(name)
        await node.files.scrub.look_at(name[:2])
        for _ in range(300):
            if await vault.find_stored(name) is not None:
                break
            await asyncio.sleep(0.02)
        assert await vault.find_stored(name) is not None
        assert vault.counts["repaired"] == 1


async def test_an_orphan_goes_when_no_file_can_come(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """From a bucket of one node at once; from a shared one when every transaction of its time is over."""
    for way in ("s3", "s3-shared"):
        async with Net(tmp_path / way, 1, keeping=keep(request, way)) as net:
            node = net.nodes[0]
            bucket = node.files.vault.bucket
            assert bucket is not None
            source = tmp_path / "orphan"
            source.write_bytes(os.urandom(100))
            name = "ab" * 32
            await bucket.put(name, 0, source)
            await put_file(node, b"so that there is a block")
            await node.files.scrub.look_at("ab")
            assert bool(await bucket.find(name)) == (way == "s3-shared")
            height, time_ms = await node.files._follower.where()
            node.files._follower.where = later(height, time_ms)  # type: ignore[method-assign]
            await node.files.scrub.look_at("ab")
            assert await bucket.find(name) == []


def later(height: int, time_ms: int):  # type: ignore[no-untyped-def]
    async def where() -> tuple[int, int]:
        return height, time_ms + ORPHAN_MS + 10_000

    return where


async def test_a_shared_bucket_that_lost_content_for_good_is_told(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Counted as lost as long as nobody has it."""
    async with Net(tmp_path, 1, keeping=keep(request, "s3-shared")) as net:
        node = net.nodes[0]
        file = await put_file(node, CONTENT)
        name, bucket = str(file.sha256), node.files.vault.bucket
        assert bucket is not None
        await until(lambda: not node.files.blobs.has(name))
        for stored in await bucket.find(name):
            await bucket.remove(stored)
        node.files.blobs.destroy(name)
        await node.files.scrub.look_at(name[:2])
        assert sum(node.files.scrub.lost.values()) == 1
        await erase(node, file)
        await node.files.scrub.look_at(name[:2])
        assert sum(node.files.scrub.lost.values()) == 0
