"""A file of SQLite: how it is opened, trusted, and rewritten so that nothing is left of what was removed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import apsw

from weft.apps.files.disk import disk_room

BUSY_MS = 10_000
CACHE_KIB = 2 << 10
LOG_BYTES = 4 << 20
"""What a log may keep on disk once it was worked into its file."""
MAPPED_BYTES = 8 << 30
"""Read through the page cache of the system, which all connections share."""


def connect(path: Path, cache_kib: int = CACHE_KIB) -> apsw.Connection:
    """Raises DiskFullError: the first who opens a file makes the index of its log."""
    connection = apsw.Connection(str(path))
    connection.set_busy_timeout(BUSY_MS)
    with disk_room_of_sqlite():
        connection.pragma("journal_mode", "wal")
    # The ledger can always make it again; what matters is that it is never half of two states.
    connection.pragma("synchronous", "normal")
    connection.pragma("journal_size_limit", LOG_BYTES)
    connection.pragma("mmap_size", MAPPED_BYTES)
    connection.pragma("cache_size", -cache_kib)
    is_erasing = connection.pragma("secure_delete", 1)
    assert is_erasing == 1, "SQLite is built with secure_delete"
    return connection


def is_sound(path: Path, version: int, chain: bytes) -> bool:
    """Whether it is an undamaged file of this version and this chain; raises what a damaged one may raise."""
    connection = connect(path)
    try:
        if connection.pragma("user_version") != version:
            return False
        ((origin,),) = connection.execute("SELECT chain FROM origin")
        return bool(origin == chain and connection.pragma("quick_check", 1) == "ok")
    finally:
        connection.close()


def make_file(path: Path, schema: str, version: int, chain: bytes) -> None:
    """With these tables and `origin`; whole or not at all."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    connection = apsw.Connection(str(draft))
    with connection:
        connection.execute(schema)
        connection.execute("CREATE TABLE origin (chain BLOB NOT NULL)")
        connection.execute("INSERT INTO origin VALUES (?)", (chain,))
        connection.pragma("user_version", version)
    connection.close()
    draft.rename(path)


def rewrite(connection: apsw.Connection, alone: Callable[[], AbstractContextManager[None]]) -> None:
    """Leave no byte of what was deleted, neither in the file nor in its log. `alone`: while nobody reads,
    because a log that is always being read by somebody is never emptied."""
    connection.execute("VACUUM")
    # Most of the log goes into the file while others read, so that they wait only for the rest.
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    with alone():
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)


def remove_files(paths: Iterator[Path]) -> None:
    for path in list(paths):
        path.unlink(missing_ok=True)


@contextmanager
def disk_room_of_sqlite() -> Iterator[None]:
    """SQLite's own "no room" as DiskFullError."""
    try:
        yield
    except (apsw.FullError, apsw.IOError) as error:
        # Where the index of a log has no room, it says that reading or writing went wrong.
        is_of_log = getattr(error, "extendedresult", None) == apsw.SQLITE_IOERR_SHMSIZE
        if isinstance(error, apsw.IOError) and not is_of_log:
            raise
        with disk_room():
            raise OSError(28, "no room for the index") from error
