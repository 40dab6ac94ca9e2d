"""The files that paths stand for, found as they are asked for: no list of a folder's whole content is held.

A path that is given is taken whatever it is called, and a link that is given is followed. Inside of a folder
links to files are followed, links to folders are not, and hidden entries are left out unless they are wanted.
What is neither file nor folder is never opened.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

SORTED_MAX = 10_000
"""Entries of a folder that are put in order together."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What changes with a file; the time of change, unlike that of modification, cannot be set by hand."""

    device: int
    inode: int
    size: int
    modified_ns: int
    changed_ns: int

    @property
    def text(self) -> str:
        return f"{self.device}:{self.inode}:{self.size}:{self.modified_ns}:{self.changed_ns}"


@dataclass(frozen=True, slots=True)
class Found:
    """A file."""

    path: Path
    facts: Facts


@dataclass(frozen=True, slots=True)
class Left:
    """A path that is not taken. Hidden ones are only counted."""

    path: Path
    why: Literal["hidden", "skipped", "refused"]
    reason: str = ""


def facts_of(seen: os.stat_result) -> Facts:
    return Facts(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def walk(paths: Sequence[Path], recursive: bool, hidden: bool) -> Iterator[Found | Left]:
    """All that the paths stand for. Touches the disk."""
    for path in paths:
        try:
            seen = path.stat()
        except OSError as error:
            yield _unreadable(path, error)
            continue
        if stat.S_ISDIR(seen.st_mode):
            yield from _walk_folder(path, recursive, hidden)
        else:
            yield _judge(path, seen)


def _walk_folder(top: Path, recursive: bool, hidden: bool) -> Iterator[Found | Left]:
    """Without recursion: folders may lie deeper in each other than calls can."""
    levels = [_entries(top)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
        elif isinstance(entry, Left):
            yield entry
        elif entry.name.startswith(".") and not hidden:
            yield Left(Path(entry.path), "hidden")
        elif entry.is_dir(follow_symlinks=False):
            if recursive:
                levels.append(_entries(Path(entry.path)))
        else:
            yield _look(entry)


def _look(entry: "os.DirEntry[str]") -> Found | Left:
    path = Path(entry.path)
    try:
        seen = entry.stat()
    except OSError as error:
        if entry.is_symlink():
            return Left(path, "skipped", "the link leads to nothing")
        return _unreadable(path, error)
    if stat.S_ISDIR(seen.st_mode):
        return Left(path, "skipped", "a link to a folder is not followed; give the folder itself")
    return _judge(path, seen)


def _judge(path: Path, seen: os.stat_result) -> Found | Left:
    if not stat.S_ISREG(seen.st_mode):
        return Left(path, "skipped", "neither a file nor a folder")
    return Found(path, facts_of(seen))


def _entries(folder: Path) -> "Iterator[os.DirEntry[str] | Left]":
    """By name, as far as that is possible without holding them all."""
    try:
        with os.scandir(folder) as entries:
            while some := sorted(islice(entries, SORTED_MAX), key=lambda entry: entry.name):
                yield from some
    except OSError as error:
        yield _unreadable(folder, error)


def _unreadable(path: Path, error: OSError) -> Left:
    return Left(path, "refused", error.strerror or type(error).__name__)
