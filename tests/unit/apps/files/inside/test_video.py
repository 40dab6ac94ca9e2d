"""Videos, made here with the library that reads them."""

from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from weft.apps.files.decoder import draw_thumbnail, read_content
from weft.apps.files.inside.video import parse_position
from weft.apps.files.media import HEAD_BYTES, media_type_of

APPLE = "com.apple.quicktime."
PHONE = {
    f"{APPLE}creationdate": "2020-06-01T14:30:00+0200",
    f"{APPLE}location.ISO6709": "+43.4674+011.8851+250.000/",
    f"{APPLE}make": "Apple",
    f"{APPLE}model": "iPhone 15",
    f"{APPLE}title": "The fort",
    f"{APPLE}keywords": "castle, wall",
    f"{APPLE}author": "Ada",
}


def write_video(path: Path, kind: str, said: dict[str, str], turn: int = 0, codec: str = "mpeg4") -> Path:
    """Two seconds, 320 × 160, its left half red."""
    options = {"movflags": "use_metadata_tags"} if kind in ("mov", "mp4") else {}
    with av.open(str(path), "w", format=kind, options=options) as video:
        video.metadata.update(said)
        stream: Any = video.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = 320, 160, "yuv420p"
        if turn:
            stream.set_display_rotation(turn)
        picture = Image.new("RGB", (320, 160), "blue")
        picture.paste("red", (0, 0, 160, 160))
        for _ in range(20):
            video.mux(stream.encode(av.VideoFrame.from_image(picture)))
        video.mux(stream.encode())
    return path


def look(path: Path) -> tuple[str, dict[str, Any]]:
    media_type = media_type_of(path.read_bytes()[:HEAD_BYTES], path.name)
    return media_type, read_content(path, media_type)


def test_a_phone_s_video_says_where_and_when(tmp_path: Path) -> None:
    """Its clock with the zone, position with the name, camera, words, upright size, length."""
    assert look(write_video(tmp_path / "a.mov", "mov", PHONE, turn=-90)) == (
        "video/quicktime",
        {
            "duration_ms": 2000,
            "title": "The fort",
            "author": "Ada",
            "keywords": ["castle", "wall"],
            "camera": "Apple iPhone 15",
            "location": {"lat": 43.4674, "lon": 11.8851},
            "taken_at": "2020-06-01T12:30:00Z",
            "taken_offset": "+02:00",
            "width": 160,
            "height": 320,
            "place": "Arezzo, Italy",
        },
    )


@pytest.mark.parametrize(
    ("kind", "codec", "media_type"),
    [
        ("mp4", "mpeg4", "video/mp4"),
        ("ipod", "mpeg4", "video/x-m4v"),
        ("webm", "libvpx", "video/webm"),
        ("matroska", "mpeg4", "video/x-matroska"),
        ("avi", "mpeg4", "video/x-msvideo"),
    ],
)
def test_other_containers_are_read_as_well(tmp_path: Path, kind: str, codec: str, media_type: str) -> None:
    """Their time of creation is in UTC by their format, so it says nothing of a zone."""
    said = {"creation_time": "2020-06-01T12:30:00Z", "title": "The fort"}
    found, facts = look(write_video(tmp_path / "a", kind, said, codec=codec))
    assert found == media_type
    assert (facts["width"], facts["height"], facts["duration_ms"]) == (320, 160, 2000)
    assert facts["title"] == "The fort"
    assert "taken_offset" not in facts
    if kind != "avi":
        assert facts["taken_at"] == "2020-06-01T12:30:00Z"


@pytest.mark.parametrize(
    ("turn", "size"), [(0, (320, 160)), (-90, (160, 320)), (90, (160, 320)), (180, (320, 160))]
)
def test_a_still_is_drawn_upright(tmp_path: Path, turn: int, size: tuple[int, int]) -> None:
    """The left half of the picture goes where the turn takes it."""
    video = write_video(tmp_path / "a.mp4", "mp4", {}, turn=turn)
    assert draw_thumbnail(video, tmp_path / "out", "video/mp4") == {"width": size[0], "height": size[1]}
    with Image.open(tmp_path / "out") as drawn:
        width, height = drawn.size
        reds = {
            0: (20, height // 2),
            -90: (width // 2, 20),
            90: (width // 2, height - 20),
            180: (width - 20, 80),
        }
        red, _, blue = drawn.convert("RGB").getpixel(reds[turn])  # type: ignore[misc]
        assert red > 150 > blue


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("+43.4674+011.8851/", (43.4674, 11.8851)),
        ("-33.8599+151.2040+012.5CRSWGS_84/", (-33.8599, 151.204)),
        ("+4328.5-01153.25/", (43.475, -11.8875)),
        ("+432830+0115315.5/", (43.475, 11.8876389)),
        ("+91+000/", None),
        ("+00.0000+000.0000/", None),
        ("43.4,11.8", None),
        ("", None),
    ],
)
def test_a_position_is_read_in_all_its_ways(text: str, position: tuple[float, float] | None) -> None:
    """Degrees; degrees and minutes; degrees, minutes and seconds."""
    found = parse_position(text)
    assert (found and (found["lat"], found["lon"])) == position


@pytest.mark.parametrize("at", [40, 500, 3000])
def test_a_cut_video_says_what_it_can(tmp_path: Path, at: int) -> None:
    """Of an MP4 whose end is missing, where all is told, that is nothing; of a WebM its title."""
    whole = write_video(tmp_path / "a.mp4", "mp4", PHONE).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[:at])
    assert read_content(tmp_path / "cut.mp4", "video/mp4") == {}
    whole = write_video(tmp_path / "a.webm", "webm", {"title": "The fort"}, codec="libvpx").read_bytes()
    (tmp_path / "cut.webm").write_bytes(whole[: max(at, 700)])
    assert read_content(tmp_path / "cut.webm", "video/webm").get("title") == "The fort"


def test_a_playlist_is_no_video(tmp_path: Path) -> None:
    """Nothing that names other files is followed, whatever it calls itself."""
    other = write_video(tmp_path / "other.mp4", "mp4", {"title": "secret"})
    lists = [f"#EXTM3U\n#EXTINF:1,\n{other}\n", f"ffconcat version 1.0\nfile '{other}'\n"]
    for number, text in enumerate(lists):
        path = tmp_path / f"{number}.mp4"
        path.write_text(text)
        assert media_type_of(text.encode(), path.name) == "text/plain"
        for media_type in ("video/mp4", "video/webm", "audio/mpeg"):
            assert "title" not in read_content(path, media_type)
