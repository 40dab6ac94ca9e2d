"""The store, looked at for itself and then against what its own blocks say."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, zip_longest
from pathlib import Path
from typing import TypeVar

from weft.model.block import Block, Checkpoint, Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.encoding import decode
from weft.model.errors import EncodingError, StoreError
from weft.model.stored import Finding
from weft.storage import state, store
from weft.storage.inspection.table import Progress, check_tables, show_number, show_text
from weft.storage.rows import Reading
from weft.storage.tables import Tables

Past = tuple[int, bytes] | None
"""What a key was before a block: the height that set it, and its value."""

T = TypeVar("T")

_SHOW: dict[str, Callable[[bytes], str]] = {
    "headers": lambda key: f"height {show_number(key)}",
    "blocks": lambda key: f"height {show_number(key[:8])}, piece {show_number(key[8:])}",
    "identities": lambda key: f"transaction {key.hex()}",
    "commitments": lambda key: f"commitment {key.hex()}",
    "state": lambda key: f"key {show_text(key)}",
    "history": lambda key: f"key with digest {key[:32].hex()}, height {show_number(key[32:])}",
    "tree": lambda key: f"path {show_text(key)}",
    "commits": lambda key: f"round {show_number(key)}",
    "checkpoints": lambda key: f"height {show_number(key)}",
    "facts": lambda key: f"fact {show_text(key)}",
    "meta": lambda key: f"fact {show_text(key)}",
}
assert set(_SHOW) == set(store.TABLES)


class LedgerInspection:
    """What the store holds. After `check` found nothing the rest may be called."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._opened = opened
        self._view: Reading | None = None
        self._explained: Counter[str] = Counter()

    def check(self, progress: Progress) -> Iterator[Finding]:
        """Structure, tables and checksums."""
        self._view = yield from check_tables("store", self._folder, _SHOW, self._opened, progress, Tables)
        if self._view is not None and not self._view.count("headers"):
            self._view = None
            yield Finding(f"{self._folder}, table headers", "the store holds no block, not even the genesis")

    @property
    def is_sound(self) -> bool:
        """Whether `check` found nothing."""
        return self._view is not None

    @property
    def head(self) -> int:
        key, _ = next(self._reading.falling("headers"))
        return int.from_bytes(key, "big")

    def find_origin(self, height: int) -> tuple[Block, bytes] | None:
        """The block at a height and the commit that it was made of; raises StoreError when not whole."""
        origin = store.find_origin(self._reading, height)
        return None if origin is None else (origin.block, origin.order)

    def is_known_below(self, identity: Digest, height: int) -> bool:
        """Whether a block below `height` is said to hold the transaction."""
        row = self._reading.get("identities", identity)
        return row is not None and int.from_bytes(row[:8], "big") < height

    def is_used_below(self, commitment: Digest, height: int) -> bool:
        """Whether a transaction executed below `height` is said to state the commitment."""
        row = self._reading.get("commitments", commitment)
        return row is not None and int.from_bytes(row, "big") < height

    def find_checkpoint(self, height: int) -> Checkpoint | None:
        """The one at this very height."""
        key = height.to_bytes(8, "big")
        row = self._reading.get("checkpoints", key)
        return None if row is None else self._decode(Checkpoint, "checkpoints", key, row)

    def checkpoints(self, above: int) -> Iterator[tuple[int, Checkpoint]]:
        """Those above a height, with the height that they are kept under."""
        for key, row in self._reading.rising("checkpoints", (above + 1).to_bytes(8, "big")):
            yield int.from_bytes(key, "big"), self._decode(Checkpoint, "checkpoints", key, row)

    def commits(self) -> Iterator[tuple[int, Commit]]:
        """Commit records with the round that they are kept under, rising."""
        for key, row in self._reading.rising("commits"):
            yield int.from_bytes(key, "big"), self._decode(Commit, "commits", key, row)

    def compare_block(self, sealed: Sealed, before: Callable[[bytes], Past]) -> Iterator[Finding]:
        """Rows of a block, of its transactions, of their commitments, and of what its writes made past."""
        height = sealed.block.header.height
        identities = (("identities", *row) for row in store.rows_of_identities(sealed))
        commitments = (("commitments", *row) for row in store.rows_of_commitments(sealed))
        past = (
            ("history", *row)
            for key, value in sealed.writes
            for row in state.rows_of_past(height, key, value, before(key))
        )
        for table, key, value in chain(store.rows_of_block(sealed), identities, commitments, past):
            yield from self._compare(table, key, value)

    def compare_rest(
        self,
        entries: Iterable[tuple[bytes, tuple[int, bytes]]],
        tree: Iterable[tuple[bytes, bytes]],
        rooted: tuple[int, Digest],
    ) -> Iterator[Finding]:
        """The state (keys rising, each with its height and value) and its tree; then rows left over."""
        yield from self._compare_state(entries)
        for path, node in tree:
            yield from self._compare(*store.row_of_node(path, node))
        yield from self._compare(*store.row_of_root(rooted))
        for table in ("headers", "blocks", "identities", "commitments", "history", "tree", "meta"):
            held = self._reading.count(table)
            if held != self._explained[table]:
                yield Finding(
                    f"{self._folder}, table {table}",
                    "rows that no block explains, or rows that are missing",
                    str(self._explained[table]),
                    str(held),
                )

    @property
    def _reading(self) -> Reading:
        assert self._view is not None, "check comes first, and found nothing"
        return self._view

    def _decode(self, kind: type[T], table: str, key: bytes, row: bytes) -> T:
        try:
            return decode(kind, row)
        except EncodingError as error:
            raise StoreError(f"{self._folder}, table {table}, {_SHOW[table](key)}: {error}") from error

    def _compare(self, table: str, key: bytes, expected: bytes) -> Iterator[Finding]:
        self._explained[table] += 1
        found = self._reading.get(table, key)
        if found != expected:
            where = f"{self._folder}, table {table}, {_SHOW[table](key)}"
            yield Finding(where, "not what executing the blocks gives", _brief(expected), _brief(found))

    def _compare_state(self, entries: Iterable[tuple[bytes, tuple[int, bytes]]]) -> Iterator[Finding]:
        for expected, found in zip_longest(entries, state.entries(self._reading)):
            if expected == found:
                continue
            key = min(entry[0] for entry in (expected, found) if entry is not None)
            told = [_entry(entry) if entry and entry[0] == key else "nothing" for entry in (expected, found)]
            where = f"{self._folder}, table state, {_SHOW['state'](key)}"
            yield Finding(where, "not what executing the blocks gives", *told)
            return


def _entry(entry: tuple[bytes, tuple[int, bytes]]) -> str:
    _, (height, value) = entry
    return f"{_brief(value)} of height {height}"


def _brief(value: bytes | None) -> str:
    """Enough of a value to tell it from another; state and blocks hold nothing personal."""
    if value is None:
        return "nothing"
    return f"{value[:32].hex()}{'…' if len(value) > 32 else ''} ({len(value)} bytes)"
