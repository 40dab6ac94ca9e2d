"""What was erased is nowhere: not in any byte of any file of any node, and all that remains verifies."""

import hashlib
import random
import secrets
from collections.abc import Iterator
from pathlib import Path

import httpx

from tests.functional.damage import verify
from tests.functional.network import PATIENCE_S, Launch, wait_for_agreement, wait_until
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network

PIECE_BYTES = 64
PIECES = 50


def make_photo(folder: Path) -> Path:
    """A real photo with bytes of its own behind the picture, under a made-up name."""
    content = write_samples(folder / "samples")[0].read_bytes() + secrets.token_bytes(5_000)
    path = folder / f"Wilhelmina-{secrets.token_hex(6)}.jpg"
    path.write_bytes(content)
    return path


def pieces_of(content: bytes) -> list[bytes]:
    """Pieces from all over some content, by which a part of it would be found too."""
    places = random.Random(len(content)).choices(range(max(1, len(content) - PIECE_BYTES)), k=PIECES)
    return [content[place : place + PIECE_BYTES] for place in places]


def find_anywhere(network: Network, needles: list[bytes]) -> list[tuple[str, bytes]]:
    """Every file of any home in which a needle stands."""
    return [
        (str(path.relative_to(network.home)), needle)
        for path in files_of(network)
        for content in (path.read_bytes(),)
        for needle in needles
        if needle in content
    ]


def files_of(network: Network) -> Iterator[Path]:
    return (path for path in sorted(network.home.rglob("*")) if path.is_file())


def needles_of_file(network: Network, photo: Path, title: str, id_: str) -> list[bytes]:
    """Content, thumbnail, name, title and plain digest, raw and as hex."""
    content = photo.read_bytes()
    digest = hashlib.sha256(content)
    thumbnail = httpx.get(f"{network.urls[0]}/v1/files/{id_}/thumbnail", timeout=PATIENCE_S)
    return [
        *pieces_of(content),
        *pieces_of(thumbnail.raise_for_status().content),
        photo.name.encode(),
        photo.stem.encode(),
        title.encode(),
        digest.digest(),
        digest.hexdigest().encode(),
    ]


def test_an_erased_photo_and_an_erased_record_leave_no_byte(launch: Launch, tmp_path: Path) -> None:
    """Several versions of each, read at all nodes before: afterwards only commitments are left."""
    network = launch()
    photo, title = make_photo(tmp_path), f"Party of {secrets.token_hex(8)}"
    name = f"Xanthippe Quillfeather {secrets.token_hex(6)}"
    with Client(network.urls) as client:
        file = client.files.put(photo, metadata={"title": title})
        client.files.update(file["id"], {"tags": [name]})
        for visit in range(3):
            client.records.put("guests", "first", {"name": name, "visit": visit})
        kept = client.records.put("guests", "second", {"name": "Nobody"})
        height = kept["transaction"]["height"]
        for url in network.urls:
            for path in ("content", "thumbnail"):
                answer = httpx.get(
                    f"{url}/v1/files/{file['id']}/{path}", params={"min_height": height}, timeout=PATIENCE_S
                )
                assert answer.status_code == 200
        needles = [name.encode(), *needles_of_file(network, photo, title, file["id"])]
        assert {needle for _, needle in find_anywhere(network, needles)} >= {name.encode(), *needles[1:20]}

        client.files.erase(file["id"])
        client.records.erase("guests", "first")
    wait_for_agreement(network)
    for url in network.urls:
        for path in (
            f"/v1/files/{file['id']}",
            f"/v1/files/{file['id']}/content",
            "/v1/records/guests/first",
        ):
            answer = httpx.get(f"{url}{path}", timeout=PATIENCE_S)
            assert (answer.status_code, answer.json()["height"] > height) == (410, True), answer.text
    wait_until(lambda: not find_anywhere(network, needles), "every copy is overwritten")

    network.stop()
    assert find_anywhere(network, needles) == []
    for config in network.configs:
        code, told = verify(config.home)
        assert code == 0, told
        assert "erased at height" in told

    network.start()
    network.wait_ready()
    wait_for_agreement(network)
    assert find_anywhere(network, needles) == []
    with Client(network.urls[3]) as client:
        assert client.records.get("guests", "second")["value"] == {"name": "Nobody"}
