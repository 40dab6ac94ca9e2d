"""What a search costs among a million files while others are written.

`python -m benchmarks.search --files 1000000` makes the index of a made-up library (or takes the one that is
there already: `--folder`, `--index postgresql://…`), asks it, and prints a table: p50, p99 and the longest
time of each kind of search by the clock, and p50 and p99 of this process's processor time, which other work
on the machine hardly touches. Meanwhile a thread puts files into it at the rate of `--writes`. A search is
all that a page takes but the web: 50 files, their total, and what else was asked for.

In the end files are erased, one and 500 together: what that takes, and what searches take that are asked one
after the other meanwhile.
"""

import argparse
import math
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from benchmarks.library import Library
from weft.apps.files import query as q
from weft.apps.files.index import PLACES_A_BLOCK, FileView, Index
from weft.apps.files.index.postgres import PostgresIndex
from weft.apps.files.index.sqlite import SqliteIndex

CHAIN = b"bench".ljust(32)
BATCH, LIMIT, WARM = 5_000, 50, 30
SLOW = ("by relevance", "two words, by time", "months of a word")
"""Asked fewer times: they go through all hits."""

Kind = tuple[str, Callable[[], q.Query]]


class Asker:
    """Draws searches of each kind."""

    def __init__(self, library: Library, sample: list[FileView], seed: int) -> None:
        self.library = library
        self.sample = sample
        self.chance = random.Random(seed)

    def kinds(self) -> list[Kind]:
        return [
            ("a word", lambda: self._of(q.words(self._word()))),
            ("two words", lambda: self._of(q.words(f"{self._word()} {self._word()}"))),
            ("a phrase", lambda: self._of(q.words(self._phrase()))),
            ("a prefix of 3", lambda: self._of(q.words(self._word()[:3] + "*"))),
            ("a prefix of 5", lambda: self._of(q.words(self._word()[:5] + "*"))),
            ("a tag", lambda: self._of(q.tag(self._tag()))),
            ("a word and a tag", lambda: self._of(q.words(self._word()), q.tag(self._tag()))),
            ("a box", lambda: self._of(self._box())),
            ("a radius", lambda: self._of(self._near())),
            ("a box and a year", lambda: self._of(self._box(), *self.year())),
            ("a year", lambda: self._of(*self.year())),
            ("nothing, by time", lambda: q.Query((), "taken_at")),
            ("facets of all", lambda: q.Query(facets=q.FACETS)),
            ("facets of a word", lambda: self._of(q.words(self._word()), facets=q.FACETS)),
            ("facets of a box", lambda: self._of(self._box(), facets=q.FACETS)),
            ("by relevance", lambda: self._of(q.words(self._word()), sort="relevance")),
            (
                "two words, by time",
                lambda: self._of(q.words(f"{self._word()} {self._word()}"), sort="taken_at"),
            ),
        ]

    def _of(self, *conditions: q.Condition | None, **more: object) -> q.Query:
        return q.Query(tuple(one for one in conditions if one), **more)  # type: ignore[arg-type]

    def _rank(self, count: int) -> int:
        """Evenly over the logarithm."""
        return int(math.exp(self.chance.uniform(0, math.log(count + 1)))) - 1

    def _word(self) -> str:
        words = self.library.words.things
        return words[min(self._rank(len(words)), len(words) - 1)]

    def _tag(self) -> str:
        tags = self.library.tags.things
        return tags[min(self._rank(len(tags)), len(tags) - 1)]

    def _phrase(self) -> str:
        return '"' + " ".join(self.chance.choice(self.sample).metadata["title"].split()[:2]) + '"'

    def _point(self) -> tuple[float, float]:
        spot = self.chance.choice(self.sample).metadata["location"]
        return spot["lat"], spot["lon"]

    def _box(self) -> q.Box:
        """A map's window about a photo, from a hundredth of a degree to ten."""
        lat, lon = self._point()
        side = 10 ** self.chance.uniform(-2, 1)
        west, east = (((lon + way * side / 2 + 180) % 360) - 180 for way in (-1, 1))
        return q.Box(west, max(-90.0, lat - side / 4), east, min(90.0, lat + side / 4))

    def _near(self) -> q.Near:
        return q.Near(*self._point(), 10 ** self.chance.uniform(-1, 2))

    def year(self, number: int | None = None) -> tuple[q.Condition, q.Condition]:
        """That of this number, or any."""
        year = 2004 + (self.chance.randrange(20) if number is None else number)
        return q.taken_from(f"{year}-01-01"), q.taken_to(f"{year}-12-31")


