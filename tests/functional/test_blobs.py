"""Content that some of the nodes hold, or a bucket of all, while things go wrong behind their backs."""

import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.functional.network import PATIENCE_S, Launch, get, wait_until
from tests.stores import running
from weft.local import Network

CONTENT = os.urandom(3_000_000)
NAME = sha256(CONTENT).hexdigest()


def put(url: str, content: bytes) -> httpx.Response:
    return httpx.post(f"{url}/v1/files", files={"file": ("a.bin", content)}, timeout=PATIENCE_S)


def content_of(url: str, file: dict[str, Any]) -> bytes:
    answer = httpx.get(f"{url}/v1/files/{file['id']}/content", timeout=PATIENCE_S)
    return answer.raise_for_status().content


def kept(network: Network, place: int) -> Path:
    """Where a node keeps the content, if it does."""
    return network.configs[place].data_path / "blobs" / NAME[:2] / NAME


def test_two_of_four_hold_it_and_make_good_what_is_damaged(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bit is flipped in a file of the disk, then the file deleted; every node serves it all the time."""
    monkeypatch.setenv("WEFT_FILES_COPIES", "2")
    monkeypatch.setenv("WEFT_FILES_SCRUB_PASS_S", "10")
    network = launch()
    file = put(network.urls[0], CONTENT).raise_for_status().json()

    def holders() -> list[int]:
        return [place for place in range(4) if kept(network, place).exists()]

    wait_until(lambda: len(holders()) == 2, "two members hold the content and no other does")
    assert all(content_of(url, file) == CONTENT for url in network.urls)
    holder = holders()[0]
    url, path = network.urls[holder], kept(network, holder)
    damaged = bytearray(CONTENT)
    damaged[1000] ^= 1
    path.write_bytes(damaged)
    assert content_of(url, file) == CONTENT
    assert sha256(path.read_bytes()).hexdigest() == NAME
    assert get(f"{url}/v1/blobs")["damaged"] == 1
    path.unlink()
    wait_until(path.exists, "the scrub has noticed that the file is gone")
    assert sha256(path.read_bytes()).hexdigest() == NAME
    assert holders() == sorted({holder, *holders()})


def test_a_bucket_that_is_away_is_said_and_nothing_is_acknowledged(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What was read is still served from the cache; a node that is killed meanwhile comes back unharmed."""
    with running("s3", tmp_path) as store:
        place = store.make_bucket()
        for key, value in {
            "WEFT_FILES_STORE": "s3",
            "WEFT_FILES_SHARED": "true",
            "WEFT_FILES_BUCKET": place.bucket,
            "WEFT_FILES_ENDPOINT": place.endpoint,
            "WEFT_FILES_REGION": place.region,
            "AWS_ACCESS_KEY_ID": store.credentials["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": store.credentials["secret_access_key"],
        }.items():
            monkeypatch.setenv(key, value)
        network = launch()
        file = put(network.urls[0], CONTENT).raise_for_status().json()
        assert all(content_of(url, file) == CONTENT for url in network.urls)
        wait_until(
            lambda: not any(kept(network, node).exists() for node in range(4)), "the bucket alone keeps it"
        )
        store.stop()
        refused = put(network.urls[1], b"while the bucket is away")
        assert (refused.status_code, refused.json()["code"]) == (503, "blob.store")
        assert [get(f"{url}/v1/files")["total"] for url in network.urls] == [1] * 4
        assert content_of(network.urls[2], file) == CONTENT
        network.kill(2)
        network.restart(2)
        network.wait_ready()
        assert content_of(network.urls[2], file) == CONTENT
        secret = store.credentials["secret_access_key"].encode()
        logs = [path for path in network.home.rglob("*") if path.is_file()]
        assert not any(secret in path.read_bytes() for path in logs)
