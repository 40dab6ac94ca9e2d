"""Files on several nodes: put, found, fetched, changed, proved, erased."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.unit.apps.files.twin import Net, TwinNode
from weft.api.errors import ErasedError, PendingError, UnknownError
from weft.apps.files import query as q
from weft.apps.files.errors import FileSizeError, MetadataError, ThumbnailError
from weft.apps.files.index import FileView
from weft.apps.files.metadata import encode_metadata
from weft.apps.files.proof import prove_file
from weft.apps.files.service import Written
from weft.model.call import CreateFile
from weft.model.encoding import encode
from weft.model.errors import BlobError, ConflictError
from weft.model.proof import is_proved, verify_file
from weft.model.transaction import Attachment
from weft.model.view import Fate, Wish

KEY = "key-0123456789abcdef"


async def stream(content: bytes) -> AsyncIterator[bytes]:
    for first in range(0, len(content), 100_000):
        yield content[first : first + 100_000]


async def put(node: TwinNode, content: bytes, name: str = "a.txt", **terms: Any) -> Written:
    incoming = await node.files.receive(stream(content))
    try:
        return await node.files.put(
            terms.get("caller", node.caller),
            incoming,
            name,
            terms.get("patch", {}),
            terms.get("readers"),
            terms.get("key"),
            terms.get("wait", "executed"),
            terms.get("timeout_ms", 5000),
        )
    finally:
        await node.files.discard(incoming)


async def put_file(node: TwinNode, content: bytes, name: str = "a.txt", **terms: Any) -> FileView:
    file = (await put(node, content, name, **terms)).file
    assert file is not None
    return file


async def erase(node: TwinNode, file: FileView) -> Fate:
    return await node.files.erase(node.caller, file.id, None, None, "executed", 5000)


async def read(node: TwinNode, file: FileView) -> bytes:
    reading = await node.files.open(file)
    try:
        return reading.read(0, reading.size)
    finally:
        await node.files.close_reading(reading)


async def find(node: TwinNode, *conditions: q.Condition | None) -> list[FileView]:
    query = q.Query(tuple(one for one in conditions if one))
    return list((await node.files.search(query, None, 1000, node.store.head.height)).files)


async def until(holds: Callable[[], bool]) -> None:
    """Let the others work until something holds."""
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to hold")


def bytes_of(*nodes: TwinNode) -> bytes:
    """Every byte of every file of these nodes."""
    return b"\0".join(path.read_bytes() for node in nodes for path in node.home.rglob("*") if path.is_file())


async def test_every_photo_is_found_and_fetched_on_every_node(net: Net, photos: Path) -> None:
    """Byte for byte, the broken ones as any other, each put through another node."""
    paths = sorted(photos.rglob("*.jpg"))  # noqa: ASYNC240
    files = [
        await put_file(net.nodes[place % 3], path.read_bytes(), path.name) for place, path in enumerate(paths)
    ]
    for node in net.nodes:
        assert {file.id for file in await find(node)} == {file.id for file in files}
        for path, file in zip(paths, files, strict=True):
            assert await read(node, file) == path.read_bytes()
            assert await node.files.get(file.id) == file
    for file in files:
        assert (await net.nodes[2].files.thumbnail(file))[8:12] == b"WEBP"
    assert all(file.media_type == "image/jpeg" and file.metadata["width"] for file in files)


async def test_bytes_that_the_owner_has_are_recognised(net: Net) -> None:
    """On every node, without a transaction, whatever name and metadata come with them this time."""
    first = await put_file(net.nodes[0], b"same", patch={"title": "first"})
    height = net.nodes[0].store.head.height
    for node in net.nodes:
        again = await put(node, b"same", "other.txt", patch={"title": "second"})
        assert (again.file, again.fate) == (first, None)
    assert net.nodes[0].store.head.height == height


async def test_the_same_bytes_at_the_same_moment_make_one_file(net: Net) -> None:
    """At one node; of another owner they are another file that shares the content."""
    node = net.nodes[0]
    written = await asyncio.gather(*(put(node, b"same") for _ in range(5)))
    assert len({one.file.id for one in written if one.file}) == 1
    assert [one.fate is None for one in written].count(False) == 1
    mine = node.authenticate("somebody", "write")
    node.gateway.recognize("somebody")
    other = await put_file(node, b"same", caller=mine)
    assert other.owner == mine.account.hex()
    assert len(await find(node)) == 2
    # In the bucket it is kept, on the disk only cached: it may move while it is looked for.
    assert set(node.files.blobs.names()) == {sha256(b"same").hexdigest()}


async def test_the_same_wish_twice_has_one_answer(net: Net) -> None:
    """The first one's, also at another node; the key with another file is refused."""
    first = await put(net.nodes[0], b"content", key=KEY)
    again = await put(net.nodes[1], b"content", key=KEY)
    assert first.fate is not None
    assert again.fate is not None
    assert first.fate.identity == again.fate.identity
    assert first.file == again.file
    with pytest.raises(ConflictError):
        await put(net.nodes[2], b"other content", key=KEY)
    with pytest.raises(ConflictError):
        await put(net.nodes[2], b"content", key=KEY, patch={"title": "other"})


