"""Processes that the benchmark starts: what they use, and how they end. Nothing else is ever signalled."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

START_S = 60.0
STOP_S = 10.0
LOAD_SPARE_S = 120.0
"""How much longer than its own time a load may take: it signs before, and waits for the last answers."""
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
HOST = "127.0.0.1"


class LoadError(Exception):
    """A load generator failed; the text is what it said last."""


@contextmanager
def running(
    commands: Sequence[Sequence[str]], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start one process a command; end all of them with the context, by SIGKILL after ten seconds."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        with log.open("ab") as output:
            for command in commands:
                started.append(
                    subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output,
                        env=dict(environment) if environment else None,
                        start_new_session=True,
                    )
                )
        yield started
    finally:
        for process in started:
            # Each has a group of its own; what it has started is in it.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for process in started:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_until(holds: Callable[[], bool], processes: Sequence[subprocess.Popen[bytes]], log: Path) -> None:
    """Return once it holds; raises LoadError when a process ends first, or a minute does."""
    deadline = time.monotonic() + START_S
    while not holds():
        ended = [process.pid for process in processes if process.poll() is not None]
        if ended or time.monotonic() > deadline:
            words = log.read_text(errors="replace").strip().splitlines() or ["its log is empty"]
            raise LoadError(f"not ready (ended: {ended}): {words[-1][:500]}")
        time.sleep(0.05)


def run_load(command: Sequence[str], seconds: float) -> bytes:
    """Standard output of a load generator."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=seconds + LOAD_SPARE_S)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{command[0]} was not done {LOAD_SPARE_S:.0f} s after its time") from error
    if done.returncode:
        raise LoadError(f"{command[0]}: {done.stderr.decode(errors='replace').strip()[-1000:]}")
    return done.stdout


def cpu_seconds(roots: Sequence[int]) -> float:
    """Processor time, user and system, of these processes and all that they have started."""
    total = 0
    for pid in _families(roots):
        with suppress(OSError):
            # The second field is a name in brackets, and may hold blanks.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15]))
    return total / TICKS_A_SECOND


def memory_bytes(root: int) -> int:
    """Memory of a process and what it has started; what several share is counted in parts."""
    total = 0
    for pid in _families([root]):
        with suppress(OSError, StopIteration):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += 1024 * int(next(line for line in lines if line.startswith("Pss:")).split()[1])
    return total


def disk_bytes(folder: Path) -> int:
    """Bytes on disk under a folder; a hole in a file is not on disk."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.lstat().st_blocks * 512
    return total


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now, below those that systems take by themselves."""
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            if port not in found:
                found.append(port)
    return found


def answers(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _families(roots: Sequence[int]) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
    found = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found
