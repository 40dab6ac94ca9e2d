"""The index in several files: what it answers when something ends it between them, and while they change."""

import os
import random
import re
import shutil
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import apsw
import pytest

from tests.functional.test_full_disk import fill, small_disk
from tests.unit.apps.files.conftest import CHAIN
from tests.unit.apps.files.test_index import Library, bytes_of, words_of
from tests.unit.apps.files.test_search import make_file
from weft.apps.files import query as q
from weft.apps.files.index import FileView, sqlite, view, whereabouts
from weft.apps.files.index.catalogue import Catalogue
from weft.apps.files.index.era import Era
from weft.apps.files.index.sqlite import SqliteIndex
from weft.apps.files.index.whereabouts import Whereabouts
from weft.model.errors import DiskFullError

ERA_FILES = 8
COMMITS = 6
"""Of the last step: five eras and the catalogue."""


@pytest.fixture(autouse=True)
def small_eras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "ERA_FILES", ERA_FILES)


def file_of(number: int, title: str = "", content: int | None = None) -> FileView:
    return make_file(
        content or number,
        f"{number}.jpg",
        title=title or f"title{number}",
        tags=["all", f"tag{number % 3}"],
        taken_at=f"20{number % 20:02d}-05-01T00:00:00Z",
        location={"lat": float(number), "lon": 5.0},
    )


def named(file: FileView, number: int) -> FileView:
    return FileView(**{**{name: getattr(file, name) for name in FileView.__slots__}, "id": f"{number:032x}"})


def take_step(index: SqliteIndex, step: int) -> None:
    """The same however often it is done: 10 files more; in the last step files of five eras change, go and
    come, some with the content of others."""
    with index.writing((step + 1, 0)):
        for number in range(step * 10 + 1, step * 10 + 11 if step < 3 else step * 10 + 1):
            index.put(file_of(number), number << 20)
        if step == 3:
            index.put(named(file_of(31, content=2), 31), 31 << 20)
            index.put(file_of(12, title="changed"), 31 << 20)
            index.remove(file_of(3).id)
            index.remove(file_of(14).id)
            index.put(named(file_of(32, content=15), 32), 32 << 20)
            index.remove(named(file_of(40, content=20), 40).id)


def begin_story(folder: Path) -> SqliteIndex:
    index = SqliteIndex(folder, CHAIN)
    for step in range(3):
        take_step(index, step)
    with index.writing((3, 5)):
        index.put(named(file_of(40, content=20), 40), 30 << 20 | 5)
    return index


def answers(index: SqliteIndex) -> list[Any]:
    """All that is to be seen."""
    sorts = [
        index.search(q.Query((), sort, facets=q.FACETS), None, 100) for sort in ("created_at", "taken_at")
    ]
    asked = [
        q.Duplicated(),
        q.tag("tag1"),
        q.words("title*"),
        q.Box(0, 0, 10, 20),
        q.taken_from("2010-01-01"),
    ]
    found = [index.search(q.Query((one,), facets=q.FACETS), None, 100) for one in asked if one is not None]
    return [*sorts, *found, index.count_months(q.Query()), index.contents("", 100), index.cursor]


@pytest.fixture
def expected(tmp_path: Path) -> list[Any]:
    """What is to be seen when all has gone well."""
    index = begin_story(tmp_path / "well")
    take_step(index, 3)
    assert len(index._firsts) == 5
    found = answers(index)
    index.close()
    return found


@pytest.mark.parametrize("point", range(COMMITS))
def test_a_commit_that_fails_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, expected: list[Any], point: int
) -> None:
    """Whichever of the files had no room: the cursor stays, searches are answered, and the same rows once
    more make the index what it would have been."""
    index = begin_story(tmp_path / "files")
    with monkeypatch.context() as patch:
        fail_at(patch, point, full)
        with pytest.raises(DiskFullError):
            take_step(index, 3)
    assert index.cursor == (3, 5)
    assert index.search(q.Query((q.tag("all"),)), None, 100).total >= 29
    take_step(index, 3)
    assert answers(index) == expected
    index.scrub()
    assert b"title14" not in bytes_of(tmp_path / "files")
    index.close()


def full() -> None:
    raise apsw.FullError("no room")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail_at(patch: pytest.MonkeyPatch, point: int, end: Callable[[], None]) -> None:
    """Instead of the commit of this number, counted over eras and catalogue."""
    counted = iter(range(100))
    for kind in (Era, Catalogue):
        commit = kind.commit

        def commit_or_end(self: Any, commit: Any = commit) -> None:
            if next(counted) == point:
                end()
            commit(self)

        patch.setattr(kind, "commit", commit_or_end)


