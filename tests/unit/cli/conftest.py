"""The command line in this process: what `main` prints and the code it exits with."""

import io
import os
import sys
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path

import pytest

from weft.cli import main


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def weft(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command; keywords are variables of the environment. A user's own folder is this test's."""

    def run(*words: object, stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("WEFT_")]:
                patch.delenv(name)
            own = {"XDG_CONFIG_HOME": str(tmp_path / "user"), "XDG_STATE_HOME": str(tmp_path / "state")}
            for name, value in {**own, **environment}.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["weft", *map(str, words)])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            capsys.readouterr()
            with pytest.raises(SystemExit) as exit_:
                # A token is remembered for the rest of a command, not for the next.
                copy_context().run(main)
        code = exit_.value.code
        assert code is None or isinstance(code, int)
        return Done(code or 0, *capsys.readouterr())

    return run