async def test_a_change_is_a_new_version(net: Net) -> None:
    """Merged into what is there; all versions can be read, the newest first, in pages."""
    file = await put_file(net.nodes[0], b"text", patch={"title": "one", "tags": ["a"]})
    node = net.nodes[1]
    for number, patch in enumerate(({"title": "two"}, {"tags": None}, {"location": {"lat": 1, "lon": 2}}), 2):
        written = await node.files.update(node.caller, file.id, patch, None, None, "executed", 5000)
        assert written.file is not None
        assert written.file.version == number
    assert written.file.metadata == {"title": "two", "location": {"lat": 1, "lon": 2}}
    assert await find(net.nodes[2], q.Near(1.0, 2.0, 1)) == [written.file]
    assert await find(net.nodes[2], q.words("one")) == []
    _, versions = await node.files.history(file.id, None, 10)
    assert [(one.version, one.metadata) for one in versions] == [
        (4, {"title": "two", "location": {"lat": 1, "lon": 2}}),
        (3, {"title": "two"}),
        (2, {"title": "two", "tags": ["a"]}),
        (1, {"title": "one", "tags": ["a"]}),
    ]
    _, page = await node.files.history(file.id, 3, 1)
    assert [one.version for one in page] == [2]


async def test_a_change_of_an_older_version_is_refused(net: Net) -> None:
    """With the version that is there; without a condition it is tried again."""
    node = net.nodes[0]
    file = await put_file(node, b"text")
    await node.files.update(node.caller, file.id, {"title": "x"}, 1, None, "executed", 5000)
    refused = await node.files.update(node.caller, file.id, {"title": "y"}, 1, None, "executed", 5000)
    assert refused.file is None
    assert refused.fate is not None
    assert (refused.fate.code, dict(refused.fate.result)["version"]) == ("files.version", 2)
    changes = [
        node.files.update(node.caller, file.id, {"custom": {str(one): one}}, None, None, "executed", 5000)
        for one in range(4)
    ]
    await asyncio.gather(*changes)
    assert (await node.files.get(file.id)).metadata["custom"] == {str(one): one for one in range(4)}


async def test_a_proof_leads_from_the_bytes_to_the_committee(net: Net) -> None:
    """Made by any node, checked with the genesis alone; of other bytes it proves nothing."""
    file = await put_file(net.nodes[0], b"proved")
    after = await put_file(net.nodes[1], b"something after it")
    proof = await prove_file(net.nodes[2].files.ledger, file.id)
    id_, digest = bytes.fromhex(file.id), sha256(b"proved").digest()
    assert is_proved(verify_file(net.genesis, id_, digest, proof))
    assert not is_proved(verify_file(net.genesis, id_, sha256(b"forged").digest(), proof))
    assert not is_proved(verify_file(net.genesis, bytes.fromhex(after.id), digest, proof))


