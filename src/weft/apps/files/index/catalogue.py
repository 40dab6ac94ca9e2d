"""The catalogue of the index: how far it has come, which eras there are, and what they count together.

It is written after the eras. An era whose generation is not the one that stands here was written without it,
because the process ended in between: then the counts are summed up anew.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import apsw

from weft.apps.files.index.connection import connect, make_file, rewrite
from weft.apps.files.index.era import VERSION, Changes, Era

_SCHEMA = """
CREATE TABLE cursor (height INTEGER NOT NULL, position INTEGER NOT NULL);
INSERT INTO cursor VALUES (0, -1);
CREATE TABLE era (number INTEGER PRIMARY KEY, first INTEGER NOT NULL, generation INTEGER NOT NULL);
CREATE TABLE trait (
    facet INTEGER NOT NULL, value TEXT NOT NULL, count INTEGER NOT NULL, private INTEGER NOT NULL,
    PRIMARY KEY (facet, value)
) WITHOUT ROWID;
"""


class Catalogue:
    """The writer of the catalogue."""

    def __init__(self, path: Path, chain: bytes) -> None:
        """Makes the file if there is none."""
        if not path.exists():
            make_file(path, _SCHEMA, VERSION, chain)
        self.connection = connect(path)

    @property
    def cursor(self) -> tuple[int, int]:
        height, position = next(self._run("SELECT height, position FROM cursor"))
        return height, position

    def generations(self) -> dict[int, int]:
        """By era."""
        rows: Any = self._run("SELECT number, generation FROM era")
        return dict(rows.fetchall())

    def begin(self) -> None:
        self._run("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._run("COMMIT")

    def roll_back(self) -> None:
        if self.connection.in_transaction:
            self._run("ROLLBACK")

    def set_cursor(self, cursor: tuple[int, int]) -> None:
        self._run("UPDATE cursor SET height = ?, position = ?", cursor)

    def set_eras(self, eras: Iterable[Era]) -> None:
        rows = [(era.number, era.first, era.generation) for era in eras]
        self.connection.executemany("INSERT OR REPLACE INTO era VALUES (?,?,?)", rows)

    def count(self, changed: Changes) -> None:
        """Add what changed; a value that no file has any more is forgotten."""
        add = (
            "INSERT INTO trait VALUES (?,?,?,?) ON CONFLICT (facet, value) "
            "DO UPDATE SET count = count + excluded.count, private = private + excluded.private"
        )
        rows = [(*trait, change, changed.private[trait]) for trait, change in changed.all.items()]
        self.connection.executemany(add, rows)
        fewer = [trait for trait, change in changed.all.items() if change <= 0]
        self.connection.executemany("DELETE FROM trait WHERE facet = ? AND value = ? AND count = 0", fewer)

    def recount(self, eras: Iterable[Era], cursor: tuple[int, int]) -> None:
        """As the eras are, whatever stands here."""
        counts = Changes(Counter(), Counter())
        with self.connection:
            for era in eras:
                counts.add(era.counts())
                self.set_eras([era])
            self.set_cursor(cursor)
            self._run("DELETE FROM trait")
            self.count(counts)

    def scrub(self, alone: Callable[[], AbstractContextManager[None]]) -> None:
        rewrite(self.connection, alone)

    def close(self) -> None:
        self.connection.close()

    def _run(self, query: str, values: tuple[Any, ...] = ()) -> apsw.Cursor:
        return self.connection.execute(query, values)
