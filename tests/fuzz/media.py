"""PDFs and videos from anybody, as the confined worker opens them: a node can keep whatever it answers."""

import json
from functools import cache

from tests.fuzz.disk import folder
from tests.fuzz.photo import check_metadata, check_thumbnail
from tests.fuzz.target import Target
from tests.unit.apps.files.inside.test_captions import XMP
from tests.unit.apps.files.inside.test_pdf import write_pdf
from tests.unit.apps.files.inside.test_video import PHONE, write_video
from weft.apps.files.decoder import choose_formats, draw_thumbnail, read_content
from weft.apps.files.media import media_type_of

VIDEO_BYTES_MAX = 32 << 10


@cache
def pdfs() -> list[bytes]:
    """With and without what they say of themselves."""
    said = {"Title": "Castles", "Author": "Ann", "CreationDate": "D:20200601143000+02'00'"}
    with folder() as where:
        return [
            write_pdf(where / "a.pdf", said, xmp=XMP.encode()).read_bytes(),
            write_pdf(where / "b.pdf", {}).read_bytes(),
        ]


@cache
def videos() -> list[bytes]:
    """Of a phone, upright and turned, and of a browser."""
    with folder() as where:
        return [
            write_video(where / "a.mp4", "mp4", PHONE).read_bytes(),
            write_video(where / "a.mov", "mov", PHONE, turn=-90).read_bytes(),
            write_video(where / "a.webm", "webm", {"title": "x"}, codec="libvpx").read_bytes(),
        ]


def check_media(data: bytes, media_type: str) -> None:
    """Nothing, or metadata that the node can keep and a picture that it can show."""
    choose_formats()
    with folder() as where:
        source, target = where / "in", where / "out"
        source.write_bytes(data)
        check_metadata(json.loads(json.dumps(read_content(source, media_type))))
        try:
            drawn = draw_thumbnail(source, target, media_type)
        except Exception:
            return
        check_thumbnail(drawn, target)


def check_pdf(data: bytes) -> None:
    """Whatever the bytes."""
    check_media(data, "application/pdf")


def check_video(data: bytes) -> None:
    """As the kind that it looks like, and as that of a phone."""
    looks = media_type_of(data, "a.mov")
    for media_type in sorted({looks, "video/mp4"}):
        if media_type.startswith(("video/", "audio/")):
            check_media(data, media_type)


TARGETS = (
    Target("pdf", pdfs, check_pdf),
    Target("video", videos, check_video, VIDEO_BYTES_MAX, 40),
)
