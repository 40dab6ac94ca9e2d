"""The index as files on a disk: what it holds, and what it must not hold any more."""

import random
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

import apsw
import pytest

from tests.unit.apps.files.conftest import CHAIN
from tests.unit.apps.files.test_search import make_file
from weft.apps.files import query as q
from weft.apps.files.index import FileView, Index, sqlite
from weft.apps.files.index.sqlite import SqliteIndex


class Library:
    """Random files that come, change and go; every word in them is used once."""

    def __init__(self, index: Index, seed: int) -> None:
        self.index = index
        self.chance = random.Random(seed)
        self.files: dict[str, FileView] = {}
        self.gone: list[FileView] = []
        self.count = 0

    def word(self) -> str:
        return "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz", k=14))

    def make(self) -> FileView:
        self.count += 1
        location = {"lat": self.chance.uniform(-89, 89), "lon": self.chance.uniform(-179, 179)}
        return make_file(
            self.count,
            f"{self.word()}.jpg",
            title=self.word(),
            description=" ".join(self.word() for _ in range(self.chance.choice((2, 20, 120)))),
            tags=[self.word(), "sea"],
            camera=self.word(),
            location=location,
            custom={"note": self.word()},
        )

    def change(self, comings: int, goings: int) -> None:
        with self.index.writing((self.count + 1, 0)):
            for _ in range(comings):
                file = self.make()
                self.files[file.id] = file
                self.index.put(file, self.count << 20)
            for id_ in self.chance.sample(sorted(self.files), min(goings, len(self.files))):
                self.gone.append(self.files.pop(id_))
                self.index.remove(id_)


def words_of(files: Iterator[FileView] | list[FileView]) -> set[bytes]:
    return {word.encode() for file in files for word in re.findall(r"\b[a-z]{14}\b", repr(file))}


def numbers_of(files: Iterable[FileView]) -> Iterator[bytes]:
    """Positions as the tree and the table keep them."""
    for file in files:
        lat, lon = (struct.pack(">i", q.to_units(one)) for one in file.metadata["location"].values())
        yield lat + lat
        yield lat + lon


def bytes_of(folder: Path) -> bytes:
    """Of all files in it."""
    return b"\0".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("era_files", [70, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_no_byte_of_a_removed_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, era_files: int
) -> None:
    """Neither name, words, digest nor position, in any file of the index, however pages moved meanwhile, in
    one era or in several."""
    monkeypatch.setattr(sqlite, "ERA_FILES", era_files)
    index = SqliteIndex(tmp_path / "files", CHAIN)
    library = Library(index, seed)
    for _ in range(60):
        library.change(library.chance.randint(1, 12), library.chance.choice((0, 2, 6)))
    index.scrub()
    raw = bytes_of(tmp_path)
    found = set(re.findall(rb"[a-z]{14}", raw))
    kept = words_of(list(library.files.values()))
    assert kept <= found
    assert words_of(library.gone) & found == set()
    assert [file.sha256 for file in library.gone if bytes.fromhex(file.sha256 or "") in raw] == []
    assert any(bytes.fromhex(file.sha256 or "") in raw for file in library.files.values())
    assert [number for number in numbers_of(library.gone) if number in raw] == []
    assert any(number in raw for number in numbers_of(library.files.values()))
    index.close()


def test_the_planted_leak_is_found(tmp_path: Path) -> None:
    """Without `scrub` the search through the bytes does find what was removed."""
    index = SqliteIndex(tmp_path / "files", CHAIN)
    library = Library(index, 1)
    for _ in range(60):
        library.change(8, 3)
    raw = bytes_of(tmp_path)
    assert words_of(library.gone) & set(re.findall(rb"[a-z]{14}", raw))
    index.close()


def test_an_index_is_found_again(tmp_path: Path) -> None:
    """Rows and cursor."""
    index = SqliteIndex(tmp_path / "files", CHAIN)
    with index.writing((5, 3)):
        index.put(make_file(1, "a.jpg"), 1)
    index.close()
    index = SqliteIndex(tmp_path / "files", CHAIN)
    assert index.cursor == (5, 3)
    assert index.search(q.Query(), None, 10).files == (make_file(1, "a.jpg"),)
    index.close()


def test_metadata_comes_back_as_it_was(tmp_path: Path) -> None:
    """Also numbers that no machine word holds."""
    index = SqliteIndex(tmp_path / "files", CHAIN)
    custom = {"large": 10**40, "small": 0.1, "deep": [{"é": None}, True, -0.0, 2**63]}
    with index.writing((1, 0)):
        index.put(make_file(1, "a.jpg", custom=custom), 1)
    assert index.search(q.Query(), None, 1).files[0].metadata == {"custom": custom}
    index.close()


def test_a_change_that_fails_leaves_rows_and_cursor(tmp_path: Path) -> None:
    """They are written together or not at all."""
    index = SqliteIndex(tmp_path / "files", CHAIN)

    def write_half() -> None:
        with index.writing((5, 3)):
            index.put(make_file(1, "a.jpg"), 1)
            raise LookupError

    with pytest.raises(LookupError):
        write_half()
    assert index.cursor == (0, -1)
    assert index.search(q.Query(), None, 10).total == 0
    index.close()


@pytest.mark.parametrize("name", ["catalogue.sqlite", "era000.sqlite"])
@pytest.mark.parametrize("harm", ["noise", "version", "chain", "page", "missing"])
def test_an_index_that_cannot_be_trusted_is_begun_anew(tmp_path: Path, harm: str, name: str) -> None:
    """It is derived: the follower fills it again."""
    folder = tmp_path / "files"
    index = SqliteIndex(folder, CHAIN)
    with index.writing((5, 3)):
        for number in range(1, 200):
            index.put(make_file(number, f"{number}.jpg", title="word " * 50), number)
    index.close()
    path = folder / name
    raw = path.read_bytes()
    if harm == "noise":
        path.write_bytes(b"noise" * 1000)
    if harm == "page":
        path.write_bytes(raw[: len(raw) // 2] + bytes(4096 * 4) + raw[len(raw) // 2 + 4096 * 4 :])
    if harm == "version":
        connection = apsw.Connection(str(path))
        connection.pragma("user_version", 2)
        connection.close()
    if harm == "missing":
        path.unlink()
    index = SqliteIndex(folder, b"x" * 32 if harm == "chain" else CHAIN)
    assert index.cursor == (0, -1)
    assert index.search(q.Query(), None, 10).total == 0
    index.close()


def test_a_changed_file_keeps_its_place(tmp_path: Path) -> None:
    """Newest first means newest made."""
    index = SqliteIndex(tmp_path / "files", CHAIN)
    with index.writing((3, 0)):
        index.put(make_file(1, "old.jpg"), 1 << 20)
        index.put(make_file(2, "new.jpg"), 2 << 20)
        index.put(make_file(1, "old.jpg", title="changed"), 3 << 20)
    found = index.search(q.Query(), None, 10)
    assert [file.name for file in found.files] == ["new.jpg", "old.jpg"]
    assert found.files[1].metadata == {"title": "changed"}
    index.close()


def test_a_closed_index_fails_and_holds_nobody_up(tmp_path: Path) -> None:
    """A thread that still reads when the node ends would otherwise keep it from ending."""
    index = SqliteIndex(tmp_path / "files", CHAIN)
    index.close()
    with pytest.raises(apsw.ConnectionClosedError):
        index.contents("", 1)
