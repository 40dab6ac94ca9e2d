"""The web application's own tests: layout, search, and a captured proof."""

import shutil
import subprocess

import pytest

from tests.tidy.tree import ROOT

UI = ROOT / "ui"


def test_the_units_of_the_web_application_do_what_they_promise() -> None:
    """Vitest runs them, and says which one does not."""
    npm = shutil.which("npm")
    if npm is None or not (UI / "node_modules").is_dir():
        pytest.skip("the web application is not built here; make ui builds it")
    done = subprocess.run([npm, "test", "--silent"], cwd=UI, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
