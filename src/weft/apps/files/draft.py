"""Content that comes in pieces, over as many requests, connections and days as it takes.

Promises. A piece is on disk before it is acknowledged, and what came outlives a restart of the node,
also when it was kept as content already and no file made of it yet. Bytes
are only added at the end, at the offset that the sender names, by the request that came last: an earlier one
that still hangs adds nothing more. Content of another digest than the announced one never becomes a file.
Drafts are bounded in number and in bytes, of which the announced ones count; what gets nothing for a day is
destroyed.

    ID          what came so far; once it is kept as content, nothing
    ID.json     what was announced: owner, size, SHA-256; and that of what came, once all of it was here

The shape is that of the IETF's resumable uploads (draft-ietf-httpbis-resumable-upload) and of tus 1.0: the
offset is asked for with HEAD, a piece is added with PATCH. Calls touch the disk: make them from a thread.
"""

import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from weft.api.errors import BusyError
from weft.apps.files.blobs import Incoming
from weft.apps.files.disk import disk_room, hash_file, shred, sync_folder, write_whole
from weft.apps.files.errors import (
    DigestError,
    DraftUnknownError,
    FileSizeError,
    IncompleteError,
    OffsetError,
    OvertakenError,
)
from weft.model.errors import DiskFullError

DRAFTS_MAX = 1000
IDLE_S = 24 * 3600.0
"""So long a draft waits for its next piece."""
YIELD_S = 3600.0
"""So long a draft is left alone when there is no room for another one."""
SHARE = 4
"""All drafts together may announce so many times the size of the largest file."""


class Announced(msgspec.Struct, frozen=True):
    """What a sender says before it sends."""

    owner: str
    size: int
    sha256: str | None
    whole: str | None = None
    """The SHA-256 of what came, on disk before the content may leave the draft."""


class Draft:
    """Content on its way, for several threads at once; raises DraftUnknownError once it has ended."""

    def __init__(self, path: Path, announced: Announced) -> None:
        self.path = path
        self.announced = announced
        self._gate = threading.Lock()
        self._turn = 0
        self.is_closed = False
        self.kept: Kept | None = None
        """All of it came, and is kept as content: a file may still be made of it."""
        self._running, self._running_size = sha256(), 0

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def offset(self) -> int:
        """Bytes that are here."""
        return self._stat().st_size if self.kept is None else self.kept.size

    @property
    def touched_s(self) -> float:
        """When something came last, in seconds since 1970."""
        return self._stat().st_mtime if self.kept is None else self.kept.since_s

    def begin(self, offset: int | None = None) -> int:
        """The right to add, which every earlier holder loses; raises OffsetError or OvertakenError."""
        with self._gate:
            here = self.offset
            if self.is_closed:
                raise OvertakenError("another request is making a file of this upload")
            self._turn += 1
            if offset not in (None, here):
                raise OffsetError(f"{here} bytes are here, not {offset}", offset=here)
            return self._turn

    def add(self, turn: int, chunks: Sequence[bytes]) -> None:
        """More at the end; raises OvertakenError or DiskFullError."""
        with self._gate:
            if turn != self._turn:
                raise OvertakenError("another request goes on with this upload")
            is_in_step = self._running_size == self.offset
            with disk_room(), self.path.open("r+b", buffering=0) as file:
                file.seek(0, os.SEEK_END)
                for chunk in chunks:
                    write_whole(file, chunk)
            if is_in_step:
                for chunk in chunks:
                    self._running.update(chunk)
                    self._running_size += len(chunk)

    def sync(self) -> int:
        """Bytes that are here, all of them on disk."""
        offset = self.offset
        if self.kept is None:
            with disk_room(), self.path.open("rb") as file:
                os.fsync(file.fileno())
        return offset

    def digest(self) -> str:
        """SHA-256 of all of it, read again if it did not all pass through this process."""
        return self._running.hexdigest() if self._running_size == self.offset else hash_file(self.path)

    def close(self) -> None:
        """Nothing is added any more; raises OvertakenError if that was said before."""
        self.begin()
        with self._gate:
            self._turn += 1
            self.is_closed = True

    def reopen(self) -> None:
        self.is_closed = False

    def _stat(self) -> os.stat_result:
        try:
            return self.path.stat()
        except FileNotFoundError:
            raise DraftUnknownError(f"upload {self.id} has ended") from None


class Whole(Incoming):
    """A draft that is complete, as content that has come in."""

    def __init__(self, path: Path, size: int, digest: str) -> None:
        self.path = path
        self.moving = threading.Lock()
        self.size = size
        self._digest = digest

    @property
    def name(self) -> str:
        return self._digest

    def close(self) -> None:
        """It is on disk already."""

    def discard(self) -> None:
        with self.moving:
            shred(self.path)


class Kept(Whole):
    """A draft whose content was kept already, by an earlier try to make a file of it."""

    def __init__(self, whole: Whole, since_s: float) -> None:
        super().__init__(whole.path, whole.size, whole.name)
        self.since_s = since_s

    def discard(self) -> None:
        """It is not ours alone."""