@pytest.mark.parametrize("point", range(COMMITS))
def test_a_process_killed_between_commits_loses_nothing(
    tmp_path: Path, expected: list[Any], point: int
) -> None:
    """The cursor is still where it was; what the follower then writes once more counts once, and of what went
    nothing is left."""
    folder = tmp_path / "files"
    begin_story(folder).close()
    child = os.fork()
    if not child:
        be_killed(folder, point)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    index = SqliteIndex(folder, CHAIN)
    assert index.cursor == (3, 5)
    take_step(index, 3)
    assert answers(index) == expected
    index.scrub()
    raw = bytes_of(folder)
    assert b"title14" not in raw
    assert b"title15" in raw
    index.close()


def be_killed(folder: Path, point: int) -> NoReturn:
    """What the process of the test above does, from its first line on a process of its own."""
    try:
        fail_at(pytest.MonkeyPatch(), point, die)
        take_step(SqliteIndex(folder, CHAIN), 3)
    finally:
        os._exit(1)


@pytest.mark.parametrize("number", range(4))
def test_a_file_that_lost_its_last_commits_takes_the_cursor_back(
    tmp_path: Path, expected: list[Any], number: int
) -> None:
    """As when power fails, and one file was synced later than another: the follower begins where it ends."""
    folder, kept = tmp_path / "files", tmp_path / "kept"
    begin_story(folder).close()
    shutil.copytree(folder, kept)
    index = SqliteIndex(folder, CHAIN)
    take_step(index, 3)
    index.close()
    name = f"era{number:03d}.sqlite"
    shutil.copy(kept / name, folder / name)
    index = SqliteIndex(folder, CHAIN)
    assert index.cursor < (4, 0)
    for step in range(index.cursor[0], 4):
        take_step(index, step)
    assert answers(index) == expected
    index.close()


def test_an_era_that_was_not_erased_from_is_not_written(tmp_path: Path) -> None:
    """Erasing rewrites the file that held it, and the catalogue."""
    index = begin_story(tmp_path / "files")
    for era in range(4):
        index._era(era).connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    before = {path.name: path.read_bytes() for path in (tmp_path / "files").glob("*.sqlite")}
    with index.writing((9, 0)):
        index.remove(file_of(12).id)
    index.scrub()
    after = {path.name: path.read_bytes() for path in (tmp_path / "files").glob("*.sqlite")}
    assert {name for name in after if after[name] != before[name]} == {"era001.sqlite", "catalogue.sqlite"}
    assert b"title12" in before["era001.sqlite"]
    assert b"title12" not in bytes_of(tmp_path / "files")
    index.close()


def test_who_dies_before_scrubbing_scrubs_when_it_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That there is something to scrub is written with the removal."""
    monkeypatch.setattr(sqlite, "ERA_FILES", 100)
    index = SqliteIndex(tmp_path / "files", CHAIN)
    library = Library(index, 1)
    for _ in range(40):
        library.change(8, 3)
    dead = shutil.copytree(tmp_path / "files", tmp_path / "dead")
    gone = words_of(library.gone)
    assert gone & set(re.findall(rb"[a-z]{14}", bytes_of(dead)))
    SqliteIndex(dead, CHAIN).close()
    assert gone & set(re.findall(rb"[a-z]{14}", bytes_of(dead))) == set()
    index.close()


def test_an_index_in_one_file_makes_way(tmp_path: Path) -> None:
    """Of an older version: a new one is begun, and nothing is left there that may have to be erased."""
    for name in ("files.sqlite", "files.sqlite-wal"):
        (tmp_path / name).write_bytes(b"words of before")
    index = SqliteIndex(tmp_path / "files", CHAIN)
    assert index.cursor == (0, -1)
    assert b"words of before" not in bytes_of(tmp_path)
    index.close()


def test_a_search_sees_one_state_of_all_files(tmp_path: Path) -> None:
    """Each commit takes a file out of one era and puts one into another: there are never more or fewer."""
    index = begin_story(tmp_path / "files")
    ended = threading.Event()
    wrong: list[Any] = []

    def look() -> None:
        while not ended.is_set():
            asked = index.search(q.Query((q.tag("all"),), facets=("tags",)), None, 5)
            kept = index.search(q.Query(facets=("tags",)), None, 5)
            if {asked.total, asked.facets["tags"]["all"], kept.total, kept.facets["tags"]["all"]} != {31}:
                wrong.append((asked.total, asked.facets, kept.total, kept.facets))

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    chance = random.Random(1)
    present = [*range(1, 31), 40]
    try:
        for number in range(50, 200):
            with index.writing((number, 0)):
                gone = present.pop(chance.randrange(len(present)))
                index.remove(f"{gone:032x}")
                index.put(file_of(number), number << 20)
                present.append(number)
            if number % 20 == 0:
                index.scrub()
    finally:
        ended.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    index.close()


def test_an_era_that_moved_on_is_not_mixed_with_an_older_catalogue(tmp_path: Path) -> None:
    """A search that finds one begins again, and then the writer waits."""
    index = begin_story(tmp_path / "files")
    looked: list[int] = []

    def ask(one: view.View) -> int:
        looked.append(one.cursor[0])
        if len(looked) == 1:
            with index.writing((9, 0)):
                index.put(file_of(50), 50 << 20)
        connection = one.open(one.eras()[0])
        return int(next(connection.execute("SELECT count(*) FROM file"))[0])  # type: ignore[arg-type]

    count = index.read(ask)
    assert looked == [3, 9]
    assert count == index.read(ask)
    index.close()


def test_however_many_eras_few_files_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search lets go of one era before it takes more than it may hold."""
    monkeypatch.setattr(sqlite, "ERA_FILES", 1)
    monkeypatch.setattr(view, "HELD_MAX", 3)
    monkeypatch.setattr(view, "CONNECTIONS_MAX", 12)
    index = SqliteIndex(tmp_path / "files", CHAIN)
    for number in range(1, 31):
        with index.writing((number, 0)):
            index.put(file_of(number), number << 20)
    for sort in ("created_at", "taken_at", "relevance"):
        wanted = q.words("title*")
        assert wanted is not None
        found = index.search(q.Query((wanted,), sort), None, 100)
        assert len(found.files) == 30
    assert len(index.contents("", 100)) == 30
    opened = [path.resolve() for path in Path("/proc/self/fd").iterdir()]
    eras = [path for path in opened if tmp_path in path.parents and path.name.startswith("era")]
    assert 0 < len(eras) <= 3 * (12 + sqlite.WRITERS_MAX + 4)
    index.close()


