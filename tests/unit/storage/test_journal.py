"""What was synced comes back or is missed loudly; what was not is cut, and own words in it are kept."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from weft.model.errors import DiskFullError, JournalError, LaunchError
from weft.model.stored import BASE, BOUND, OTHER, OWN, SPOKEN, WORD
from weft.storage import journal as journal_module
from weft.storage.journal import Journal
from weft.storage.memory import MemoryJournal
from weft.storage.segment import HEAD_BYTES, NO_LINK, RECORD_BYTES, Head

RECORDS = [
    (OTHER, 1, b"B1"),
    (OWN, 1, b"A1" * 30),
    (WORD, 0, b""),
    (OTHER, 2, bytes(range(256))),
    (OWN, 2, b"A2"),
]


@pytest.fixture(params=["disk", "memory"])
def any_journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal | MemoryJournal]:
    if request.param == "memory":
        yield MemoryJournal()
        return
    with closing(Journal(tmp_path)) as journal:
        yield journal


FIRST = "000000000001.journal"


@pytest.fixture
def crashed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The one file of a journal whose process was killed after the second of two syncs."""
    folder = tmp_path_factory.mktemp("killed")
    journal = Journal(folder)
    for record in RECORDS[:2]:
        journal.append(*record)
    journal.sync()
    for record in RECORDS[2:]:
        journal.append(*record)
    journal.sync()
    return (folder / FIRST).read_bytes()


def test_records_come_back_in_order(any_journal: Journal | MemoryJournal) -> None:
    """From the oldest kept segment on, bases included."""
    for record in RECORDS:
        any_journal.append(*record)
    any_journal.roll(2, b"base")
    any_journal.append(BOUND, 9, b"")
    any_journal.sync()
    assert list(any_journal.replay()) == [*RECORDS, (BASE, 2, b"base"), (BOUND, 9, b"")]


def test_a_segment_goes_when_nothing_in_it_is_needed(any_journal: Journal | MemoryJournal) -> None:
    """Only with all its rounds below the bound, only when the next base is not above it, never the newest."""
    any_journal.append(OTHER, 7, b"late")
    any_journal.roll(5, b"five")
    any_journal.append(OTHER, 6, b"six")
    any_journal.roll(9, b"nine")
    any_journal.sync()
    any_journal.drop(7)
    assert len(list(any_journal.replay())) == 4
    any_journal.drop(8)
    assert list(any_journal.replay()) == [(BASE, 5, b"five"), (OTHER, 6, b"six"), (BASE, 9, b"nine")]
    any_journal.drop(8)
    assert len(list(any_journal.replay())) == 3
    any_journal.drop(100)
    assert list(any_journal.replay()) == [(BASE, 9, b"nine")]


def test_the_size_counts_the_newest_segment_with_what_is_queued(any_journal: Journal | MemoryJournal) -> None:
    """So that the node knows when to roll."""
    before = any_journal.size
    any_journal.append(OTHER, 1, bytes(1000))
    full = any_journal.size
    assert full >= before + 1000
    any_journal.roll(1, b"")
    any_journal.append(OTHER, 2, bytes(10))
    assert any_journal.size < full
    before = any_journal.size
    any_journal.sync()
    assert any_journal.size == before


def test_a_journal_goes_on_where_it_was_closed(tmp_path: Path) -> None:
    """Across segments, drops and several stops; a stop without news writes nothing."""
    journal = Journal(tmp_path)
    journal.append(*RECORDS[0])
    journal.close()
    files = read_folder(tmp_path)
    Journal(tmp_path).close()
    assert read_folder(tmp_path) == files
    journal = Journal(tmp_path)
    journal.append(*RECORDS[1])
    journal.roll(5, b"base")
    journal.append(OWN, 6, b"A6")
    journal.close()
    assert replayed(tmp_path) == [*RECORDS[:2], (BASE, 5, b"base"), (OWN, 6, b"A6")]


def test_the_last_record_may_be_torn_at_every_byte(crashed: bytes, tmp_path: Path) -> None:
    """What is whole before it comes back, the file is cut there, and the journal goes on."""
    last = RECORD_BYTES + len(RECORDS[-1][2])
    for cut in range(1, last + 1):
        path = lay(tmp_path, crashed[:-cut])
        journal = Journal(tmp_path)
        assert list(journal.replay()) == RECORDS[:-1]
        assert path.stat().st_size == len(crashed) - last
        journal.append(OWN, 3, b"A3")
        journal.close()
        assert replayed(tmp_path) == [*RECORDS[:-1], (OWN, 3, b"A3")]


def test_every_flipped_byte_is_noticed(crashed: bytes, tmp_path: Path) -> None:
    """Before the newest durable mark it is named; at or behind it the journal ends there; nothing else."""
    offsets = starts_of(RECORDS)
    for place in range(len(crashed)):
        lay(tmp_path, flipped(crashed, place))
        begin = max(offset for offset in (0, *offsets) if offset <= place)
        if place < offsets[2]:
            with pytest.raises(JournalError, match=f"{FIRST} is damaged at offset {begin}"):
                replayed(tmp_path)
            continue
        intact = offsets.index(begin)
        spoken = [(SPOKEN, round_, payload) for kind, round_, payload in RECORDS[intact + 1 :] if kind == OWN]
        assert replayed(tmp_path) == RECORDS[:intact] + spoken


