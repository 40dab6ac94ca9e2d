"""What an uploader remembers from one run to the next, in one small SQLite file that may be lost at any time.

Promise: nothing here is believed where it would matter. A remembered digest is only good for asking whether a
file is stored; whatever is sent is read and hashed again, and nodes compare. A remembered upload in pieces is
asked for its offset. A file that is damaged, or of another version, is begun anew.

    file    path → facts, SHA-256; `run`: the uploader that last had an answer for it
    draft   path, SHA-256, node → upload in pieces
    secret  from which Idempotency-Keys are made, so that a second run asks with the first one's
"""

import hashlib
import hmac
import logging
import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from weft.client.uploader.walk import Facts

_log = logging.getLogger("weft.client")
_VERSION = 1
_SCHEMA = f"""
CREATE TABLE file (path BLOB PRIMARY KEY, facts TEXT NOT NULL, sha256 TEXT, run TEXT, day INTEGER NOT NULL)
    WITHOUT ROWID;
CREATE TABLE draft (path BLOB, sha256 TEXT, url TEXT, id TEXT NOT NULL, PRIMARY KEY (path, sha256, url))
    WITHOUT ROWID;
CREATE TABLE secret (bytes BLOB NOT NULL);
PRAGMA user_version = {_VERSION};
"""
DAYS_KEPT = 180
ROWS_UNWRITTEN_MAX = 500


class State:
    """Of one uploader; several may share the file, so call `commit` often."""

    def __init__(self, path: Path | None, today: int) -> None:
        """`path` None: a file without a name, gone in the end. `today`: days since 1970."""
        self._run = os.urandom(8).hex()
        self._today = today
        self._unwritten = 0
        self._base = _open_anyhow(path)
        self._write("DELETE FROM file WHERE day < ?", today - DAYS_KEPT)
        self.commit()
        self._secret: bytes = self._base.execute("SELECT bytes FROM secret").fetchone()[0]

    def close(self) -> None:
        self.commit()
        self._base.close()

    def find_digest(self, path: Path, facts: Facts) -> str | None:
        """What the file held when it was last read, if it is as it was then."""
        query = "SELECT sha256 FROM file WHERE path = ? AND facts = ?"
        row = self._base.execute(query, (os.fsencode(path), facts.text)).fetchone()
        return None if row is None else row[0]

    def is_done(self, path: Path, facts: Facts) -> bool:
        """Whether this very run had an answer for the file as it is."""
        query = "SELECT 1 FROM file WHERE path = ? AND facts = ? AND run = ?"
        return self._base.execute(query, (os.fsencode(path), facts.text, self._run)).fetchone() is not None

    def keep(self, path: Path, facts: Facts, sha256: str | None, is_done: bool) -> None:
        """Remember; without a digest only that there was an answer."""
        run = self._run if is_done else None
        row = os.fsencode(path), facts.text, sha256, run, self._today
        self._write("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)", *row)
        self._unwritten += 1
        if self._unwritten >= ROWS_UNWRITTEN_MAX:
            self.commit()

    def note_left(self, path: Path, reason: str) -> bool:
        """Whether it is news to this run that the path is left out."""
        query = "SELECT 1 FROM file WHERE path = ? AND facts = ? AND run = ?"
        row = os.fsencode(path), reason, self._run
        is_known = self._base.execute(query, row).fetchone() is not None
        self._write("INSERT OR REPLACE INTO file VALUES (?, ?, NULL, ?, ?)", *row, self._today)
        return not is_known

    def drafts(self, path: Path, sha256: str) -> dict[str, str]:
        """Uploads in pieces that were begun of this content: id by node."""
        query = "SELECT url, id FROM draft WHERE path = ? AND sha256 = ?"
        return dict(self._base.execute(query, (os.fsencode(path), sha256)).fetchall())

    def places(self, path: Path) -> list[tuple[str, str]]:
        """Uploads in pieces that were begun of the file, whatever it held: node and id."""
        query = "SELECT url, id FROM draft WHERE path = ?"
        return self._base.execute(query, (os.fsencode(path),)).fetchall()

    def keep_draft(self, path: Path, sha256: str, url: str, id_: str) -> None:
        self._write("INSERT OR REPLACE INTO draft VALUES (?, ?, ?, ?)", os.fsencode(path), sha256, url, id_)
        self.commit()

    def drop_drafts(self, path: Path, url: str | None = None) -> None:
        """Of one node, or of all."""
        self._write("DELETE FROM draft WHERE path = ? AND url = coalesce(?, url)", os.fsencode(path), url)
        self.commit()

    def key_for(self, wish: bytes) -> str:
        """An Idempotency-Key that nobody else can tell, and that is the same for the same wish."""
        return hmac.new(self._secret, wish, hashlib.sha256).hexdigest()

    def _write(self, statement: str, *values: object) -> None:
        # A full disk costs the next run some reading, and this one nothing.
        with suppress(sqlite3.OperationalError):
            self._base.execute(statement, values)

    def commit(self) -> None:
        """What was remembered stands in the file, which others may write to again."""
        with suppress(sqlite3.OperationalError):
            self._base.commit()
        self._unwritten = 0


def _open_anyhow(path: Path | None) -> sqlite3.Connection:
    """The file, begun anew if it is damaged; one without a name, which is said, where none can be had."""
    try:
        return _open(path)
    except (sqlite3.OperationalError, OSError) as error:
        _log.warning("nothing is remembered of this upload, as %s cannot be used: %s", path, error)
        return _open(None)
    except sqlite3.DatabaseError:
        assert path is not None, "a new database is sound"
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        return _open(path)


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The files beside it, which hold the same, get the rights of this one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
    base = sqlite3.connect("" if path is None else path, timeout=30, check_same_thread=False)
    try:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("PRAGMA synchronous = NORMAL")
        base.execute("BEGIN IMMEDIATE")
        version = base.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError("of another version")
        if version == 0:
            for statement in filter(None, map(str.strip, _SCHEMA.split(";"))):
                base.execute(statement)
            base.execute("INSERT INTO secret VALUES (?)", (os.urandom(32),))
        base.commit()
    except BaseException:
        base.close()
        raise
    return base
