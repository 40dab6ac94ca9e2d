"""The index in files of this node: a folder of eras, each an index of so many files made one after the other,
and a catalogue above them.

Erasing rewrites the eras that held what was removed, and the catalogue; searches go on meanwhile on what was
there before. No transaction spans files: eras are committed first, then the catalogue with the cursor. Who
died in between finds eras that are ahead of the catalogue when it starts: counts are summed up anew, and the
follower writes once more what those eras have, which changes nothing.
"""

import threading
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import apsw

from weft.apps.files.index import FileView, Found, Place, Spot, Timeline, merge
from weft.apps.files.index.catalogue import Catalogue
from weft.apps.files.index.connection import connect, disk_room_of_sqlite, is_sound, remove_files
from weft.apps.files.index.era import VERSION, Changes, Era, make_era
from weft.apps.files.index.view import READERS, Connections, MovedError, View
from weft.apps.files.index.whereabouts import Whereabouts, begin, spread
from weft.apps.files.query import Query
from weft.model.errors import DiskFullError

T = TypeVar("T")
ERA_FILES, ERAS_MAX = 50_000, 100
"""Files of an era; the last one has no end."""
WRITERS_MAX = 8
"""Eras that stay open for writing while nothing is written to them."""
CATALOGUE = "catalogue.sqlite"