def test_every_flipped_byte_of_a_closed_journal_is_an_error_but_in_its_last_word(tmp_path: Path) -> None:
    """The record of a clean stop says that all before it is durable, so no vertex can be lost silently."""
    journal = Journal(tmp_path)
    journal.append(OWN, 1, b"A1")
    journal.close()
    whole = (tmp_path / FIRST).read_bytes()
    for place in range(len(whole) - RECORD_BYTES):
        lay(tmp_path, flipped(whole, place))
        with pytest.raises(JournalError, match=FIRST):
            replayed(tmp_path)
    lay(tmp_path, flipped(whole, len(whole) - 1))
    assert replayed(tmp_path) == [(OWN, 1, b"A1")]


def test_a_damaged_journal_is_set_aside_and_a_new_one_begun(crashed: bytes, tmp_path: Path) -> None:
    """It raises for as long as the process runs; at later starts nothing of it is left to be believed."""
    damaged = flipped(crashed, HEAD_BYTES)
    lay(tmp_path, damaged)
    journal = Journal(tmp_path)
    for _ in range(2):
        with pytest.raises(JournalError):
            list(journal.replay())
    journal.append(BOUND, 7, b"")
    journal.close()
    assert replayed(tmp_path) == [(BOUND, 7, b"")]
    (aside,) = tmp_path.glob("*.damaged")
    assert aside.read_bytes() == damaged


@pytest.mark.parametrize("name", ["copy", "0000000 0002", "9" * 30, "٠" * 12])
def test_a_file_with_a_strange_name_is_named_and_set_aside(tmp_path: Path, name: str) -> None:
    """It may hold what was said, so the journal is not trusted; it goes on all the same."""
    (tmp_path / f"{name}.journal").write_bytes(Head(1, bytes(16), NO_LINK, HEAD_BYTES).encode())
    journal = Journal(tmp_path)
    with pytest.raises(JournalError, match="renamed or replaced"):
        list(journal.replay())
    journal.append(OWN, 1, b"A1")
    journal.close()
    assert replayed(tmp_path) == [(OWN, 1, b"A1")]


def test_own_vertices_behind_a_torn_tail_stay_spoken(crashed: bytes, tmp_path: Path) -> None:
    """At every later start too, for they may have been heard; and their round keeps the segment."""
    lay(tmp_path, flipped(crashed, starts_of(RECORDS)[2]))
    expected = [*RECORDS[:2], (SPOKEN, 2, b"A2")]
    journal = Journal(tmp_path)
    assert list(journal.replay()) == expected
    journal.append(BOUND, 3, b"")
    journal.roll(2, b"base")
    journal.sync()
    journal.drop(2)
    journal.close()
    assert replayed(tmp_path) == [*expected, (BOUND, 3, b""), (BASE, 2, b"base")]


def test_a_hole_of_zeros_is_a_torn_tail_too(crashed: bytes, tmp_path: Path) -> None:
    """Pages reach a disk in any order: the first may be missing while the last is there."""
    begin, end = starts_of(RECORDS)[2], starts_of(RECORDS)[4]
    lay(tmp_path, crashed[:begin] + bytes(end - begin) + crashed[end:])
    assert replayed(tmp_path) == [*RECORDS[:2], (SPOKEN, 2, b"A2")]


def test_a_payload_cannot_pass_for_a_record(tmp_path: Path) -> None:
    """Bytes that look like an own vertex inside a damaged record are not taken for one: salts differ."""
    forger = Journal(tmp_path / "forger")
    forger.append(OWN, 2**40, b"never said")
    forger.sync()
    forged = (tmp_path / "forger" / FIRST).read_bytes()[HEAD_BYTES:]
    journal = Journal(tmp_path / "victim")
    journal.append(OTHER, 1, b"x" + forged)
    journal.sync()
    whole = (tmp_path / "victim" / FIRST).read_bytes()
    lay(tmp_path, flipped(whole, HEAD_BYTES + RECORD_BYTES))
    assert replayed(tmp_path) == []


def test_records_in_another_order_are_noticed(tmp_path: Path) -> None:
    """Each names the one before it."""
    journal = Journal(tmp_path)
    for record in ((OTHER, 1, b"a"), (OTHER, 1, b"b"), (OTHER, 1, b"c")):
        journal.append(*record)
    journal.close()
    whole, size = (tmp_path / FIRST).read_bytes(), RECORD_BYTES + 1
    first, second = (slice(HEAD_BYTES + place * size, HEAD_BYTES + (place + 1) * size) for place in (0, 1))
    lay(tmp_path, whole[:HEAD_BYTES] + whole[second] + whole[first] + whole[second.stop :])
    with pytest.raises(JournalError, match=f"offset {HEAD_BYTES}"):
        replayed(tmp_path)


