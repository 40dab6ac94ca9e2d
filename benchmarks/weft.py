"""Weft: signed by clients, verified by every validator, ordered, executed and durable before the answer."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks.process import run_load
from benchmarks.system import Costs, Kind, Load
from tests.fire.report import commit_of
from weft.cli.bench import SPARE, Figures
from weft.local import Network, free_port_base
from weft.model.committee import FaultModel

ROOT = Path(__file__).parents[1]
LANES = 2
"""Batches under way at each node."""
BATCH_MAX = 1000
ONE_BY_ONE_MAX = 200
"""A client that has more records a second gathers them."""
GATHER_MS = 5


class Weft:
    """So many validators, loaded by `weft bench`."""

    kinds: frozenset[Kind] = frozenset(("saturate", "paced"))
    interface = (
        f"REST: POST /v1/transactions:batch, wait=executed; at a steady rate up to {ONE_BY_ONE_MAX}/s "
        f"POST /v1/transactions one by one, above it what is due within {GATHER_MS} ms in one batch"
    )
    costs = Costs(True, 1, 3)
    durability = "journal fsynced before a vertex is sent, block and state in one synced write of the store"
    lacks = "—"

    def __init__(self, members: int, fault_model: FaultModel) -> None:
        self.members = members
        self.fault_model = fault_model
        self.name = f"Weft {members} ({fault_model})"

    def version(self) -> str:
        return f"{version('weft')}, commit {commit_of(ROOT)}, Python {sys.version.split()[0]}"

    @contextmanager
    def start(self, folder: Path) -> Iterator["RunningWeft"]:
        base = free_port_base(self.members)
        with Network(folder / "network", self.members, self.fault_model, base) as network:
            yield RunningWeft(network)


class RunningWeft:
    """Loaded through the nodes that run."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._expect = 0
        """Records a second to sign for; nobody knows before the first load has been carried."""

    @property
    def pids(self) -> Sequence[int]:
        found = (self.network.find_process(node) for node in range(len(self.network.configs)))
        return [pid for pid in found if pid is not None]

    @property
    def folders(self) -> Sequence[Path]:
        return [config.data_path for config in self.network.configs]

    def measure(self, load: Load) -> Figures:
        urls = [url for node, url in enumerate(self.network.urls) if self.network.find_process(node)]
        found = load_weft(urls, load, len(self.network.urls), self._expect)
        if not load.rate:
            self._expect = max(self._expect, int(SPARE * found.per_second))
        return found


def load_weft(urls: Sequence[str], load: Load, lanes_of: int, expect: int = 0) -> Figures:
    """Run `weft bench` on these nodes; so much is in flight in all, as with `lanes_of` nodes. Without a rate
    to expect it warms up first."""
    batch = min(BATCH_MAX, max(1, load.in_flight // (LANES * lanes_of)))
    gather_ms = GATHER_MS if load.rate > ONE_BY_ONE_MAX else 0
    command = [
        sys.executable, "-m", "weft", "bench", "--json",
        *(word for url in urls for word in ("--url", url)),
        "--measure", "paced" if load.rate else "batch",
        "--rate", str(load.rate or 1), "--gather-ms", str(gather_ms),
        "--seconds", str(load.seconds), "--size", str(load.size_bytes),
        "--batch", str(batch), "--in-flight", str(LANES), "--expect", str(expect),
    ]  # fmt: skip
    raw = run_load(command, load.seconds)
    return msgspec.convert(msgspec.json.decode(raw)["figures"][0], Figures)
