"""Damage to what stopped nodes keep, and what `weft verify` says of it."""

import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

from weft.model.errors import StoreError
from weft.storage.rows import Rows
from weft.storage.store import TABLES

CRC_BYTES = 4


def verify(home: Path) -> tuple[int, str]:
    """Exit code and output of the command, on a home of its own."""
    command = [sys.executable, "-m", "weft", "verify", "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def flip(path: Path, place: int) -> None:
    """Change one bit of the byte there."""
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ 1]))


def rows_of(data: Path, table: str) -> Sequence[tuple[bytes, bytes]]:
    """All rows of a table of the store, keys rising; raises StoreError when one is damaged."""
    rows = Rows(data / "store", TABLES, is_reader=True)
    try:
        with rows.read() as reading:
            return list(reading.rising(table))
    finally:
        rows.close()


def flip_in_row(data: Path, table: str, row: bytes, value: bytes, within: int) -> None:
    """Flip one byte of a stored value: in the page that is in use, not in what is left on free pages."""
    path = data / "store" / "data.mdb"
    whole = path.read_bytes()
    crc = zlib.crc32(value, zlib.crc32(row, zlib.crc32(table.encode())))
    stored = crc.to_bytes(CRC_BYTES, "big") + value
    place = whole.find(stored)
    while place >= 0:
        flip(path, place + CRC_BYTES + within)
        if _is_damaged(data, table):
            return
        flip(path, place + CRC_BYTES + within)
        place = whole.find(stored, place + 1)
    raise AssertionError(f"no page in use holds {row!r} of {table}")


def _is_damaged(data: Path, table: str) -> bool:
    try:
        rows_of(data, table)
    except StoreError:
        return True
    return False
