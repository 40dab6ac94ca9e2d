"""The process that opens pictures, and files made to harm it."""

import asyncio
import os
import signal
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from weft.apps.files import decoder
from weft.apps.files.decoder import choose_formats
from weft.apps.files.inside.text import Facts
from weft.apps.files.media import HEAD_BYTES, media_type_of
from weft.apps.files.worker import Worker

JPEG = "image/jpeg"


def make_bomb(path: Path, side: int) -> Path:
    """A PNG of a few kilobytes that says it is `side` points wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(4_000_000), 9)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def make_endless(path: Path) -> Path:
    """A JPEG whose EXIF directory names itself as the next one, and as its own part."""
    entries = struct.pack("<HHII", 0x8769, 4, 1, 8) + struct.pack("<HHII", 0x8825, 4, 1, 8)
    tiff = b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 8)
    exif = b"Exif\0\0" + tiff
    Image.new("RGB", (9, 7)).save(path, "JPEG")
    raw = path.read_bytes()
    path.write_bytes(raw[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + raw[2:])
    return path


async def test_hostile_files_say_nothing_and_harm_nothing(tmp_path: Path, samples: Path) -> None:
    """Bombs, cut files, noise: no answer but an empty one, and the next photo is read as ever."""
    sample = samples / "lisbon-tagus-evening.jpg"
    raw = sample.read_bytes()
    hostile = {
        "bomb.png": make_bomb(tmp_path / "bomb.png", 100_000),
        "cut.jpg": tmp_path / "cut.jpg",
        "noise.jpg": tmp_path / "noise.jpg",
        "empty.jpg": tmp_path / "empty.jpg",
    }
    hostile["cut.jpg"].write_bytes(raw[:30])
    hostile["noise.jpg"].write_bytes(b"\xff\xd8\xff" + os.urandom(5000))
    hostile["empty.jpg"].touch()
    worker = Worker()
    for name, path in hostile.items():
        assert await worker.read(path, JPEG) == {}, name
        assert not await worker.draw(path, tmp_path / "out", JPEG), name
    assert (await worker.read(sample, JPEG))["camera"] == "Canon EOS 6D"
    await worker.close()


async def test_a_picture_too_large_for_memory_gets_no_thumbnail(tmp_path: Path) -> None:
    """Its size can be told, for that needs no decoding; the process lives on."""
    worker = Worker()
    bomb = make_bomb(tmp_path / "bomb.png", 11_000)
    assert await worker.read(bomb, JPEG) == {"width": 11_000, "height": 11_000}
    assert not await worker.draw(bomb, tmp_path / "out", JPEG)
    await worker.close()


async def test_directories_that_lead_in_circles_end(tmp_path: Path) -> None:
    """What they say is not believed; the size is known."""
    worker = Worker()
    assert await worker.read(make_endless(tmp_path / "endless.jpg"), JPEG) == {"width": 9, "height": 7}
    await worker.close()


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
async def test_what_phones_write_is_read_and_drawn(tmp_path: Path, kind: str) -> None:
    """HEIC with its size, camera and place; a thumbnail of it."""
    choose_formats()
    exif = Image.Exif()
    exif[0x10F], exif[0x110] = "Apple", "iPhone 15"
    exif.get_ifd(0x8825).update({1: "N", 2: (43.0, 28.0, 2.8), 3: "E", 4: (11.0, 53.0, 6.4)})
    photo = tmp_path / "photo"
    Image.linear_gradient("L").resize((900, 600)).convert("RGB").save(photo, kind, exif=exif)
    media_type = media_type_of(photo.read_bytes()[:HEAD_BYTES], "x")
    assert media_type == {"HEIF": "image/heic", "AVIF": "image/avif"}[kind]
    worker = Worker()
    found = await worker.read(photo, media_type)
    assert (found["width"], found["height"], found["camera"]) == (900, 600, "Apple iPhone 15")
    assert found["place"] == "Arezzo, Italy"
    assert await worker.draw(photo, tmp_path / "out", JPEG)
    with Image.open(tmp_path / "out") as drawn:
        assert drawn.size == (512, 341)
    await worker.close()


async def test_what_was_read_in_time_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that never ends is stopped; what it had said stays, and the time limit is lifted again."""

    def read_for_ever(_: Path) -> Iterator[Facts]:
        yield {"width": 5}
        while True:
            with suppress(Exception):
                sum(range(1000))

    monkeypatch.setattr(decoder, "READ_S", 0.2)
    monkeypatch.setattr(decoder, "read_picture", read_for_ever)
    assert decoder.read_content(tmp_path, "image/jpeg") == {"width": 5}
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


