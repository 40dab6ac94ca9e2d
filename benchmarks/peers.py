"""The programs of the peers: where they are found, and how those in Go are built from their pinned sources.

`python -m benchmarks.peers` (`make peers`) gets all of them, and says what cannot be had.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from benchmarks.system import MissingError

SOURCE = Path(__file__).parent / "load"
BUILT = Path(__file__).parents[1] / "build" / "bench"
USUAL_PLACE = "/usr/local/go/bin/go"
GO_LEAST = (1, 23)
"""What go.mod asks for."""
TOOLCHAIN = "v0.0.1-go1.24.6"
"""Fetched through the module proxy where the machine's own Go is older."""
BUILD_SECONDS = 1800
COMETBFT = "github.com/cometbft/cometbft"


def find_etcd() -> str:
    """The command etcd."""
    found = shutil.which("etcd")
    if found is None:
        raise MissingError("there is no command etcd (Debian: apt-get install etcd-server; `make peers`)")
    return found


@cache
def build_load() -> str:
    """The load generator for the systems in Go."""
    return _build(".", "load")


@cache
def build_cometbft() -> str:
    """The command cometbft."""
    return _build(f"{COMETBFT}/cmd/cometbft", "cometbft")


def cometbft_version() -> str:
    """As pinned in go.mod."""
    found = re.search(rf"{COMETBFT} (v\S+)", (SOURCE / "go.mod").read_text(encoding="utf-8"))
    assert found is not None, "go.mod names it"
    return found[1]


def _build(package: str, name: str) -> str:
    target = BUILT / name
    command = [_find_go(), "build", "-buildvcs=false", "-trimpath", "-o", str(target), package]
    done = subprocess.run(
        command, cwd=SOURCE, capture_output=True, text=True, check=False, timeout=BUILD_SECONDS,
        env=os.environ | {"GOTOOLCHAIN": "local"},
    )  # fmt: skip
    if done.returncode:
        raise MissingError(f"{name} cannot be built: {done.stderr.strip()[-1000:]}")
    return str(target)


@cache
def _find_go() -> str:
    own = next(
        (path for path in (shutil.which("go"), USUAL_PLACE) if path and os.access(path, os.X_OK)), None
    )
    if own is None:
        raise MissingError("there is no command go (Debian: apt-get install golang-go; `make peers`)")
    return own if _go_version(own) >= GO_LEAST else _fetch_go(own)


def _go_version(go: str) -> tuple[int, ...]:
    told = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, re.findall(r"\d+", told)[:2]))


def _fetch_go(old: str) -> str:
    """A newer Go. Versions before 1.21 do not change themselves for another, but they fetch and check it as
    they do any module."""
    system, machine = (
        subprocess.run([old, "env", name], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("GOOS", "GOARCH")
    )
    module = f"golang.org/toolchain@{TOOLCHAIN}.{system}-{machine}"
    done = subprocess.run(
        [old, "mod", "download", "-json", module],
        cwd="/", capture_output=True, text=True, check=False, timeout=BUILD_SECONDS,
        env=os.environ | {"GOFLAGS": "-modcacherw"},
    )  # fmt: skip
    if done.returncode:
        raise MissingError(f"{module} cannot be fetched: {(done.stderr or done.stdout).strip()[-500:]}")
    root = Path(json.loads(done.stdout)["Dir"])
    # A module's files are not executable.
    for folder in (root / "bin", root / "pkg" / "tool"):
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(0o755)
    return str(root / "bin" / "go")


def main() -> int:
    missing = 0
    for get in (find_etcd, build_load, build_cometbft):
        try:
            sys.stdout.write(f"{get()}\n")
        except MissingError as error:
            missing += 1
            sys.stderr.write(f"MISSING: {error}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
