"""What blocks that are executed again come to: a state and its tree, in a file that nobody keeps.

It is as large as the state and not in memory; what was not written out yet is bounded.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import TemporaryDirectory

import lmdb

from weft.storage.rows import MAP_BYTES

WRITES_AT_ONCE = 5_000
_HEIGHT_BYTES = 8
_NODE = b"n"
"""Before the path of a node, for LMDB knows no empty key."""


class Scratch:
    """A state that remembers when each value was set, and nothing of what was before."""

    def __init__(self, opened: ExitStack) -> None:
        """In the system's folder for temporary files, until `opened` is closed."""
        folder = opened.enter_context(TemporaryDirectory(prefix="weft-verify-"))
        self._environment = lmdb.open(folder, map_size=MAP_BYTES, max_dbs=2, sync=False, lock=False)
        opened.callback(self._environment.close)
        self._state = self._environment.open_db(b"state")
        self._tree = self._environment.open_db(b"tree")
        self._changing = self._environment.begin(write=True)
        opened.callback(lambda: self._changing.abort())
        self._changes = 0

    def get(self, key: bytes) -> bytes | None:
        entry = self.find(key)
        return None if entry is None else entry[1]

    def find(self, key: bytes) -> tuple[int, bytes] | None:
        """The height that set the key, and its value."""
        row = self._changing.get(key, db=self._state)
        return None if row is None else _entry_of(row)

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, rising."""
        found: list[tuple[bytes, bytes]] = []
        with self._changing.cursor(self._state) as cursor:
            if cursor.set_range(max(prefix, after)):
                for key, row in cursor:
                    if len(found) == limit or not key.startswith(prefix):
                        break
                    if key > after:
                        found.append((key, row[_HEIGHT_BYTES:]))
        return found

    def write(self, height: int, key: bytes, value: bytes | None) -> None:
        """Let `key` have `value` after block `height`, or none."""
        row = None if value is None else height.to_bytes(_HEIGHT_BYTES, "big") + value
        self._put(self._state, key, row)

    def entries(self) -> Iterator[tuple[bytes, tuple[int, bytes]]]:
        """All keys, rising, each with its height and value."""
        return ((key, _entry_of(row)) for key, row in self._rows(self._state))

    def find_node(self, path: bytes) -> bytes | None:
        """The content of the tree's node at a path."""
        return self._changing.get(_NODE + path, db=self._tree)

    def write_node(self, path: bytes, content: bytes) -> None:
        """Empty content deletes."""
        self._put(self._tree, _NODE + path, content or None)

    def nodes(self) -> Iterator[tuple[bytes, bytes]]:
        """All nodes of the tree, paths rising."""
        return ((key[len(_NODE) :], content) for key, content in self._rows(self._tree))

    def _put(self, table: lmdb._Database, key: bytes, row: bytes | None) -> None:
        if row is None:
            self._changing.delete(key, db=table)
        else:
            self._changing.put(key, row, db=table)
        self._changes += 1
        if self._changes % WRITES_AT_ONCE == 0:
            self._changing.commit()
            self._changing = self._environment.begin(write=True)

    def _rows(self, table: lmdb._Database) -> Iterator[tuple[bytes, bytes]]:
        with self._changing.cursor(table) as cursor:
            yield from cursor


def _entry_of(row: bytes) -> tuple[int, bytes]:
    return int.from_bytes(row[:_HEIGHT_BYTES], "big"), row[_HEIGHT_BYTES:]