async def test_an_erased_file_leaves_no_byte_on_any_node(net: Net, samples: Path) -> None:
    """No content, name, digest, word, position or thumbnail in any file of the application."""
    photo = (samples / "lisbon-tagus-evening.jpg").read_bytes()
    keep = await put_file(net.nodes[0], b"kept", "kept.txt", patch={"title": "keepsake"})
    patch = {
        "title": "Zanzibar",
        "description": "my xylophone lesson",
        "tags": ["quokka"],
        "custom": {"k": "fjord"},
    }
    file = await put_file(net.nodes[0], photo, "weft-secret.jpg", patch=patch)
    await net.nodes[0].files.update(
        net.nodes[0].caller, file.id, {"title": "Yggdrasil"}, None, None, "executed", 5000
    )
    for node in net.nodes:
        await read(node, file)
        await node.files.thumbnail(file)
        assert b"quokka" in bytes_of(node)
    fate = await erase(net.nodes[1], file)
    assert fate.status == "executed"
    for node in net.nodes:
        assert await find(node) == [keep]
    raw = bytes_of(*net.nodes).lower()
    words = b"weft-secret secret zanzibar yggdrasil xylophone quokka fjord lisbon eos".split()
    digest = sha256(photo)
    secrets = [*words, photo[5000:5060], digest.digest(), digest.hexdigest().encode()]
    assert [secret for secret in secrets if secret.lower() in raw] == []
    assert b"keepsake" in raw
    for node in net.nodes:
        with pytest.raises(ErasedError, match=f"height {fate.height}"):
            await node.files.get(file.id)
        _, versions = await node.files.history(file.id, None, 10)
        assert [(one.version, one.name, one.metadata) for one in versions] == [(2, None, None)]
    assert await read(net.nodes[2], keep) == b"kept"


async def test_content_goes_with_its_last_file(net: Net) -> None:
    """A file of another owner with the same bytes keeps them."""
    node = net.nodes[0]
    other = node.authenticate("somebody", "write")
    node.gateway.recognize("somebody")
    mine = await put_file(node, b"shared bytes")
    theirs = await put_file(node, b"shared bytes", caller=other)
    await erase(node, mine)
    assert await read(node, theirs) == b"shared bytes"
    assert await read(net.nodes[1], theirs) == b"shared bytes"
    await node.files.erase(other, theirs.id, None, None, "executed", 5000)
    assert b"shared bytes" not in bytes_of(node)
    assert list(node.files.blobs.names()) == []


async def test_an_upload_survives_the_erasure_of_the_same_bytes(net: Net) -> None:
    """The old file is erased between the upload's arrival and its execution."""
    node = net.nodes[0]
    old = await put_file(node, b"bytes that return")
    incoming = await node.files.receive(stream(b"bytes that return"))
    looked = await node.files.look(incoming, "new.txt")
    await erase(node, old)
    new = await put_file(node, b"bytes that return")
    assert new.id != old.id
    assert looked.sha256 == new.sha256
    assert await read(node, new) == b"bytes that return"
    assert await read(net.nodes[2], new) == b"bytes that return"


async def test_a_node_that_was_away_fetches_what_it_missed(net: Net) -> None:
    """In the background; what was erased meanwhile it never asks for."""
    first, _, late = net.nodes
    late.is_away = True
    kept = await put_file(first, b"kept" * 100_000)
    gone = await put_file(first, b"gone" * 100_000)
    await erase(first, gone)
    late.catch_up()
    assert [file.id for file in await find(late)] == [kept.id]
    assert await read(late, kept) == b"kept" * 100_000
    assert {name for _, name in late.asked} == {kept.sha256}
    with pytest.raises(ErasedError):
        await late.files.get(gone.id)


async def test_content_that_arrives_after_its_erasure_is_not_kept(net: Net) -> None:
    """A transfer that began before the erasure ends after it."""
    first, second, _ = net.nodes
    begun, finish = asyncio.Event(), asyncio.Event()
    source = second.read_blob

    async def slowly(member: int, name: str, offset: int) -> AsyncIterator[bytes]:
        chunks = [chunk async for chunk in source(member, name, offset)]
        begun.set()
        await finish.wait()
        for chunk in chunks:
            yield chunk

    second.read_blob = slowly  # type: ignore[method-assign, assignment]
    file = await put_file(first, b"late bytes" * 1000)
    await begun.wait()
    await erase(first, file)
    assert await find(second) == []
    finish.set()
    assert file.sha256 is not None
    await until(lambda: not second.files._follower.fetcher.wanted)
    assert b"late bytes" not in bytes_of(second)


