"""Where content is kept: which members hold it, what a bucket holds, what is let go of and when."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from tests.stores import Store, part
from tests.unit.apps.files.conftest import keep
from tests.unit.apps.files.test_service import bytes_of, erase, find, put, put_file, read, until
from tests.unit.apps.files.twin import Net, TwinNode
from weft.apps.files.blobs import Blobs
from weft.apps.files.bucket import Bucket, Place
from weft.apps.files.challenge import find_pieces, make_proof
from weft.apps.files.errors import BlobStoreError
from weft.apps.files.placement import Placement
from weft.apps.files.vault import Keeping
from weft.model.errors import BlobError, ConfigError
from weft.model.message import ProveBlob

NAMES = [sha256(bytes([number])).hexdigest() for number in range(200)]
KEYS = tuple(bytes([number]) * 32 for number in range(7))


@pytest.fixture(params=["s3", "azure"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """A server of each kind, which goes on after the test."""
    store: Store = request.getfixturevalue(request.param)
    yield store
    if store.process is None:
        store.start()


def open_bucket(store: Store) -> Bucket:
    return Bucket(store.make_bucket(), store.credentials)


def write(folder: Path, content: bytes) -> tuple[str, Path]:
    path = folder / sha256(content).hexdigest()
    path.write_bytes(content)
    return path.name, path


def test_all_members_agree_on_the_holders() -> None:
    """Each computes the same, whichever member it is, and the blobs are spread evenly."""
    rules = [Placement(KEYS, member, 3) for member in range(7)]
    for name in NAMES:
        holders = rules[0].holders(name)
        assert len(set(holders)) == 3
        assert all(rule.holders(name) == holders for rule in rules)
        assert [rule.is_holder(name) for rule in rules] == [member in holders for member in range(7)]
    counts = [sum(rule.is_holder(name) for name in NAMES) for rule in rules]
    assert sum(counts) == 600
    assert min(counts) > 50


def test_a_member_that_is_away_moves_only_what_it_held() -> None:
    """The next in rank takes its place; so it is when a member leaves the committee for good."""
    rule, smaller = Placement(KEYS, 0, 3), Placement(KEYS[:6], 0, 3)
    for name in NAMES:
        before, after = rule.holders(name), rule.holders(name, {6})
        assert after == smaller.holders(name)
        assert before == after or (6 in before and set(before) - {6} < set(after))


def test_as_many_copies_as_members_are_a_copy_everywhere(tmp_path: Path) -> None:
    """And a node that is no member holds nothing else."""
    genesis = Net(tmp_path, 1).genesis
    assert Placement.of(genesis, 0, 4).is_everywhere
    assert not any(Placement.of(genesis, None, 3).is_holder(name) for name in NAMES)


async def test_a_bucket_gives_back_what_was_put(store: Store, tmp_path: Path) -> None:
    """Small, empty, and in several parts; whole or in ranges."""
    bucket = open_bucket(store)
    for content in (b"", b"small", b"0123456789abcdef" * (1 << 20)):
        name, path = write(tmp_path, content)
        assert await bucket.find(name) == []
        await bucket.put(name, 7, path)
        (stored,) = await bucket.find(name)
        assert (stored.name, stored.height, stored.size) == (name, 7, len(content))
        assert b"".join([chunk async for chunk in bucket.read(stored)]) == content
        assert stored in await bucket.shard(name[:2])
    assert await bucket.read_ranges(stored, [(0, 4), (16, 4), (len(content) - 1, 1)]) == [
        b"0123",
        b"0123",
        b"f",
    ]
    await bucket.remove(stored)
    await bucket.remove(stored)
    assert await bucket.find(name) == []
    with pytest.raises(BlobError):
        await bucket.read_ranges(stored, [(0, 4)])


async def test_what_was_put_last_comes_first_and_folders_are_apart(store: Store, tmp_path: Path) -> None:
    """Two nodes in one bucket do not see each other's objects."""
    place = store.make_bucket()
    mine, other = (Bucket(part(place, owner), store.credentials) for owner in ("node0", "node1"))
    name, path = write(tmp_path, b"content")
    for height in (9, 100, 10):
        await mine.put(name, height, path)
    assert [stored.height for stored in await mine.find(name)] == [100, 10, 9]
    assert await other.find(name) == []


async def test_what_is_wrong_with_a_bucket_is_said_without_its_secrets(store: Store, tmp_path: Path) -> None:
    """No such bucket, wrong keys, nobody there."""
    place = store.make_bucket()
    name, path = write(tmp_path, b"content")
    missing = replace(place, bucket="not-there")
    nowhere = replace(place, endpoint="http://127.0.0.1:1")
    for wrong in (missing, nowhere):
        with pytest.raises(BlobStoreError, match=wrong.bucket) as told:
            await Bucket(wrong, store.credentials).put(name, 1, path)
        assert not any(secret in str(told.value) for secret in store.credentials.values())
    with pytest.raises(ConfigError, match="secret_word") as refused:
        Bucket(place, {"secret_word": "hunter2"})
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(Keeping(place=place, credentials={"secret_word": "hunter2"}))


