"""Tables answer alike whether what they hold is in memory, in the log, in LMDB or in all of them."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.model.errors import DiskFullError, StoreError
from weft.storage import rows as rows_module
from weft.storage import tables
from weft.storage.log import NAMES as LOGS
from weft.storage.rows import Changes, Rows
from weft.storage.tables import Changing, Tables

NAMES = ("left", "right")
KEYS = st.sampled_from([b"a", b"ab", b"b", b"ba", b"c", b"d"])
Rewrite = dict[bytes, bytes | None]


def put_all(rows: Rewrite, table: str = "left") -> Callable[[Changing], None]:
    def change(writing: Changing) -> None:
        for key, value in rows.items():
            if value is None:
                writing.delete(table, key)
            else:
                writing.put(table, key, value)
            assert writing.get(table, key) == value, "it sees its own changes"

    return change


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Tables]:
    made = Tables(tmp_path / "live", NAMES, 1 << 24)
    yield made
    made.close()


@settings(max_examples=60, deadline=None)
@given(
    writes=st.lists(
        st.tuples(st.dictionaries(KEYS, st.none() | st.binary(max_size=3), max_size=5), st.integers(0, 3)),
        max_size=8,
    ),
    start=KEYS,
)
def test_tables_are_a_dict_wherever_the_rows_are(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[Rewrite, int]], start: bytes
) -> None:
    """Whatever is written, with LMDB taking all in between, or a process that ends in any way."""
    folder, model = tmp_path_factory.mktemp("tables"), dict[bytes, bytes]()
    held = Tables(folder, NAMES, 1 << 24)
    for rows, then in writes:
        held.write(put_all(rows), must_sync=then != 3)
        model = {key: value for key, value in {**model, **rows}.items() if value is not None}
        if then == 1:
            held.close()
            assert not any((folder / name).exists() for name in LOGS)
            held = Tables(folder, NAMES, 1 << 24)
        elif then == 2:
            killed = copied(folder, tmp_path_factory.mktemp("killed") / "copy")
            held.close()
            folder, held = killed, Tables(killed, NAMES, 1 << 24)
        rising = sorted(model.items())
        with held.read() as reading:
            assert list(reading.rising("left")) == rising
            assert list(reading.rising("left", start)) == [row for row in rising if row[0] >= start]
            assert list(reading.falling("left")) == rising[::-1]
            assert list(reading.falling("left", start)) == [row for row in rising if row[0] < start][::-1]
            assert (reading.count("left"), reading.count("right")) == (len(model), 0)
            assert [reading.get("left", key) for key in model] == list(model.values())
        assert [held.get("left", key) for key in (*model, b"z")] == [*model.values(), None]
    held.close()


def copied(folder: Path, copy: Path) -> Path:
    """What a kill leaves. LMDB's file comes last: it may take in what the log has while this copies."""
    copy.mkdir()
    for name in (*LOGS, "data.mdb"):
        (copy / name).write_bytes((folder / name).read_bytes())
    return copy