async def test_content_that_is_wanted_again_is_fetched_again(net: Net) -> None:
    """Erased and made anew while this node was away: one transfer ends, another begins."""
    first, second, late = net.nodes
    fetcher = late.files._follower.fetcher
    for node in (first, second):
        node.spoil = lambda chunk: b""
    old = await put_file(first, b"there and back")
    await find(late)
    await until(lambda: bool(fetcher.wanted))
    await erase(first, old)
    new = await put_file(first, b"there and back")
    for node in (first, second):
        node.spoil = lambda chunk: chunk
    assert await read(late, new) == b"there and back"


async def test_content_that_came_another_way_is_not_lost_to_a_transfer(net: Net) -> None:
    """A transfer that was broken off, and ends after an upload of the same bytes, changes nothing."""
    content = os.urandom(5000)
    node = net.nodes[0]
    name = (await put_file(node, content)).sha256
    assert name is not None
    brought = await node.files.receive(stream(content))
    await asyncio.to_thread(brought.close)
    brought.path.unlink()
    assert await asyncio.to_thread(node.files._follower._accept, brought)
    assert node.files.blobs.find(name) is not None


async def test_other_bytes_than_those_asked_for_are_not_kept(net: Net) -> None:
    """One member lies, another does not."""
    first, liar, asker = net.nodes
    liar.spoil = lambda chunk: chunk[:-1] + bytes([chunk[-1] ^ 1])
    asker.is_away = True
    files = [await put_file(first, f"file {number}".encode() * 50) for number in range(12)]
    for file in files:
        await read(liar, file)
    asker.files.fetcher._giver = liar.place  # who gave something last is asked first
    asker.catch_up()
    for number, file in enumerate(files):
        assert await read(asker, file) == f"file {number}".encode() * 50
    assert {member for member, _ in asker.asked} == {0, 1}


async def test_damaged_content_is_fetched_again(net: Net) -> None:
    """The reader sees nothing of it."""
    first, second, _ = net.nodes
    file = await put_file(first, b"undamaged" * 1000)
    assert file.sha256 is not None
    assert await read(second, file) == b"undamaged" * 1000
    path = first.files.blobs.find(file.sha256)
    assert path is not None
    path.write_bytes(b"damaged!!" * 1000)
    assert await read(first, file) == b"undamaged" * 1000
    assert b"damaged!!" not in bytes_of(first)