def test_an_azure_signature_in_an_address_is_not_shown(tmp_path: Path, azure: Store) -> None:
    """A shared access signature stands in the query of every request."""
    name, path = write(tmp_path, b"content")
    bucket = Bucket(azure.make_bucket(), {"sas_key": "sv=2021&sig=c2VjcmV0"})
    with pytest.raises(BlobStoreError) as told:
        asyncio.run(bucket.put(name, 1, path))
    assert "c2VjcmV0" not in str(told.value)


async def test_nothing_is_told_to_be_stored_while_the_bucket_is_down(
    store: Store, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The client hears why, and the ledger nothing; afterwards it works without a restart."""
    async with Net(tmp_path, 2, keeping=keep(request, f"{store.kind}-shared")) as net:
        node = net.nodes[0]
        before = await put_file(node, b"before")
        store.stop()
        with pytest.raises(BlobStoreError):
            await put(node, b"meanwhile")
        assert [file.id for file in await find(node)] == [before.id]
        assert await read(node, before) == b"before"
        store.start()
        if store.kind == "azure":
            after = await put_file(node, b"after")
            assert await read(net.nodes[1], after) == b"after"


@pytest.mark.parametrize("way", ["s3", "s3-shared", "azure", "azure-shared"])
async def test_a_blob_damaged_in_the_bucket_is_not_served_and_repaired(
    way: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One bit; another node has it in its own bucket or on its disk."""
    async with Net(tmp_path, 3, keeping=keep(request, way)) as net:
        first, second, _ = net.nodes
        file = await put_file(first, b"undamaged" * 1000)
        assert file.sha256 is not None
        assert await read(second, file) == b"undamaged" * 1000
        vault = first.files.vault
        await until(lambda: not vault.blobs.has(str(file.sha256)))
        stored = await vault.find_stored(file.sha256)
        assert stored is not None
        assert vault.bucket is not None
        damaged = tmp_path / "damaged"
        damaged.write_bytes(b"undamagee" + b"undamaged" * 999)
        await vault.bucket.put(file.sha256, stored.height, damaged)
        vault.blobs.destroy(file.sha256)
        assert await read(first, file) == b"undamaged" * 1000
        assert vault.counts["damaged"] == 1


async def test_a_late_erasure_does_not_take_what_was_stored_after_it(s3: Store, tmp_path: Path) -> None:
    """Nodes share a bucket; one of them executes the erasure when the content is already there anew."""
    place = part(s3.make_bucket(), "shared")
    keeping = Keeping(place=place, credentials=s3.credentials, is_shared=True)
    async with Net(tmp_path, 3, keeping=lambda _: keeping) as net:
        first, second, late = net.nodes
        old = await put_file(first, b"the same bytes")
        assert await read(late, old) == b"the same bytes"
        late.is_away = True
        await erase(first, old)
        new = await put_file(second, b"the same bytes")
        await until(lambda: not second.files.blobs.has(str(new.sha256)))
        late.catch_up()
        await find(late)
        await until(lambda: not late.files.vault.doomed)
        for node in net.nodes:
            node.files.blobs.destroy(str(new.sha256))
            assert await read(node, new) == b"the same bytes"


async def test_an_erasure_waits_for_the_bucket_and_outlives_a_restart(
    tmp_path: Path, request: pytest.FixtureRequest, azure: Store
) -> None:
    """While the bucket is down it is remembered; until it is carried out the content counts as gone."""
    async with Net(tmp_path, 1, keeping=keep(request, "azure")) as net:
        node = net.nodes[0]
        file = await put_file(node, b"to be erased")
        name = str(file.sha256)
        await until(lambda: not node.files.blobs.has(name))
        azure.stop()
        erasing = asyncio.create_task(erase(node, file))
        await until(lambda: name in node.files.vault.doomed)
        await until(lambda: b"to be erased" not in bytes_of(node))
        erasing.cancel()
        await node.stop()
        azure.start()
        node.start()
        assert name in node.files.vault.doomed
        await until(lambda: not node.files.vault.doomed)
        assert node.files.vault.bucket is not None
        assert await node.files.vault.bucket.find(name) == []


async def test_a_surplus_copy_goes_once_the_holders_have_proved_theirs(tmp_path: Path) -> None:
    """And not before: while a holder is away the copy stays."""
    async with Net(tmp_path, 4, keeping=lambda _: Keeping(copies=2)) as net:
        for number in range(12):
            file = await put_file(net.nodes[0], b"spread %d" % number * 100)
            name = str(file.sha256)
            holders = net.nodes[0].files.vault.placement.holders(name)
            await until_held(net, name, holders)
            for node in net.nodes:
                assert await read(node, file) == b"spread %d" % number * 100
        rule = net.nodes[0].files.vault.placement
        number = next(n for n in range(99) if 0 not in rule.holders(sha256(b"away %d" % n).hexdigest()))
        away = rule.holders(sha256(b"away %d" % number).hexdigest())[0]
        net.nodes[away].is_away = True
        file = await put_file(net.nodes[0], b"away %d" % number)
        await asyncio.sleep(0.3)
        assert net.nodes[0].files.blobs.has(str(file.sha256))


async def until_held(net: Net, name: str, holders: list[int]) -> None:
    """Return once these nodes keep the blob and no other does."""
    for _ in range(500):
        if [place for place, node in enumerate(net.nodes) if node.files.blobs.has(name)] == sorted(holders):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the copies did not come to be where they belong")


def test_small_content_is_asked_for_whole_and_large_in_pieces() -> None:
    """Pieces differ from nonce to nonce and lie inside."""
    assert find_pieces(bytes(32), 0) == []
    assert find_pieces(bytes(32), 1 << 20) == [(0, 1 << 20)]
    size = (1 << 20) + 1
    pieces = find_pieces(bytes(32), size)
    assert len(pieces) == 16
    assert all(offset >= 0 and offset + length <= size for offset, length in pieces)
    assert pieces != find_pieces(b"\1" * 32, size)


def test_a_proof_is_for_one_question_and_two_members() -> None:
    """So it cannot be handed on, nor kept."""
    question = ProveBlob(bytes(32), bytes(32))
    others = [
        make_proof(ProveBlob(bytes(32), b"\1" * 32), 0, 1, [b"x"]),
        make_proof(ProveBlob(b"\1" * 32, bytes(32)), 0, 1, [b"x"]),
        make_proof(question, 1, 0, [b"x"]),
        make_proof(question, 2, 1, [b"x"]),
        make_proof(question, 0, 1, [b"y"]),
    ]
    assert make_proof(question, 0, 1, [b"x"]) not in others


@pytest.mark.parametrize("size", [10, 3 << 20])
async def test_who_lacks_the_bytes_cannot_prove_that_it_has_them(size: int, tmp_path: Path) -> None:
    """Neither with other bytes of the same length, nor with a part, nor from the cache."""
    async with Net(tmp_path, 2) as net:
        asker, other = net.nodes
        content = bytes(range(256)) * (size // 256 + 1)
        file = await put_file(asker, content)
        name = str(file.sha256)
        await read(other, file)
        await until(lambda: other.files.blobs.has(name))
        assert await asker.files.prover.challenge(1, name)
        other.files.blobs.relax(name)
        assert not await asker.files.prover.challenge(1, name)
        assert other.files.blobs.claim(name)
        forge(other, name, content)
        assert not await asker.files.prover.challenge(1, name)
        # At least once: the round through all content asks the others as well.
        assert min(asker.files.vault.counts[how] for how in ("proved", "unproved", "disproved")) >= 1


def forge(node: TwinNode, name: str, content: bytes) -> None:
    """Let a node believe that other bytes are sound."""
    path = node.files.blobs.find(name)
    assert path is not None
    path.write_bytes(content[::-1])
    node.files.blobs._remember(path)


def test_the_cache_makes_room_for_what_is_used(tmp_path: Path) -> None:
    """What was used longest ago goes, overwritten; what is being read stays."""
    blobs = Blobs(tmp_path, cache_bytes_max=2500)
    contents = [bytes([number]) * 1000 for number in range(4)]
    names = [sha256(content).hexdigest() for content in contents]

    def cache(number: int) -> None:
        incoming = blobs.begin()
        incoming.write(contents[number])
        blobs.cache(incoming)

    cache(0)
    cache(1)
    reading = blobs.open(names[0])
    cache(2)
    assert [blobs.find(name) is not None for name in names] == [True, False, True, False]
    cache(3)
    assert [blobs.find(name) is not None for name in names] == [True, False, False, True]
    assert reading.read(0, 5) == contents[0][:5]
    blobs.release(reading)
    again = Blobs(tmp_path, cache_bytes_max=1500)
    reading = again.open(names[3])
    again.release(reading)
    assert [again.find(name) is not None for name in names] == [False, False, False, True]


def test_what_is_relaxed_is_read_on_and_cut_off_when_it_is_destroyed(tmp_path: Path) -> None:
    """A reader notices nothing when content moves into the cache, and hears of its end."""
    blobs = Blobs(tmp_path)
    incoming = blobs.begin()
    incoming.write(b"content")
    blobs.keep(incoming, is_claimed=True)
    reading = blobs.open(incoming.name)
    blobs.relax(incoming.name)
    assert not blobs.has(incoming.name)
    assert reading.read(0, 7) == b"content"
    assert reading.path.read_bytes() == b"content"
    blobs.destroy(incoming.name)
    with pytest.raises(BlobError):
        reading.read(0, 7)
    blobs.release(reading)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_place_says_where_it_is() -> None:
    """In messages for operators."""
    assert str(Place("s3", "photos", "weft/ab/node0")) == "s3://photos/weft/ab/node0"
