"""`weft collections` as a user types it: processes of their own, each at another node of a real network."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.functional.network import PATIENCE_S, Launch, get, wait_until


def weft(folder: Path, *words: object) -> Any:
    """What the command prints as JSON; fails with what it says."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
    done = subprocess.run(
        [sys.executable, "-m", "weft", *map(str, words), "--json"],
        env=environment | {"XDG_CONFIG_HOME": str(folder), "XDG_STATE_HOME": str(folder)},
        capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_collection_made_at_one_node_is_changed_and_read_at_all(launch: Launch, tmp_path: Path) -> None:
    """Also while one node is down, which has it all when it is back; deleted, it is gone everywhere."""
    network, user = launch(), tmp_path / "user"
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    rows = weft(user, "files", "put", *sorted(tmp_path.glob("*.txt")), "--url", network.urls[0])
    files = [row["id"] for row in rows]
    album = weft(user, "collections", "create", "Überall", "--url", network.urls[1])["id"]
    network.kill(3)
    weft(user, "collections", "add", album, *files, "--url", network.urls[2])
    weft(user, "collections", "remove", album, files[0], "--home", network.home)
    network.restart(3)

    def has_all(url: str) -> bool:
        found = {one["id"]: one for one in get(f"{url}/v1/collections")["items"]}
        return album in found and (found[album]["name"], found[album]["files"]) == ("Überall", 3)

    for url in network.urls:
        wait_until(lambda url=url: has_all(url), f"{url} has the collection")  # type: ignore[misc]
        inside = weft(user, "files", "search", "--collection", album, "--url", url)["items"]
        assert {file["id"] for file in inside} == set(files[1:])
    weft(user, "collections", "delete", album, "--url", network.urls[3])
    for url in network.urls:
        wait_until(lambda url=url: not get(f"{url}/v1/collections")["items"], f"{url} lost it")  # type: ignore[misc]
        assert get(f"{url}/v1/files")["total"] == len(files)
