"""Every seed that ever failed, and a fresh sample.

The sample begins where the run of continuous integration says (`CI_RUN_NUMBER`), or else today: each run
tries seeds that nobody has tried. What fails is told with the command that runs it again.
"""

import json
import os
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weft.cli import app
from weft.simulation.campaign import Piece, run_range
from weft.simulation.report import command
from weft.simulation.scenario import ANYTHING

SEEDS = Path(__file__).with_name("seeds.json")
SAMPLE = int(os.environ.get("WEFT_SEEDS", "300"))
FRESH = 1_000_000_000
"""Fresh samples begin above all ranges that a record may hold."""


@pytest.mark.parametrize("kept", json.loads(SEEDS.read_bytes()), ids=lambda kept: kept["command"])
def test_a_seed_that_failed_once_passes(kept: dict[str, str]) -> None:
    """What was found stays found."""
    done = CliRunner().invoke(app, ["simulate", *shlex.split(kept["command"])])
    assert done.exit_code == 0, done.output


@pytest.mark.timeout(900)
def test_a_fresh_sample_breaks_no_promise(capsys: pytest.CaptureFixture[str]) -> None:
    """Other seeds each time."""
    number = os.environ.get("CI_RUN_NUMBER") or datetime.now(UTC).strftime("%Y%m%d")
    first = FRESH + int(number) % FRESH * 1_000
    broken: list[str] = []

    def note(piece: Piece) -> None:
        broken.extend(f"{one.promise}: {one.text}\n{command(one.seed, ANYTHING)}" for one in piece.violations)

    with capsys.disabled():
        sys.stdout.write(f"\n  seeds {first}..{first + SAMPLE - 1} ")
    run_range(first, first + SAMPLE - 1, ANYTHING, 2, None, note, piece=25)
    assert broken == [], "\n".join(broken)


@pytest.mark.parametrize("seed", [13, 49])
def test_a_seed_is_the_same_run_in_every_process(seed: int) -> None:
    """Whatever the order of sets and dicts of strings there; with keyed hashes, and with real signatures."""
    digests = [
        subprocess.run(
            (sys.executable, "-m", "weft", "simulate", "--seed", str(seed), "--rounds", "60"),
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("0", "1", "4242")
    ]
    assert "trace " in digests[0]
    assert digests[0] == digests[1] == digests[2]
