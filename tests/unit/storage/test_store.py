"""The store answers like its twin, survives what processes suffer, and names every byte that changed."""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.storage.made import (
    GENESIS,
    ROOT,
    make_checkpoint,
    make_commit,
    make_sealed,
)
from weft.model.digest import digest
from weft.model.encoding import encode
from weft.model.errors import DiskFullError, StoreError
from weft.model.stored import Change, Place
from weft.storage.memory import MemoryStore
from weft.storage.rows import Rows
from weft.storage.state import KEY_BYTES_MAX
from weft.storage.store import PIECE_BYTES_MAX, TABLES, LmdbStore

AnyStore = LmdbStore | MemoryStore


def open_store(folder: Path, map_bytes: int = 1 << 30) -> LmdbStore:
    return LmdbStore(folder, GENESIS, [(b"", b"root node")], ROOT, map_bytes)


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AnyStore]:
    if request.param == "memory":
        yield MemoryStore(GENESIS, [(b"", b"root node")], ROOT)
        return
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def test_a_store_begins_with_the_genesis(store: AnyStore) -> None:
    """Its head, its state and its tree are there before the first append."""
    assert (store.head, store.head_hash, store.rooted) == (GENESIS.block.header, GENESIS.hash, (0, ROOT))
    assert store.find_block(0) == GENESIS.block
    assert store.state.get(b"owner") == b"all"
    assert store.tree_node(b"") == b"root node"


def test_what_is_appended_is_found(store: AnyStore) -> None:
    """Blocks, headers, transactions, commits, tree nodes and the root's height, from one call."""
    blocks = [make_sealed(1, transactions=(b"t1", b"t2")), make_sealed(2, transactions=(b"t3",))]
    store.append(
        blocks, [make_commit(10), make_commit(15), make_commit(20)], [(b"a", b"node")], (2, bytes(32))
    )
    assert (store.head, store.head_hash) == (blocks[1].block.header, blocks[1].hash)
    assert [store.find_block(height) for height in (1, 2, 3)] == [blocks[0].block, blocks[1].block, None]
    assert store.find_header(1) == blocks[0].block.header
    assert store.find_header(3) is None
    assert store.find_transaction(blocks[0].identities[1]) == Place(1, 1)
    assert store.find_transaction(bytes(32)) is None
    assert store.find_commit(15) == encode(make_commit(15))
    assert store.find_commit(16) is None
    assert store.commits_before(19, 5) == [encode(make_commit(15)), encode(make_commit(10))]
    assert store.commits_before(2**62, 1) == [encode(make_commit(20))]
    assert (store.tree_node(b"a"), store.rooted) == (b"node", (2, bytes(32)))


def test_commitments_are_found_where_they_were_stated(store: AnyStore) -> None:
    """By height, whatever their order in a block and across the blocks of one write."""
    stated = [digest("attachment", bytes((number,))) for number in range(6)]
    store.append(
        [
            make_sealed(1, commitments=(stated[3], stated[0])),
            make_sealed(2, commitments=(stated[1],)),
        ],
        [],
        [],
        None,
    )
    store.append([make_sealed(3, commitments=(stated[2], stated[4]))], [], [], None)
    assert [store.find_commitment(one) for one in stated] == [1, 2, 3, 1, 3, None]


def test_old_commits_are_forgotten_and_tree_nodes_go(store: AnyStore) -> None:
    """Empty content deletes a node."""
    store.append([], [make_commit(round_) for round_ in range(1, 6)], [(b"a", b"x")], None)
    store.prune_commits(4)
    assert store.commits_before(100, 100) == [encode(make_commit(5)), encode(make_commit(4))]
    store.append([], [], [(b"a", b"")], None)
    assert store.tree_node(b"a") is None


def test_the_first_checkpoint_at_or_above_a_height_vouches_for_it(store: AnyStore) -> None:
    """And the newest is known."""
    assert (store.newest_checkpoint, store.find_checkpoint(0)) == (None, None)
    for height in (7, 3):
        store.put_checkpoint(make_checkpoint(height))
    found = [store.find_checkpoint(height) for height in (1, 3, 4, 8)]
    assert found == [make_checkpoint(3), make_checkpoint(3), make_checkpoint(7), None]
    assert store.newest_checkpoint == make_checkpoint(7)


def test_a_fact_is_what_was_last_said(store: AnyStore) -> None:
    """By name."""
    assert store.find_fact("evidence") is None
    store.put_fact("evidence", b"one")
    store.put_fact("evidence", b"two")
    assert store.find_fact("evidence") == b"two"


def test_a_key_has_a_past(store: AnyStore) -> None:
    """Values at heights, deletions included; history newest first, in pages."""
    for height, value in enumerate((b"one", b"two", None, b"four"), start=1):
        store.append([make_sealed(height, ((b"k", value),))], [], [], None)
    state = store.state
    assert [state.get_at(b"k", height) for height in range(6)] == [
        None,
        b"one",
        b"two",
        None,
        b"four",
        b"four",
    ]
    everything = [Change(4, b"four"), Change(3, None), Change(2, b"two"), Change(1, b"one")]
    assert state.history(b"k") == everything
    assert state.history(b"k", before=4, limit=2) == everything[1:3]
    assert state.history(b"k", before=0) == []
    assert state.history(b"k", limit=1) == everything[:1]
    assert state.history(b"other") == []


