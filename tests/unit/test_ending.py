"""How a node ended, in words."""

import json
import signal
from pathlib import Path

import pytest

from weft.ending import Ending, describe_ending
from weft.model.errors import LaunchError

READY = json.dumps({"height": 0, "event": "node.ready", "level": "info"})
FAILED = {"code": "store.corrupt", "reason": "page 3 is torn", "fix": "Mend it.", "level": "error"}
PLAIN = "error: the key is open [home.key]\n  fix: chmod 600"
TRACEBACK = 'Traceback (most recent call last):\n  File "x.py", line 1\nKeyError: 1'
PEOPLE = "2026-11-27T12:00:00Z [error    ] node.failed    code=store.corrupt"
THROWN = json.dumps({"level": "error", "event": "node.failed", "exception": "Traceback\n  at x\nKeyError: 1"})


@pytest.mark.parametrize(
    ("log", "text", "fix"),
    [
        (json.dumps(FAILED), ": page 3 is torn [store.corrupt]", "Mend it."),
        (json.dumps(FAILED) + "\n" + READY, ": page 3 is torn [store.corrupt]", "Mend it."),
        (THROWN, ": KeyError: 1", LaunchError.fix),
        (PLAIN, ": the key is open [home.key]", "chmod 600"),
        (TRACEBACK, ": KeyError: 1", LaunchError.fix),
        (PEOPLE, ": " + PEOPLE, LaunchError.fix),
        (READY, "", LaunchError.fix),
        ("", "", LaunchError.fix),
        ("7\n[]", "", LaunchError.fix),
    ],
)
def test_a_failure_is_told_with_what_the_log_says_of_it(
    tmp_path: Path, log: str, text: str, fix: str
) -> None:
    """With code and fix, in whatever form it stands there; a line that is no error is no reason."""
    path = tmp_path / "node.log"
    path.write_text(READY + "\n" + log)
    assert describe_ending(1, path, 0) == Ending("ended with code 1" + text, fix, False)


def test_an_error_of_an_earlier_run_is_no_reason(tmp_path: Path) -> None:
    """Only what was written since this start counts; no log at all is none either."""
    path = tmp_path / "node.log"
    path.write_text(json.dumps(FAILED) + "\n")
    assert describe_ending(1, path, path.stat().st_size).text == "ended with code 1"
    assert describe_ending(1, tmp_path / "none", 0).text == "ended with code 1"


@pytest.mark.parametrize(
    ("code", "text", "was_asked"),
    [
        (0, "was stopped", True),
        (-signal.SIGTERM, "was killed by SIGTERM", True),
        (-signal.SIGKILL, "was killed by SIGKILL", False),
        (-signal.SIGBUS, "was killed by SIGBUS", False),
    ],
)
def test_a_signal_is_named_and_no_log_line_with_it(
    tmp_path: Path, code: int, text: str, was_asked: bool
) -> None:
    """Whatever stands last in the log was said before."""
    path = tmp_path / "node.log"
    path.write_text(json.dumps(FAILED))
    assert describe_ending(code, path, 0) == Ending(text, None, was_asked)