def test_a_full_log_goes_to_lmdb_while_the_other_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over and over; what is larger than the log goes there by itself; a kill at any time loses nothing."""
    monkeypatch.setattr(tables, "LOG_BYTES_MAX", 2_000)
    held = Tables(tmp_path / "live", NAMES, 1 << 24)
    for number in range(60):
        size = 5_000 if number % 7 == 6 else 300
        key = bytes((number,))
        held.write(put_all({key: key * size, b"newest": key}))
        assert all((tmp_path / "live" / name).stat().st_size < 3_000 for name in LOGS)
        copy = Tables(copied(tmp_path / "live", tmp_path / f"copy{number}"), NAMES, 1 << 24)
        for opened in (held, copy):
            assert opened.get("left", b"newest") == key
            assert all(opened.get("left", bytes((one,))) for one in range(number + 1))
        copy.close()
    held.close()


@dataclass(frozen=True, slots=True)
class End:
    """What a process left that ended before a write of LMDB: the state after `first` changes, or after any
    number of them up to `last`."""

    folder: Path
    first: int
    last: int


class Ends:
    """Keeps what would be on the disk if the process, or the power, ended before each write of LMDB."""

    def __init__(self, patched: pytest.MonkeyPatch, folder: Path, is_power: bool) -> None:
        self.folder = folder
        self.seen: list[End] = []
        self.written = self.durable = 0
        self._is_power = is_power
        self._synced: dict[int, bytes] = {}
        """Content of files, by their number, when they were synced."""
        self._take = Rows.take
        for name in ("fsync", "fdatasync"):
            patched.setattr(os, name, self._noting(getattr(os, name)))
        patched.setattr(Rows, "take", lambda *given: self._end_and_take(*given))

    def _noting(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        def note(file: int) -> None:
            sync(file)
            facts = os.fstat(file)
            if stat.S_ISREG(facts.st_mode):
                self._synced[facts.st_ino] = os.pread(file, facts.st_size, 0)

        return note

    def _end_and_take(self, rows: Rows, changes: Changes, pause: Callable[[], object]) -> None:
        first = self.durable if self._is_power else self.written
        copy = self.folder.with_name(f"{self.folder.name}-{len(self.seen)}")
        copy.mkdir()
        for path in (self.folder / name for name in LOGS):
            if path.exists():
                lost = self._synced.get(path.stat().st_ino, b"")
                (copy / path.name).write_bytes(lost if self._is_power else path.read_bytes())
        shutil.copy(self.folder / "data.mdb", copy)
        # The change that is being made may be there already.
        self.seen.append(End(copy, first, self.written + 1))
        self._take(rows, changes, pause)


@settings(max_examples=8, deadline=None)
@given(
    writes=st.lists(
        st.tuples(st.dictionaries(KEYS, st.none() | st.binary(max_size=3), min_size=1), st.booleans()),
        min_size=3,
        max_size=6,
    ),
    is_power=st.booleans(),
)
def test_an_end_between_two_writes_of_lmdb_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, writes: list[tuple[Rewrite, bool]], is_power: bool
) -> None:
    """A kill, or a loss of power that takes what was never synced: before any of them, and in the start after
    it again. What was acknowledged is there, and of each change all or nothing."""
    states, folder = [dict[bytes, bytes]()], tmp_path_factory.mktemp("ends") / "live"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tables, "LOG_BYTES_MAX", 200)
        patched.setattr(rows_module, "STEP_PAGES_MAX", 2)
        ends = Ends(patched, folder, is_power)
        held = Tables(folder, NAMES, 1 << 20)
        for rows, must_sync in writes:
            changed = {**states[-1], **rows}
            states.append({key: value for key, value in changed.items() if value is not None})
            held.write(put_everywhere(rows), must_sync)
            ends.written += 1
            ends.durable = ends.written if must_sync else ends.durable
        held.close()
    assert content_of(folder) == [states[-1]] * 2
    assert ends.seen
    for end in ends.seen:
        left, right = content_of(end.folder)
        assert left == right
        assert left in states[end.first : end.last + 1]
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(rows_module, "STEP_PAGES_MAX", 2)
            again = Ends(patched, end.folder, is_power)
            Tables(end.folder, NAMES, 1 << 20).close()
        for folder in (end.folder, *(later.folder for later in again.seen)):
            assert content_of(folder) == [left, right]


def put_everywhere(rows: Rewrite) -> Callable[[Changing], None]:
    def change(writing: Changing) -> None:
        for name in NAMES:
            put_all(rows, name)(writing)

    return change


def content_of(folder: Path) -> list[dict[bytes, bytes]]:
    """Of each table, as a start finds it."""
    held = Tables(folder, NAMES, is_reader=True)
    with held.read() as reading:
        found = [dict(reading.rising(name)) for name in NAMES]
    held.close()
    return found


def test_while_lmdb_takes_its_time_everything_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are on their way to LMDB, those changed or deleted meanwhile, and the order of all."""
    monkeypatch.setattr(tables, "LOG_BYTES_MAX", 60_000)
    monkeypatch.setattr(tables, "PAUSE_S", 0.05)
    held = Tables(tmp_path, NAMES, 1 << 24)
    rows: Rewrite = {number.to_bytes(2, "big"): b"old" for number in range(1_500)}
    held.write(put_all(rows))
    model = dict(rows)
    for number in range(0, 1_500, 3):
        change: Rewrite = {number.to_bytes(2, "big"): None if number % 2 else b"new" * 20}
        held.write(put_all(change))
        model |= change
    model = {key: value for key, value in model.items() if value is not None}
    with held.read() as reading:
        assert list(reading.rising("left")) == sorted(model.items())
        assert list(reading.falling("left")) == sorted(model.items(), reverse=True)
        assert reading.count("left") == len(model)
    assert [held.get("left", key) for key in rows] == [model.get(key) for key in rows]
    held.close()
    held = Tables(tmp_path, NAMES, 1 << 24)
    with held.read() as reading:
        assert list(reading.rising("left")) == sorted(model.items())
    held.close()