def test_keys_longer_than_lmdb_takes_stay_in_order(store: AnyStore) -> None:
    """Also where only their ends differ, next to shorter ones, across pages of a scan."""
    stem = b"s" * (KEY_BYTES_MAX - 2)
    ends = [b"", b"a", b"aa", b"aaa", b"aab" * 40, b"ab", b"abb" * 300, b"b", b"bb", b"bba"]
    keys = sorted(stem + end for end in ends)
    store.append([make_sealed(1, tuple((key, key[-9:]) for key in keys))], [], [], None)
    assert store.state.scan(b"s") == [(key, key[-9:]) for key in keys]
    assert [store.state.get(key) for key in keys] == [key[-9:] for key in keys]
    paged, after = [], b""
    while page := store.state.scan(stem, after, limit=3):
        paged += [key for key, _ in page]
        after = paged[-1]
    assert paged == keys
    assert [key for key, _ in store.state.scan(stem + b"aab")] == [stem + b"aab" * 40]
    store.append([make_sealed(2, tuple((key, None) for key in keys))], [], [], None)
    assert store.state.scan(b"s") == []
    assert store.state.get_at(keys[-1], 1) == keys[-1][-9:]


KEYS = st.one_of(
    st.sampled_from([b"a", b"a\0", b"ab", b"b", b"\xff", b"owner"]),
    st.binary(min_size=1, max_size=3).map(lambda end: b"L" * KEY_BYTES_MAX + end),
)
BLOCKS = st.lists(
    st.dictionaries(KEYS, st.one_of(st.none(), st.binary(max_size=4)), max_size=5), min_size=1, max_size=8
)


@settings(max_examples=30, deadline=None)
@given(blocks=BLOCKS, group=st.integers(1, 3))
def test_the_store_is_a_dict_that_remembers(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[dict[bytes, bytes | None]], group: int
) -> None:
    """For any writes in any groups of blocks, both stores answer like a plain dict a height."""
    stores: list[AnyStore] = [
        open_store(tmp_path_factory.mktemp("store")),
        MemoryStore(GENESIS, [], ROOT),
    ]
    models: list[dict[bytes, bytes]] = [{b"owner": b"all"}]
    sealed = []
    for height, writes in enumerate(blocks, start=1):
        known = {**models[-1], **writes}
        models.append({key: value for key, value in known.items() if value is not None})
        sealed.append(make_sealed(height, tuple(writes.items())))
    for store in stores:
        for start in range(0, len(sealed), group):
            store.append(sealed[start : start + group], [], [], None)
        assert store.state.scan(b"") == sorted(models[-1].items())
        for key in {key for writes in blocks for key in writes} | {b"never"}:
            assert store.state.get(key) == models[-1].get(key)
            for height, model in enumerate(models):
                assert store.state.get_at(key, height) == model.get(key)
    disk, memory = stores
    for key in {key for writes in blocks for key in writes}:
        assert disk.state.history(key) == memory.state.history(key)
    assert isinstance(disk, LmdbStore)
    disk.close()


def test_a_store_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """And a store of another chain is refused."""
    store = open_store(tmp_path)
    store.append([make_sealed(1)], [], [], (1, bytes(32)))
    store.close()
    store = open_store(tmp_path)
    assert (store.head.height, store.head_hash, store.rooted) == (1, make_sealed(1).hash, (1, bytes(32)))
    store.append([make_sealed(2)], [], [], None)
    store.close()
    other = make_sealed(0, order=b"another")
    other = replace(other, hash=bytes(32))
    with pytest.raises(StoreError, match=other.hash.hex()) as refused:
        LmdbStore(tmp_path, other, [], ROOT)
    assert "genesis.json" in refused.value.fix


def test_a_kill_between_two_appends_leaves_all_of_the_first(tmp_path: Path) -> None:
    """A copy of the files at any moment between them opens at the block that was appended last."""
    store = open_store(tmp_path / "live")
    for height in range(1, 5):
        store.append(
            [make_sealed(height, ((b"k", bytes((height,))),), (bytes((height,)),))],
            [make_commit(height)],
            [(b"n", bytes((height,)))],
            (height, bytes(32)),
        )
        copy = open_store(shutil.copytree(tmp_path / "live", tmp_path / f"copy{height}"))
        assert (copy.head.height, copy.rooted[0]) == (height, height)
        assert copy.state.get(b"k") == copy.tree_node(b"n") == bytes((height,))
        assert copy.find_commit(height + 1) is None
        copy.close()
    store.close()


