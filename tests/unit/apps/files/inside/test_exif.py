"""What photos say of themselves."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import piexif
import pytest
from PIL import Image

from weft.apps.files.decoder import choose_formats, read_content
from weft.apps.files.inside.exif import camera_of, location_of, time_of
from weft.apps.files.metadata import decode_metadata, encode_metadata
from weft.apps.files.samples import SCENES, write_samples


def read_photo(path: Path) -> dict[str, Any]:
    choose_formats()
    return read_content(path, "image/jpeg")


SAID = {
    "gps/DSCN0010.jpg": {
        "width": 640,
        "height": 480,
        "orientation": 1,
        "camera": "NIKON COOLPIX P6000",
        "taken_at": "2008-10-22T16:28:39Z",
        "location": {"lat": 43.4674483, "lon": 11.8851267},
        "place": "Arezzo, Italy",
    },
    "cameras/Kodak_CX7530.jpg": {
        "width": 100,
        "height": 78,
        "orientation": 1,
        "camera": "KODAK CX7530 ZOOM DIGITAL CAMERA",
        "taken_at": "2005-08-13T09:47:23Z",
        "location": {"lat": -0.3713, "lon": 36.0564167},
        "place": "Nakuru, Kenya",
    },
    "cameras/Ricoh_Caplio_RR330.jpg": {
        "width": 100,
        "height": 75,
        "camera": "Caplio RR330",
        "taken_at": "2004-08-31T19:52:58Z",
    },
    "early-digital/sony-cybershot.jpg": {
        "width": 640,
        "height": 480,
        "orientation": 1,
        "camera": "SONY CYBERSHOT",
        "taken_at": "2000-09-30T10:59:45Z",
    },
    "cameras/Nikon_D70.jpg": {
        "width": 100,
        "height": 66,
        "orientation": 1,
        "camera": "NIKON D70",
        "lens": "100.0 mm f/2.8",
        "taken_at": "2008-03-15T13:52:01Z",
        "taken_offset": "-04:00",
    },
    "orientation/portrait_6.jpg": {"width": 450, "height": 600, "orientation": 6},
    "broken/image02206.jpg": {"width": 65, "height": 65},
}


@pytest.mark.parametrize("name", sorted(SAID))
def test_real_photos_say_what_is_known_of_them(photos: Path, name: str) -> None:
    """Maker, model, time, place, and the size of the upright picture."""
    if not (photos / name).exists():
        pytest.skip(f"there is no real photo {name} here")
    assert read_photo(photos / name) == SAID[name]


def test_every_photo_can_be_read(photos: Path) -> None:
    """None of them, broken or not, raises; all have a size."""
    paths = list(photos.rglob("*.jpg"))
    assert paths
    for path in paths:
        found = read_photo(path)
        assert found["width"] > 0, path
        assert found["height"] > 0, path
        assert decode_metadata(*encode_metadata(found)) == found, path


def test_samples_are_photos_with_all_there_is_to_say(tmp_path: Path) -> None:
    """Camera, time in UTC, position, upright size; the same bytes each time."""
    paths = write_samples(tmp_path / "a")
    again = write_samples(tmp_path / "b")
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    assert len(paths) == len(SCENES) >= 12
    for path, scene in zip(paths, SCENES, strict=True):
        found = read_photo(path)
        assert (found["width"], found["height"]) == scene.size
        assert found["orientation"] == scene.orientation
        assert found["location"] == pytest.approx({"lat": scene.lat, "lon": scene.lon}, abs=1e-5)
        assert scene.model in found["camera"]
    first = read_photo(paths[0])
    assert (first["taken_at"], first["taken_offset"]) == ("2019-06-21T19:41:10Z", "+01:00")
    assert first["place"] == "Restelo, Lisbon, Portugal"


@pytest.mark.parametrize(
    ("make", "model", "camera"),
    [
        ("Canon", "Canon EOS 40D", "Canon EOS 40D"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("NIKON", "COOLPIX P1", "NIKON COOLPIX P1"),
        ("OLYMPUS OPTICAL CO.,LTD", "C960Z,D460Z", "OLYMPUS C960Z,D460Z"),
        ("SANYO Electric Co.,Ltd.", "SR6 ", "SANYO SR6"),
        ("WWL     ", "ION230\x00F", "WWL ION230"),
        ("Apple", None, "Apple"),
        (None, "Pixel 6", "Pixel 6"),
        ("\x00\x00", "", None),
        (None, None, None),
        (b"SONY\x00", 7, "SONY"),
        ("Co.", "X", "Co. X"),
        ("a\x1b[31m\nb", "c", "a [31m b c"),
    ],
)
def test_a_camera_is_named_once(make: object, model: object, camera: str | None) -> None:
    """Without padding, control characters and legal forms."""
    assert camera_of(make, model) == camera


@pytest.mark.parametrize(
    ("tags", "taken_at"),
    [
        ({0x9003: "2020:02:29 23:30:00"}, "2020-02-29T23:30:00Z"),
        ({0x9003: "2020:02:29 23:30:00", 0x9011: "-01:00"}, "2020-03-01T00:30:00Z"),
        ({0x9003: "2020:02:29 23:30:00", 0x9011: "   :  "}, "2020-02-29T23:30:00Z"),
        ({0x9003: "2021:02:29 23:30:00", 0x9004: "2001:01:01 00:00:00"}, "2001-01-01T00:00:00Z"),
        ({0x9003: "0000:00:00 00:00:00"}, None),
        ({0x9003: "    :  :     :  :  "}, None),
        ({0x9003: "0001:01:01 00:00:00", 0x9011: "+14:00"}, None),
        ({0x9003: "0001:01:01 00:00:00"}, "0001-01-01T00:00:00Z"),
        ({0x9003: 12}, None),
        ({}, None),
    ],
)
def test_a_time_is_what_the_camera_said(tags: dict[int, Any], taken_at: str | None) -> None:
    """In UTC when it said its offset; a time that the calendar does not have is none."""
    assert time_of(tags, {}).get("taken_at") == taken_at


@pytest.mark.parametrize(
    ("satellite", "said"),
    [
        ({29: "2008:10:22", 7: (14, 27, 7.24)}, ("2008-10-22T14:28:39Z", "+02:00")),
        ({29: "2008:10:23", 7: (14, 27, 7.24)}, ("2008-10-22T16:28:39Z", None)),
        ({29: "2008:10:22"}, ("2008-10-22T16:28:39Z", None)),
        ({29: "2008:10:22", 7: (99, 0, 0)}, ("2008-10-22T16:28:39Z", None)),
    ],
)
def test_the_receiver_s_time_tells_the_camera_s_zone(
    satellite: dict[int, Any], said: tuple[str, str | None]
) -> None:
    """Unless no zone of the camera explains it, as in photos whose receiver had another day."""
    found = time_of({0x9003: "2008:10:22 16:28:39"}, satellite)
    assert (found["taken_at"], found.get("taken_offset")) == said


@pytest.mark.parametrize(
    ("tags", "location"),
    [
        ({1: "N", 2: (43, 28, 2.814), 3: "E", 4: (11, 53, 6.456)}, {"lat": 43.4674483, "lon": 11.8851267}),
        ({1: "S", 2: (Fraction(1, 2), 0, 0), 3: "W", 4: (1, 30, 0)}, {"lat": -0.5, "lon": -1.5}),
        ({2: (43, 28, 2), 3: "E", 4: (11, 53, 6)}, None),
        ({1: "N", 2: (91, 0, 0), 3: "E", 4: (11, 53, 6)}, None),
        ({1: "N", 2: (float("nan"), 0, 0), 3: "E", 4: (1, 0, 0)}, None),
        ({1: "N", 2: (1, 0), 3: "E", 4: (1, 0, 0)}, None),
        ({1: "N", 2: "x", 3: "E", 4: None}, None),
        ({9: "V", 1: "N", 2: (1, 0, 0), 3: "E", 4: (1, 0, 0)}, None),
    ],
)
def test_a_position_is_whole_or_none(tags: dict[int, Any], location: dict[str, float] | None) -> None:
    """Both halves with their sides, on this planet, of a receiver that had a fix."""
    assert location_of(tags) == location


def test_what_another_writer_wrote_is_read(tmp_path: Path) -> None:
    """EXIF made by piexif instead of Pillow."""
    path = tmp_path / "photo.jpg"
    exif = piexif.dump(
        {
            "0th": {
                piexif.ImageIFD.Make: b"Leica",
                piexif.ImageIFD.Model: b"M10",
                piexif.ImageIFD.Orientation: 8,
            },
            "Exif": {piexif.ExifIFD.DateTimeOriginal: b"1999:12:31 23:59:59"},
            "GPS": {
                piexif.GPSIFD.GPSLatitudeRef: b"S",
                piexif.GPSIFD.GPSLatitude: ((33, 1), (51, 1), (3132, 100)),
                piexif.GPSIFD.GPSLongitudeRef: b"E",
                piexif.GPSIFD.GPSLongitude: ((151, 1), (12, 1), (0, 0)),
            },
        }
    )
    Image.new("RGB", (40, 30)).save(path, exif=exif)
    assert read_photo(path) == {
        "width": 30,
        "height": 40,
        "orientation": 8,
        "camera": "Leica M10",
        "taken_at": "1999-12-31T23:59:59Z",
    }


@pytest.mark.parametrize(
    ("written", "description"),
    [
        ("OLYMPUS DIGITAL CAMERA         ", None),
        ("SONY DSC", None),
        ("<E-M5, OLYMPUS>", None),
        ("The olympus of cameras", "The olympus of cameras"),
        ("Gru\u00df", "Gruß"),
    ],
)
def test_what_a_camera_writes_of_itself_is_no_description(
    tmp_path: Path, written: str, description: str | None
) -> None:
    """Words of its own name, and what cameras call a photo."""
    exif = Image.Exif()
    exif[0x10F], exif[0x110] = "OLYMPUS", "E-M5 SONY"
    exif[0x10E] = written.encode()
    Image.new("RGB", (4, 3)).save(tmp_path / "photo.jpg", exif=exif)
    assert read_photo(tmp_path / "photo.jpg").get("description") == description
