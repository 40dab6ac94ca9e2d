"""A node whose disk is full refuses writes, then stops; the others go on; with room again it comes back."""

import asyncio
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.functional.network import (
    PATIENCE_S,
    Load,
    check_acknowledged,
    get,
    wait_for_agreement,
    wait_until,
)
from weft.local import Network, free_port_base

DISK_BYTES = 48 << 20
NEARLY_FULL_BYTES = 3 << 20
"""Room left at first: less than a tenth, which a node keeps for what members say."""
FULL = 2


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Let a folder lie on a small disk of its own; skips the story where disks cannot be mounted."""
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "weft-test", str(folder)]
    done = (
        subprocess.run(mount, capture_output=True, text=True, check=False)
        if shutil.which("mount") and os.geteuid() == 0
        else None
    )
    if done is None or done.returncode:
        reason = "only root can mount a disk" if done is None else done.stderr.strip()
        warnings.warn(f"NO DISK COULD BE MOUNTED, the full disk is not tested: {reason}", stacklevel=3)
        pytest.skip(f"no small disk can be mounted: {reason}")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(home: Path, room_bytes: int) -> Path:
    """Take all of the disk but so many bytes."""
    path = home / "filler"
    with path.open("ab") as file:
        while (free := shutil.disk_usage(home).free) > room_bytes:
            file.write(bytes(min(free - room_bytes, 1 << 20)))
            file.flush()
    return path


def put(url: str, key: str) -> int:
    return httpx.put(f"{url}/v1/records/disk/{key}", json=key, timeout=PATIENCE_S).status_code


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Four nodes, one of them on a small disk."""
    network = Network(tmp_path / "network", 4, "byzantine", free_port_base(4))
    with small_disk(network.configs[FULL].home), network:
        yield network


def test_a_full_disk_stops_one_node_alone_and_loses_nothing(network: Network) -> None:
    """Nearly full: 507 and reads go on. Full: whatever happens to the node, the others do not notice."""
    url, home = network.urls[FULL], network.configs[FULL].home
    load = Load(network)
    asyncio.run(load.run_for(1))

    filler = fill(home, NEARLY_FULL_BYTES)
    wait_until(lambda: put(url, "refused") == 507, "writes are refused with 507")
    assert httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code == 503
    assert get(f"{url}/v1/records/load", limit=1)["items"], "reads go on"
    assert put(network.urls[0], "elsewhere") == 201

    fill(home, 0)
    assert asyncio.run(load.run_for(3)) > 20, "the others go on"
    for node in {0, 1, 2, 3} - {FULL}:
        assert network.find_process(node) is not None

    filler.unlink()
    if network.find_process(FULL) is None:
        network.start([FULL])
    network.wait_ready([FULL])
    wait_for_agreement(network)
    assert put(url, "room again") == 201
    check_acknowledged(network, load, FULL)
