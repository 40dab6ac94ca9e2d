"""What a machine sees in pictures that were drawn for it."""

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFilter

from weft.apps.files.findings import APART_MAX, bits_apart, look_words
from weft.apps.files.inside.eyes import see
from weft.apps.files.samples import write_samples


def draw_face(edge: int) -> Image.Image:
    """As much of one as a cascade looks at: brows, eyes, a bright nose, a mouth, in a head with hair."""
    picture = Image.new("L", (edge, edge), 200)
    pen = ImageDraw.Draw(picture)

    def oval(west: float, north: float, east: float, south: float, grey: int) -> None:
        pen.ellipse([west * edge, north * edge, east * edge, south * edge], fill=grey)

    oval(0.22, 0.10, 0.78, 0.95, 60)
    oval(0.28, 0.18, 0.72, 0.92, 175)
    for x in (0.40, 0.60):
        oval(x - 0.075, 0.43, x + 0.075, 0.50, 110)
        oval(x - 0.04, 0.445, x + 0.04, 0.49, 30)
        pen.rectangle([(x - 0.08) * edge, 0.385 * edge, (x + 0.08) * edge, 0.405 * edge], fill=70)
    pen.polygon([(0.5 * edge, 0.5 * edge), (0.46 * edge, 0.64 * edge), (0.54 * edge, 0.64 * edge)], fill=195)
    oval(0.46, 0.62, 0.54, 0.66, 120)
    oval(0.40, 0.73, 0.60, 0.79, 90)
    return picture.filter(ImageFilter.GaussianBlur(edge / 100))


def draw_people(count: int) -> Image.Image:
    picture = Image.new("RGB", (400 * count, 400), (180, 180, 180))
    for number in range(count):
        picture.paste(draw_face(300), (400 * number + 50, 50))
    return picture


@pytest.mark.parametrize("count", [1, 2, 3])
def test_faces_are_counted(count: int) -> None:
    (tag,) = see(draw_people(count))["tags"]
    assert (tag["tag"], tag["count"]) == ("face", count)
    assert 0.5 <= tag["confidence"] <= 1


def test_where_nobody_is_nobody_is_seen(tmp_path: Path) -> None:
    """Twelve landscapes."""
    for path in write_samples(tmp_path):
        with Image.open(path) as picture:
            assert see(picture)["tags"] == [], path.name


def test_the_same_picture_looks_alike_whatever_was_done_to_it(tmp_path: Path) -> None:
    """Smaller, in another format, of poor quality, a little brighter; another one does not."""
    looks = []
    for path in write_samples(tmp_path):
        with Image.open(path) as picture:
            look = see(picture)["likeness"]
            small = picture.resize((picture.width // 3, picture.height // 3))
            small.save(tmp_path / "small.webp", quality=40)
            brighter = picture.point(lambda value: min(255, value + 12))
        with Image.open(tmp_path / "small.webp") as again:
            changed = [see(again)["likeness"], see(brighter)["likeness"]]
        for other in changed:
            assert bits_apart(look, other) <= APART_MAX, path.name
            assert set(look_words(look)) & set(look_words(other)), path.name
        looks.append(look)
    apart = [bits_apart(one, other) for one in looks for other in looks if one != other]
    assert min(apart) > APART_MAX
