"""Photos put in at any node are found, shown and fetched at every node, byte for byte."""

import warnings
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.network import PATIENCE_S, PHOTOS, Launch, get, wait_for_agreement, wait_until
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network

NEIGHBOUR = Path(__file__).parents[3] / "shared" / "photos"
FACTS = ("sha256", "size", "media_type", "name", "metadata", "version", "owner", "created_at")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The photos of WEFT_PHOTOS, else those of a folder beside the project, else the project's own."""
    folder = Path(PHOTOS) if PHOTOS else NEIGHBOUR
    if folder.is_dir():
        found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
        warnings.warn(f"the story is told with {len(found)} photos of {folder}", stacklevel=1)
        return found
    found = write_samples(tmp_path_factory.mktemp("samples"))
    warnings.warn(f"WEFT_PHOTOS names no folder: told with the {len(found)} sample photos", stacklevel=1)
    return found


def list_all(url: str) -> dict[str, dict[str, Any]]:
    """Every file that a node finds, by id."""
    found: dict[str, dict[str, Any]] = {}
    cursor = None
    while True:
        page = get(f"{url}/v1/files", limit=20, **({"cursor": cursor} if cursor else {}))
        found |= {item["id"]: item for item in page["items"]}
        cursor = page["next_cursor"]
        if cursor is None:
            assert page["total"] == len(found)
            return found


def put_all(network: Network, photos: list[Path], first: int) -> dict[Path, dict[str, Any]]:
    """Put each photo in at the next node, beginning with a given one."""
    clients = [Client(url) for url in network.urls[first:] + network.urls[:first]]
    try:
        return {photo: client.files.put(photo) for photo, client in zip(photos, cycle(clients), strict=False)}
    finally:
        for client in clients:
            client.close()


def check_node(url: str, files: dict[Path, dict[str, Any]]) -> None:
    """The node finds all of them, shows each as it was put in, and has its bytes."""
    ids = {file["id"] for file in files.values()}
    wait_until(lambda: list_all(url).keys() == ids, f"{url} finds all {len(ids)} files")
    with httpx.Client(base_url=url, timeout=PATIENCE_S) as http:
        for path, file in files.items():
            shown = http.get(f"/v1/files/{file['id']}").raise_for_status().json()
            assert [shown[name] for name in FACTS] == [file[name] for name in FACTS]
            assert http.get(f"/v1/files/{file['id']}/content").content == path.read_bytes(), path
            # Of a broken photo there may be none.
            assert http.get(f"/v1/files/{file['id']}/thumbnail").status_code in (200, 404), path


def check_search(url: str, files: dict[Path, dict[str, Any]]) -> None:
    """Each photo is found by its name, by its camera and by its place."""
    for path, file in files.items():
        metadata = file["metadata"]
        searches: list[dict[str, Any]] = [{"q": f'"{path.stem}"'}]
        if "camera" in metadata:
            searches.append({"camera": metadata["camera"]})
        if "location" in metadata:
            place = metadata["location"]
            searches.append({"near": f"{place['lat']},{place['lon']}", "radius_km": 1})
        for search in searches:
            found = get(f"{url}/v1/files", limit=1000, **search)["items"]
            assert file["id"] in {item["id"] for item in found}, (path, search)


def test_photos_are_the_same_on_every_node(launch: Launch, photos: list[Path]) -> None:
    """Put in through different nodes; the same bytes again, at another node, are recognised."""
    network = launch()
    files = put_all(network, photos, 0)
    head = wait_for_agreement(network)
    for url in network.urls:
        check_node(url, files)
        check_search(url, files)
    assert any("camera" in file["metadata"] for file in files.values())
    assert any("location" in file["metadata"] for file in files.values())

    again = put_all(network, photos, 1)
    assert {file["is_new"] for file in again.values()} == {False}
    assert [again[path]["id"] for path in photos] == [files[path]["id"] for path in photos]
    assert wait_for_agreement(network) == head, "what is there already makes no transaction"
