"""Photos from anybody, as the confined worker opens them: what it answers must make sense to the node."""

import io
import json
import warnings
from functools import cache
from pathlib import Path

import piexif  # type: ignore[import-untyped]
from PIL import Image

from tests.fuzz.disk import folder
from tests.fuzz.target import Target
from weft.apps.files.decoder import EDGE, choose_formats, draw_thumbnail, read_content
from weft.apps.files.media import media_type_of
from weft.apps.files.metadata import apply_patch, decode_metadata, encode_metadata

SIZE = (12, 8)
_APP1 = b"Exif\0\0"


@cache
def exif() -> bytes:
    """All that is read, as a camera writes it."""
    place = {
        piexif.GPSIFD.GPSLatitudeRef: b"N",
        piexif.GPSIFD.GPSLatitude: ((43, 1), (28, 1), (2814, 100)),
        piexif.GPSIFD.GPSLongitudeRef: b"E",
        piexif.GPSIFD.GPSLongitude: ((11, 1), (53, 1), (645599999, 100000000)),
    }
    moment = {
        piexif.ExifIFD.DateTimeOriginal: b"2008:10:22 16:28:39",
        piexif.ExifIFD.OffsetTimeOriginal: b"+02:00",
    }
    first = {
        piexif.ImageIFD.Make: b"NIKON",
        piexif.ImageIFD.Model: b"COOLPIX P6000",
        piexif.ImageIFD.Orientation: 6,
    }
    raw: bytes = piexif.dump({"0th": first, "Exif": moment, "GPS": place})
    return raw.removeprefix(_APP1)


@cache
def photos() -> list[bytes]:
    """One of each format that is opened."""
    choose_formats()
    found = []
    picture = Image.linear_gradient("L").resize(SIZE).convert("RGB")
    for name in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "MPO", "AVIF", "HEIF"):
        out = io.BytesIO()
        extra = {} if name in ("GIF", "BMP") else {"exif": _APP1 + exif()}
        picture.save(out, name, **extra)
        found.append(out.getvalue())
    return found


def check_photo(data: bytes) -> None:
    """Whatever the bytes: the worker answers with nothing, or with metadata that the node can keep."""
    choose_formats()
    assert "/" in media_type_of(data, "a.jpg")
    with folder() as where, warnings.catch_warnings():
        source, target = where / "in", where / "out"
        source.write_bytes(data)
        check_metadata(json.loads(json.dumps(read_content(source, "image/jpeg"))))
        try:
            drawn = draw_thumbnail(source, target, "image/jpeg")
        except Exception:
            return
        check_thumbnail(drawn, target)


def check_metadata(answer: dict[str, object]) -> None:
    rest, position = encode_metadata(apply_patch(answer, {}))
    assert decode_metadata(rest, position) == answer, answer


def check_thumbnail(drawn: dict[str, object], target: Path) -> None:
    if drawn:
        with Image.open(target) as image:
            assert max(image.size) <= EDGE
            assert not image.getexif()


def check_exif(data: bytes) -> None:
    """The same for the EXIF alone, in a photo that is otherwise as it should be."""
    jpeg = photos()[0]
    start = jpeg.index(b"\xff\xe1")
    end = start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big")
    block = (_APP1 + data)[:65533]
    check_photo(jpeg[:start] + b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block + jpeg[end:])


TARGETS = (
    Target("photo", photos, check_photo),
    Target("exif", lambda: [exif()], check_exif),
)
