"""The worker process that opens pictures: `python -m weft.apps.files.decoder`.

A picture may be made to exhaust memory or time, or to break the decoder, so it is opened here and nowhere
else: with little memory, no core dump, small files, and an end as soon as the node's end of the pipe closes.
One line of JSON in is a job, one line of JSON out its answer. What a job raises makes its answer empty.
"""

import contextlib
import ctypes
import json
import resource
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from weft.apps.files.exif import read_photo

MEMORY_BYTES = 1 << 30
"""Address space; a picture of 100 million points decodes within it."""
FILE_BYTES = 16 << 20
"""The largest file that the worker can write: a thumbnail."""
PIXELS_MAX = 100_000_000
EDGE = 512
"""A thumbnail's longer side, at most."""

_DIE_WITH_PARENT = 1
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "MPO", "AVIF")


def main() -> None:
    """Answer jobs until the pipe closes."""
    _confine()
    for line in sys.stdin:
        job = json.loads(line)
        # Whatever a hostile file makes the decoder raise, the answer is the same: nothing could be read.
        try:
            answer = _run(job)
        except Exception:
            answer = {}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def draw_thumbnail(source: Path, target: Path) -> dict[str, Any]:
    """An upright picture that fits in a square, without any of the original's metadata."""
    with Image.open(source) as image:
        if image.width * image.height > PIXELS_MAX and image.format != "JPEG":
            return {}
        # Of a JPEG a half, quarter or eighth is decoded directly: cheaper, and far less memory.
        image.draft("RGB", (2 * EDGE, 2 * EDGE))
        upright = ImageOps.exif_transpose(image)
        if upright.mode not in ("RGB", "RGBA"):
            has_holes = "transparency" in image.info or upright.mode in ("LA", "PA")
            upright = upright.convert("RGBA" if has_holes else "RGB")
        upright.thumbnail((EDGE, EDGE))
        upright.save(target, "WEBP", quality=80, exif=b"", xmp=b"", icc_profile=image.info.get("icc_profile"))
        return {"width": upright.width, "height": upright.height}


def choose_formats() -> None:
    """Open nothing but what cameras and browsers make, and no picture of any size."""
    # Pillow's own alarm begins at twice this number; below it only warns, and nobody reads warnings here.
    Image.MAX_IMAGE_PIXELS = 2 * PIXELS_MAX
    warnings.simplefilter("ignore")
    Image.init()
    for name in set(Image.ID) - set(_FORMATS):
        Image.ID.remove(name)


def _run(job: dict[str, str]) -> dict[str, Any]:
    source = Path(job["source"])
    if job["verb"] == "read":
        return read_photo(source)
    return draw_thumbnail(source, Path(job["target"]))


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
