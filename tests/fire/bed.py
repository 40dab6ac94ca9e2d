"""The test bed: real nodes as processes, and all that is done to them."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx

from tests.fire.clock import Clock, build_clock
from tests.fire.fabric import Carrier, Place
from weft.local import Network, free_port_base
from weft.model.committee import FaultModel

STOP_SECONDS = 20.0
ANSWER_SECONDS = 2.0
VERIFY_SECONDS = 1200
ROOM_BYTES = 64 << 20
"""Left on a disk that is not meant to be full: as much as a node wants to have."""


class Bed:
    """A network of nodes in `folder`. Only processes that this object started are ever signalled."""

    def __init__(self, folder: Path, nodes: int, fault_model: FaultModel, carrier: Carrier) -> None:
        self.count = nodes
        self.tolerated = (nodes - 1) // (2 if fault_model == "crash" else 3)
        self.conditions = carrier.conditions
        self._carrier = carrier
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._clocks: dict[int, Clock] = {}
        network = Network(folder / "network", nodes, fault_model, free_port_base(nodes))
        self.homes = [config.home for config in network.configs]
        for node, home in enumerate(self.homes):
            _settle(home, node, carrier.place(node))
        self.urls = [f"http://{place.host}:{place.api_port}" for place in map(carrier.place, range(nodes))]
        self.http = httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False)
        self.ended: dict[int, str] = {}
        """Nodes that ended although nobody ended them, and their last words."""

    async def close(self) -> None:
        """End every process; what lay on small disks lies in the folder afterwards."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
        for process in self._processes.values():
            await asyncio.to_thread(process.wait)
        await self.http.aclose()
        for home in self.homes:
            if home.is_mount():
                await asyncio.to_thread(_take_from_disk, home)

    # Processes.

    def is_running(self, node: int) -> bool:
        process = self._processes.get(node)
        return process is not None and process.poll() is None

    def start(self, node: int) -> None:
        """Start a node that does not run."""
        if self.is_running(node):
            return
        home = self.homes[node]
        before, descriptors = self._carrier.enter(node)
        with (home / "logs" / "node.log").open("ab") as log:
            self._processes[node] = subprocess.Popen(
                [*before, sys.executable, "-m", "weft", "start", "--home", str(home)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(node),
                pass_fds=descriptors,
                start_new_session=True,
            )

    def kill(self, node: int) -> None:
        """SIGKILL; returns once the process is gone."""
        if self.is_running(node):
            self._processes[node].kill()
            self._processes[node].wait()

    def pause(self, node: int) -> None:
        self._send(node, signal.SIGSTOP)

    def resume(self, node: int) -> None:
        self._send(node, signal.SIGCONT)

    async def stop(self, node: int) -> int | None:
        """SIGTERM as an operator would; the exit code, or None for one that had to be killed."""
        if not self.is_running(node):
            return None
        process = self._processes[node]
        process.terminate()
        try:
            return await asyncio.to_thread(process.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return None

    def note_ended(self, expected: Callable[[int], bool]) -> None:
        """Remember nodes that ended by themselves where nothing explains it."""
        for node, process in self._processes.items():
            if process.poll() not in (None, -signal.SIGKILL) and not expected(node):
                self.ended.setdefault(node, f"node{node} ended by itself: {self.last_words(node)}")

    def last_words(self, node: int) -> str:
        lines = (self.homes[node] / "logs" / "node.log").read_text(errors="replace").splitlines()
        return next((line[:2000] for line in reversed(lines) if line.strip()), "its log is empty")

    def memory_bytes(self, node: int) -> int:
        """Resident memory of a running node, else 0."""
        with suppress(OSError, KeyError, StopIteration):
            text = Path(f"/proc/{self._processes[node].pid}/status").read_text()
            line = next(line for line in text.splitlines() if line.startswith("VmRSS:"))
            return int(line.split()[1]) * 1024
        return 0

    # Disks and clocks.

    def shrink_disk(self, node: int, size_bytes: int) -> bool:
        """Let the home of a node that does not run lie on a small disk; whether that can be had."""
        home = self.homes[node]
        aside = home.with_name(f"{home.name}-aside")
        home.rename(aside)
        home.mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "fire", str(home)]
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        shutil.copytree(aside, home, dirs_exist_ok=True)
        shutil.rmtree(aside)
        return is_mounted

    def fill_disk(self, node: int, room_bytes: int) -> None:
        """Take all of its disk but so many bytes."""
        home = self.homes[node]
        with suppress(OSError), (home / "filler").open("ab", buffering=0) as file:
            while (free := shutil.disk_usage(home).free) > room_bytes:
                file.write(bytes(min(free - room_bytes, 1 << 20)))

    def free_disk(self, node: int) -> None:
        """Give back what was taken; a disk that the ledger itself has come to fill grows."""
        home = self.homes[node]
        (home / "filler").unlink(missing_ok=True)
        usage = shutil.disk_usage(home)
        if home.is_mount() and usage.free < ROOM_BYTES:
            size = f"size={usage.used + 2 * ROOM_BYTES}"
            subprocess.run(["mount", "-o", f"remount,{size}", str(home)], check=True)

    def allow_clock(self, node: int) -> bool:
        """Let the clock of a node that does not run be set later; whether that can be had."""
        if build_clock() is None:
            return False
        self._clocks[node] = Clock(self.homes[node].with_name(f"{self.homes[node].name}.clock"))
        return True

    def set_clock(self, node: int, ahead_s: float) -> None:
        """From now on its wall clock is ahead by so much; its monotonic clock is not."""
        self._clocks[node].put(ahead_s)

    # What they say.

    async def ask(self, node: int, path: str) -> httpx.Response | None:
        """A node's answer to a GET, if there is one."""
        try:
            return await self.http.get(self.urls[node] + path)
        except httpx.HTTPError:
            return None

    async def is_ready(self, node: int) -> bool:
        answer = await self.ask(node, "/readyz")
        return answer is not None and answer.status_code == 200

    async def head(self, node: int) -> tuple[int, str, str] | None:
        """Height, hash and state root of the newest block."""
        answer = await self.ask(node, "/v1/head")
        if answer is None or answer.status_code != 200:
            return None
        told = answer.json()
        return told["height"], told["hash"], told["state_root"]

    async def verify(self, node: int) -> tuple[int, str]:
        """Exit code and last line of `weft verify` on the home of a stopped node."""
        command = [sys.executable, "-m", "weft", "verify", "--home", str(self.homes[node])]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=VERIFY_SECONDS,
            env=self._environment(None),
        )
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        return done.returncode, (lines or ["it said nothing"])[-1]

    def _send(self, node: int, kind: signal.Signals) -> None:
        if self.is_running(node):
            self._processes[node].send_signal(kind)

    def _environment(self, node: int | None) -> dict[str, str]:
        # A node refuses to start with a variable of its prefix that is no setting.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
        clock = None if node is None else self._clocks.get(node)
        return kept if clock is None else kept | clock.environment


def _take_from_disk(home: Path) -> None:
    aside = home.with_name(f"{home.name}-aside")
    shutil.copytree(home, aside)
    subprocess.run(["umount", str(home)], check=True)
    home.rmdir()
    aside.rename(home)


def _settle(home: Path, node: int, place: Place) -> None:
    """Write the configuration anew: where this node listens, and where it finds the others."""
    addresses = ", ".join(f'"{address}"' for address in place.addresses)
    (home / "config.toml").write_text(
        f'[node]\nname = "node{node}"\n\n'
        f'[api]\nhost = "{place.host}"\nport = {place.api_port}\n\n'
        f'[peer]\nhost = "{place.host}"\nport = {place.peer_port}\naddresses = [{addresses}]\n',
        encoding="utf-8",
    )
