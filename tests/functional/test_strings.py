"""The experiment that the project began with, run as a user runs it: 3,000 strings to random nodes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from weft.local import Network
from weft.model.committee import FaultModel

PROGRAM = Path(__file__).parents[2] / "examples" / "three_thousand_strings.py"


@pytest.mark.parametrize(("nodes", "fault_model"), [(3, "crash"), (4, "byzantine")])
def test_every_string_is_acknowledged_and_stands_once_on_every_node(
    nodes: int, fault_model: FaultModel, tmp_path: Path
) -> None:
    """The program finds nothing wrong, and shows the same head and state root for all nodes."""
    home = tmp_path / "network"
    options = ["--nodes", str(nodes), "--fault-model", fault_model, "--home", str(home)]
    try:
        done = subprocess.run(
            [sys.executable, PROGRAM, *options], capture_output=True, text=True, timeout=120
        )
    finally:
        if home.exists():
            Network.find(home).stop_all()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3000 of 3000 strings acknowledged" in done.stdout
    heads = re.findall(r"^node\d  (height \d+  head \w+  state root \w+)$", done.stdout, re.MULTILINE)
    assert len(heads) == nodes
    assert len(set(heads)) == 1
