"""Short trials of the ordinary suite: both fault models, both kinds of way between the nodes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fire.history import read_history

SECONDS = os.environ.pop("WEFT_FIRE_SECONDS", "6")
"""How long the nodes of each trial are under fire."""
SEED = os.environ.pop("WEFT_FIRE_SEED", "suite")
PATIENCE_S = 240 + 2 * float(SECONDS)


def fire(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tests.fire", "--seconds", SECONDS, "--seed", SEED, *arguments]


@pytest.mark.timeout(PATIENCE_S + 30)
@pytest.mark.parametrize(
    "network",
    [("--fault-model", "byzantine"), ("--fault-model", "crash", "--loopback")],
    ids=["four in namespaces", "three on loopback"],
)
def test_nothing_is_lost_or_doubled_under_fire_and_reads_are_current(
    network: tuple[str, ...], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed, paused, parted, slowed: every promise is checked, and the report keeps what clients saw."""
    report = tmp_path / "report.md"
    done = subprocess.run(
        fire(*network, "--report", str(report)),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    with capfd.disabled():
        sys.stderr.writelines(
            f"\n{line}" for line in done.stderr.splitlines() if line.isupper() or "NO " in line
        )
    assert done.returncode == 0, done.stderr
    history = read_history(report.with_suffix(".jsonl.xz"))
    assert sum(operation.outcome == "ok" for operation in history) > 50
    assert "linearizable | yes" in report.read_text(encoding="utf-8")


def test_a_trial_that_is_interrupted_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    """SIGINT to the process group, as a terminal sends it, while the nodes run."""
    trial = subprocess.Popen(
        fire("--folder", str(tmp_path)), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert trial.stderr is not None
    while "phase" not in trial.stderr.readline():
        assert trial.poll() is None
    mine = Path(f"/proc/{trial.pid}/task/{trial.pid}/children").read_text().split()
    assert mine or sys.platform != "linux"
    os.killpg(trial.pid, signal.SIGINT)
    trial.stderr.read()
    assert trial.wait(timeout=60) != 0
    assert list(tmp_path.iterdir()) == []
    assert _running_in(tmp_path) == []


def test_a_trial_that_is_killed_takes_its_nodes_with_it(tmp_path: Path) -> None:
    """SIGKILL leaves nobody time to clean up; only a folder stays."""
    trial = subprocess.Popen(fire("--folder", str(tmp_path)), stderr=subprocess.PIPE, text=True)
    assert trial.stderr is not None
    lines = []
    while "phase" not in (line := trial.stderr.readline()):
        assert trial.poll() is None
        lines.append(line)
    trial.kill()
    trial.wait()
    if any("NAMESPACE" in line for line in lines):
        pytest.skip("without namespaces nothing ends a node whose trial was killed")
    deadline = time.monotonic() + 30
    while _running_in(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _running_in(tmp_path) == []


def _running_in(folder: Path) -> list[str]:
    """Command lines of processes that name the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line and "-m tests.fire" not in line:
            found.append(line)
    return found
