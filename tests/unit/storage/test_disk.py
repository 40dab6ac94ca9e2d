"""One process at a time uses a folder, and reading it changes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from weft.model.errors import LaunchError
from weft.storage.disk import Lock, reading


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    """Against this process and others, to write or to read, until the holder lets go or dies."""
    lock = Lock(tmp_path)
    with pytest.raises(LaunchError, match=str(tmp_path)):
        Lock(tmp_path)
    with pytest.raises(LaunchError, match=str(tmp_path)), reading(tmp_path):
        pass
    other = f"from pathlib import Path; from weft.storage.disk import Lock; Lock(Path({str(tmp_path)!r}))"
    refused = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=False)
    assert "another process uses the data folder" in refused.stderr
    lock.close()
    killed = subprocess.run(
        [sys.executable, "-c", other + "; import os; os.kill(os.getpid(), 9)"], check=False
    )
    assert killed.returncode == -9
    Lock(tmp_path).close()


def test_a_reader_keeps_writers_away_but_not_other_readers(tmp_path: Path) -> None:
    """So that nothing moves under a verification."""
    Lock(tmp_path).close()
    with reading(tmp_path), reading(tmp_path), pytest.raises(LaunchError):
        Lock(tmp_path)
    Lock(tmp_path).close()


def test_reading_a_folder_without_a_lock_makes_none(tmp_path: Path) -> None:
    """Reading changes nothing."""
    with reading(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
