"""Damaged, lying and hostile files through a real node: stored, listed and fetched like any other.

Always: made ones, cut at each kilobyte and changed by seeds, and of each real photo one cut and one change.
`WEFT_LONG=1` cuts every real photo at each kilobyte, changes ten times as many, and puts in a gigabyte of
zeros.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import category

import httpx
import pytest

from tests.functional import corpus
from tests.functional.corpus import KILOBYTE, Piece
from tests.functional.network import IS_LONG, PATIENCE_S, PHOTOS, Launch
from tests.functional.test_photos import NEIGHBOUR, list_all
from weft.model.said import clean_name

FLIPS = 40 if IS_LONG else 4
ZEROS = 1 << 30 if IS_LONG else 8 << 20
AT_ONCE = 6
CHUNK = bytes(1 << 20)
BOUNDARY = "a-boundary-that-is-nowhere-else"
SHOWN_AT_LEAST = {"width", "height", "camera", "taken_at", "taken_offset", "location", "place", "keywords"}


def real_pieces() -> Iterator[Piece]:
    """Of the photos beside the project, if there are any."""
    folder = Path(PHOTOS) if PHOTOS else NEIGHBOUR
    for path in sorted(folder.rglob("*.jpg")) if folder.is_dir() else ():
        raw = path.read_bytes()
        if IS_LONG:
            yield from corpus.cuts(f"{path.stem}.jpg", raw)
        else:
            end = Random(path.name).randrange(1, len(raw) // KILOBYTE + 1) * KILOBYTE
            yield Piece(f"cut at {end}.{path.stem}.jpg", raw[:end])
        yield from corpus.flips(f"{path.stem}.jpg", raw, FLIPS // 4)


def pieces(folder: Path) -> list[Piece]:
    """All of them, each content once: the same bytes again would be the same file."""
    seeds = corpus.seeds(folder)
    made = chain.from_iterable(
        chain(corpus.cuts(kind, seed), corpus.flips(kind, seed, FLIPS)) for kind, seed in seeds.items()
    )
    sound = (Piece(f"sound.{kind}", seed) for kind, seed in seeds.items())
    every = chain(
        sound,
        made,
        corpus.misnamed(seeds),
        corpus.named(),
        corpus.plain(ZEROS),
        corpus.hostile(folder),
        real_pieces(),
    )
    return list({(sha256(piece.content).digest(), piece.zeros): piece for piece in every}.values())


def stream(piece: Piece) -> Iterator[bytes]:
    """The form, its name as raw as it can be: quotes and line breaks are escaped (HTML, 4.10.22.8)."""
    name = piece.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    yield head.encode() + piece.content
    for _ in range(piece.zeros // len(CHUNK)):
        yield CHUNK
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def put(http: httpx.Client, piece: Piece) -> dict[str, Any]:
    """201 whatever is in it."""
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = http.post("/v1/files", content=stream(piece), headers=headers)
    assert answer.status_code == 201, (piece.name, answer.text)
    shown: dict[str, Any] = answer.json()
    return shown


def check(http: httpx.Client, piece: Piece, shown: dict[str, Any]) -> None:
    """Byte for byte, under a name that can be shown; with a thumbnail or without."""
    digest, size = sha256(), 0
    with http.stream("GET", f"/v1/files/{shown['id']}/content") as answer:
        assert answer.status_code == 200, piece.name
        for chunk in answer.iter_bytes():
            digest.update(chunk)
            size += len(chunk)
    expected = sha256(piece.content)
    for _ in range(piece.zeros // len(CHUNK)):
        expected.update(CHUNK)
    assert (digest.hexdigest(), size) == (expected.hexdigest(), piece.size), piece.name
    assert (shown["sha256"], shown["size"]) == (expected.hexdigest(), piece.size), piece.name
    kinds = set(map(category, shown["name"]))
    assert not kinds & {"Cc", "Cs", "Zl", "Zp"}, piece.name
    if piece.name.isprintable() and '"' not in piece.name:
        assert shown["name"] == clean_name(piece.name)
    assert http.get(f"/v1/files/{shown['id']}/thumbnail").status_code in (200, 404), piece.name


@pytest.mark.timeout(7200 if IS_LONG else 300)
def test_whatever_is_in_a_file_it_is_kept(launch: Launch, tmp_path: Path) -> None:
    """No answer but 201, 200 and 404, none lost in the list, and the worker reads on as at first."""
    (url,) = launch(1).urls
    corpus_of = pieces(tmp_path)
    with httpx.Client(base_url=url, timeout=10 * PATIENCE_S) as http, ThreadPoolExecutor(AT_ONCE) as pool:

        def go(piece: Piece) -> tuple[str, dict[str, Any]]:
            shown = put(http, piece)
            check(http, piece, shown)
            return piece.name, shown

        stored = list(pool.map(go, corpus_of))
        listed = list_all(url)
        assert {shown["id"] for _, shown in stored} == listed.keys()
        assert len(listed) == len(corpus_of) > 300
        for name, shown in stored:
            assert listed[shown["id"]]["metadata"] == shown["metadata"], name
        facts = dict(stored)
        assert facts["sound.jpg"]["metadata"].keys() >= SHOWN_AT_LEAST
        assert facts["sound.mov"]["metadata"].keys() >= SHOWN_AT_LEAST - {"orientation"}
        assert facts["sound.pdf"]["metadata"]["pages"] == 3
        last = put(http, Piece("last.jpg", corpus.seeds(tmp_path)["jpg"] + b"again"))
        assert last["metadata"] == facts["sound.jpg"]["metadata"]
        assert http.get(f"/v1/files/{last['id']}/thumbnail").status_code == 200
