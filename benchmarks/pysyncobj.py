"""PySyncObj: Raft in Python, a replicated dictionary within the program that uses it.

`python -m benchmarks.pysyncobj member …` is one of three processes, `… load …` a fourth, which takes no part
in agreement and uses the dictionary as any program would.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.process import HOST, LoadError, answers, free_ports, run_load, running, wait_until
from benchmarks.system import Costs, Kind, Load, MissingError
from weft.cli.bench import Figures, figures_of

MEMBERS = 3
TURN_S = 0.0005
IDLE_TURN_S = 0.05
PATIENCE_S = 30.0


class PySyncObj:
    """`is_batched` is its own switch: many entries in one message, or each at once."""

    members = MEMBERS
    costs = Costs(False, 0, 2)
    durability = (
        "journal file, mapped into memory, written before an entry is acknowledged; it never calls fsync or "
        "msync, so it survives a killed process and not a power cut: less than all others here"
    )
    lacks = (
        "no fsync, no signatures, no Byzantine faults, no clients of its own: the user's process is a member"
    )

    def __init__(self, is_batched: bool) -> None:
        self._is_batched = is_batched
        self.name = f"PySyncObj 3, {'batched' if is_batched else 'unbatched'}"
        self.kinds: frozenset[Kind] = frozenset(("saturate",) if is_batched else ("paced",))
        self.interface = (
            f"ReplDict.set with a callback, in a fourth process, appendEntriesUseBatch={is_batched}, "
            "its loop turned by the program (autoTick=False)"
        )

    def version(self) -> str:
        try:
            return version("pysyncobj")
        except PackageNotFoundError as error:
            raise MissingError("PySyncObj is not installed; `make peers` installs it") from error

    @contextmanager
    def start(self, folder: Path) -> Iterator["RunningPySyncObj"]:
        ports = free_ports(MEMBERS)
        addresses = [f"{HOST}:{port}" for port in ports]
        folders = [folder / f"m{member}" for member in range(MEMBERS)]
        for path in folders:
            path.mkdir()
        mode = ["--batched"] if self._is_batched else []
        commands = [
            _command("member", *mode, "--self", address, "--journal", str(path / "journal"), *addresses)
            for address, path in zip(addresses, folders, strict=True)
        ]
        log = folder / "log"
        with running(commands, log) as processes:
            wait_until(lambda: all(map(answers, ports)), processes, log)
            found = RunningPySyncObj([process.pid for process in processes], folders, addresses, mode)
            wait_until(found.is_ready, processes, log)
            yield found


class RunningPySyncObj:
    """Loaded by a process that opens the same dictionary."""

    def __init__(
        self, pids: Sequence[int], folders: Sequence[Path], addresses: Sequence[str], mode: Sequence[str]
    ) -> None:
        self.pids = pids
        self.folders = folders
        self._addresses = addresses
        self._mode = mode

    def measure(self, load: Load) -> Figures:
        asked = ("--load", msgspec.json.encode(load).decode())
        raw = run_load(_command("load", *self._mode, *asked, *self._addresses), load.seconds)
        return msgspec.json.decode(raw, type=Figures)

    def is_ready(self) -> bool:
        """Whether a record goes through."""
        try:
            return self.measure(Load(128, 10, 0.1, 1)).refused == 0
        except LoadError:
            return False


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.pysyncobj", *words]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m benchmarks.pysyncobj", description=__doc__)
    parser.add_argument("role", choices=("member", "load"))
    parser.add_argument("--batched", action="store_true")
    parser.add_argument("--self", dest="own")
    parser.add_argument("--journal")
    parser.add_argument("--load", type=lambda text: msgspec.json.decode(text, type=Load))
    parser.add_argument("addresses", nargs="+")
    options = parser.parse_args(arguments)
    others = [address for address in options.addresses if address != options.own]
    member, shared = _open(options.own, others, options.journal, options.batched)
    while options.role == "member":
        member.doTick(IDLE_TURN_S)
    sys.stdout.buffer.write(msgspec.json.encode(asdict(_Loading(member, shared, options.load).carry())))


def _open(own: str | None, others: Sequence[str], journal: str | None, is_batched: bool) -> tuple[Any, Any]:
    from pysyncobj import SyncObj, SyncObjConf
    from pysyncobj.batteries import ReplDict

    shared = ReplDict()
    settings = SyncObjConf(
        autoTick=False, appendEntriesUseBatch=is_batched, journalFile=journal, connectionRetryTime=0.2
    )
    return SyncObj(own, list(others), settings, consumers=[shared]), shared


class _Loading:
    def __init__(self, member: Any, shared: Any, load: Load) -> None:
        self._member = member
        self._shared = shared
        self._load = load
        self._run = str(time.time_ns())
        self._filler = "x" * load.size_bytes
        self._sent = 0
        self._refused = 0
        self._taken: list[float] = []

    def carry(self) -> Figures:
        """Everything that was asked for; raises TimeoutError when the members do not answer any more."""
        deadline = time.monotonic() + PATIENCE_S
        while not self._member.isReady():
            self._turn(deadline)
        self._begin = time.perf_counter()
        cpu = time.process_time()
        deadline = time.monotonic() + self._load.seconds + PATIENCE_S
        while self._send_due() or self._flying:
            self._turn(deadline)
        taken, cpu = time.perf_counter() - self._begin, time.process_time() - cpu
        route = f"one by one at {self._load.rate}/s" if self._load.rate else "in flight"
        return figures_of(route, self._taken, taken, self._refused, cpu)

    @property
    def _flying(self) -> int:
        return self._sent - self._refused - len(self._taken)

    def _turn(self, deadline: float) -> None:
        self._member.doTick(TURN_S)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{self._flying} of {self._sent} records were not answered")

    def _send_due(self) -> bool:
        """Send what is to be sent by now; whether there will be more."""
        load = self._load
        if load.rate:
            last = int(load.rate * load.seconds)
            while self._sent < last and self._due(self._sent) <= time.perf_counter():
                self._send(self._due(self._sent))
            return self._sent < last
        is_time_left = time.perf_counter() - self._begin < load.seconds
        while is_time_left and self._flying < load.in_flight:
            self._send(time.perf_counter())
        return is_time_left

    def _due(self, place: int) -> float:
        return self._begin + place / self._load.rate

    def _send(self, begun: float) -> None:
        self._sent += 1

        def answered(_: Any, error: Any) -> None:
            if error:
                self._refused += 1
            else:
                self._taken.append((time.perf_counter() - begun) * 1000)

        value = f"{self._sent:010}{self._filler}"[: self._load.size_bytes]
        self._shared.set(f"{self._run}-{self._sent}", value, callback=answered)


if __name__ == "__main__":
    main(sys.argv[1:])
