"""Nothing wrong in an untouched home; whatever is changed in one is found, and the place named."""

import re
import shutil
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chain import CONTRACTS, key, make_genesis
from tests.unit.node.kept import Keeper, fill
from weft.model.block import Checkpoint
from weft.model.commit import Commit
from weft.model.encoding import decode, encode
from weft.model.errors import LaunchError, StoreError
from weft.model.stored import OTHER, Finding, Note
from weft.model.vertex import sign_vertex
from weft.node.verify import verify_home
from weft.storage import attachments, store
from weft.storage.inspection import inspect
from weft.storage.journal import Journal
from weft.storage.rows import Rows, Writing

CONTENT = "000000000001.content"
GENESIS = make_genesis(alice="writer", root="administrator", gate="gateway")


def look(data: Path) -> list[Finding | Note]:
    with inspect(data) as holdings:
        return list(verify_home(GENESIS, CONTRACTS, holdings))


def find(data: Path) -> list[str]:
    """All findings as they are told."""
    return [str(item) for item in look(data) if isinstance(item, Finding)]


def read_folder(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {
        path.relative_to(folder): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home that was filled and stopped; tests work on copies."""
    folder = tmp_path_factory.mktemp("kept")
    keeper = Keeper(folder, GENESIS)
    fill(keeper)
    keeper.close()
    return folder


@pytest.fixture
def data(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "data")


def test_an_untouched_home_is_well_and_stays_untouched(kept: Path) -> None:
    """What was erased is told; no byte and no time of a file changes."""
    before = read_folder(kept)
    (note,) = look(kept)
    assert isinstance(note, Note)
    assert note.where.startswith("block 1, transaction 1, attachment")
    assert note.what == "erased at height 3"
    assert read_folder(kept) == before


def test_a_home_that_was_killed_is_well(tmp_path: Path) -> None:
    """At any moment: nothing closed, content not indexed yet."""
    keeper = Keeper(tmp_path / "live", GENESIS)
    assert find(shutil.copytree(tmp_path / "live", tmp_path / "empty")) == []
    fill(keeper)
    assert find(shutil.copytree(tmp_path / "live", tmp_path / "filled")) == []
    keeper.attachments.put([keeper.put("late", b"never executed")[1]])
    keeper.attachments.sync()
    assert find(shutil.copytree(tmp_path / "live", tmp_path / "late")) == []
    keeper.close()


def test_a_last_write_that_was_cut_short_is_well(tmp_path: Path) -> None:
    """At any byte of the last record of the journal, and of the last attachment."""
    keeper = Keeper(tmp_path / "live", GENESIS)
    fill(keeper)
    files = [
        tmp_path / "live" / "journal" / "000000000002.journal",
        tmp_path / "live" / "attachments" / CONTENT,
    ]
    before = [file.stat().st_size for file in files]
    keeper.commit(attachments=(keeper.put("late", b"x")[1],))
    data = shutil.copytree(tmp_path / "live", tmp_path / "copy")
    keeper.close()
    for file, start in zip(files, before, strict=True):
        copy = data / file.relative_to(tmp_path / "live")
        whole = copy.read_bytes()
        for size in range(start, len(whole), 3):
            copy.write_bytes(whole[:size])
            assert find(data) == []
        copy.write_bytes(whole)


def test_a_home_in_use_is_not_looked_at(tmp_path: Path) -> None:
    """It changes under the eyes."""
    keeper = Keeper(tmp_path, GENESIS)
    with pytest.raises(LaunchError, match="another process"), inspect(tmp_path):
        pass
    keeper.close()


ROWS = [(store.TABLES, "store", table) for table in store.TABLES] + [
    (attachments.TABLES, "attachments/index", table) for table in ("spots", "tombstones", "meta")
]


@pytest.mark.parametrize(("tables", "folder", "table"), ROWS, ids=[row[2] for row in ROWS])
def test_a_flipped_byte_of_any_row_is_named(
    data: Path, tables: tuple[str, ...], folder: str, table: str
) -> None:
    """In a row of each table, its checksum and its key too: the first finding names the file."""
    row, value = last_row(data / folder, tables, table)
    file = data / folder / "data.mdb"
    whole = file.read_bytes()
    # A value begins with its checksum, and stands behind its key unless it is large. Old copies of a row may
    # stand on free pages; flipping those changes nothing.
    stored = zlib.crc32(value, zlib.crc32(row, zlib.crc32(table.encode()))).to_bytes(4, "big") + value
    hits = 0
    for start in find_all(whole, stored):
        first = start - len(row) if whole[start - len(row) : start] == row else start
        for place in range(first, start + len(stored), 1 + len(stored) // 40):
            file.write_bytes(flipped(whole, place))
            if last_row(data / folder, tables, table) != (row, value):
                hits += 1
                assert str(data / folder) in find(data)[0]
    assert hits


def last_row(folder: Path, tables: tuple[str, ...], table: str) -> tuple[bytes, bytes] | None:
    """None if it cannot be read."""
    rows = Rows(folder, tables, is_reader=True)
    try:
        with rows.read() as reading:
            return next(reading.falling(table))
    except StoreError:
        return None
    finally:
        rows.close()


Change = Callable[[Writing], None]


def alter(table: str, number: int, change: Callable[[bytes], bytes]) -> Change:
    """Change the value of a row, and its checksum with it."""

    def altered(writing: Writing) -> None:
        row, value = list(writing.rising(table))[number]
        writing.put(table, row, change(value))

    return altered


def drop(table: str, number: int) -> Change:
    return lambda writing: writing.delete(table, list(writing.rising(table))[number][0])


def add(table: str, row: bytes, value: bytes) -> Change:
    return lambda writing: writing.put(table, row, value)


def last_flipped(value: bytes) -> bytes:
    return flipped(value, len(value) - 1)


def other_commit(raw: bytes) -> bytes:
    commit = decode(Commit, raw)
    return encode(Commit(commit.round, commit.time_ms + 1, commit.slots, commit.ordered, commit.order_hash))


def less_signed(raw: bytes) -> bytes:
    checkpoint = decode(Checkpoint, raw)
    return encode(Checkpoint(checkpoint.statement, checkpoint.signatures[:2]))


def falsely_signed(raw: bytes) -> bytes:
    checkpoint = decode(Checkpoint, raw)
    (place, signature), *others = checkpoint.signatures
    return encode(Checkpoint(checkpoint.statement, ((place, last_flipped(signature)), *others)))


def twice_signed(raw: bytes) -> bytes:
    checkpoint = decode(Checkpoint, raw)
    return encode(Checkpoint(checkpoint.statement, checkpoint.signatures[:1] * 3))


STORE_CHANGES: list[tuple[str, Change, str]] = [
    ("a value altered", alter("state", 1, last_flipped), "table state, key"),
    (
        "a height altered",
        alter("state", 1, lambda row: bytes(7) + b"\7" + row[8:]),
        "table state, key .* of height 7",
    ),
    ("a value gone", drop("state", 0), "table state, key .* found nothing"),
    ("a value too many", add("state", b"zzz", bytes(9)), "table state, key 'zzz'.* expected nothing"),
    ("the past altered", alter("history", 0, last_flipped), "table history, key with digest"),
    ("the past gone", drop("history", 0), "table history, key with digest .* found nothing"),
    ("a past too many", add("history", bytes(40), b"\0"), "table history: rows that no block explains"),
    ("a place altered", alter("identities", 0, last_flipped), "table identities, transaction"),
    (
        "a place too many",
        add("identities", bytes(32), bytes(12)),
        "table identities: rows that no block explains",
    ),
    ("a commitment altered", alter("commitments", 1, last_flipped), "table commitments, commitment"),
    ("a commitment gone", drop("commitments", 1), "table commitments, commitment .* found nothing"),
    (
        "a commitment too many",
        add("commitments", bytes(32), bytes(8)),
        "table commitments: rows that no block explains",
    ),
    ("a node altered", alter("tree", 0, last_flipped), "table tree, path"),
    ("a node too many", add("tree", b"/zz", b"x"), "table tree: rows that no block explains"),
    ("a node gone", drop("tree", 0), "table tree, path .* found nothing"),
    ("another root", alter("meta", 0, last_flipped), "table meta, fact 'rooted'"),
    ("a header altered", alter("headers", 2, last_flipped), "table headers, height 2"),
    ("a header gone", drop("headers", 1), "table headers, height 1.* found nothing"),
    ("a block gone", drop("blocks", 2), "block 2: there is no such block"),
    (
        "a block's piece too many",
        add("blocks", bytes(11) + b"\1", b"x"),
        "block 0 in table blocks is not whole",
    ),
    ("a commit altered", alter("commits", 1, other_commit), "commit of round 2: does not follow"),
    ("a commit of a block altered", alter("commits", 2, other_commit), "commit of round 3: does not follow"),
    ("a checkpoint of too few", alter("checkpoints", 0, less_signed), "checkpoint 1: too few signed"),
    (
        "a checkpoint signed falsely",
        alter("checkpoints", 1, falsely_signed),
        "checkpoint 4: a signature is not",
    ),
    (
        "a checkpoint signed by one thrice",
        alter("checkpoints", 1, twice_signed),
        "checkpoint 4: a signature is",
    ),
]


@pytest.mark.parametrize(
    ("change", "told"), [row[1:] for row in STORE_CHANGES], ids=[row[0] for row in STORE_CHANGES]
)
def test_what_no_block_says_is_found_although_its_checksum_is_right(
    data: Path, change: Change, told: str
) -> None:
    """As if somebody had written it on purpose: the first finding names it."""
    rows = Rows(data / "store", store.TABLES)
    rows.write(change)
    rows.close()
    assert find(data) != []
    assert_told(find(data)[0], told)


INDEX_CHANGES: list[tuple[str, Change, str]] = [
    ("a tombstone gone", drop("tombstones", 0), "block 1, transaction 1, attachment .* is not here"),
    (
        "a tombstone altered",
        alter("tombstones", 0, lambda row: bytes(7) + b"\2"),
        "tombstone .* found height 2",
    ),
    (
        "a tombstone too many",
        add("tombstones", bytes(32), bytes(8)),
        "tombstone of attachment 0000.* expected none",
    ),
    ("a content not known", drop("spots", 0), "the index does not know attachment"),
    (
        "a content not there",
        add("spots", b"\xff" * 32, bytes(7) + b"\1" + bytes(12)),
        "attachment ffff.* is damaged or",
    ),
    ("a content elsewhere", alter("spots", 0, last_flipped), "stands elsewhere too"),
]


@pytest.mark.parametrize(
    ("change", "told"), [row[1:] for row in INDEX_CHANGES], ids=[row[0] for row in INDEX_CHANGES]
)
def test_what_the_index_says_wrongly_of_attachments_is_found(data: Path, change: Change, told: str) -> None:
    """Against the files, and against the blocks."""
    rows = Rows(data / "attachments" / "index", attachments.TABLES)
    rows.write(change)
    rows.close()
    assert_told(find(data)[0], told)


@pytest.mark.parametrize(
    "name",
    ["journal/000000000001.journal", "journal/000000000002.journal", f"attachments/{CONTENT}"],
)
def test_a_flipped_byte_of_journal_or_content_is_named(data: Path, name: str) -> None:
    """Every byte of some, every seventh of others: the first finding names the file."""
    file = data / name
    whole = file.read_bytes()
    for place in range(0, len(whole), 1 + len(whole) // 400):
        file.write_bytes(flipped(whole, place))
        assert str(file) in find(data)[0]


@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4), is_index=st.booleans())
def test_no_damage_to_a_file_of_tables_stops_the_verification(
    kept: Path, tmp_path_factory: pytest.TempPathFactory, places: list[float], is_index: bool
) -> None:
    """Whatever bytes are flipped, it ends, and with words."""
    data = shutil.copytree(kept, tmp_path_factory.mktemp("damaged") / "data")
    file = data / ("attachments/index" if is_index else "store") / "data.mdb"
    whole = file.read_bytes()
    for place in places:
        whole = flipped(whole, int(place * len(whole)))
    file.write_bytes(whole)
    for item in look(data):
        assert str(item)
    shutil.rmtree(data)


def test_files_that_are_gone_or_cut_are_named(data: Path) -> None:
    """A table file cut in half, then gone; a file of content and a segment gone."""
    file = data / "store" / "data.mdb"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert str(file) in find(data)[0]
    file.unlink()
    assert str(file) in find(data)[0]
    file.write_bytes(whole)
    (data / "attachments" / CONTENT).unlink()
    assert f"{CONTENT}, offset" in find(data)[0]


def test_a_false_signature_in_a_block_is_found(tmp_path: Path) -> None:
    """Although execution took the transaction."""
    keeper = Keeper(tmp_path, GENESIS)
    raw, given = keeper.put("a", b"content")
    keeper.commit(raw[:-1] + bytes((raw[-1] ^ 1,)), attachments=(given,))
    keeper.close()
    (told,) = find(tmp_path)
    assert_told(told, "block 1, transaction 0: the signature of .* is not its signer's")


def test_a_missing_attachment_of_an_executed_transaction_is_found(tmp_path: Path) -> None:
    """One of a failed transaction is not missed."""
    keeper = Keeper(tmp_path, GENESIS)
    keeper.commit(keeper.put("a", b"content")[0], keeper.put("b", b"not JSON", signer="mallory")[0])
    keeper.close()
    found = find(tmp_path)
    assert_told(found[0], "block 1, transaction 0, attachment .* is not here")


def test_a_vertex_that_its_author_did_not_sign_is_found(tmp_path: Path) -> None:
    """In the journal, with its place."""
    keeper = Keeper(tmp_path, GENESIS)
    fill(keeper)
    forged = sign_vertex(key("mallory"), GENESIS.chain, 0, 1, 9, 1, (keeper.newest,), ())
    keeper.journal.append(OTHER, 9, forged.raw)
    keeper.journal.append(OTHER, 8, forged.raw)
    keeper.journal.append(OTHER, 9, b"no vertex")
    keeper.close()
    found = find(tmp_path)
    assert len(found) == 3
    assert_told(found[0], "000000000002.journal, offset .*: the signature is not its author's")
    assert_told(found[1], "not of this chain, this committee or this round")


def test_the_store_of_another_chain_is_refused(data: Path) -> None:
    """With both chains' names."""
    other = make_genesis(members=7)
    with inspect(data) as holdings:
        found = [str(item) for item in verify_home(other, CONTRACTS, holdings)]
    assert any(other.chain.hex() in told and GENESIS.chain.hex() in told for told in found)


def test_other_checks_come_last_and_progress_is_told(data: Path) -> None:
    """So that an application can have its own files looked at."""
    told: list[tuple[str, int, int]] = []

    def check() -> Iterator[Finding]:
        yield Finding("a blob", "is not there")

    with inspect(data) as holdings:
        found = list(verify_home(GENESIS, CONTRACTS, holdings, [check], lambda *step: told.append(step)))
    assert found[-1] == Finding("a blob", "is not there")
    assert {part for part, _, _ in told} == {
        "store",
        "attachments' index",
        "attachments",
        "journal",
        "blocks",
    }
    assert all(0 <= done <= total for _, done, total in told)


def test_a_damaged_journal_set_aside_is_no_finding(data: Path) -> None:
    """It is there for people to look at; the journal begun after it is what counts."""
    file = data / "journal" / "000000000001.journal"
    file.write_bytes(flipped(file.read_bytes(), 3))
    Journal(data / "journal").close()
    assert find(data) == []


def assert_told(told: str, expected: str) -> None:
    assert re.search(expected, told), told


def find_all(data: bytes, wanted: bytes) -> Iterator[int]:
    start = data.find(wanted)
    while start >= 0:
        yield start
        start = data.find(wanted, start + 1)


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 0x40,)) + data[place + 1 :]
