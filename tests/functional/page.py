"""Pages of docs/operate whose commands are run as they stand, by a shell, on a real network.

A page speaks of the local network in ./weft-network on the usual ports; here it has other ports.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

OPERATE = Path(__file__).parents[2] / "docs" / "operate"
SHELL_S = 240
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PORT = re.compile(r"\b8([78])(\d\d)\b")


def scripts_of(path: Path) -> dict[str, str]:
    """The commands of a page by the heading that they stand under."""
    sections = _SECTION.findall(path.read_text(encoding="utf-8"))
    scripts = {heading: "\n".join(_BLOCK.findall(body)) for heading, body in sections}
    return {heading: script for heading, script in scripts.items() if script}


class Page:
    """One page. `tests/tidy/test_docs.py` sees that every section with commands is run by some test."""

    def __init__(self, name: str, folder: Path, port_base: int) -> None:
        self._scripts = scripts_of(OPERATE / name)
        self._folder = folder
        self._port_base = port_base

    def run(self, heading: str) -> str:
        """What the commands under a heading print; fails with what they say when one of them fails."""
        script = _PORT.sub(self._port, self._scripts[heading])
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        folders = {name: str(self._folder / "user") for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME")}
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self._folder, env=environment | folders | {"PATH": path},
            capture_output=True, text=True, check=False, timeout=SHELL_S,
        )  # fmt: skip
        assert done.returncode == 0, f"{heading}\n{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _port(self, found: re.Match[str]) -> str:
        """87xx and 88xx as this network has them."""
        return str(self._port_base + 100 * (int(found[1]) - 7) + int(found[2]))
