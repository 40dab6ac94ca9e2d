"""Sample photos: twelve drawn landscapes, as JPEGs with camera, time and position like those of a real trip.

They are the same bytes on every machine that has the same version of the drawing library, so photos that were
uploaded once are recognised the next time. The places are real; the pictures are only a mood.
"""

import math
import random
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageDraw, ImageFilter
from PIL.TiffImagePlugin import IFDRational

Color = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where and when a sample was taken, with what, and how its picture looks."""

    name: str
    make: str
    model: str
    taken: str
    offset: str
    lat: float
    lon: float
    size: tuple[int, int]
    """Upright width and height."""
    orientation: int
    """How the camera was held: 1 straight, 3 upside down, 6 and 8 turned."""
    sky: tuple[Color, Color]
    """Above and at the horizon."""
    land: tuple[Color, Color]
    """Far and near hills."""
    sun: float
    """Height over the horizon: 0 on it, 1 at the upper edge; below 0 there is none."""
    has_sea: bool


def _colors(text: str) -> tuple[Color, Color]:
    """Two colours, six hex digits each."""
    upper, lower = (bytes.fromhex(part) for part in text.split())
    return (upper[0], upper[1], upper[2]), (lower[0], lower[1], lower[2])


SCENES = (
    Scene("lisbon-tagus-evening", "Canon", "Canon EOS 6D", "2019:06:21 20:41:10", "+01:00",
          38.6916, -9.216, (1600, 1067), 1, _colors("405496 ffb266"), _colors("5e4e70 28223c"), 0.12, True),
    Scene("matterhorn-morning", "NIKON CORPORATION", "NIKON D750", "2020:08:03 06:52:44", "+02:00",
          45.9763, 7.6586, (1500, 1000), 1, _colors("4682c8 fad6be"), _colors("96a0be 344e46"), 0.3, False),
    Scene("lofoten-midnight", "SONY", "ILCE-7M3", "2021:06:30 00:14:03", "+02:00",
          68.209, 13.617, (1800, 1012), 1, _colors("5a508c ff9678"), _colors("50466e 181c30"), 0.04, True),
    Scene("tuscany-hills", "FUJIFILM", "X-T3", "2018:05:12 18:20:31", "+02:00",
          43.0767, 11.677, (1500, 1000), 1, _colors("78aadc ffe8be"), _colors("96aa6e 506e32"), 0.45, False),
    Scene("cape-town-portrait", "Apple", "iPhone 12", "2022:01:15 19:33:58", "+02:00",
          -33.9628, 18.4098, (900, 1200), 6, _colors("3c78be fac896"), _colors("6e6e82 2c3e38"), 0.25, True),
    Scene("kyoto-autumn", "OLYMPUS CORPORATION", "E-M5MarkII", "2017:11:19 16:05:12", "+09:00",
          35.0394, 135.7292, (1280, 960), 1, _colors("8c96be fad2aa"), _colors("aa6450 642c22"), 0.2, False),
    Scene("uyuni-noon", "Panasonic", "DC-GH5", "2019:11:02 12:10:00", "-04:00",
          -20.1338, -67.4891, (1920, 1080), 1, _colors("1e64c8 c8e6fa"), _colors("bebec8 e6eaf0"), 0.9, True),
    Scene("big-sur-fog", "Canon", "Canon EOS 6D", "2016:09:27 08:02:26", "-07:00",
          36.2704, -121.8081, (1600, 1067), 3, _colors("aab4be ece4d6"), _colors("828c8c 3c4c40"), 0.5, True),
    Scene("iceland-ring-road", "SONY", "ILCE-7M3", "2021:09:08 19:48:37", "+00:00",
          64.0784, -16.2306, (1800, 1200), 1, _colors("32466e dcbeaa"), _colors("465a6e 1e2c28"), 0.1, True),
    Scene("wadi-rum-dusk", "NIKON CORPORATION", "NIKON D750", "2018:03:24 18:11:09", "+02:00",
          29.5759, 35.4204, (1500, 1000), 1, _colors("463c78 fa965a"), _colors("be6446 6e3228"), 0.06, False),
    Scene("auckland-harbour-portrait", "Google", "Pixel 6", "2023:02:11 20:02:45", "+13:00",
          -36.8406, 174.74, (1080, 1440), 8, _colors("3c6eb4 ffbe8c"), _colors("505a78 1e3246"), 0.15, True),
    Scene("yukon-first-snow", "Canon", "Canon PowerShot G7 X", "2015:10:05 09:31:00", "-07:00",
          60.7212, -135.0568, (1400, 933), 1, _colors("96b4dc f0ecf0"), _colors("c8d2e0 5a6e6e"), -1, False),
)  # fmt: skip

_TURNS = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
"""How an upright picture is turned so that its orientation says how to turn it back (EXIF 2.32, tag 274)."""


def write_samples(folder: Path) -> list[Path]:
    """Write the sample photos into a folder, those that are not there yet; the paths of all."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{scene.name}.jpg" for scene in SCENES]
    for path, scene in zip(paths, SCENES, strict=True):
        if not path.exists():
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                _draw(scene).save(file, "JPEG", quality=88, exif=_exif_of(scene))
            part.replace(path)
    return paths


