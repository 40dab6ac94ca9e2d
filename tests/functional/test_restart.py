"""A network that was stopped goes on where it was."""

from pathlib import Path

import httpx

from tests.functional.network import Launch, get
from weft.apps.files.samples import write_samples


def test_a_node_started_again_at_its_head_finds_its_files(launch: Launch, tmp_path: Path) -> None:
    """The index is as far as the ledger, and says so, although nothing new comes."""
    network = launch(nodes=1)
    (url,) = network.urls
    photo = write_samples(tmp_path / "samples")[0]
    put = httpx.post(f"{url}/v1/files", files={"file": (photo.name, photo.read_bytes())}, timeout=60)
    assert put.status_code == 201
    network.stop()
    network.start()
    network.wait_ready()
    found = get(f"{url}/v1/files")["items"]
    assert [item["id"] for item in found] == [put.json()["id"]]
    again = httpx.post(f"{url}/v1/files", files={"file": (photo.name, photo.read_bytes())}, timeout=60)
    assert (again.status_code, again.json()["id"]) == (200, put.json()["id"])
