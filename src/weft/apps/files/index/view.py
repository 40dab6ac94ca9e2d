"""The index as one search sees it, and the connections for that.

A search reads the catalogue in one snapshot and each era in one that the catalogue knows. An era committed
after the catalogue was read is `MovedError`: then the search is done again, and commits wait for it.
"""

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from weft.apps.files.index.connection import connect

READERS = 4
"""Searches at once."""
HELD_MAX = 16
"""Eras that a search holds on to. What it has let go of it may take again, as long as it is as it was."""
CONNECTIONS_MAX = READERS * HELD_MAX


class MovedError(Exception):
    """An era has been written since the catalogue was read."""


class Connections:
    """Connections to eras, so many at most; those that were used last stay open."""

    def __init__(self, path_of: Callable[[int], Path]) -> None:
        self._path_of = path_of
        self._guard = threading.Lock()
        self._idle: OrderedDict[apsw.Connection, int] = OrderedDict()
        """And their eras, those that were used last at the end."""

    def take(self, number: int) -> apsw.Connection:
        with self._guard:
            for connection in reversed(self._idle):
                if self._idle[connection] == number:
                    del self._idle[connection]
                    return connection
        return connect(self._path_of(number))

    def give_back(self, number: int, connection: apsw.Connection) -> None:
        """What is in the way of others is closed: as many as are held now may be held once more."""
        with self._guard:
            self._idle[connection] = number
            surplus = [self._idle.popitem(last=False)[0]] if len(self._idle) > CONNECTIONS_MAX else []
        for one in surplus:
            one.close()

    def clear(self) -> None:
        """When nothing is taken."""
        while self._idle:
            self._idle.popitem()[0].close()


class View:
    """One state of all of it; `close` it in the end."""

    def __init__(self, catalogue: apsw.Connection, connections: Connections, is_still: bool) -> None:
        """`is_still`: nothing is committed meanwhile, so eras are taken as they are."""
        self.catalogue = catalogue
        self._connections, self._is_still = connections, is_still
        catalogue.execute("BEGIN")
        rows: list[Any] = catalogue.execute("SELECT first, generation FROM era ORDER BY number").fetchall()
        self._firsts = [first for first, _ in rows]
        self._generations = [generation for _, generation in rows]
        self._held: OrderedDict[int, apsw.Connection] = OrderedDict()

    def close(self) -> None:
        self.catalogue.execute("COMMIT")
        while self._held:
            self._let_go()

    @property
    def cursor(self) -> tuple[int, int]:
        height, position = next(self.catalogue.execute("SELECT height, position FROM cursor"))
        return height, position

    def has(self, number: int) -> bool:
        return number < len(self._firsts)

    def eras(self, is_rising: bool = False, beyond: int | None = None) -> list[int]:
        """Numbers of the eras in which there may be places behind this one, newest first or oldest first."""
        last = len(self._firsts) - 1
        edge = (0 if is_rising else last) if beyond is None else self.era_of(beyond)
        return list(range(edge, last + 1)) if is_rising else list(range(edge, -1, -1))

    def era_of(self, place: int) -> int:
        return max(0, bisect_right(self._firsts, place) - 1)

    def open(self, number: int) -> apsw.Connection:
        """An era in the state that the catalogue knows; raises MovedError."""
        connection = self._held.get(number)
        if connection is not None:
            self._held.move_to_end(number)
            return connection
        if len(self._held) >= HELD_MAX:
            self._let_go()
        connection = self._connections.take(number)
        self._held[number] = connection
        connection.execute("BEGIN")
        ((generation,),) = connection.execute("SELECT generation FROM era")
        if generation != self._generations[number] and not self._is_still:
            raise MovedError
        return connection

    def _let_go(self) -> None:
        number, connection = self._held.popitem(last=False)
        if connection.in_transaction:
            connection.execute("COMMIT")
        self._connections.give_back(number, connection)
