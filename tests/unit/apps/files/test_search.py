"""Finding files in the index."""

import itertools
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from tests.unit.apps.files.conftest import MakeIndex
from weft.apps.files import query as q
from weft.apps.files.errors import QueryError
from weft.apps.files.index import FileView, Found, Index, merge, postgres
from weft.apps.files.index import plan as planning


def make_file(number: int, name: str, **metadata: Any) -> FileView:
    return FileView(
        id=f"{number:032x}",
        owner="local",
        sha256=sha256(str(number).encode()).hexdigest(),
        name=name,
        size=number * 10,
        media_type=metadata.pop("media_type", "image/jpeg"),
        version=1,
        created_ms=1_700_000_000_000 + number,
        updated_ms=1_700_000_000_000 + number,
        metadata=metadata,
        tx_id="ab" * 32,
        tx_height=number,
        tx_position=0,
    )


FILES = (
    make_file(1, "IMG_0001.jpg", title="Évora at dusk", tags=["portugal", "dusk"], camera="Canon EOS 40D",
              taken_at="2008-05-30T15:56:01Z", location={"lat": 38.57, "lon": -7.91}),
    make_file(2, "beach.jpg", title="Praia", description="A long sandy beach", tags=["portugal", "sea"],
              camera="Canon DIGITAL IXUS", taken_at="2009-07-01T10:00:00Z",
              location={"lat": 38.7, "lon": -9.4}),
    make_file(3, "fiji.jpg", tags=["sea"], camera="NIKON D70", taken_at="2010-01-01T00:00:00Z",
              location={"lat": -17.7, "lon": 178.1}),
    make_file(4, "samoa.jpg", tags=["sea"], camera="NIKON D70", taken_at="2010-12-31T23:59:59Z",
              location={"lat": -13.8, "lon": -172.1}),
    make_file(5, "north.png", media_type="image/png", location={"lat": 89.9, "lon": 10.0}),
    make_file(6, "notes.txt", media_type="text/plain", custom={"project": {"code": "Zephyr-7"}, "n": 5}),
    make_file(7, "Beach Walk.jpg", description="sandy feet, AND nothing else"),
)  # fmt: skip


@pytest.fixture(scope="module")
def index(make_index: MakeIndex) -> Iterator[Index]:
    index = make_index()
    with index.writing((7, 0)):
        for number, file in enumerate(FILES, 1):
            index.put(file, number << 20)
    yield index
    index.close()


def find(index: Index, *conditions: q.Condition | None, **query: Any) -> Found:
    return index.search(q.Query(tuple(one for one in conditions if one), **query), None, 100)


def numbers(found: Found) -> list[int]:
    return sorted(int(file.id, 16) for file in found.files)


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("beach", [2, 7]),
        ("BEACH", [2, 7]),
        ("evora", [1]),
        ("ÉVORA dusk", [1]),
        ("sandy beach", [2, 7]),
        ('"sandy beach"', [2]),
        ("port*", [1, 2]),
        ("port", []),
        ("img_0001.jpg", [1]),
        ("zephyr", [6]),
        ("canon sea", [2]),
        ("and", [7]),
        ("sandy AND beach", [7]),
        ("NOT", []),
        ("title:praia", []),
        ('"', None),
        ('a "b', None),
        ("*", None),
        ("a*b", None),
        ("**", None),
        ("a\x00b", None),
        ("^beach", [2, 7]),
        ("be'ach", []),
        ("(beach)", [2, 7]),
        ("-", []),
        ("", [1, 2, 3, 4, 5, 6, 7]),
        ("   ", [1, 2, 3, 4, 5, 6, 7]),
        ('""', []),
        ("x" * 1001, None),
        ("a " * 60, None),
    ],
)
def test_words_find_files(index: Index, text: str, hits: list[int] | None) -> None:
    """Words, "phrases" and prefix*, and nothing else: no operator, no column, no broken query."""
    if hits is None:
        with pytest.raises(QueryError):
            q.words(text)
    else:
        assert numbers(find(index, q.words(text))) == hits


@pytest.mark.parametrize(
    ("condition", "hits"),
    [
        (q.tag("sea"), [2, 3, 4]),
        (q.tag("Sea"), []),
        (q.tag("' OR 1=1 --"), []),
        (q.media_type("image/png"), [5]),
        (q.media_type("image/*"), [1, 2, 3, 4, 5, 7]),
        (q.media_type("im*"), []),
        (q.media_type("*"), []),
        (q.camera("canon eos 40d"), [1]),
        (q.camera("nikon"), [3, 4]),
        (q.camera("eos canon"), []),
        (q.camera("!"), []),
        (q.taken_from("2010-01-01T00:00:00Z"), [3, 4]),
        (q.taken_from("2010-01-01T00:00:00-01:00"), [4]),
        (q.taken_to("2009-07-01"), [1, 2]),
        (q.taken_to("2010-12-31"), [1, 2, 3, 4]),
        (q.Near(38.7, -9.14, 50), [2]),
        (q.Near(38.7, -9.14, 150), [1, 2]),
        (q.Near(-16.0, 180.0, 300), [3]),
        (q.Near(-16.0, 180.0, 900), [3, 4]),
        (q.Near(90.0, 0.0, 20), [5]),
        (q.Near(89.9, -170.0, 30), [5]),
        (q.Near(0.0, 0.0, 20015), [1, 2, 3, 4, 5]),
        (q.Box(-10, 38, -7, 39), [1, 2]),
        (q.Box(170, -20, -170, -10), [3, 4]),
        (q.Box(-180, -90, 180, 90), [1, 2, 3, 4, 5]),
    ],
)
def test_conditions_find_files(index: Index, condition: q.Condition, hits: list[int]) -> None:
    """Tag, kind, camera, time, place; over the antimeridian and the pole as anywhere."""
    assert numbers(find(index, condition)) == hits


