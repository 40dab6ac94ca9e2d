"""CometBFT: the agreement engine of the Cosmos chains, with the key-value application that comes with it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.generator import RunningGo
from benchmarks.peers import build_cometbft, build_load, cometbft_version
from benchmarks.process import HOST, free_ports, running, wait_until
from benchmarks.system import Costs, Kind

MEMBERS = 4
SETTINGS = {
    "timeout_commit": '"0s"',
    "skip_timeout_commit": "true",
    "create_empty_blocks": "false",
    "peer_gossip_sleep_duration": '"5ms"',
    "flush_throttle_timeout": '"1ms"',
    "send_rate": "512000000",
    "recv_rate": "512000000",
    "addr_book_strict": "false",
    "allow_duplicate_ip": "true",
    "pprof_laddr": '""',
    "log_level": '"error"',
}
"""In its favour: as shipped it waits a second after each block, up to 100 ms before it sends what it has to
say, and sends 5 MB a second."""


class CometBFT:
    """Four validators."""

    name = "CometBFT 4"
    members = MEMBERS
    kinds: frozenset[Kind] = frozenset(("saturate", "paced"))
    interface = (
        "JSON-RPC broadcast_tx_sync over a websocket to each validator, answered by its block: header event, "
        "then GET /block; load generator in Go; no pause between blocks (skip_timeout_commit)"
    )
    costs = Costs(False, 1, 3)
    durability = (
        "consensus write-ahead log fsynced for own votes and at each height, block store and state with "
        "synced writes; the application's own database is not synced (it is replayed)"
    )
    lacks = (
        "no signatures of clients (validators sign votes and verify each other's), the application only "
        "splits key=value; no receipts and no proof of state but the app hash"
    )

    def version(self) -> str:
        build_load()
        build_cometbft()
        return cometbft_version()

    @contextmanager
    def start(self, folder: Path) -> Iterator[RunningGo]:
        ports = free_ports(2 * MEMBERS)
        clients, peers = ports[:MEMBERS], ports[MEMBERS:]
        homes = [folder / f"node{member}" for member in range(MEMBERS)]
        _call("testnet", "--v", str(MEMBERS), "--n", "0", "--o", str(folder), home=folder)
        ids = [_call("show-node-id", home=home) for home in homes]
        for home in homes:
            _settle(home / "config" / "config.toml")
        commands = [
            [
                build_cometbft(), "start", "--home", str(homes[member]),
                "--proxy_app", "persistent_kvstore",
                "--rpc.laddr", f"tcp://{HOST}:{clients[member]}",
                "--p2p.laddr", f"tcp://{HOST}:{peers[member]}",
                "--p2p.persistent_peers",
                ",".join(
                    f"{ids[other]}@{HOST}:{peers[other]}" for other in range(MEMBERS) if other != member
                ),
            ]
            for member in range(MEMBERS)
        ]  # fmt: skip
        log = folder / "log"
        with running(commands, log) as processes:
            endpoints = [f"{HOST}:{port}" for port in clients]
            found = RunningGo("cometbft", processes, endpoints, [home / "data" for home in homes])
            wait_until(found.is_ready, processes, log)
            yield found


def _call(*words: str, home: Path) -> str:
    command = [build_cometbft(), *words, "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _settle(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name, value in SETTINGS.items():
        text, count = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", text)
        assert count == 1, f"{path} has {count} lines {name}"
    path.write_text(text, encoding="utf-8")
