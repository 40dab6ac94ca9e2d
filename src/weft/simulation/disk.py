"""One member's disk in memory: what was synced stays, what was not may be gone, torn, holed or flipped.

The journal is the shipped one, bytes and all, over files that remember what is durable. The store's twin is
durable with every write, as LMDB is; attachments are durable once synced.
"""

import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

from weft.model.block import Checkpoint, Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.transaction import Attachment
from weft.storage.journal import SUFFIX, Journal
from weft.storage.memory import MemoryAttachments, MemoryStore
from weft.storage.segment import Segment

FOLDER = Path("journal")
PAGE = 512
"""Bytes that reach the disk together."""
Step = Callable[[str], None]
"""Called as a member does something that a crash may cut off; raises when it does."""


class PowerLostError(Exception):
    """What a port says to a life that is over."""


class _File:
    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        self.durable = len(content)
        """Bytes that were synced; writes only ever append behind them."""


class MemoryFiles:
    """The journal's files (`weft.storage.disk.Files`)."""

    def __init__(self) -> None:
        self._files: dict[Path, _File] = {}
        self._open: dict[int, _File] = {}
        self._number = 0
        self.step: Step = _go_on
        self.is_full = False

    def hold(self, folder: Path) -> "MemoryFiles":
        return self

    def paths(self, folder: Path, suffix: str) -> list[Path]:
        return sorted(path for path in self._files if path.suffix == suffix)

    def open(self, path: Path) -> int:
        self._number += 1
        self._open[self._number] = self._files[path]
        return self._number

    def close(self, file: int | None = None) -> None:
        """A file, or the lock."""
        if file is not None:
            del self._open[file]

    def write(self, file: int, data: bytes, offset: int) -> None:
        self._check_space()
        held = self._open[file]
        assert self.durable_below(held, offset), "what is durable is never written again"
        held.content[offset : offset + len(data)] = data
        self.step("write")

    def sync(self, file: int) -> None:
        self._check_space()
        self.step("sync")
        held = self._open[file]
        held.durable = len(held.content)

    def truncate(self, file: int, size: int) -> None:
        held = self._open[file]
        del held.content[size:]
        held.durable = size

    def replace(self, path: Path, data: bytes) -> None:
        self._check_space()
        self.step("replace")
        self._files[path] = _File(data)

    def map(self, path: Path) -> bytes:
        return bytes(self._files[path].content)

    def unlink(self, path: Path) -> None:
        self.step("unlink")
        del self._files[path]

    def rename(self, path: Path, new: Path) -> None:
        self._files[new] = self._files.pop(path)

    def remove_unfinished(self, folder: Path) -> None:
        """Nothing is left unfinished here: `replace` happens at once."""

    def durable_below(self, held: _File, offset: int) -> bool:
        return held.durable <= offset

    def is_safe(self, payload: bytes) -> bool:
        """Whether these bytes are durable; the newest are looked at first."""
        files = [self._files[path] for path in reversed(self.paths(FOLDER, SUFFIX))]
        return any(held.content.rfind(payload, 0, held.durable) >= 0 for held in files)

    def copy_durable(self) -> "MemoryFiles":
        """What would be left if the power went now and nothing else reached the disk."""
        copy = MemoryFiles()
        copy._files = {path: _File(bytes(held.content[: held.durable])) for path, held in self._files.items()}
        return copy

    def crash(self, random: Random) -> str:
        """The power went: what becomes of what was not synced. Says what did."""
        self._open.clear()
        fates = []
        for path in self.paths(FOLDER, SUFFIX):
            held = self._files[path]
            loose = len(held.content) - held.durable
            if loose:
                fate = random.choice(("lost", "kept", "torn", "torn", "holed", "flipped"))
                _FATES[fate](held, random)
                held.durable = len(held.content)
                fates.append(f"{fate}:{loose}")
        return ",".join(fates)

    def drop_handles(self) -> None:
        self._open.clear()

    def flip(self, random: Random) -> None:
        """A bit of what was synced, and is known to have been, changes. Where no record says so yet, the
        journal cannot tell it from a torn tail: crashes have that."""
        paths = self.paths(FOLDER, SUFFIX)
        path = random.choice(paths)
        content = self._files[path].content
        _flip(content, 0, Segment(path, self).survey().durable if path == paths[-1] else len(content), random)

    def wipe(self) -> None:
        """All is gone."""
        self._files.clear()

    def _check_space(self) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")


def _go_on(_: str) -> None:
    pass


def _refuse(_: str) -> None:
    raise PowerLostError


def _lose(held: _File, random: Random) -> None:
    del held.content[held.durable :]


