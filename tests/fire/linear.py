"""Linearizability, judged by Porcupine (github.com/anishathalye/porcupine) through a small program in Go."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.fire.history import Operation, encode_line

SOURCE = Path(__file__).parent / "porcupine"
BUILT = Path(__file__).parents[2] / "build" / "fire" / "porcupine"
USUAL_PLACE = "/usr/local/go/bin/go"
SECONDS_A_KEY = 600
BUILD_SECONDS = 300


class JudgeError(Exception):
    """The judge cannot be had, or could not use the history."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`is_linearizable` is None when a key took longer than the judge was given."""

    is_linearizable: bool | None
    text: str


def judge(operations: Iterable[Operation], seconds_a_key: int = SECONDS_A_KEY) -> Verdict:
    """Whether one order of all operations explains every answer."""
    lines = b"".join(map(encode_line, operations))
    command = [build_judge(), f"-seconds={seconds_a_key}"]
    done = subprocess.run(command, input=lines, capture_output=True, check=False)
    text = (done.stdout + done.stderr).decode().strip()
    if done.returncode not in (0, 1, 3):
        raise JudgeError(f"Porcupine cannot use the history: {text}")
    return Verdict({0: True, 1: False, 3: None}[done.returncode], text)


@cache
def build_judge() -> str:
    """The program, built from its pinned sources."""
    go = shutil.which("go") or (USUAL_PLACE if os.access(USUAL_PLACE, os.X_OK) else None)
    if go is None:
        raise JudgeError(
            "the judge of histories is written in Go, and there is no command go: install Go 1.19 or newer "
            "(`make machine` does on Debian; or go.dev/dl)"
        )
    command = [go, "build", "-buildvcs=false", "-o", str(BUILT), "."]
    done = subprocess.run(
        command, cwd=SOURCE, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS
    )
    if done.returncode:
        raise JudgeError(f"the judge of histories cannot be built: {done.stderr.strip()}")
    return str(BUILT)
