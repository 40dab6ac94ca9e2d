"""The uploader under fire: `python -m benchmarks.upload_story --files 5000 --gigabytes 2`.

Four real nodes, files of many sizes, the command `weft files put`. After a third of the files a node is
killed (SIGKILL), after a half the uploader is stopped (SIGINT) and started again, after two thirds the node
comes back. Then every node has every content once, and what each sends is of the right digest. Memory is
sampled.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from benchmarks.machine import describe_machine
from weft.apps.files.inspection import check_blobs
from weft.local import Network, free_port_base

NODES = 4
KILLED = 1
LARGE = 3
LARGE_SHARE = 20
"""So many files hold a twentieth of all bytes each."""
EQUAL_EVERY = 100
"""Every hundredth file is a copy of the one before it."""
SAMPLE_S = 0.5
POLL_S = 0.2
PATIENCE_S = 600.0
CHUNK_BYTES = 1 << 20


class StoryError(Exception):
    """It did not go as it must."""


@dataclass
class Told:
    """What the story came to. Memory is a process' own, without mapped files, in MiB: at first, after a
    quarter of the time, last, most."""

    files: int
    contents: int
    megabytes: float
    seconds: float = 0.0
    stored_by_first: int = 0
    stored_by_second: int = 0
    memory: dict[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        rate = f"{self.megabytes / self.seconds:.1f} MB/s, {self.files / self.seconds:.1f} files/s"
        lines = [
            f"{self.files} files, {self.contents} contents, {self.megabytes:.0f} MB",
            f"{self.seconds:.0f} s: {rate}",
            f"stored by the first uploader {self.stored_by_first}, by the second {self.stored_by_second}",
            "every digest right at every node, none twice, none missing",
            "memory, MiB without mapped files: first / after a quarter / last / most",
        ]
        lines += [
            f"  {name}: {' / '.join(f'{size:.0f}' for size in sizes)}" for name, sizes in self.memory.items()
        ]
        return "\n".join(lines)


def make_files(folder: Path, count: int, size_bytes: int, large_bytes: int) -> dict[Path, str]:
    """So many files together of about that size, three of them large; SHA-256 by path."""
    chance = random.Random(1)
    weights = [chance.lognormvariate(0, 1) for _ in range(count)]
    share = (size_bytes - LARGE * large_bytes) / sum(weights)
    sizes = [int(weight * share) for weight in weights]
    for place in range(LARGE):
        sizes[(place + 1) * count // (LARGE + 1)] = large_bytes
    made: dict[Path, str] = {}
    content = b""
    for number, size in enumerate(sizes):
        path = folder / f"{number // 500:03}" / f"{number:06}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number % EQUAL_EVERY != EQUAL_EVERY - 1:
            content = number.to_bytes(8, "big") + os.urandom(size)
        path.write_bytes(content)
        made[path] = hashlib.sha256(content).hexdigest()
    return made


class Memory:
    """Resident memory of processes by name, sampled while the block runs; pages of files do not count."""

    def __init__(self) -> None:
        self.processes: dict[str, Callable[[], int | None]] = {}
        self.seen: dict[str, list[float]] = {}
        self._is_over = threading.Event()

    @contextmanager
    def sampling(self) -> Iterator["Memory"]:
        thread = threading.Thread(target=self._sample)
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            thread.join()

    def summary(self) -> dict[str, tuple[float, ...]]:
        return {
            name: (some[0], some[len(some) // 4], some[-1], max(some)) for name, some in self.seen.items()
        }

    def _sample(self) -> None:
        while not self._is_over.wait(SAMPLE_S):
            for name, find in list(self.processes.items()):
                pid = find()
                with suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
                    size = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
                    self.seen.setdefault(name, []).append(size / 1024)


class Uploader:
    """One run of the command."""

    def __init__(self, network: Network, folder: Path, home: Path) -> None:
        urls = [word for url in network.urls for word in ("--url", url)]
        own = {"XDG_CONFIG_HOME": str(home / "config"), "XDG_STATE_HOME": str(home / "state")}
        self._rows = (home / f"rows{len(list(home.glob('rows*')))}.json").open("w+b")
        self.process = subprocess.Popen(
            (sys.executable, "-m", "weft", "files", "put", str(folder), "--json", *urls),
            stdout=self._rows,
            stderr=(home / "uploader.log").open("ab"),
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("WEFT_")},
                **own,
            },
            start_new_session=True,
        )

    def end(self, kind: signal.Signals | None = None) -> tuple[int, list[dict[str, Any]]]:
        """Its exit code and its rows."""
        if kind is not None:
            self.process.send_signal(kind)
        code = self.process.wait(PATIENCE_S)
        self._rows.seek(0)
        return code, json.loads(self._rows.read())


def tell(network: Network, home: Path, count: int, size_bytes: int, large_bytes: int | None = None) -> Told:
    """Tell the whole story on a network that runs; raises StoryError. What it needs lies in `home`."""
    folder = home / "files"
    made = make_files(folder, count, size_bytes, large_bytes or size_bytes // LARGE_SHARE)
    contents = Counter(made.values())
    told = Told(count, len(contents), sum(path.stat().st_size for path in made) / 1e6)
    with Memory().sampling() as memory:
        for node in range(NODES):
            memory.processes[f"node{node}"] = lambda node=node: network.find_process(node)  # type: ignore[misc]
        begun = time.perf_counter()
        first = Uploader(network, folder, home)
        memory.processes["first uploader"] = lambda: first.process.pid
        _wait_for(network, first, len(contents) // 3)
        network.kill(KILLED)
        _wait_for(network, first, len(contents) // 2)
        code, rows = first.end(signal.SIGINT)
        if code != 1:
            raise StoryError(f"the uploader that was stopped ended with {code}")
        told.stored_by_first = _count(rows, "stored")
        second = Uploader(network, folder, home)
        memory.processes["second uploader"] = lambda: second.process.pid
        _wait_for(network, second, 2 * len(contents) // 3)
        network.start([KILLED])
        code, rows = second.end()
        told.seconds = time.perf_counter() - begun
        told.stored_by_second = _count(rows, "stored")
        _check_rows(code, rows, made)
        network.wait_ready([KILLED])
        for node in range(NODES):
            _check_node(network.urls[node], set(contents), node)
            damaged = list(check_blobs(network.configs[node].data_path / "blobs", lambda *_: None))
            if damaged:
                raise StoryError(f"node{node}: {damaged[0]}")
    told.memory = memory.summary()
    return told


def _count(rows: list[dict[str, Any]], state: str) -> int:
    return sum(row["state"] == state for row in rows)


def _wait_for(network: Network, uploader: Uploader, count: int) -> None:
    """Return once so many files are stored; raises StoryError when the uploader ends before."""
    deadline = time.monotonic() + PATIENCE_S
    while _total(network.urls[0]) < count:
        if uploader.process.poll() is not None or time.monotonic() > deadline:
            raise StoryError(f"fewer than {count} files were stored while the uploader ran")
        time.sleep(POLL_S)


def _total(url: str) -> int:
    found: int = httpx.get(f"{url}/v1/files?limit=1", timeout=60, trust_env=False).json()["total"]
    return found


def _check_rows(code: int, rows: list[dict[str, Any]], made: dict[Path, str]) -> None:
    if code != 0 or any(row["state"] not in ("stored", "already there") for row in rows):
        raise StoryError(f"exit code {code}, {Counter(row['state'] for row in rows)}")
    if {row["path"]: row["sha256"] for row in rows} != {str(path): sha256 for path, sha256 in made.items()}:
        raise StoryError("the uploader speaks of other files than there are")


def _check_node(url: str, contents: set[str], node: int) -> None:
    """The node finds each content once and has it; a quarter of all is fetched from each node and hashed."""
    deadline = time.monotonic() + PATIENCE_S
    with httpx.Client(base_url=url, timeout=120, trust_env=False) as http:
        while not (held := _find_held(http, contents)) >= contents:
            if time.monotonic() > deadline:
                raise StoryError(f"{url} lacks {len(contents - held)} contents")
            time.sleep(1)
        files = list(_list_files(http))
        if len(files) != len(contents) or set(files) != {(one, sha256) for one, sha256 in files}:
            raise StoryError(f"{url} has {len(files)} files of {len(contents)} contents")
        if {sha256 for _, sha256 in files} != contents:
            raise StoryError(f"{url} has other contents")
        for id_, sha256 in sorted(files)[node::NODES]:
            running = hashlib.sha256()
            with http.stream("GET", f"/v1/files/{id_}/content") as answer:
                for chunk in answer.iter_bytes(CHUNK_BYTES):
                    running.update(chunk)
            if running.hexdigest() != sha256:
                raise StoryError(f"{url} sends other bytes for {id_}")


def _list_files(http: httpx.Client) -> Iterator[tuple[str, str]]:
    cursor: str | None = ""
    while cursor is not None:
        page = http.get("/v1/files", params={"limit": "1000"} | ({"cursor": cursor} if cursor else {})).json()
        yield from ((item["id"], item["sha256"]) for item in page["items"])
        cursor = page["next_cursor"]


def _find_held(http: httpx.Client, contents: set[str]) -> set[str]:
    """Those of which the node has the content itself."""
    owner = http.get("/v1/files?limit=1").json()["items"][0]["owner"]
    wanted, held = sorted(contents), set[str]()
    for place in range(0, len(wanted), 1000):
        asked = {"sha256": wanted[place : place + 1000], "owner": owner}
        items = http.post("/v1/files:known", json=asked).raise_for_status().json()["items"]
        held |= {item["sha256"] for item in items if item["held"]}
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description="The uploader under fire.")
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--folder", type=Path, default=Path("build/story"), help="emptied before and after")
    given = parser.parse_args()
    size_bytes = int(given.gigabytes * 1e9)
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    if shutil.disk_usage(given.folder).free < (NODES + 2) * size_bytes:
        sys.exit(f"{(NODES + 2) * size_bytes / 1e9:.0f} GB of disk are needed")
    try:
        with Network(given.folder / "network", NODES, "byzantine", free_port_base(NODES)) as network:
            told = tell(network, given.folder, given.files, size_bytes)
        sys.stdout.write(f"{describe_machine(given.folder)}\n{told.text}\n")
    finally:
        shutil.rmtree(given.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