def test_what_lmdb_refused_stops_all_writing_and_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file of the log that LMDB has not got is never written over."""
    monkeypatch.setattr(tables, "LOG_BYTES_MAX", 2_000)
    held = Tables(tmp_path, NAMES, 1 << 24)
    with monkeypatch.context() as patched:
        patched.setattr(Rows, "take", refuse)
        for number in range(5):
            held.write(put_all({bytes((number,)): bytes(300)}))
        with pytest.raises(DiskFullError):
            fill(held)
        held.close()
    held = Tables(tmp_path, NAMES, 1 << 24)
    assert all(held.get("left", bytes((number,))) == bytes(300) for number in range(5))
    held.close()


def fill(held: Tables) -> None:
    """Write more than both files take."""
    for number in range(100, 110):
        held.write(put_all({bytes((number,)): bytes(300)}))


def refuse(rows: Rows, changes: object, pause: object) -> None:
    raise DiskFullError("no room")


def test_who_only_reads_sees_the_log_and_changes_no_byte(opened: Tables, tmp_path: Path) -> None:
    """As `weft verify` does after a kill."""
    opened.write(put_all({b"k": b"v"}, "right"))
    copy = shutil.copytree(tmp_path / "live", tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    reader = Tables(copy, NAMES, is_reader=True)
    assert reader.get("right", b"k") == b"v"
    assert reader.names() == set(NAMES)
    reader.close()
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_damage_in_the_log_is_named(opened: Tables, tmp_path: Path) -> None:
    """Nobody goes on from it."""
    opened.write(put_all({b"k": b"value"}))
    copy = shutil.copytree(tmp_path / "live", tmp_path / "copy")
    whole = (copy / LOGS[0]).read_bytes()
    (copy / LOGS[0]).write_bytes(whole.replace(b"value", b"Value"))
    for is_reader in (True, False):
        with pytest.raises(StoreError, match=r"log\.0 .* is damaged"):
            Tables(copy, NAMES, 1 << 24, is_reader)


def test_a_change_that_fails_half_way_has_not_happened(opened: Tables) -> None:
    """Neither here nor after a restart."""

    def change(writing: Changing) -> None:
        writing.put("left", b"k", b"v")
        raise KeyError(b"no")

    with pytest.raises(KeyError):
        opened.write(change)
    assert opened.get("left", b"k") is None


def test_after_a_sync_that_failed_nothing_more_is_taken(
    opened: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what is on disk then."""

    def fail(file: int) -> None:
        raise OSError(5, "input/output error")

    opened.write(put_all({b"k": b"1"}))
    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(StoreError):
            opened.write(put_all({b"k": b"2"}))
    with pytest.raises(StoreError):
        opened.write(put_all({b"k": b"3"}))
    assert opened.get("left", b"k") == b"1"


def test_at_rest_lmdb_has_everything(tmp_path: Path) -> None:
    """A stopped node's store is one file, and each row in it has its checksum."""
    held = Tables(tmp_path, NAMES, 1 << 24)
    held.write(put_all({b"k": b"v"}))
    held.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data.mdb", "lock.mdb"]
    rows = Rows(tmp_path, NAMES, is_reader=True)
    assert rows.get("left", b"k") == b"v"
    rows.close()