class SqliteIndex:
    """One writer, a few readers; `Index` says what it does."""

    def __init__(self, folder: Path, chain: bytes) -> None:
        """Opens the index of this chain, or begins it anew."""
        folder.mkdir(parents=True, exist_ok=True)
        # An index of before, one file for all: nothing must be left there of what will be erased.
        remove_files(folder.parent.glob(folder.name + ".sqlite*"))
        self._folder, self._chain = folder, chain
        self._committing = threading.Lock()
        self._touched: dict[int, Era] = {}
        """Eras with a transaction under way."""
        self._writers: OrderedDict[int, Era] = OrderedDict()
        """Those that are open, that which was used last at the end."""
        self._connections = Connections(self._path_of)
        self._catalogues: list[apsw.Connection] = []
        self._firsts: list[int] = []
        """The first place of each era."""
        self._dirty: set[int] = set()
        """Eras that are to be scrubbed."""
        self._generation = 0
        """Of the last commit."""
        self._is_torn = False
        """Whether eras were committed without the catalogue."""
        self._open()
        self._free = threading.Semaphore(READERS)
        self._door = threading.Lock()
        """Whoever wants to read passes it, so that who wants to be alone is not passed over for ever."""
        # Of a process that died before it had. What has no room now is seen to with the next erasure.
        with suppress(DiskFullError):
            self.scrub()

    def clear(self) -> None:
        with disk_room_of_sqlite(), self._alone():
            self._close_all()
            self._discard()
            self._open()

    def close(self) -> None:
        with self._alone():
            self._close_all()

    @property
    def cursor(self) -> tuple[int, int]:
        return self.read(lambda view: view.cursor)

    @contextmanager
    def writing(self, cursor: tuple[int, int]) -> Iterator[None]:
        try:
            with disk_room_of_sqlite():
                if self._is_torn:
                    self._mend(self._catalogue.cursor)
                yield
                self._commit(cursor)
        except BaseException:
            self._catalogue.roll_back()
            for era in self._touched.values():
                era.roll_back()
            self._touched.clear()
            raise

    def read(self, ask: Callable[[View], T]) -> T:
        """The answer of one state of the index."""
        with self._door:
            self._free.acquire()
        with disk_room_of_sqlite():
            catalogue = self._catalogues.pop()
            try:
                with suppress(MovedError):
                    return self._look(catalogue, ask, is_still=False)
                with self._committing:
                    return self._look(catalogue, ask, is_still=True)
            finally:
                self._catalogues.append(catalogue)
                self._free.release()

    def search(self, query: Query, after: Spot | None, limit: int) -> Found:
        return self.read(lambda view: merge.search(view, query, after, limit))

    def count_months(self, query: Query) -> Timeline:
        return self.read(lambda view: merge.count_months(view, query))

    def put(self, file: FileView, place: int) -> None:
        era = self._find(file.id)
        if era is not None:
            place = self._take_out(era, file.id)
        else:
            era = self._begin(self._make_room(place))
            era.made += 1
            self._ids.add(spread(bytes.fromhex(file.id)), era.number)
        others = self._find_places(file.sha256) if file.sha256 is not None else []
        era.put(file, place)
        if file.sha256 is not None:
            self._digests.add(bytes.fromhex(file.sha256), era.number)
        for other, known in [*others, (era, place)] if others else []:
            self._begin(other).mark_duplicate(known, True)

    def remove(self, id_: str) -> None:
        era = self._find(id_)
        if era is not None:
            self._take_out(era, id_)
            era.is_dirty = 1

    def scrub(self) -> None:
        """Leave no byte of what removed files had, in any version, in any file of the index."""
        dirty = sorted(self._dirty)
        if not dirty:
            return
        with disk_room_of_sqlite():
            for number in dirty:
                self._era(number).scrub(self._alone)
            self._catalogue.scrub(self._alone)
            for number in dirty:
                self._era(number).end_scrub()
        self._dirty.clear()

    def is_named(self, sha256: str, apart_from: str = "") -> bool:
        self._trim()
        return bool(self._find_places(sha256, apart_from))

    def sha256_of(self, id_: str) -> str | None:
        era = self._find(id_)
        return None if era is None else era.find_digest(id_)

    def made_by(self, id_: str) -> Place | None:
        era = self._find(id_)
        return None if era is None else era.find_maker(id_)

    def find_content(self, owner: str, sha256: str) -> str | None:
        eras = self._digests.find(bytes.fromhex(sha256))
        query = "SELECT id FROM file WHERE sha256 = ? AND owner = ? ORDER BY place LIMIT 1"
        rows = self._gather(query, (bytes.fromhex(sha256), owner), 1, eras)
        return rows[0].hex() if rows else None

    def incomplete(self, limit: int) -> list[str]:
        query = "SELECT id FROM file WHERE sha256 IS NULL LIMIT ?"
        return [id_.hex() for id_ in self._gather(query, (limit,), limit)]

    def contents(self, after: str, limit: int) -> list[str]:
        low: bytes | None = bytes.fromhex(after)
        query = "SELECT sha256 FROM file WHERE sha256 > ? AND sha256 <= ?"
        while low is not None:
            # A stretch in which there are about as many, so that no era is read for what others have.
            high = self._digests.stretch(low, limit)
            found = self._gather(query, (low, high or b"\xff" * 33))
            if found:
                return [sha256.hex() for sha256 in sorted(set(found))[:limit]]
            low = high
        return []

    def _gather(
        self, query: str, values: tuple[Any, ...], limit: int | None = None, eras: list[int] | None = None
    ) -> list[bytes]:
        """What these eras answer, all of them if none are named, up to so many."""

        def gather(view: View) -> list[bytes]:
            found: list[bytes] = []
            for era in view.eras() if eras is None else [era for era in eras if view.has(era)]:
                rows: Any = view.open(era).execute(query, values)
                found += (value for (value,) in rows)
                if limit is not None and len(found) >= limit:
                    break
            return found[:limit]

        return self.read(gather)

    def _look(self, catalogue: apsw.Connection, ask: Callable[[View], T], is_still: bool) -> T:
        view = View(catalogue, self._connections, is_still)
        try:
            return ask(view)
        finally:
            view.close()

    def _commit(self, cursor: tuple[int, int]) -> None:
        generation, touched = self._generation + 1, list(self._touched.values())
        changed = Changes(Counter(), Counter())
        for era in touched:
            changed.add(era.finish(generation, cursor))
        self._catalogue.begin()
        self._catalogue.set_cursor(cursor)
        self._catalogue.set_eras(touched)
        self._catalogue.count(changed)
        with self._committing:
            self._generation = generation
            for era in touched:
                era.commit()
                self._is_torn = True
                if era.is_dirty:
                    self._dirty.add(era.number)
            self._catalogue.commit()
            self._is_torn = False
        self._touched.clear()

    def _mend(self, cursor: tuple[int, int]) -> None:
        """The catalogue as the eras are, some of which were committed without it; and no mark on a file whose
        like went in one of them."""
        numbers = range(len(self._firsts))
        self._catalogue.recount(map(self._era, numbers), cursor)
        for number in numbers:
            for place, sha256 in self._era(number).duplicates():
                if len(self._find_places(sha256)) < 2:
                    self._era(number).mark_duplicate(place, False)
        self._is_torn = False

    def _begin(self, era: Era) -> Era:
        """With a transaction under way."""
        if era.number not in self._touched:
            era.begin()
            self._touched[era.number] = era
        return era

    def _make_room(self, place: int) -> Era:
        """The era of a new file; another one begins when the newest is full."""
        count = len(self._firsts)
        newest = self._era(count - 1) if count else None
        is_full = newest is not None and newest.made >= ERA_FILES and place > newest.last
        if newest is None or (is_full and count < ERAS_MAX):
            make_era(self._path_of(count), self._chain, place)
            self._firsts.append(place)
            return self._era(count)
        return self._era(max(0, bisect_right(self._firsts, place) - 1))

    def _take_out(self, era: Era, id_: str) -> int:
        """Forget a file of this era; the place that it had."""
        place, sha256 = self._begin(era).take_out(id_)
        left = self._find_places(sha256) if sha256 is not None else []
        if len(left) == 1:
            ((other, known),) = left
            self._begin(other).mark_duplicate(known, False)
        return place

    def _find(self, id_: str) -> Era | None:
        """The era that has this file."""
        self._trim()
        eras = map(self._era, self._ids.find(spread(bytes.fromhex(id_))))
        return next((era for era in eras if era.has(id_)), None)

    def _find_places(self, sha256: str, apart_from: str = "") -> list[tuple[Era, int]]:
        """Some files with this content, two at least if there are."""
        eras = map(self._era, self._digests.find(bytes.fromhex(sha256)))
        found: list[tuple[Era, int]] = []
        for era in eras:
            found += ((era, place) for place in era.find_places(sha256, apart_from))
            if len(found) >= 2:
                break
        return found

    def _era(self, number: int) -> Era:
        era = self._touched.get(number) or self._writers.get(number)
        if era is None:
            era = self._writers[number] = Era(self._path_of(number), number)
        self._writers.move_to_end(number)
        return era

    def _trim(self) -> None:
        """Close what was used longest ago, if nothing was begun there."""
        surplus = len(self._writers) - WRITERS_MAX
        if surplus > 0:
            rest = [number for number in self._writers if number not in self._touched]
            for number in rest[:surplus]:
                self._writers.pop(number).close()

    def _path_of(self, number: int) -> Path:
        return self._folder / f"era{number:03d}.sqlite"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While nobody reads."""
        with self._door:
            for _ in range(READERS):
                self._free.acquire()
            try:
                yield
            finally:
                self._free.release(READERS)

    def _close_all(self) -> None:
        self._connections.clear()
        for connection in self._catalogues:
            connection.close()
        self._close_writers()
        self._catalogue.close()

    def _close_writers(self) -> None:
        for era in self._writers.values():
            era.close()
        self._writers.clear()

    def _discard(self) -> None:
        remove_files(self._folder.glob("*.sqlite*"))

    def _open(self) -> None:
        """The index as it is, or a new one when it is damaged, of another version or of another chain."""
        for _ in range(2):
            with suppress(apsw.CorruptError, apsw.NotADBError):
                if self._is_ours() and self._take_up():
                    self._catalogues = [connect(self._folder / CATALOGUE) for _ in range(READERS)]
                    return
            self._close_writers()
            self._discard()
        raise AssertionError("a new index is of this version")

    def _is_ours(self) -> bool:
        """Whether all that belongs to it is there, sound and of this chain; or nothing is there at all."""
        eras = sorted(self._folder.glob("era*.sqlite"))
        catalogue = self._folder / CATALOGUE
        if not catalogue.exists():
            return not eras
        is_whole = eras == [self._path_of(number) for number in range(len(eras))]
        return is_whole and all(is_sound(path, VERSION, self._chain) for path in [catalogue, *eras])

    def _take_up(self) -> bool:
        """What is kept in memory, and the files as one state; False if an era is missing."""
        self._catalogue = Catalogue(self._folder / CATALOGUE, self._chain)
        known = self._catalogue.generations()
        paths = sorted(self._folder.glob("era*.sqlite"))
        if len(known) > len(paths):
            self._catalogue.close()
            return False
        eras = range(len(paths))
        self._firsts, self._dirty, self._is_torn, self._generation = [], set(), False, 0
        cursor = self._catalogue.cursor
        ids, digests = bytearray(), bytearray()
        for era in map(self._era, eras):
            self._firsts.append(era.first)
            self._generation = max(self._generation, era.generation)
            self._is_torn |= era.generation != known.get(era.number, 0)
            if era.generation < known.get(era.number, 0):
                # The machine lost power, and of this file more was not on its disk yet than of others.
                cursor = min(cursor, era.cursor)
            if era.is_dirty:
                self._dirty.add(era.number)
            ids += era.keys("id", spread)
            digests += era.keys("sha256", begin)
            self._trim()
        self._ids, self._digests = Whereabouts(ids), Whereabouts(digests)
        if self._is_torn:
            self._mend(cursor)
        return True
