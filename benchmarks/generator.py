"""What runs under the load generator in Go (`benchmarks/load`)."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.peers import build_load
from benchmarks.process import LoadError, run_load
from benchmarks.system import Load, parse_figures
from weft.cli.bench import Figures


class RunningGo:
    """A system that the load generator in Go knows."""

    def __init__(
        self,
        system: str,
        processes: Sequence[subprocess.Popen[bytes]],
        endpoints: Sequence[str],
        folders: Sequence[Path],
        batch: int = 1,
    ) -> None:
        self._system = system
        self._endpoints = endpoints
        self._batch = batch
        self.pids = [process.pid for process in processes]
        self.folders = folders

    def measure(self, load: Load) -> Figures:
        plan = {
            "system": self._system,
            "endpoints": self._endpoints,
            "batch": self._batch,
            "size_bytes": load.size_bytes,
            "in_flight": load.in_flight,
            "rate": load.rate,
            "seconds": load.seconds,
        }
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.write(msgspec.json.encode(plan))
            file.flush()
            raw = run_load([build_load(), file.name], load.seconds)
        return parse_figures(raw, "one by one" if self._batch == 1 else f"batches of {self._batch}")

    def is_ready(self) -> bool:
        """Whether a record goes through."""
        try:
            return self.measure(Load(128, 10, 0.1, 1)).refused == 0
        except LoadError:
            return False