def test_a_block_of_many_megabytes_is_stored_in_pieces(tmp_path: Path) -> None:
    """None of which is larger than a mebibyte; one that is missing is noticed."""
    store = open_store(tmp_path)
    large = make_sealed(1, transactions=tuple(bytes((number,)) * 900_000 for number in range(5)))
    store.append([large, make_sealed(2)], [], [], None)
    assert store.find_block(1) == large.block
    assert store.find_block(2) == make_sealed(2).block
    store.close()
    rows = Rows(tmp_path, ("blocks",))
    with rows.read() as reading:
        pieces = list(reading.rising("blocks", (1).to_bytes(8, "big")))[:-1]
    assert len(pieces) > 5
    assert max(len(piece) for _, piece in pieces) == PIECE_BYTES_MAX
    rows.write(lambda writing: writing.delete("blocks", pieces[2][0]))
    rows.close()
    store = open_store(tmp_path)
    with pytest.raises(StoreError, match="block 1 in table blocks is not whole"):
        store.find_block(1)
    store.close()


def test_a_file_that_was_cut_is_named(tmp_path: Path) -> None:
    """At every page: reading behind its end would end the process."""
    open_store(tmp_path).close()
    path = tmp_path / "data.mdb"
    for pages in range(path.stat().st_size // 4096 - 1, 0, -1):
        os.truncate(path, pages * 4096 + 100)
        with pytest.raises(StoreError, match=str(tmp_path)):
            open_store(tmp_path)


def test_every_flipped_byte_of_a_value_names_its_row(tmp_path: Path) -> None:
    """Table and key, as soon as the row is read."""
    store = open_store(tmp_path / "live")
    value = digest("value", b"a value that stands nowhere else")
    store.append([make_sealed(1, ((b"the key", value),))], [], [], None)
    store.close()
    whole = (tmp_path / "live" / "data.mdb").read_bytes()
    assert whole.count(value) == 1
    # Before the value stand its CRC (4 bytes) and the height that set it (8).
    for place in range(whole.index(value) - 12, whole.index(value) + len(value)):
        folder = tmp_path / "flipped"
        folder.mkdir(exist_ok=True)
        (folder / "data.mdb").write_bytes(whole[:place] + bytes((whole[place] ^ 1,)) + whole[place + 1 :])
        rows = Rows(folder, ("state",), is_reader=True)
        with pytest.raises(StoreError, match=f"table state is damaged, key {b'the key'.hex()}"):
            rows.get("state", b"the key")
        rows.close()


def test_the_file_grows_by_itself(tmp_path: Path) -> None:
    """While others read."""
    store = open_store(tmp_path, map_bytes=1 << 18)
    done, wrong = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            if store.state.get(b"owner") != b"all":
                wrong.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    for height in range(1, 9):
        store.append([make_sealed(height, ((bytes((height,)), bytes(300_000)),))], [], [], None)
    done.set()
    reader.join()
    assert not wrong
    assert all(store.state.get(bytes((height,))) == bytes(300_000) for height in range(1, 9))
    store.close()


def test_on_a_full_disk_nothing_of_an_append_is_stored(tiny_disk: Path) -> None:
    """Neither of one that is far too large nor of one just too large; room lets it go on."""
    store = open_store(tiny_disk)
    ballast = tiny_disk / "ballast"
    for size in (1 << 20, 1 << 17):
        ballast.write_bytes(bytes(shutil.disk_usage(tiny_disk).free - 16_384))
        with pytest.raises(DiskFullError, match=str(tiny_disk)):
            store.append([make_sealed(1, ((b"k", bytes(size)),))], [], [], None)
        assert (store.head.height, store.find_header(1), store.state.get(b"k")) == (0, None, None)
        ballast.unlink()
    store.append([make_sealed(1, ((b"k", b"small"),))], [], [], None)
    assert store.state.get(b"k") == b"small"
    store.close()


def test_reading_leaves_no_transaction_open(tmp_path: Path) -> None:
    """Also not a scan that stops early: pages are used again, so rewriting does not make the file grow."""
    store = open_store(tmp_path)
    store.append([make_sealed(1, tuple((bytes((key,)), bytes(1000)) for key in range(50)))], [], [], None)
    for height in range(2, 40):
        store.append([], [], [(bytes((key,)), bytes((height,)) * 1000) for key in range(50)], None)
        store.state.scan(b"", limit=1)
        store.state.history(b"\x01", limit=1)
        store.find_block(0)
        store.commits_before(9, 1)
    store.close()
    assert (tmp_path / "data.mdb").stat().st_size < 1_500_000


def test_a_reader_changes_no_byte(tmp_path: Path) -> None:
    """Not even of the lock file."""
    open_store(tmp_path).close()
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()}
    rows = Rows(tmp_path, TABLES, is_reader=True)
    with rows.read() as reading:
        assert [reading.count(table) for table in ("headers", "state", "commits")] == [1, 1, 0]
    rows.close()
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.iterdir()} == before


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    """As StoreError, with the folder's name."""
    (tmp_path / "data.mdb").write_bytes(b"not LMDB" * 1000)
    with pytest.raises(StoreError, match=str(tmp_path)):
        open_store(tmp_path)
    with pytest.raises(StoreError, match="nothing here"):
        Rows(tmp_path / "nothing here", TABLES, is_reader=True)
