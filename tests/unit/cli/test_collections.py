"""`weft collections` against a real node: files put together, and what is wrong use."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Done, Run
from weft.local import Network, free_port_base

NOBODY = "ab" * 16
"""An id that no collection and no file has."""


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    with Network(tmp_path_factory.mktemp("collections") / "network", 1, port_base=free_port_base(1)) as made:
        yield made


@pytest.fixture
def ask(weft: Run, network: Network) -> Run:
    """The command with the network's address."""
    return lambda *words, **more: weft(*words, "--url", network.urls[0], **more)


@pytest.fixture
def files(ask: Run, tmp_path: Path) -> list[str]:
    """Three files: their ids."""
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    return [row["id"] for row in facts(ask("files", "put", *sorted(tmp_path.glob("*.txt")), "--json"))]


def facts(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_files_come_into_a_collection_and_go(ask: Run, files: list[str]) -> None:
    """Each change is told; what is there already stays so; the files themselves stay."""
    id_ = facts(ask("collections", "create", "Summer", "--json"))["id"]
    assert facts(ask("collections", "show", id_, "--json"))["files"] == 0
    assert facts(ask("collections", "add", id_, *files, "--json"))["transaction"]["height"] > 0
    ask("collections", "add", id_, files[0])
    assert facts(ask("collections", "show", id_, "--json"))["files"] == 3
    facts(ask("collections", "remove", id_, files[1], "--json"))
    found = facts(ask("files", "search", "--collection", id_, "--json"))["items"]
    assert {file["id"] for file in found} == {files[0], files[2]}
    assert ask("files", "show", files[1]).returncode == 0


def test_a_collection_is_renamed_listed_and_deleted(ask: Run, files: list[str]) -> None:
    """By its new name in tables and in JSON; afterwards it is known to nobody, and its files are."""
    id_ = facts(ask("collections", "create", "Nmae", "--json"))["id"]
    ask("collections", "add", id_, files[0])
    assert ask("collections", "rename", id_, "Name of it").returncode == 0
    assert [one["name"] for one in facts(ask("collections", "list", "--json")) if one["id"] == id_] == [
        "Name of it"
    ]
    table = ask("collections", "list").stdout.splitlines()
    assert table[0].split() == ["id", "files", "owner", "updated", "at", "name"]
    assert next(line for line in table if id_ in line).endswith("Name of it")
    assert ask("collections", "show", id_).stdout.splitlines()[1] == "name         Name of it"
    assert ask("collections", "delete", id_).returncode == 0
    assert id_ not in ask("collections", "list").stdout
    gone = ask("collections", "show", id_)
    assert (gone.returncode, gone.stdout) == (1, "")
    assert "collection.unknown" in gone.stderr
    assert ask("files", "show", files[0]).returncode == 0


def test_a_collection_is_shared_with_another_account_and_no_longer(
    ask: Run, files: list[str], tmp_path: Path
) -> None:
    """Whoever it is not shared with adds nothing, and nobody but its owner renames it."""
    other = tmp_path / "other.json"
    account = facts(ask("collections", "create", "Theirs", "--json", "--key", other))["id"]
    owner = facts(ask("collections", "show", account, "--json"))["owner"]
    id_ = facts(ask("collections", "create", "Ours", "--json"))["id"]
    refused = ask("collections", "add", id_, files[0], "--key", other)
    assert refused.returncode == 1
    assert "collections.owner" in refused.stderr
    assert ask("collections", "share", id_, owner).returncode == 0
    assert facts(ask("collections", "show", id_, "--json"))["writers"] == [owner]
    assert ask("collections", "add", id_, files[0], "--key", other).returncode == 0
    assert ask("collections", "rename", id_, "Mine", "--key", other).returncode == 1
    assert ask("collections", "share", id_, owner, "--stop").returncode == 0
    assert facts(ask("collections", "show", id_, "--json"))["writers"] == []
    assert ask("collections", "remove", id_, files[0], "--key", other).returncode == 1


@pytest.mark.parametrize(
    "words",
    [
        ("show", "zz"),
        ("add", NOBODY, "zz"),
        ("remove", NOBODY.upper(), NOBODY),
        ("add", NOBODY),
        ("share", NOBODY, NOBODY),
        ("create", " "),
        ("rename", NOBODY, "x" * 201),
    ],
)
def test_what_can_be_no_id_account_or_name_is_wrong_use(ask: Run, words: tuple[str, ...]) -> None:
    """It is noticed before anything is signed."""
    done = ask("collections", *words)
    assert (done.returncode, done.stdout) == (2, "")


def test_what_is_not_there_is_named(ask: Run) -> None:
    """A collection that nobody made is a failure with a code and a way out, not a mistake of ours."""
    for words in (("show", NOBODY), ("rename", NOBODY, "x"), ("add", NOBODY, NOBODY), ("delete", NOBODY)):
        done = ask("collections", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "error: " in done.stderr
        assert "fix: " in done.stderr
        assert "[collection" in done.stderr
