"""Keys and values after the newest block, and what they were.

`state` holds each key's value with the height that set it; `history` what it was before, by (digest of the
key, height), so that a key that is written once costs one row and not two. A deletion is a row of the history
without a value. Keys that are longer than LMDB takes stand folded in `state`: their first bytes and a digest,
the rest beside the value; those that share their first bytes are put in order when they are read.
"""

from collections.abc import Iterator
from hashlib import sha256

from weft.model.stored import Change
from weft.storage.rows import Reading
from weft.storage.tables import Changing, Tables

TABLES = ("state", "history")

KEY_BYTES_MAX = 479
"""Longer keys are folded: LMDB takes 511 bytes, a digest is 32."""
HEIGHT_MAX = 2**64 - 1


class StoredState:
    """The state in `rows`. Written by the store's one write a block."""

    def __init__(self, rows: Tables) -> None:
        self._rows = rows

    def get(self, key: bytes) -> bytes | None:
        row = self._rows.get("state", fold(key))
        return None if row is None else _split(key, row)[1]

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, rising."""
        found: list[tuple[bytes, bytes]] = []
        with self._rows.read() as reading:
            for key, (_, value) in entries(reading, max(prefix, after)):
                if len(found) == limit or key[: len(prefix)] > prefix:
                    break
                if key > after and key.startswith(prefix):
                    found.append((key, value))
        return found

    def get_at(self, key: bytes, height: int) -> bytes | None:
        """The value after block `height`."""
        changes = self.history(key, height + 1, 1)
        return changes[0].value if changes else None

    def history(self, key: bytes, before: int | None = None, limit: int = 1000) -> list[Change]:
        """Changes of the key, newest first, at heights below `before`."""
        found: list[Change] = []
        with self._rows.read() as reading:
            row = reading.get("state", fold(key))
            if row is not None:
                found = [Change(*_split(key, row))]
            end = past_place(key, HEIGHT_MAX if before is None else before)
            for place, content in reading.falling("history", end):
                if place[:32] != end[:32] or len(found) > limit:
                    break
                found.append(Change(int.from_bytes(place[32:], "big"), content[1:] if content[0] else None))
        return [change for change in found if before is None or change.height < before][:limit]


def write(writing: Changing, height: int, key: bytes, value: bytes | None) -> None:
    """Let `key` have `value` after block `height`, or none."""
    place = fold(key)
    row = writing.get("state", place)
    for past, content in rows_of_past(height, key, value, None if row is None else _split(key, row)):
        writing.put("history", past, content)
    if value is not None:
        writing.put("state", place, _join(height, key, value))
    elif row is not None:
        writing.delete("state", place)


def rows_of_past(
    height: int, key: bytes, value: bytes | None, before: tuple[int, bytes] | None
) -> list[tuple[bytes, bytes]]:
    """What the history gains when a key changes; `before` is the height that set it, and its old value."""
    if before is None:
        return []
    deletion = [(past_place(key, height), b"\0")] if value is None else []
    return [(past_place(key, before[0]), b"\1" + before[1]), *deletion]


def past_place(key: bytes, height: int) -> bytes:
    """The key of a row of the history."""
    return sha256(key).digest() + height.to_bytes(8, "big")


def fold(key: bytes) -> bytes:
    """The key of a row of the state."""
    if len(key) <= KEY_BYTES_MAX:
        return key
    return key[:KEY_BYTES_MAX] + sha256(key).digest()


def entries(reading: Reading, start: bytes = b"") -> Iterator[tuple[bytes, tuple[int, bytes]]]:
    """All keys, rising, with the height that set each and its value; from a little before `start` on."""
    folded: list[tuple[bytes, tuple[int, bytes]]] = []
    for place, row in reading.rising("state", start[:KEY_BYTES_MAX]):
        if folded and place[:KEY_BYTES_MAX] != folded[0][0][:KEY_BYTES_MAX]:
            yield from sorted(folded)
            folded = []
        if len(place) <= KEY_BYTES_MAX:
            yield place, _split(place, row)
        else:
            key = place[:KEY_BYTES_MAX] + _tail(row)
            folded.append((key, _split(key, row)))
    yield from sorted(folded)


def _join(height: int, key: bytes, value: bytes) -> bytes:
    tail = key[KEY_BYTES_MAX:]
    return height.to_bytes(8, "big") + (len(tail).to_bytes(4, "big") + tail if tail else b"") + value


def _split(key: bytes, row: bytes) -> tuple[int, bytes]:
    """Height and value of a row of the state, which is `key`'s."""
    tail = max(0, len(key) - KEY_BYTES_MAX)
    return int.from_bytes(row[:8], "big"), row[12 + tail :] if tail else row[8:]


def _tail(row: bytes) -> bytes:
    """What a folded key has behind its first bytes."""
    return row[12 : 12 + int.from_bytes(row[8:12], "big")]