def fill(index: Index, library: Library, count: int) -> tuple[float, float]:
    """Puts so many files into an empty index; files a second by the clock and of a processor, without what it
    takes to make them up."""
    files, spent, used = library.files(count), 0.0, 0.0
    while batch := list(islice(files, BATCH)):
        begun, before = time.perf_counter(), time.thread_time()
        with index.writing((batch[-1][0] // PLACES_A_BLOCK, 0)):
            for place, file in batch:
                index.put(file, place)
        spent, used = spent + time.perf_counter() - begun, used + time.thread_time() - before
    return count / spent, count / used


def measure(index: Index, kinds: list[Kind], times: int) -> Iterator[str]:
    for name, draw in kinds:
        asked = times if name not in SLOW else max(30, times // 10)
        queries = [draw() for _ in range(asked + WARM)]
        yield show(name, [clock(lambda: index.search(query, None, LIMIT)) for query in queries][WARM:])  # noqa: B023
    for name, conditions in (("months of all", ()), ("months of a word", kinds[0][1]().conditions)):
        yield show(name, [clock(lambda: index.count_months(q.Query(conditions))) for _ in range(30)])  # noqa: B023


def clock(ask: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds by the clock, and of this thread's processor time."""
    begun, before = time.perf_counter(), time.thread_time()
    ask()
    return (time.perf_counter() - begun) * 1e3, (time.thread_time() - before) * 1e3


def show(name: str, spent: list[tuple[float, float]]) -> str:
    clocked, used = (sorted(one) for one in zip(*spent, strict=True))
    last = len(spent) - 1
    figures = (
        clocked[last // 2],
        clocked[last * 99 // 100],
        clocked[last],
        used[last // 2],
        used[last * 99 // 100],
    )
    return f"{name:<22}{len(spent):>7}" + "".join(f"{one:>9.1f}" for one in figures)


class Writer(threading.Thread):
    """Puts files at a rate, a batch a quarter of a second; they come after all that is there."""

    def __init__(self, index: Index, rate: int) -> None:
        super().__init__(daemon=True)
        self._index, self._rate = index, rate
        self._files = Library(2).files(10**9)
        self.ended = threading.Event()
        self.written = 0

    def run(self) -> None:
        height = self._index.cursor[0]
        while self._rate and not self.ended.wait(0.25):
            height += 1
            with self._index.writing((height, 0)):
                for position, (_, file) in enumerate(islice(self._files, self._rate // 4)):
                    self._index.put(file, height * PLACES_A_BLOCK + position)
                    self.written += 1


def measure_erasing(index: Index, asker: Asker) -> Iterator[str]:
    """What an erasure takes, and then the searches meanwhile."""
    near = [file.id for file in index.search(q.Query(asker.year(1)), None, 501).files]
    years = [index.search(q.Query(asker.year(number)), None, 25).files for number in range(20)]
    apart = [file.id for files in years for file in files[1:]]
    for name, ids in (("one", near[:1]), ("500 of a year", near[1:]), (f"{len(apart)} of all years", apart)):
        meanwhile, ended = list[tuple[float, float]](), threading.Event()

        def ask(found: list[tuple[float, float]] = meanwhile, ended: threading.Event = ended) -> None:
            while not ended.is_set():
                query = asker.kinds()[0][1]()
                found.append(clock(lambda: index.search(query, None, LIMIT)))  # noqa: B023

        asking = threading.Thread(target=ask)
        asking.start()
        clocked, used = clock(lambda: erase(index, ids))  # noqa: B023
        ended.set()
        asking.join()
        yield show(f"erasing {name}", [(clocked, used)])
        yield show("a word meanwhile", meanwhile)


def erase(index: Index, ids: list[str]) -> None:
    height = index.cursor[0] + 1
    with index.writing((height, 0)):
        for id_ in ids:
            index.remove(id_)
    index.scrub()


def open_index(address: str, folder: Path) -> Index:
    return PostgresIndex(address, "bench", CHAIN) if address else SqliteIndex(folder / "files", CHAIN)


def run(given: argparse.Namespace, folder: Path) -> None:
    index = open_index(given.index, folder)
    library = Library()
    if index.cursor == (0, -1):
        rates = fill(index, library, given.files)
        clocked, used = (f"{rate:,.0f}" for rate in rates)
        print(f"{given.files:,} files put, {clocked} a second, {used} a second of a processor", flush=True)  # noqa: T201
    places = index.search(q.Query((q.Box(-180, -90, 180, 90),)), None, 1000).files
    sample = [*places, *(file for _, file in Library().files(20_000) if "location" in file.metadata)]
    writer = Writer(index, given.writes)
    writer.start()
    try:
        print(f"{'ms':<22}{'asked':>7}{'p50':>9}{'p99':>9}{'longest':>9}{'cpu p50':>9}{'cpu p99':>9}")  # noqa: T201
        asker = Asker(library, sample, given.seed)
        for line in measure(index, asker.kinds(), given.times):
            print(line, flush=True)  # noqa: T201
        writer.ended.set()
        writer.join()
        print(f"{writer.written:,} files were written meanwhile")  # noqa: T201
        for line in measure_erasing(index, asker):
            print(line, flush=True)  # noqa: T201
    finally:
        writer.ended.set()
        writer.join()
        index.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000, help="in the library")
    parser.add_argument("--times", type=int, default=500, help="how often each kind of search is asked")
    parser.add_argument("--writes", type=int, default=100, help="files a second that are put in meanwhile")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="kept there, and taken from there; else temporary")
    parser.add_argument("--index", default="", help="postgresql://… instead of a file")
    given = parser.parse_args()
    if given.folder is not None:
        run(given, given.folder)
    else:
        with tempfile.TemporaryDirectory() as folder:
            run(given, Path(folder))


if __name__ == "__main__":
    main()
