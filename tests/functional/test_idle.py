"""An idle network writes nothing: no byte in any store, no block."""

import asyncio
import hashlib
import time
from pathlib import Path

from tests.functional.network import IS_LONG, PATIENCE_S, Launch, Load, get, heads, wait_for_agreement
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network

IDLE_S = 60 if IS_LONG else 10
QUIET_S = 2


def look(network: Network) -> dict[str, tuple[int, int, str]]:
    """Size, time of change and digest of every file under any node's data; but for the memory in which users
    of a database tell each other what they read, which only has a name there (SQLite's `-shm`)."""
    found = {}
    for config in network.configs:
        for path in sorted(config.data_path.rglob("*")):
            if path.is_file() and not path.name.endswith("-shm"):
                stat = path.stat()
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[str(path.relative_to(network.home))] = (stat.st_size, stat.st_mtime_ns, digest)
    return found


def wait_quiet(network: Network) -> dict[str, tuple[int, int, str]]:
    """What lies there once nothing changes: thumbnails and the index come after the answer."""
    deadline = time.monotonic() + PATIENCE_S
    found = look(network)
    while True:
        time.sleep(QUIET_S)
        before, found = found, look(network)
        if before == found:
            return found
        assert time.monotonic() < deadline, "the network becomes quiet"


def test_no_byte_changes_and_no_block_comes(launch: Launch, tmp_path: Path) -> None:
    """After records and a photo, with all nodes up."""
    network = launch()
    load = Load(network)

    asyncio.run(load.run_for(1))
    with Client(network.urls[1]) as client:
        client.files.put(write_samples(tmp_path / "samples")[0])
    before = wait_for_agreement(network)
    quiet = wait_quiet(network)
    time.sleep(IDLE_S)
    changed = {name for name, facts in look(network).items() if quiet.get(name) != facts}
    assert changed == set()
    assert heads(network) == [before] * len(network.urls)
    assert [get(f"{url}/v1/head")["height"] for url in network.urls] == [before[0]] * len(network.urls)
