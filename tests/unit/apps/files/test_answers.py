"""Searches of random libraries, answered by the index and by going through every file plainly."""

import random
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import asin, cos, radians, sin, sqrt

import pytest

from tests.unit.apps.files.conftest import MakeIndex
from tests.unit.apps.files.test_search import make_file
from weft.apps.files import query as q
from weft.apps.files.index import FileView, Found, Index, Spot, kept, merge, taken_ms, traits
from weft.apps.files.index import plan as planning
from weft.apps.files.index import postgres as server
from weft.apps.files.index import sqlite as keeping

TAGS = ("sea", "sun", "Snow", "port*", "été")
WORDS = ("harbour", "harbours", "hill", "old", "stone", "boat")
CAMERAS = ("Canon EOS 40D", "NIKON D70", "Canon IXUS")
TYPES = ("image/jpeg", "image/png", "video/mp4")
PRINCIPALS = ("ann", "bob", "eve", "album1", "album2", *(f"album{number}" for number in range(3, 30)))
TOWNS = ((43.46, 11.88), (43.47, 11.9), (-16.5, 179.99), (-16.5, -179.98), (89.99, 5.0), (0.0, 0.0))


class Library:
    """Files that come, change and go, in an index and in a dictionary."""

    def __init__(self, index: Index, seed: int, private: float = 0.0) -> None:
        """`private`: the share of files that not everybody may see."""
        self.index = index
        self.chance = random.Random(seed)
        self.private = private
        self.files: dict[int, FileView] = {}
        self.made = 0

    def change(self, comings: int, height: int) -> None:
        chance = self.chance
        with self.index.writing((height, 0)):
            for position in range(comings):
                self._put((height << 20) + position, self._make())
            for place in chance.sample(sorted(self.files), len(self.files) // 10):
                old = self.files[place]
                new = self._make()
                self._put(place, replace(old, metadata=new.metadata, readers=new.readers))
            for place in chance.sample(sorted(self.files), len(self.files) // 12):
                self.index.remove(self.files.pop(place).id)

    def _put(self, place: int, file: FileView) -> None:
        self.index.put(file, place + 5 if place in self.files else place)
        self.files[place] = file

    def _make(self) -> FileView:
        chance, metadata = self.chance, {}
        self.made += 1
        number = self.made
        for name, text in (("title", 2), ("description", 5)):
            if chance.random() < 0.7:
                metadata[name] = " ".join(chance.choices(WORDS, k=text))
        if chance.random() < 0.8:
            metadata["tags"] = chance.sample(TAGS, chance.randint(1, 3))
        if chance.random() < 0.7:
            metadata["camera"] = chance.choice(CAMERAS)
        if chance.random() < 0.8:
            moment = datetime(2007, 12, 1, tzinfo=UTC) + timedelta(hours=chance.randrange(20_000))
            metadata["taken_at"] = moment.isoformat().replace("+00:00", "Z")
        if chance.random() < 0.7:
            lat, lon = chance.choice(TOWNS)
            lat = max(-90.0, min(90.0, lat + chance.gauss(0, 0.01)))
            metadata["location"] = {"lat": lat, "lon": (lon + chance.gauss(0, 0.01) + 180) % 360 - 180}
        file = make_file(number, f"{chance.choice(WORDS)}_{number}.jpg", **metadata)
        content = file.sha256 if chance.random() < 0.9 else "ab" * 32
        readers = tuple(sorted(chance.sample(PRINCIPALS, chance.randint(0, 3))))
        return replace(
            file,
            media_type=chance.choice(TYPES),
            size=chance.randrange(50),
            sha256=content,
            owner=chance.choice(PRINCIPALS[:3]),
            readers=readers if chance.random() < self.private else None,
        )


def conditions(chance: random.Random) -> tuple[q.Condition, ...]:
    """One to three conditions of any kind."""
    lat, lon = chance.choice(TOWNS)
    wide = chance.choice((0.005, 0.02, 1.0))
    box = q.Box(
        (lon - wide + 180) % 360 - 180,
        max(-90, lat - wide),
        (lon + wide + 180) % 360 - 180,
        min(90, lat + wide),
    )
    year = f"200{chance.choice('789')}"
    makers = (
        lambda: q.words(chance.choice(WORDS)),
        lambda: q.words(f"{chance.choice(WORDS)} {chance.choice(WORDS)}"),
        lambda: q.words(f'"{chance.choice(WORDS)} {chance.choice(WORDS)}"'),
        lambda: q.words(f"{chance.choice(WORDS)[: chance.randint(1, 5)]}*"),
        lambda: q.camera(chance.choice(("canon", "nikon d70", "eos"))),
        lambda: q.tag(chance.choice(TAGS)),
        lambda: q.no_tag(chance.choice(TAGS)),
        lambda: q.Tagged(tuple(chance.sample(TAGS, 2))),
        lambda: q.media_type(chance.choice((*TYPES, "image/*", "text/plain"))),
        lambda: q.taken_from(f"{year}-06-01"),
        lambda: q.taken_to(f"{year}-06-01"),
        lambda: q.undated(chance.choice(("true", "false"))),
        lambda: q.duplicates("true"),
        lambda: q.sha256("ab" * 32),
        lambda: q.Near(lat, lon, chance.choice((0.5, 1.5, 100.0))),
        lambda: box,
    )
    made = [maker() for maker in chance.sample(makers, chance.randint(1, 3))]
    return tuple(one for one in made if one is not None)


def holds(file: FileView, condition: q.Condition, files: dict[int, FileView]) -> bool:
    """What the condition says, said once more."""
    metadata = file.metadata
    spot = metadata.get("location")
    moment = taken_ms(metadata)
    match condition:
        case q.Words(terms):
            return all(_is_said(file, term) for term in terms)
        case q.Tagged(tags, is_wanted):
            return bool(set(tags) & set(metadata.get("tags", ()))) is is_wanted
        case q.MediaType(name):
            return file.media_type == name or (name.endswith("/") and file.media_type.startswith(name))
        case q.Taken(first, last):
            return (
                moment is not None and (first is None or moment >= first) and (last is None or moment <= last)
            )
        case q.Undated(is_undated):
            return (moment is None) is is_undated
        case q.Content(sha256):
            return file.sha256 == sha256
        case q.Duplicated():
            return sum(other.sha256 == file.sha256 for other in files.values()) > 1
        case q.Visible(principals):
            return may_see(file, principals)
        case q.Box(west, south, east, north):
            if spot is None or not south <= spot["lat"] <= north:
                return False
            lon = spot["lon"]
            return west <= lon <= east if west <= east else lon >= west or lon <= east
        case q.Near(lat, lon, radius):
            return spot is not None and _kilometres(lat, lon, spot["lat"], spot["lon"]) <= radius
    raise AssertionError(condition)


def _is_said(file: FileView, term: q.Term) -> bool:
    metadata = file.metadata
    fields = [file.name, metadata.get("title", ""), metadata.get("description", "")]
    fields += ["\n".join(metadata.get("tags", ()))]
    camera = metadata.get("camera", "")
    said = [
        re.findall(r"[^\W_]+", text.lower()) for text in ((camera,) if term.is_camera else (*fields, camera))
    ]
    wanted = re.findall(r"[^\W_]+", term.text.lower())
    for words in said:
        for start in range(len(words) - len(wanted) + 1):
            part = words[start : start + len(wanted)]
            if part == wanted or (
                term.is_prefix and part[:-1] == wanted[:-1] and part[-1].startswith(wanted[-1])
            ):
                return True
    return False


def _kilometres(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    lat, lon, other_lat, other_lon = map(radians, (lat, lon, other_lat, other_lon))
    half = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return 2 * q.EARTH_KM * asin(min(1.0, sqrt(half)))


def may_see(file: FileView, principals: tuple[str, ...]) -> bool:
    return file.readers is None or bool({file.owner, *file.readers} & set(principals))


def expected(library: Library, query: q.Query) -> list[FileView]:
    """All hits in order; to a viewer, a library of what it may see."""
    files = library.files
    for condition in query.conditions:
        if isinstance(condition, q.Visible):
            files = {place: file for place, file in files.items() if may_see(file, condition.principals)}
    hits = [
        (place, file)
        for place, file in files.items()
        if all(holds(file, condition, files) for condition in query.conditions)
    ]
    values = {
        "created_at": lambda place, file: place,
        "taken_at": lambda place, file: taken_ms(file.metadata),
        "name": lambda place, file: file.name.lower(),
        "size": lambda place, file: file.size,
    }
    value = values[query.sort]
    valued = [one for one in hits if value(*one) is not None]
    rest = [one for one in hits if value(*one) is None]
    valued.sort(key=lambda one: (value(*one), one[0]), reverse=not query.is_rising)
    rest.sort(key=lambda one: one[0], reverse=not query.is_rising)
    return [file for _, file in (*valued, *rest)]


def read_all(index: Index, query: q.Query, limit: int) -> tuple[list[FileView], Found]:
    """Page by page; the files, and the first page."""
    files: list[FileView] = []
    after: Spot | None = None
    first = None
    while True:
        found = index.search(query, after, limit)
        first = first or found
        files += found.files
        if found.next_spot is None:
            return files, first
        after = found.next_spot


@pytest.mark.parametrize("counted_max", [10_000, 40])
@pytest.mark.parametrize("seed", range(3))
def test_an_index_answers_as_going_through_all_files_does(
    make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch, seed: int, counted_max: int
) -> None:
    """Hits, their order, pages, totals, facets and months, whether lists are short or long."""
    for module in (kept, merge, planning, server):
        monkeypatch.setattr(module, "COUNTED_MAX", counted_max)
    monkeypatch.setattr(planning, "PROBED_MAX", 15)
    monkeypatch.setattr(keeping, "ERA_FILES", 20)
    index = make_index()
    library = Library(index, seed)
    for height in range(1, 13):
        library.change(25, height * 7)
    chance = random.Random(seed)
    for _ in range(60):
        check(library, conditions(chance), chance, counted_max)
    for sort in ("created_at", "taken_at", "name", "size"):
        query = q.Query((), sort, chance.random() < 0.5, q.FACETS)
        assert read_all(index, query, 37)[0] == expected(library, query)
    found = index.search(q.Query(facets=q.FACETS), None, 5)
    assert (found.total, found.is_total_exact) == (len(library.files), True)
    assert found.facets == facets_of(list(library.files.values()))
    assert dict(index.count_months(q.Query()).months) == months_of(list(library.files.values()))
    index.close()


@pytest.mark.parametrize("counted_max", [10_000, 40])
@pytest.mark.parametrize("private", [0.0, 0.3, 1.0])
def test_a_viewer_finds_what_an_index_of_its_files_alone_would_find(
    make_index: MakeIndex, monkeypatch: pytest.MonkeyPatch, private: float, counted_max: int
) -> None:
    """Nothing that is counted, listed or alike tells of a file that it may not see; others may be shared with
    it, or taken back, at any time."""
    for module in (kept, merge, planning, server):
        monkeypatch.setattr(module, "COUNTED_MAX", counted_max)
    monkeypatch.setattr(keeping, "ERA_FILES", 20)
    index = make_index()
    library = Library(index, 7, private)
    chance = random.Random(7)
    for height in range(1, 9):
        library.change(25, height * 7)
        for viewer in (("ann",), ("eve", "album1"), ("nobody",), (), PRINCIPALS[2:]):
            every = q.Query(facets=q.FACETS).seen_by(viewer)
            seen = expected(library, every)
            files, first = read_all(index, every, 37)
            assert files == seen
            hidden = [file for file in seen if file.readers is not None]
            assert first.total == len(seen) - max(0, len(hidden) - counted_max)
            assert first.is_total_exact is (len(hidden) <= counted_max)
            if first.is_total_exact:
                assert first.facets == facets_of(seen)
            months = index.count_months(every)
            assert dict(months.months) == months_of(seen)
            assert months.undated == len(seen) - sum(months_of(seen).values())
            for _ in range(12):
                check(library, conditions(chance), chance, counted_max, viewer)
    index.close()


def check(
    library: Library,
    wanted: tuple[q.Condition, ...],
    chance: random.Random,
    counted_max: int,
    viewer: tuple[str, ...] | None = None,
) -> None:
    """One search, in some order, of some page length; by a viewer, if one is named."""
    sort = chance.choice(("created_at", "created_at", "taken_at", "name", "size"))
    query = q.Query(wanted, sort, chance.random() < 0.4, chance.choice(((), q.FACETS)))
    if viewer is not None:
        query = query.seen_by(viewer)
        wanted = query.conditions
    hits = expected(library, query)
    files, first = read_all(library.index, query, chance.choice((3, 11, 1000)))
    assert [file.id for file in files] == [file.id for file in hits], query
    assert (first.total, first.is_total_exact) == (min(len(hits), counted_max), len(hits) <= counted_max), (
        query
    )
    if query.facets:
        newest = expected(library, q.Query(wanted))[:counted_max]
        assert first.facets == facets_of(newest), query
    months = library.index.count_months(q.Query(wanted))
    assert dict(months.months) == months_of(hits)
    assert months.undated == len(hits) - sum(count for _, count in months.months)


def facets_of(files: list[FileView]) -> dict[str, dict[str, int]]:
    counts = Counter(trait for file in files for trait in traits(file, taken_ms(file.metadata)))
    return {
        facet: {value: count for (name, value), count in counts.items() if name == facet}
        for facet in q.FACETS
    }


def months_of(files: list[FileView]) -> dict[str, int]:
    return dict(
        Counter(
            value
            for file in files
            for name, value in traits(file, taken_ms(file.metadata))
            if name == "month"
        )
    )


def test_the_best_match_comes_first(make_index: MakeIndex) -> None:
    """A word that is most of a text counts for more than one among many; pages go on in that order."""
    index = make_index()
    with index.writing((1, 0)):
        for number in range(1, 30):
            title = " ".join(["harbour", *(f"wall{one}" for one in range(0 if number == 7 else number))])
            index.put(
                make_file(number, "a.jpg", title=title, tags=["even"] if number % 2 == 0 else []), number
            )
        index.put(make_file(40, "b.jpg", title="nothing"), 40)
    wanted = q.words("harbour")
    assert wanted is not None
    files, _ = read_all(index, q.Query((wanted,), "relevance"), 4)
    numbers = [int(file.id, 16) for file in files]
    assert numbers[0] == 7
    assert numbers[1] in (1, 2)
    assert sorted(numbers) == list(range(1, 30))
    files, _ = read_all(index, q.Query((wanted, q.tag("even")), "relevance"), 4)
    assert sorted(int(file.id, 16) for file in files) == list(range(2, 30, 2))
    index.close()
