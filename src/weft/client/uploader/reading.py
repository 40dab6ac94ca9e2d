"""Reading files that may change meanwhile. What is read is one state of the file, or ChangedError says so."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import time_ns
from typing import BinaryIO

from weft.client.errors import ChangedError
from weft.client.uploader.walk import Facts, facts_of

CHUNK_BYTES = 1 << 20
YOUNG_NS = 2_000_000_000
"""A file that changed less than this before it was read may change again without its times telling."""


@dataclass(frozen=True, slots=True)
class Digested:
    """What a file held. `is_settled`: its facts tell when it holds something else."""

    sha256: str
    facts: Facts
    is_settled: bool


def digest_file(path: Path, is_over: Callable[[], bool]) -> Digested:
    """Touches the disk for as long as the file is large; stops early, with anything, once `is_over`."""
    running, begun_ns = sha256(), time_ns()
    with _steady(path) as (file, facts):
        while (chunk := file.read(CHUNK_BYTES)) and not is_over():
            running.update(chunk)
    is_settled = max(facts.modified_ns, facts.changed_ns) < begun_ns - YOUNG_NS
    return Digested(running.hexdigest(), facts, is_settled)


def read_whole(path: Path, size_max: int) -> tuple[bytes, Facts]:
    """A small file; ChangedError also when it is no longer small. Touches the disk."""
    with _steady(path) as (file, facts):
        content = file.read(size_max + 1)
        if len(content) != facts.size or len(content) > size_max:
            raise ChangedError(f"{path} changed while it was read")
        return content, facts


async def read_piece(path: Path, facts: Facts, offset: int, size: int) -> AsyncIterator[bytes]:
    """Some bytes of a file that is still as these facts say, else ChangedError."""
    with _open(path) as file:
        file.seek(offset)
        while size:
            chunk = await asyncio.to_thread(file.read, min(CHUNK_BYTES, size))
            if facts_of(os.fstat(file.fileno())) != facts or not chunk:
                raise ChangedError(f"{path} changed while it was sent")
            size -= len(chunk)
            yield chunk


@contextmanager
def _steady(path: Path) -> Iterator[tuple[BinaryIO, Facts]]:
    """A file that holds the same at the end of the block as at its beginning."""
    with _open(path) as file:
        facts = facts_of(os.fstat(file.fileno()))
        yield file, facts
        if facts_of(os.fstat(file.fileno())) != facts:
            raise ChangedError(f"{path} changed while it was read")


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """A file, and nothing else: a pipe that took its place since it was found would be waited for."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb", buffering=0) as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise ChangedError(f"{path} is no longer a file")
        yield file
