"""etcd: Raft in Go, the store behind Kubernetes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.generator import RunningGo
from benchmarks.peers import build_load, find_etcd
from benchmarks.process import HOST, free_ports, running, wait_until
from benchmarks.system import Costs, Kind

TXN_OPERATIONS = 125
"""Of the 128 that etcd takes by default, so that lanes come out even."""
MEMBERS = 3


class Etcd:
    """Three members with their defaults; `batch` is how many Puts go in one request."""

    members = MEMBERS
    costs = Costs(False, 1, 2)
    durability = "write-ahead log fsynced before a record is acknowledged (its default)"
    lacks = (
        "no signatures, no Byzantine faults, no proof of what is stored, no execution but the Put itself; "
        "clients and members without TLS here"
    )

    def __init__(self, batch: int = 1) -> None:
        self._batch = batch
        self.name = "etcd 3" if batch == 1 else f"etcd 3, Txn of {batch}"
        self.kinds: frozenset[Kind] = frozenset(("saturate", "paced") if batch == 1 else ("saturate",))
        self.interface = (
            "gRPC v3 Put, one record a request"
            if batch == 1
            else f"gRPC v3 Txn, {batch} Puts a request, all or nothing"
        ) + ", a connection to each member, load generator in Go"

    def version(self) -> str:
        told = subprocess.run([find_etcd(), "--version"], capture_output=True, text=True, check=True).stdout
        build_load()
        return told.splitlines()[0].rpartition(" ")[2]

    @contextmanager
    def start(self, folder: Path) -> Iterator["RunningGo"]:
        ports = free_ports(2 * MEMBERS)
        clients, peers = ports[:MEMBERS], ports[MEMBERS:]
        cluster = ",".join(f"m{member}=http://{HOST}:{port}" for member, port in enumerate(peers))
        folders = [folder / f"m{member}" for member in range(MEMBERS)]
        commands = [
            [
                find_etcd(), "--name", f"m{member}", "--data-dir", str(folders[member]),
                "--listen-client-urls", f"http://{HOST}:{clients[member]}",
                "--advertise-client-urls", f"http://{HOST}:{clients[member]}",
                "--listen-peer-urls", f"http://{HOST}:{peers[member]}",
                "--initial-advertise-peer-urls", f"http://{HOST}:{peers[member]}",
                "--initial-cluster", cluster, "--initial-cluster-state", "new", "--log-level", "error",
            ]
            for member in range(MEMBERS)
        ]  # fmt: skip
        log = folder / "log"
        with running(commands, log) as processes:
            found = RunningGo("etcd", processes, [f"{HOST}:{port}" for port in clients], folders, self._batch)
            wait_until(found.is_ready, processes, log)
            yield found