def test_older_segments_must_be_whole_and_follow_each_other(tmp_path: Path) -> None:
    """Whatever is older than the newest segment was synced before that got its name."""
    journal = Journal(tmp_path / "live")
    for round_ in (1, 2):
        journal.append(OTHER, round_, b"x")
        journal.roll(round_, b"base")
    journal.close()
    names = sorted(path.name for path in (tmp_path / "live").glob("*.journal"))

    def damage(change: Callable[[Path], object]) -> None:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        change(shutil.copytree(tmp_path / "live", tmp_path / "copy"))
        with pytest.raises(JournalError):
            replayed(tmp_path / "copy")

    damage(lambda folder: (folder / names[1]).unlink())
    damage(lambda folder: (folder / names[0]).rename(folder / "000000000009.journal"))
    damage(lambda folder: shutil.copy(folder / names[0], folder / names[1]))
    damage(lambda folder: os.truncate(folder / names[0], HEAD_BYTES))
    damage(lambda folder: os.truncate(folder / names[2], HEAD_BYTES))
    damage(lambda folder: os.truncate(folder / names[2], 0))
    for name in names[:2]:
        for place in range((tmp_path / "live" / name).stat().st_size):
            damage(lambda folder, name=name, place=place: flip(folder / name, place))


def test_a_segment_half_made_when_the_power_went_is_no_segment(tmp_path: Path) -> None:
    """It gets its name only when it is whole."""
    journal = Journal(tmp_path)
    journal.append(*RECORDS[0])
    journal.close()
    (tmp_path / "000000000002.unfinished").write_bytes(b"WEFT")
    assert replayed(tmp_path) == RECORDS[:1]
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_journal_is_open_once(tmp_path: Path) -> None:
    """Two processes that spoke with one key would say two things in one slot."""
    with closing(Journal(tmp_path)), pytest.raises(LaunchError, match=str(tmp_path)):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_after_a_failed_sync_nothing_is_taken_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows what is on disk after it: a second sync that succeeds would be a lie."""
    journal = Journal(tmp_path)
    journal.append(*RECORDS[0])

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(journal_module.os, "fdatasync", fail)
    with pytest.raises(OSError, match="Input/output error"):
        journal.sync()
    monkeypatch.undo()
    calls: list[Callable[[], object]] = [
        journal.sync,
        lambda: journal.append(*RECORDS[0]),
        lambda: journal.roll(1, b""),
        lambda: journal.drop(1),
        lambda: list(journal.replay()),
    ]
    for call in calls:
        with pytest.raises(OSError, match="takes nothing since a write failed"):
            call()
    journal.close()


def test_a_full_disk_is_named_and_what_was_synced_survives_it(tiny_disk: Path) -> None:
    """On a real file system of half a mebibyte."""
    journal = Journal(tiny_disk)
    journal.append(*RECORDS[0])
    journal.sync()
    journal.append(OTHER, 1, bytes(1 << 20))
    with pytest.raises(DiskFullError, match=str(tiny_disk)):
        journal.sync()
    journal.close()
    assert replayed(tiny_disk) == RECORDS[:1]


def test_appending_goes_on_while_a_worker_syncs(tmp_path: Path) -> None:
    """Every record is there once, in the order of the appends."""
    journal = Journal(tmp_path)
    done = threading.Event()

    def sync() -> None:
        while not done.is_set():
            journal.sync()

    worker = threading.Thread(target=sync)
    worker.start()
    records = [(OTHER, number, number.to_bytes(4, "big")) for number in range(5000)]
    for record in records:
        journal.append(*record)
        if record[1] % 1000 == 999:
            journal.roll(record[1], b"")
    done.set()
    worker.join()
    journal.close()
    assert [record for record in replayed(tmp_path) if record[0] == OTHER] == records


def test_a_node_that_never_syncs_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Above a bound `append` writes the queue itself."""
    monkeypatch.setattr(journal_module, "QUEUED_BYTES_MAX", 1000)
    with closing(Journal(tmp_path)) as journal:
        journal.append(OTHER, 1, bytes(2000))
        assert (tmp_path / FIRST).stat().st_size > 2000


def replayed(folder: Path) -> list[tuple[int, int, bytes]]:
    """What the next start finds."""
    with closing(Journal(folder)) as journal:
        return list(journal.replay())


def lay(folder: Path, data: bytes) -> Path:
    """A folder with nothing but a first segment of these bytes."""
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / FIRST).write_bytes(data)
    return folder / FIRST


def starts_of(records: list[tuple[int, int, bytes]]) -> list[int]:
    """Where each record of a first segment begins."""
    starts = [HEAD_BYTES]
    for _, _, payload in records:
        starts.append(starts[-1] + RECORD_BYTES + len(payload))
    assert all(first < second for first, second in pairwise(starts))
    return starts[:-1]


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 0x10,)) + data[place + 1 :]


def flip(path: Path, place: int) -> None:
    path.write_bytes(flipped(path.read_bytes(), place))


def read_folder(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
