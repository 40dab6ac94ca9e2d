"""A wall clock that one process sees ahead: a small library in C before libc, and the file that it reads.

libfaketime would do it too, but also stands before all waiting: with it `time.sleep` of Python 3.11 fails.
"""

import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")
BUILT = Path(__file__).parents[2] / "build" / "fire" / "clock.so"
BUILD_SECONDS = 60
SECOND_NS = 1_000_000_000


class Clock:
    """The clock of one node, kept in a file. Made before the node starts."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.write_bytes(bytes(8))

    def put(self, ahead_s: float) -> None:
        """From now on it is ahead by so much."""
        with self._path.open("r+b", buffering=0) as file:
            file.write(struct.pack("=q", int(ahead_s * SECOND_NS)))

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process see it."""
        return {"LD_PRELOAD": build_clock() or "", "FIRE_CLOCK": str(self._path)}


@cache
def build_clock() -> str | None:
    """The library; None where no C compiler makes it."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    command = [compiler, "-O2", "-shared", "-fPIC", "-o", str(BUILT), str(SOURCE), "-ldl"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=BUILD_SECONDS)
    return None if done.returncode else str(BUILT)