async def test_content_that_nobody_has_is_said_to_be_missing(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while, not for ever."""
    monkeypatch.setattr("weft.apps.files.service.FETCH_S", 0.05)
    node = net.nodes[0]
    file = await put_file(node, b"only here", wait="executed")
    assert file.sha256 is not None
    for other in net.nodes:
        await other.stop()
    for _ in range(3):
        # Again, for a service may still carry out what a node asked of it before it stopped.
        for other in net.nodes:
            for path in other.home.rglob(file.sha256):
                path.unlink()
            bucket = other.files.vault.bucket
            for stored in await bucket.find(file.sha256) if bucket else ():
                await bucket.remove(stored)
        await asyncio.sleep(0.1)
    for other in net.nodes:
        other.start()
    with pytest.raises(BlobError):
        await read(node, file)


async def test_certified_waits_for_copies_on_other_members(net: Net) -> None:
    """With f = 1 two members must hold the content; while all others are away they do not. A bucket that
    they share had it before."""
    node = net.nodes[0]
    file = await put_file(node, b"copied", wait="certified")
    assert file.sha256 is not None
    if node.files.vault.keeping.is_shared:
        assert await node.files.vault.find_stored(file.sha256) is not None
        return
    assert any([await node.files.prover.challenge(other, file.sha256) for other in (1, 2)])
    for other in net.nodes[1:]:
        other.is_away = True
    with pytest.raises(PendingError):
        await put(node, b"not copied", wait="certified", timeout_ms=50)


async def test_an_index_rebuilt_from_the_ledger_is_the_same(net: Net, samples: Path) -> None:
    """And what no file names is destroyed when it has caught up."""
    node = net.nodes[0]
    for number, path in enumerate(sorted(samples.iterdir())[:4]):  # noqa: ASYNC240
        file = await put_file(node, path.read_bytes(), path.name, patch={"tags": [f"t{number % 2}"]})
        await node.files.update(node.caller, file.id, {"title": f"nr {number}"}, None, None, "executed", 5000)
    await erase(node, file)
    before = await find(node)
    rows = dump(node)
    await node.stop()
    for path in (node.home / "index" / "files").iterdir():
        path.unlink()
    strays = [node.home / place / ("ab" * 32) for place in ("blobs/ab", "index/thumbnails")]
    for stray in strays:
        stray.parent.mkdir(exist_ok=True)
        stray.write_bytes(b"of a file that was erased while this node was down")
    node.start()
    assert await find(node) == before
    assert dump(node) == rows
    await until(lambda: not any(stray.exists() for stray in strays))


async def test_a_node_that_died_while_erasing_finishes_when_it_starts(net: Net) -> None:
    """The ledger has the erasure, the application has seen nothing of it."""
    node = net.nodes[0]
    file = await put_file(net.nodes[1], b"half erased", "half.txt")
    await read(node, file)
    await node.stop()
    await erase(net.nodes[1], file)
    assert b"half erased" in bytes_of(node)
    node.start()
    assert await find(node) == []
    assert b"half" not in bytes_of(node)


async def test_a_file_that_a_client_signed_itself_is_claimed(net: Net) -> None:
    """Content first, then a transaction with whatever attachments; nothing of it breaks a node."""
    node = net.nodes[0]
    incoming = await node.files.receive(stream(b"signed elsewhere"))
    looked = await node.files.look(incoming, "x.txt")
    rest, _ = encode_metadata({"title": "mine", "tags": [5], "width": "wide"})
    contents = (bytes.fromhex(looked.sha256), b"\xff../na\x00me.txt", rest, b"not json")
    arguments = CreateFile(os.urandom(16), looked.size, "text/plain", 0, 1, 2, 3)
    wish = Wish(
        "files",
        "create",
        encode(arguments),
        tuple(Attachment(os.urandom(32), one) for one in contents),
        None,
        b"",
    )
    await node.write(node.caller, wish, "executed", 1000)
    (file,) = await find(node)
    assert (file.name, file.metadata) == ("name.txt", {"title": "mine"})
    assert await read(net.nodes[1], file) == b"signed elsewhere"


async def test_what_is_no_picture_has_no_thumbnail(net: Net) -> None:
    """Whatever it pretends to be."""
    for content in (b"text", b"\xff\xd8\xff\xe0 not a photo"):
        file = await put_file(net.nodes[0], content)
        with pytest.raises(ThumbnailError):
            await net.nodes[0].files.thumbnail(file)


async def test_bad_wishes_leave_nothing(net: Net) -> None:
    """Neither transaction nor content."""
    node = net.nodes[0]
    with pytest.raises(MetadataError):
        await put(node, b"bad metadata", patch={"title": 5})
    node.files.file_bytes_max = 1000
    with pytest.raises(FileSizeError):
        await put(node, b"too large" * 1000)
    with pytest.raises(UnknownError):
        await node.files.get("00" * 16)
    with pytest.raises(UnknownError):
        await node.files.history("00" * 16, None, 1)
    assert node.store.head.height == 0
    assert not [path for path in (node.home / "blobs").rglob("*") if path.is_file()]


def dump(node: TwinNode) -> list[Any]:
    """All rows of the index, table by table, traits by their names."""
    rows = []
    for path in sorted((node.home / "index" / "files").glob("*.sqlite")):
        with closing(apsw.Connection(str(path))) as connection:
            if path.name == "catalogue.sqlite":
                rows.append(connection.execute("SELECT * FROM trait ORDER BY 1, 2").fetchall())
                continue
            connection.execute("CREATE VIRTUAL TABLE temp.term USING fts5vocab(main, word, instance)")
            rows += [
                connection.execute(f"SELECT {what} ORDER BY 1, 2, 3, 4").fetchall()
                for what in (
                    "* FROM file",
                    "place, taken_ms, lat, lon FROM fact",
                    "facet, value, place, 0 FROM mark JOIN trait ON id = mark.trait",
                    "facet, value, count, 0 FROM trait",
                    "term, doc, col, offset FROM temp.term",
                    "place, west, east, south, north FROM spot",
                )
            ]
    assert rows
    return rows
