"""`weft verify` on copies of a real node's home: one flipped byte of any kind of stored thing is named."""

import shutil
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.functional.damage import flip, flip_in_row, rows_of, verify
from tests.functional.network import get, wait_for_agreement
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.execution.builtin.records import record_key
from weft.local import Network, free_port_base

DOCUMENT = {"text": "a document that stands in no other place"}


@dataclass(frozen=True)
class Stopped:
    """The home of a node that was stopped, and what stood in one of its blocks."""

    home: Path
    block: dict[str, Any]
    sha256: str


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    """A network that took records and a photo, and was stopped."""
    folder = tmp_path_factory.mktemp("verify")
    with Network(folder / "network", 3, "crash", free_port_base(3)) as network:
        with Client(network.urls) as client:
            client.files.put(write_samples(folder / "samples")[0])
            for number in range(5):
                client.records.put("kept", f"number-{number}", number)
            written = client.records.put("kept", "document", DOCUMENT)
            sha256 = client.files.search()["items"][0]["sha256"]
        wait_for_agreement(network)
        block = get(f"{network.urls[0]}/v1/blocks/{written['transaction']['height']}")
        network.stop()
        yield Stopped(network.configs[0].home, block, sha256)


@pytest.fixture
def home(stopped: Stopped, tmp_path: Path) -> Path:
    """A copy to damage."""
    return shutil.copytree(stopped.home, tmp_path / "copy")


def flip_block(stopped: Stopped, data: Path, part: bytes) -> None:
    """Flip a byte in the middle of something that a block holds."""
    row, value = next(item for item in rows_of(data, "blocks") if part in item[1])
    flip_in_row(data, "blocks", row, value, value.index(part) + len(part) // 2)


def flip_transaction(stopped: Stopped, data: Path) -> None:
    flip_block(stopped, data, b64decode(stopped.block["transactions"][0]["raw"]))


def flip_receipt(stopped: Stopped, data: Path) -> None:
    flip_block(stopped, data, b64decode(stopped.block["receipts"][0]["raw"]))


def flip_header(stopped: Stopped, data: Path) -> None:
    row, value = rows_of(data, "headers")[-1]
    flip_in_row(data, "headers", row, value, len(value) // 2)


def flip_state(stopped: Stopped, data: Path) -> None:
    wanted = record_key("kept", "document")
    row, value = next(item for item in rows_of(data, "state") if item[0] == wanted)
    flip_in_row(data, "state", row, value, len(value) - 1)


def flip_checkpoint(stopped: Stopped, data: Path) -> None:
    row, value = rows_of(data, "checkpoints")[-1]
    flip_in_row(data, "checkpoints", row, value, len(value) - 1)


def flip_journal(stopped: Stopped, data: Path) -> None:
    path = max((data / "journal").glob("*.journal"))
    flip(path, path.stat().st_size // 2)


def flip_attachment(stopped: Stopped, data: Path) -> None:
    for path in (data / "attachments").glob("*.content"):
        place = path.read_bytes().find(DOCUMENT["text"].encode())
        if place >= 0:
            flip(path, place)
            return
    raise AssertionError("the document stands in an attachment")


def flip_blob(stopped: Stopped, data: Path) -> None:
    (path,) = (data / "blobs").rglob(stopped.sha256)
    flip(path, path.stat().st_size // 2)


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (flip_transaction, "blocks"),
        (flip_receipt, "blocks"),
        (flip_header, "headers"),
        (flip_state, "state"),
        (flip_checkpoint, "checkpoints"),
        (flip_journal, ".journal"),
        (flip_attachment, ".content"),
        (flip_blob, "blobs"),
    ],
    ids=lambda value: value.__name__.removeprefix("flip_") if callable(value) else "",
)
def test_a_flipped_byte_is_named(
    stopped: Stopped, home: Path, damage: Callable[[Stopped, Path], None], named: str
) -> None:
    """Exit code 1, and the file or table in which the byte stands."""
    damage(stopped, home / "data")
    code, told = verify(home)
    assert code == 1, told
    assert named in told, told
    assert str(home) in told, told


def test_an_untouched_copy_verifies(home: Path) -> None:
    """The damage above is what is found there, and not something else."""
    code, told = verify(home)
    assert (code, told.splitlines()[-1]) == (0, "all verifies"), told