async def test_a_cut_photo_keeps_what_it_says(tmp_path: Path, samples: Path) -> None:
    """The picture is half there, the EXIF whole."""
    sample = samples / "lisbon-tagus-evening.jpg"
    cut = tmp_path / "half.jpg"
    cut.write_bytes(sample.read_bytes()[:60_000])
    worker = Worker()
    assert (await worker.read(cut, JPEG))["camera"] == "Canon EOS 6D"
    assert not await worker.draw(cut, tmp_path / "out", JPEG)
    await worker.close()


async def test_a_process_that_dies_is_replaced(samples: Path) -> None:
    """The job that it died on is done by the next one."""
    sample = samples / "lisbon-tagus-evening.jpg"
    worker = Worker()
    first = await worker.read(sample, JPEG)
    process = worker._process
    assert process is not None
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert await worker.read(sample, JPEG) == first
    assert worker._process is not process
    await worker.close()


async def test_a_process_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    """A pipe gives nothing to read for ever; there is no second try, and later jobs are done."""
    pipe = tmp_path / "pipe.jpg"
    os.mkfifo(pipe)
    worker = Worker(job_s=0.5)
    assert await worker.read(pipe, JPEG) == {}
    assert worker._process is None
    await worker.close()


async def test_the_process_ends_with_its_node(samples: Path) -> None:
    """When the pipe to it closes there is nobody left to work for."""
    worker = Worker()
    await worker.read(samples / "lisbon-tagus-evening.jpg", JPEG)
    process = worker._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await asyncio.wait_for(process.wait(), 10) == 0


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_thumbnails_are_upright_and_bare(tmp_path: Path, orientation: int) -> None:
    """Of every way to hold a camera the same upright picture, without the original's EXIF."""
    upright = Image.new("RGB", (800, 400), "green")
    upright.paste("red", (0, 0, 400, 200))
    exif = Image.Exif()
    exif[0x112] = orientation
    turned = next(
        image
        for method in (None, *Image.Transpose)
        if (image := upright if method is None else upright.transpose(method))
        and _is_same(upright, _stand_up(image, orientation))
    )
    turned.save(tmp_path / "photo.jpg", exif=exif)
    worker = Worker()
    assert await worker.draw(tmp_path / "photo.jpg", tmp_path / "out", JPEG)
    await worker.close()
    with Image.open(tmp_path / "out") as drawn:
        assert drawn.size == (512, 256)
        assert not drawn.getexif()
        assert _is_same(upright.resize((512, 256)), drawn.convert("RGB"))


def _stand_up(image: Image.Image, orientation: int) -> Image.Image:
    image = image.copy()
    image.getexif()[0x112] = orientation
    return ImageOps.exif_transpose(image)


def _is_same(first: Image.Image, second: Image.Image) -> bool:
    """The same colours in the middle of each quarter."""
    if first.size != second.size:
        return False
    width, height = first.size
    places = [(x * width // 4, y * height // 4) for x in (1, 3) for y in (1, 3)]
    pairs = [(first.getpixel(place), second.getpixel(place)) for place in places]
    return all(abs(a - b) < 60 for one, other in pairs for a, b in zip(one, other, strict=True))  # type: ignore[arg-type]