class Drafts:
    """All drafts of a node, in one folder."""

    def __init__(self, folder: Path, file_bytes_max: int) -> None:
        self._folder = folder
        self._file_bytes_max = file_bytes_max
        self._gate = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._drafts = {draft.id: draft for draft in self._load()}

    def begin(self, owner: str, size: int, digest: str | None) -> Draft:
        """A new draft; raises FileSizeError, BusyError or DiskFullError."""
        if size > self._file_bytes_max:
            raise FileSizeError(f"a file of {size} bytes; the limit is {self._file_bytes_max}")
        with self._gate:
            self._make_room(size)
            draft = Draft(self._folder / os.urandom(16).hex(), Announced(owner, size, digest))
            with disk_room():
                _write(_meta(draft.path), msgspec.json.encode(draft.announced))
                draft.path.touch()
                sync_folder(self._folder)
            self._drafts[draft.id] = draft
            return draft

    def find(self, owner: str, id_: str) -> Draft:
        """A draft of this owner; raises DraftUnknownError."""
        with self._gate:
            draft = self._drafts.get(id_)
        if draft is None or draft.announced.owner != owner:
            raise DraftUnknownError(f"there is no upload {id_[:80]}")
        return draft

    def complete(self, draft: Draft) -> Whole:
        """The content, once all of it is here, for `end` or `give_back`. Raises OvertakenError,
        IncompleteError, or DigestError, which ends the draft."""
        draft.close()
        if draft.kept is not None:
            return draft.kept
        try:
            offset, announced = draft.sync(), draft.announced
            if offset != announced.size:
                raise IncompleteError(f"{offset} of {announced.size} bytes are here", offset=offset)
            digest = draft.digest()
            if announced.sha256 in (None, digest):
                self._note_whole(draft, digest)
        except BaseException:
            draft.reopen()
            raise
        if announced.sha256 not in (None, digest):
            self.end(draft)
            raise DigestError(f"the content has SHA-256 {digest}, and {announced.sha256} was announced")
        return Whole(draft.path, offset, digest)

    def give_back(self, draft: Draft, whole: Whole) -> None:
        """No file was made of it: it may be completed again, also if its content was taken meanwhile."""
        if not draft.path.exists() and draft.kept is None:
            draft.kept = Kept(whole, time.time())
        draft.reopen()

    def end(self, draft: Draft) -> None:
        """Forget it, and destroy what is still here."""
        with self._gate:
            self._destroy(draft)

    def sweep(self, touched_before_s: float) -> int:
        """Destroy drafts that got nothing since; how many there were."""
        with self._gate:
            old = [draft for draft in self._by_age() if draft.touched_s < touched_before_s]
            for draft in old:
                self._destroy(draft)
        return len(old)

    def _make_room(self, size: int) -> None:
        """For one more of this size; what has waited longest gives way, if it has waited for an hour."""
        if size > shutil.disk_usage(self._folder).free:
            raise DiskFullError(f"no room for {size} bytes")
        by_age = self._by_age()
        announced = sum(draft.announced.size for draft in by_age)
        while len(by_age) >= DRAFTS_MAX or (by_age and announced + size > SHARE * self._file_bytes_max):
            oldest = by_age.pop(0)
            if oldest.touched_s > time.time() - YIELD_S:
                raise BusyError(f"{len(by_age) + 1} uploads of {announced} bytes are open here")
            announced -= oldest.announced.size
            self._destroy(oldest)

    def _by_age(self) -> list[Draft]:
        """Those that wait for more, the one that has waited longest first."""
        waiting = [draft for draft in self._drafts.values() if not draft.is_closed]
        return sorted(waiting, key=lambda draft: draft.touched_s)

    def _note_whole(self, draft: Draft, digest: str) -> None:
        """Durably: from now on a draft without content is one whose content was kept."""
        if draft.announced.whole == digest:
            return
        announced = msgspec.structs.replace(draft.announced, whole=digest)
        meta = _meta(draft.path)
        fresh = meta.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with disk_room():
            _write(fresh, msgspec.json.encode(announced))
            fresh.replace(meta)
            sync_folder(self._folder)
        draft.announced = announced

    def _destroy(self, draft: Draft) -> None:
        self._drafts.pop(draft.id, None)
        # In this order: content without an announcement is nobody's.
        _meta(draft.path).unlink(missing_ok=True)
        shred(draft.path)

    def _load(self) -> Iterator[Draft]:
        """What an earlier process left; half a draft is destroyed."""
        for path in sorted({path.with_suffix("") for path in self._folder.iterdir()}):
            draft = _restore(path)
            if draft is not None:
                yield draft
                continue
            for left in (path, _meta(path)):
                shred(left)
        for left in self._folder.glob("*.new"):
            shred(left)


def _restore(path: Path) -> Draft | None:
    """The draft, with its content here or kept already; None if it is but half of one."""
    with suppress(OSError, msgspec.MsgspecError):
        announced = msgspec.json.decode(_meta(path).read_bytes(), type=Announced)
        draft = Draft(path, announced)
        if path.exists():
            return draft
        if announced.whole is not None:
            whole = Whole(path, announced.size, announced.whole)
            draft.kept = Kept(whole, _meta(path).stat().st_mtime)
            return draft
    return None


def _write(path: Path, content: bytes) -> None:
    """A new file, on disk."""
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _meta(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")
