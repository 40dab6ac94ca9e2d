"""What videos and sound say of themselves: length, size, time, camera, position, words; a still of a video.

Each media type is read by its own demuxer, so that nothing disguised as a video is read as a playlist, which
could name other files.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from PIL import Image

from weft.apps.files.inside.exif import camera_of
from weft.apps.files.inside.moment import parse_iso, tell
from weft.apps.files.inside.text import TITLE_MAX, Facts, clean_line, clean_text, split_keywords

DEMUXERS = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/x-m4v": "mov",
    "video/3gpp": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/x-msvideo": "avi",
    "audio/mp4": "mov",
    "audio/mpeg": "mp3",
    "audio/x-flac": "flac",
    "audio/ogg": "ogg",
    "audio/x-wav": "wav",
}
"""By media type; others are not opened."""
WAIT_S = 5.0
"""How long reading may wait for the disk."""
PACKETS_MAX = 100
"""How far into the video a picture is looked for."""

_APPLE = "com.apple.quicktime."
_ISO_6709 = re.compile(
    r"([+-])(\d\d)(\d\d)?(\d\d)?(\.\d{1,12})?([+-])(\d\d\d)(\d\d)?(\d\d)?(\.\d{1,12})?(?:[+-/]|CRS|$)"
)
_YEAR_FIRST = 1971
"""Clocks that were never set stand at 1904 or 1970."""


def read_video(path: Path, media_type: str) -> Iterator[Facts]:
    """Width and height are those of the upright picture. Raises what the demuxer raises."""
    with open_video(path, media_type) as video:
        said = {name.lower().removeprefix(_APPLE): value for name, value in video.metadata.items()}
        duration_ms = (video.duration or 0) // 1000
        yield {
            "duration_ms": duration_ms if 0 < duration_ms < 2**31 else None,
            "title": clean_line(said.get("title"), TITLE_MAX),
            "description": clean_text(said.get("description") or said.get("comment")),
            "author": clean_line(said.get("author") or said.get("artist")),
            "keywords": split_keywords(said.get("keywords")),
            "camera": camera_of(said.get("make"), said.get("model")),
            "lens": clean_line(said.get("camera.lens_model")),
            "location": parse_position(said.get("location.iso6709") or said.get("location") or ""),
        }
        yield _time_of(said)
        yield _size_of(video)


def find_still(path: Path, media_type: str, points_max: int) -> Image.Image | None:
    """The first picture, upright; None of a video that has none, or one of more points than that."""
    with open_video(path, media_type) as video:
        context = video.streams.video[0].codec_context
        if context.width * context.height > points_max:
            return None
        frame = _first_frame(video)
        if frame is None:
            return None
        picture: Image.Image = frame.to_image()  # type: ignore[no-untyped-call]
        return picture.rotate(frame.rotation, expand=True)


def open_video(path: Path, media_type: str) -> InputContainer:
    """Close it in the end."""
    return av.open(
        str(path),
        format=DEMUXERS[media_type],
        options={"protocol_whitelist": "file"},
        metadata_errors="replace",
        timeout=WAIT_S,
    )


def parse_position(text: str) -> dict[str, float] | None:
    """Degrees of `+43.4674+011.8851/` (ISO 6709, annex H), also with minutes and seconds."""
    match = _ISO_6709.match(text)
    if match is None:
        return None
    lat, lon = _degrees(*match.groups()[:5]), _degrees(*match.groups()[5:])
    # Cameras without a fix write zeros.
    if abs(lat) > 90 or abs(lon) > 180 or not (lat or lon):
        return None
    return {"lat": lat, "lon": lon}


def _degrees(
    sign: str, degrees: str, minutes: str | None, seconds: str | None, fraction: str | None
) -> float:
    """The fraction is of the last unit that is there."""
    parts = [part for part in (degrees, minutes, seconds) if part is not None]
    parts[-1] += fraction or ""
    value = sum(float(part) / float(60**power) for power, part in enumerate(parts))
    return round(-value if sign == "-" else value, 7)


def _time_of(said: dict[str, str]) -> Facts:
    """The clock of the phone with its zone, else the time of the file, which is in UTC by its format."""
    clock = parse_iso(said.get("creationdate", ""))
    if clock is None:
        clock = parse_iso(said.get("creation_time", ""))
        clock = None if clock is None else clock.replace(tzinfo=None)
    return {} if clock is None or clock.year < _YEAR_FIRST else tell(clock)


def _size_of(video: InputContainer) -> Facts:
    if not video.streams.video:
        return {}
    width, height = video.streams.video[0].codec_context.width, video.streams.video[0].codec_context.height
    try:
        frame = _first_frame(video)
    except Exception:
        frame = None
    if frame is not None and frame.rotation % 180:
        width, height = height, width
    return {"width": width, "height": height}


def _first_frame(video: InputContainer) -> VideoFrame | None:
    """Decoded in this very thread: others would take address space that is kept for pictures."""
    stream = video.streams.video[0]
    stream.thread_type = "NONE"
    for packet in islice(video.demux(stream), PACKETS_MAX):
        for frame in packet.decode():
            return frame
    return None