def _draw(scene: Scene) -> Image.Image:
    """Sky, sun, hills from far to near, water, a little grain; turned as the camera was held."""
    chance = random.Random(scene.name)
    width, height = scene.size
    horizon = int(height * 0.58)
    picture = _gradient(scene.size, *scene.sky, horizon)
    if scene.sun >= 0:
        _shine(
            picture, (int(width * chance.uniform(0.25, 0.75)), int(horizon * (1 - scene.sun))), scene.sky[1]
        )
    far, near = scene.land
    swing = height * 0.16
    _raise_hill(picture, horizon - swing * 0.1, swing, far, chance)
    if scene.has_sea:
        _pour(picture, horizon, scene.sky, chance)
        _raise_hill(picture, height * 0.93, swing * 0.6, near, chance)
    else:
        for step in (1 / 3, 2 / 3, 1):
            base = horizon + (height - horizon) * step * 0.55
            _raise_hill(picture, base, swing * (1 - step * 0.4), _mix(far, near, step), chance)
    picture = Image.blend(picture, _grain(scene.size, chance), 0.04)
    turn = _TURNS[scene.orientation]
    return picture if turn is None else picture.transpose(turn)


def _gradient(size: tuple[int, int], upper: Color, lower: Color, horizon: int) -> Image.Image:
    """A column of colours from the upper edge down to the horizon, stretched over the width."""
    column = Image.new("RGB", (1, size[1]))
    for row in range(size[1]):
        column.putpixel((0, row), _mix(upper, lower, min(1.0, (row / horizon) ** 1.4)))
    return column.resize(size)


def _shine(picture: Image.Image, place: tuple[int, int], glow: Color) -> None:
    """A disc with light around it."""
    radius = picture.width // 34
    light = Image.new("L", picture.size)
    draw = ImageDraw.Draw(light)
    for reach, strength in ((6, 40), (3.4, 80), (1.8, 130)):
        draw.ellipse(_around(place, radius * reach), fill=strength)
    light = light.filter(ImageFilter.GaussianBlur(radius))
    picture.paste(Image.new("RGB", picture.size, _mix(glow, (255, 255, 255), 0.6)), mask=light)
    ImageDraw.Draw(picture).ellipse(_around(place, radius), fill=(255, 250, 232))


def _pour(picture: Image.Image, horizon: int, sky: tuple[Color, Color], chance: random.Random) -> None:
    """Water that mirrors the sky, with short waves."""
    draw = ImageDraw.Draw(picture)
    depth = picture.height - horizon
    for row in range(depth):
        draw.line(
            (0, horizon + row, picture.width, horizon + row),
            fill=_mix(_mix(sky[1], sky[0], row / depth), (16, 34, 60), 0.35),
        )
    for _ in range(picture.width // 3):
        row = int(depth * chance.random() ** 1.6)
        start = chance.randrange(picture.width)
        length = 4 + row * chance.uniform(0.05, 0.25)
        draw.line(
            (start, horizon + row, start + length, horizon + row), fill=_mix(sky[1], (255, 255, 255), 0.3)
        )


def _raise_hill(picture: Image.Image, base: float, swing: float, color: Color, chance: random.Random) -> None:
    """A ridge: a few waves one over the other, filled to the lower edge."""
    turn = 2 * math.pi / picture.width
    waves = [
        (swing / (step + 1), turn * chance.uniform(0.6, 1.4) * (step + 1), chance.uniform(0, 2 * math.pi))
        for step in range(5)
    ]
    ridge = [
        (x, base + sum(high * math.sin(pace * x + shift) for high, pace, shift in waves) / 2)
        for x in range(0, picture.width + 4, 4)
    ]
    ImageDraw.Draw(picture).polygon(
        [*ridge, (picture.width + 4, picture.height), (0, picture.height)], fill=color
    )


def _grain(size: tuple[int, int], chance: random.Random) -> Image.Image:
    small = (size[0] // 4, size[1] // 4)
    return Image.frombytes("L", small, chance.randbytes(small[0] * small[1])).resize(size).convert("RGB")


def _exif_of(scene: Scene) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = scene.make
    exif[ExifTags.Base.Model] = scene.model
    exif[ExifTags.Base.Orientation] = scene.orientation
    exif[ExifTags.IFD.Exif] = {
        ExifTags.Base.DateTimeOriginal: scene.taken,
        ExifTags.Base.OffsetTimeOriginal: scene.offset,
    }
    exif[ExifTags.IFD.GPSInfo] = {
        ExifTags.GPS.GPSLatitudeRef: "N" if scene.lat >= 0 else "S",
        ExifTags.GPS.GPSLatitude: _sexagesimal(scene.lat),
        ExifTags.GPS.GPSLongitudeRef: "E" if scene.lon >= 0 else "W",
        ExifTags.GPS.GPSLongitude: _sexagesimal(scene.lon),
    }
    return exif


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and hundredths of seconds, as EXIF writes an angle."""
    hundredths = round(abs(degrees) * 360_000)
    minutes, seconds = divmod(hundredths, 6000)
    return IFDRational(minutes // 60), IFDRational(minutes % 60), IFDRational(seconds, 100)


def _mix(first: Color, second: Color, share: float) -> Color:
    """The colour that far on the way from the first to the second."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _around(place: tuple[int, int], radius: float) -> tuple[float, float, float, float]:
    return place[0] - radius, place[1] - radius, place[0] + radius, place[1] + radius
