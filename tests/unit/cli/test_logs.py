"""A node's log."""

import errno
import logging
import sys
from io import StringIO

import pytest
import structlog

from weft.cli.logs import set_up_logs


class FullDisk(StringIO):
    """Where no line finds room."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_line_that_finds_no_room_disturbs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what a node logs itself nor what a library does; the next line is written again."""
    monkeypatch.setattr(sys, "stderr", FullDisk())
    set_up_logs("info", "json")
    try:
        structlog.get_logger("weft.test").error("lost")
        logging.getLogger("library").error("lost")
        monkeypatch.setattr(sys, "stderr", written := StringIO())
        structlog.get_logger("weft.test").error("kept")
    finally:
        structlog.reset_defaults()
        logging.basicConfig(force=True)
    assert "kept" in written.getvalue()
    assert "lost" not in written.getvalue()