def test_conditions_must_all_hold(index: Index) -> None:
    """Each narrows what the others leave."""
    found = find(index, q.tag("sea"), q.tag("portugal"), q.words("beach"), q.camera("ixus"))
    assert numbers(found) == [2]
    assert (found.total, found.is_total_exact) == (1, True)


@pytest.mark.parametrize(
    ("sort", "is_rising", "order"),
    [
        ("created_at", False, [7, 6, 5, 4, 3, 2, 1]),
        ("created_at", True, [1, 2, 3, 4, 5, 6, 7]),
        ("taken_at", True, [1, 2, 3, 4, 5, 6, 7]),
        ("taken_at", False, [4, 3, 2, 1, 7, 6, 5]),
        ("name", True, [7, 2, 3, 1, 5, 6, 4]),
        ("size", False, [7, 6, 5, 4, 3, 2, 1]),
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_pages_follow_each_other_in_every_order(
    index: Index, sort: str, is_rising: bool, order: list[int], limit: int
) -> None:
    """Every file once; those without the value come last."""
    query, place, seen = q.Query((), sort, is_rising), None, []
    for _ in itertools.count():
        found = index.search(query, place, limit)
        assert found.total == 7
        seen += [int(file.id, 16) for file in found.files]
        place = found.next_spot
        if place is None:
            break
    assert seen == order


def test_what_is_uploaded_meanwhile_moves_no_page(make_index: MakeIndex) -> None:
    """The second page goes on after the last file of the first."""
    index = make_index()
    with index.writing((1, 0)):
        for number in range(1, 6):
            index.put(make_file(number, f"{number}.jpg"), number << 20)
    first = index.search(q.Query(), None, 2)
    with index.writing((2, 0)):
        index.put(make_file(6, "6.jpg"), 6 << 20)
        index.remove(make_file(4, "").id)
    second = index.search(q.Query(), first.next_spot, 2)
    assert [file.name for file in (*first.files, *second.files)] == ["5.jpg", "4.jpg", "3.jpg", "2.jpg"]
    index.close()


def test_facets_count_what_was_found(index: Index) -> None:
    """By value, most first; files without one are not counted."""
    found = find(index, q.media_type("image/*"), facets=q.FACETS)
    assert found.facets == {
        "tags": {"sea": 3, "portugal": 2, "dusk": 1},
        "media_type": {"image/jpeg": 5, "image/png": 1},
        "camera": {"NIKON D70": 2, "Canon DIGITAL IXUS": 1, "Canon EOS 40D": 1},
        "year": {"2010": 2, "2008": 1, "2009": 1},
    }
    assert list(found.facets["tags"]) == ["sea", "portugal", "dusk"]
    assert find(index, q.tag("none"), facets=("tags",)).facets == {"tags": {}}


def test_beyond_a_bound_totals_are_not_exact(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """And say so."""
    for module in (merge, planning, postgres):
        monkeypatch.setattr(module, "COUNTED_MAX", 4)
    found = find(index, q.media_type("image/jpeg"), facets=("tags",))
    assert (found.total, found.is_total_exact) == (4, False)
    found = find(index, q.tag("sea"))
    assert (found.total, found.is_total_exact) == (3, True)


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (q.tag, "a\0"),
        (q.no_tag, "\0"),
        (q.media_type, "\0/*"),
        (q.parse_point, "1"),
        (q.parse_point, "91,0"),
        (q.parse_point, "0,181"),
        (q.parse_point, "a,b"),
        (q.parse_point, "nan,0"),
        (q.parse_point, "1e1,0"),
        (q.parse_point, "1,2,3"),
        (q.parse_box, "1,2,3"),
        (q.parse_box, "0,10,1,-10"),
        (q.parse_box, "0,0,0,inf"),
        (q.parse_radius, "0"),
        (q.parse_radius, "-1"),
        (q.parse_radius, "99999"),
        (q.parse_radius, "1.2.3"),
        (q.parse_sort, "colour"),
        (q.parse_sort, "--name"),
        (q.parse_facets, "tags,colour"),
        (q.parse_facets, ""),
        (q.taken_from, "2020-13-01"),
        (q.taken_from, "2020-01-01T25:00:00Z"),
        (q.taken_to, "now"),
    ],
)
def test_what_cannot_be_asked_is_refused(parse: Any, text: str) -> None:
    """With half a sentence that says what can."""
    with pytest.raises(ValueError, match=r"must|hold"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "sort"),
    [("name", ("name", True)), ("-taken_at", ("taken_at", False)), (" size", ("size", True)),
     ("-created", ("created_at", False)), ("+name", ("name", True))],
)  # fmt: skip
def test_orders_are_named_with_a_sign(text: str, sort: tuple[str, bool]) -> None:
    """A plus in a URL arrives as a space."""
    assert q.parse_sort(text) == sort
