"""What clients saw: one operation a line, JSON, in the order of their answers."""

import hashlib
import lzma
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

Kind = Literal["put", "delete", "get"]
Outcome = Literal["ok", "fail", "unknown"]
ANY_NODE = -1


class Operation(msgspec.Struct, omit_defaults=True):
    """Times are microseconds since the trial began. A put writes its own number as the value."""

    number: int = msgspec.field(name="n")
    client: int = msgspec.field(name="c")
    key: int = msgspec.field(name="k")
    kind: Kind = msgspec.field(name="o")
    node: int = msgspec.field(name="a")
    """The one that was asked, or -1: as many as it took."""
    invoked_us: int = msgspec.field(name="i")
    outcome: Outcome = msgspec.field(name="s")
    expected: int | None = msgspec.field(name="e", default=None)
    """The version that must be there, 0 for none."""
    told_us: int | None = msgspec.field(name="r", default=None)
    version: int | None = msgspec.field(name="w", default=None)
    """Written, read (0: there is none), or in the way of a condition."""
    value: int | None = msgspec.field(name="v", default=None)
    """The number of the operation whose document was read."""
    status: int = msgspec.field(name="h", default=0)
    code: str = msgspec.field(name="x", default="")


_decoder = msgspec.json.Decoder(Operation)


def encode_line(operation: Operation) -> bytes:
    return msgspec.json.encode(operation) + b"\n"


def read_history(path: Path) -> list[Operation]:
    """All operations of a file, compressed or not."""
    return list(_lines(path))


def _lines(path: Path) -> Iterator[Operation]:
    with lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb") as file:
        for line in file:
            yield _decoder.decode(line)


def digest_of(operations: Iterable[Operation]) -> str:
    """SHA-256 over the lines."""
    hashed = hashlib.sha256()
    for operation in operations:
        hashed.update(encode_line(operation))
    return hashed.hexdigest()


def keep_history(operations: Iterable[Operation], path: Path) -> int:
    """Write a compressed file; its bytes."""
    with lzma.open(path, "wb", preset=9) as file:
        for operation in operations:
            file.write(encode_line(operation))
    return path.stat().st_size
