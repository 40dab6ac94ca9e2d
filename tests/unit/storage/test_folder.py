"""One process at a time, and all three stores come back together."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.storage.made import GENESIS, ROOT
from weft.model.errors import LaunchError, StoreError
from weft.model.stored import OWN
from weft.model.transaction import Attachment
from weft.storage.disk import Lock, reading
from weft.storage.folder import Folder


def test_what_a_folder_keeps_comes_back(tmp_path: Path) -> None:
    """Journal, store and attachments."""
    attachment = Attachment(bytes(32), b"content")
    folder = Folder(tmp_path, GENESIS, [], ROOT)
    folder.journal.append(OWN, 1, b"A1")
    folder.attachments.put([attachment])
    folder.store.put_fact("name", b"value")
    folder.close()
    folder = Folder(tmp_path, GENESIS, [], ROOT)
    assert list(folder.journal.replay()) == [(OWN, 1, b"A1")]
    assert folder.attachments.find(attachment.commitment) == attachment
    assert folder.store.find_fact("name") == b"value"
    folder.close()


def test_a_second_opening_is_refused(tmp_path: Path) -> None:
    """From this process or another, to write or to read, until the first lets go or dies."""
    folder = Folder(tmp_path, GENESIS, [], ROOT)
    with pytest.raises(LaunchError, match=str(tmp_path)):
        Folder(tmp_path, GENESIS, [], ROOT)
    with pytest.raises(LaunchError, match=str(tmp_path)), reading(tmp_path):
        pass
    other = f"from pathlib import Path; from weft.storage.disk import Lock; Lock(Path({str(tmp_path)!r}))"
    refused = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
    assert "another process uses the data folder" in refused.stderr
    folder.close()
    killed = subprocess.run(
        [sys.executable, "-c", other + "; import os; os.kill(os.getpid(), 9)"], check=False
    )
    assert killed.returncode == -9
    Lock(tmp_path).close()


def test_a_reader_keeps_a_node_from_starting_but_not_other_readers(tmp_path: Path) -> None:
    """So that nothing moves under a verification."""
    Folder(tmp_path, GENESIS, [], ROOT).close()
    with reading(tmp_path), reading(tmp_path), pytest.raises(LaunchError):
        Folder(tmp_path, GENESIS, [], ROOT)
    Folder(tmp_path, GENESIS, [], ROOT).close()


def test_reading_a_folder_without_a_lock_makes_none(tmp_path: Path) -> None:
    """Reading changes nothing."""
    with reading(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_opened_is_let_go(tmp_path: Path) -> None:
    """The lock too."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "data.mdb").write_bytes(b"not LMDB" * 1000)
    with pytest.raises(StoreError):
        Folder(tmp_path, GENESIS, [], ROOT)
    Lock(tmp_path).close()
