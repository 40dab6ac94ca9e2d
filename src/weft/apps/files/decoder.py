"""The worker process that opens content: `python -m weft.apps.files.decoder`.

Content may be made to exhaust memory or time, or to break a decoder, so it is opened here and nowhere else:
with little memory, no core dump, small files, and an end as soon as the node's end of the pipe closes. One
line of JSON in is a job, one line of JSON out its answer. What a job raises ends it: its answer is what it
had found by then.
"""

import contextlib
import ctypes
import json
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageOps

from weft.apps.files.inside.moment import knows_zone
from weft.apps.files.inside.picture import read_picture
from weft.apps.files.inside.text import Facts, clean_keywords

MEMORY_BYTES = 3 << 29
"""Address space; a picture of 100 million points decodes within it, beside the gazetteer."""
FILE_BYTES = 16 << 20
"""The largest file that the worker can write: a thumbnail."""
READ_S = 8.0
"""Processor time, so that a busy machine costs no photo its metadata. A reader that takes longer is stopped;
what it has said by then counts."""
PIXELS_MAX = 100_000_000
EDGE = 512
"""A thumbnail's longer side, at most."""

_DIE_WITH_PARENT = 1
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "MPO", "AVIF", "HEIF")


class OutOfTime(BaseException):
    """No Exception: a reader that passes over damage must not pass over this."""


def main() -> None:
    """Answer jobs until the pipe closes."""
    _confine()
    for line in sys.stdin:
        answer = json.dumps(_run(json.loads(line)), ensure_ascii=False)
        sys.stdout.buffer.write(answer.encode() + b"\n")
        sys.stdout.flush()


def read_content(source: Path, media_type: str) -> dict[str, Any]:
    """What content of this type says of itself, as far as it can be read in `READ_S`."""
    found: dict[str, Any] = {}
    # Whatever hostile content makes a decoder raise, the answer is the same: nothing more could be read.
    with contextlib.suppress(Exception, OutOfTime), _time_limit():
        for facts in _reader_of(media_type)(source):
            _take_in(found, facts)
        if "location" in found:
            _take_in(found, {"place": _name_place(**found["location"])})
    return found


def draw_thumbnail(source: Path, target: Path, media_type: str) -> dict[str, Any]:
    """An upright picture that fits in a square, without any of the original's metadata."""
    upright = _upright(source, media_type)
    if upright is None:
        return {}
    upright.thumbnail((EDGE, EDGE))
    upright.save(target, "WEBP", quality=80, exif=b"", xmp=b"", icc_profile=upright.info.get("icc_profile"))
    return {"width": upright.width, "height": upright.height}


def choose_formats() -> None:
    """Open nothing but what cameras and browsers make, and no picture of any size."""
    # Pillow's own alarm begins at twice this number; below it only warns, and nobody reads warnings here.
    Image.MAX_IMAGE_PIXELS = 2 * PIXELS_MAX
    warnings.simplefilter("ignore")
    pillow_heif.options.DECODE_THREADS = 1
    pillow_heif.register_heif_opener()
    Image.init()
    for name in set(Image.ID) - set(_FORMATS):
        Image.ID.remove(name)


def _run(job: dict[str, Any]) -> dict[str, Any]:
    if job["verb"] == "read":
        return read_content(Path(job["source"]), job["media_type"])
    with contextlib.suppress(Exception):
        if job["verb"] == "draw":
            return draw_thumbnail(Path(job["source"]), Path(job["target"]), job["media_type"])
        if job["verb"] == "see":
            return _see(Path(job["source"]), job["media_type"])
        return {"place": _name_place(job["lat"], job["lon"])}
    return {}


def _see(source: Path, media_type: str) -> dict[str, Any]:
    from weft.apps.files.inside.eyes import see

    picture = _upright(source, media_type)
    return {} if picture is None else see(picture)


def _reader_of(media_type: str) -> Callable[[Path], Iterator[Facts]]:
    """Loaded with its first job: most nodes see pictures alone."""
    if media_type == "application/pdf":
        from weft.apps.files.inside.pdf import read_pdf

        return read_pdf
    if media_type.startswith(("video/", "audio/")):
        from weft.apps.files.inside.video import read_video

        return partial(read_video, media_type=media_type)
    return read_picture


def _upright(source: Path, media_type: str) -> Image.Image | None:
    return _still_of(source, media_type) if media_type.startswith("video/") else _picture_of(source)


def _picture_of(source: Path) -> Image.Image | None:
    with Image.open(source) as image:
        if image.width * image.height > PIXELS_MAX and image.format != "JPEG":
            return None
        # Of a JPEG a half, quarter or eighth is decoded directly: cheaper, and far less memory.
        image.draft("RGB", (2 * EDGE, 2 * EDGE))
        upright = ImageOps.exif_transpose(image)
        if upright.mode in ("RGB", "RGBA"):
            return upright
        has_holes = "transparency" in image.info or upright.mode in ("LA", "PA")
        return upright.convert("RGBA" if has_holes else "RGB")


def _still_of(source: Path, media_type: str) -> Image.Image | None:
    from weft.apps.files.inside.video import find_still

    return find_still(source, media_type, PIXELS_MAX)


def _take_in(found: dict[str, Any], facts: Facts) -> None:
    """What was said first stays; keywords are gathered from everywhere, and a zone completes a time."""
    if knows_zone(found, facts):
        found |= facts
        return
    if "taken_at" in found and "taken_at" in facts:
        return
    for name, value in facts.items():
        if isinstance(value, list):
            value = clean_keywords([*found.pop(name, []), *value])
        if value:
            found.setdefault(name, value)


def _name_place(lat: float, lon: float) -> str:
    from weft.apps.files.inside.gazetteer import load

    return load().name(lat, lon)


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Raises OutOfTime in the middle of whatever Python code runs after `READ_S`."""

    def stop(_: int, __: object) -> None:
        raise OutOfTime

    signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, READ_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _confine() -> None:
    """Limits that the process cannot lift again."""
    for kind, bound in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (bound, bound))
    # Ctrl-C at the terminal reaches the whole group; the node ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    choose_formats()


if __name__ == "__main__":
    main()