def _keep(held: _File, random: Random) -> None:
    pass


def _tear(held: _File, random: Random) -> None:
    del held.content[random.randint(held.durable, len(held.content)) :]


def _hole(held: _File, random: Random) -> None:
    """Pages reach a disk in any order: one is missing, later ones are there."""
    begin = random.randrange(held.durable, len(held.content))
    end = min(len(held.content), (begin // PAGE + 1) * PAGE)
    held.content[begin:end] = bytes(end - begin)


def _flip_loose(held: _File, random: Random) -> None:
    _flip(held.content, held.durable, len(held.content), random)


def _flip(content: bytearray, begin: int, end: int, random: Random) -> None:
    content[random.randrange(begin, end)] ^= 1 << random.randrange(8)


_FATES: dict[str, Callable[[_File, Random], None]] = {
    "lost": _lose,
    "kept": _keep,
    "torn": _tear,
    "holed": _hole,
    "flipped": _flip_loose,
}


class Store(MemoryStore):
    """Blocks and state; tells the world what it has stored."""

    step: Step = staticmethod(_go_on)
    is_full = False
    told: Callable[[Sequence[Sealed], Sequence[Commit]], None] | None = None

    def append(
        self,
        sealed: Sequence[Sealed],
        commits: Sequence[Commit],
        tree: Sequence[tuple[bytes, bytes]],
        rooted: tuple[int, Digest] | None,
    ) -> None:
        if self.is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.step("store")
        super().append(sealed, commits, tree, rooted)
        if self.told is not None:
            self.told(sealed, commits)
        self.step("stored")

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.step("checkpoint")
        super().put_checkpoint(checkpoint)

    def put_fact(self, name: str, value: bytes) -> None:
        self.step("fact")
        super().put_fact(name, value)


class Attachments(MemoryAttachments):
    """Content; what was put and not synced may be gone after a crash."""

    def __init__(self) -> None:
        super().__init__()
        self._loose: dict[Digest, None] = {}
        self.step: Step = _go_on
        self.is_full = False

    def put(self, attachments: Sequence[Attachment]) -> None:
        self.step("put")
        self._loose |= {one.commitment: None for one in attachments if one.commitment not in self._kept}
        super().put(attachments)

    def sync(self) -> None:
        if self.is_full and self._loose:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.step("content")
        self._loose.clear()

    def erase(self, commitments: Sequence[Digest], height: int) -> None:
        self.step("erase")
        for commitment in commitments:
            self._loose.pop(commitment, None)
        super().erase(commitments, height)
        self.step("erased")

    def discard(self, commitments: Sequence[Digest]) -> None:
        self.step("discard")
        super().discard(commitments)

    def is_safe(self, commitment: Digest) -> bool:
        """Whether this is durable: content or tombstone."""
        return commitment in self._kept and commitment not in self._loose

    def crash(self, random: Random) -> None:
        """Some of what was not synced is gone."""
        for commitment in self._loose:
            if random.random() < 0.5:
                self._kept.pop(commitment, None)
        self._loose.clear()
        self._suspects.clear()


class Disk:
    """All that one member keeps."""

    def __init__(self, make_store: Callable[[], Store], random_bytes: Callable[[int], bytes]) -> None:
        self._make_store = make_store
        self._random_bytes = random_bytes
        self.files = MemoryFiles()
        self.store = make_store()
        self.attachments = Attachments()
        self.open_journal()

    def open_journal(self) -> Journal:
        """As a start-up opens it."""
        self.journal = Journal(FOLDER, self.files, self._random_bytes)
        return self.journal

    def reopen_copy(self) -> Journal:
        """The journal as a start-up would find it after a loss of power, to be looked at."""
        return Journal(FOLDER, self.files.copy_durable(), bytes)

    def let(self, step: Step, told: Callable[[Sequence[Sealed], Sequence[Commit]], None] | None) -> None:
        """Who is asked before, and told after, from now on."""
        self.files.step = self.store.step = self.attachments.step = step
        self.store.told = told

    @property
    def is_full(self) -> bool:
        return self.files.is_full

    def fill(self, is_full: bool) -> None:
        self.files.is_full = self.store.is_full = self.attachments.is_full = is_full

    def crash(self, random: Random) -> str:
        """The power went."""
        self.let(_refuse, None)
        self.attachments.crash(random)
        return self.files.crash(random)

    def stop(self) -> None:
        """The process ended: what it wrote is there, what it still wanted to write is not."""
        self.let(_refuse, None)
        self.files.drop_handles()

    def lose(self) -> None:
        """A new, empty disk is put in."""
        self.files.wipe()
        self.store = self._make_store()
        self.attachments = Attachments()