def test_contents_of_all_eras_come_in_one_order(tmp_path: Path) -> None:
    """Each once, whatever the length of a page."""
    index = begin_story(tmp_path / "files")
    every = sorted({file.sha256 or "" for file in index.search(q.Query(), None, 100).files})
    found: list[str] = []
    while page := index.contents(found[-1] if found else "", 4):
        assert len(page) <= 4
        found += page
    assert found == every
    assert index.contents("ff" * 32, 4) == []
    index.close()


@pytest.mark.parametrize("recent_max", [3, 1000])
def test_no_era_of_a_key_is_left_out(monkeypatch: pytest.MonkeyPatch, recent_max: int) -> None:
    """Whether it is among the recent ones or was sorted in."""
    monkeypatch.setattr(whereabouts, "RECENT_MAX", recent_max)
    chance = random.Random(7)
    keys = [chance.randbytes(32) for _ in range(50)]
    eras: dict[bytes, set[int]] = {key: set() for key in keys}
    known = Whereabouts(b"".join(key[:6] + b"\x01\x02" for key in keys[:20]))
    for key in keys[:20]:
        eras[key].add(258)
    for _ in range(200):
        key, era = chance.choice(keys), chance.randrange(5)
        known.add(key, era)
        eras[key].add(era)
    assert {key: set(known.find(key)) for key in keys} == eras
    assert known.find(chance.randbytes(32)) == []


def test_the_end_of_a_stretch_lies_behind_its_beginning() -> None:
    """And about as many keys between them as were asked for."""
    chance = random.Random(3)
    keys = sorted(chance.randbytes(32) for _ in range(100))
    known = Whereabouts(b"".join(key[:6] + b"\0\0" for key in keys))
    ends = [known.stretch(key, 10) for key in keys]
    assert ends[:89] == [key[:6] for key in keys[11:]]
    assert set(ends[89:]) == {None}


def test_keys_that_were_chosen_alike_lie_apart() -> None:
    """Nobody makes the index look into every era by choosing the ids of files."""
    begun = {whereabouts.spread(bytes(15) + bytes([number])) for number in range(200)}
    assert len(begun) == 200
    assert {len(begin) for begin in begun} == {whereabouts.KEY_BYTES}


def test_a_disk_without_room_is_named_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there is none to write, to begin an era or to open one again."""
    monkeypatch.setattr(sqlite, "ERA_FILES", 1)
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder):
        index = SqliteIndex(folder / "files", CHAIN)
        for number in range(1, 15):
            put_one(index, number)
        for room in (0, 40_000, 70_000, 100_000):
            filler = fill(folder, room)
            for number in (1, 20):
                with suppress(DiskFullError):
                    put_one(index, number)
            with suppress(DiskFullError):
                index.search(q.Query((q.tag("all"),), "taken_at"), None, 100)
            filler.unlink()
        put_one(index, 20)
        assert index.search(q.Query((q.tag("all"),), facets=("tags",)), None, 100).facets["tags"]["all"] == 15
        assert index.search(q.Query(facets=("tags",)), None, 100).facets["tags"]["all"] == 15
        index.close()


def put_one(index: SqliteIndex, number: int) -> None:
    with index.writing((number, 0)):
        index.put(file_of(number), number << 20)
