"""Bodies of uploads, made anew for each try and never held whole."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from os import urandom
from pathlib import Path
from typing import Any

Source = Path | bytes
Progress = Callable[[int, int], None]
"""Told how many bytes of how many are through."""

CHUNK_BYTES = 1 << 18
UPLOAD_S = 600.0


@dataclass(frozen=True, slots=True)
class Form:
    """A multipart body (RFC 7578) and the headers that go with it."""

    headers: dict[str, str]
    body: Callable[[], AsyncIterator[bytes]]


def size_of(source: Source) -> int:
    """Bytes of what is to be uploaded."""
    return source.stat().st_size if isinstance(source, Path) else len(source)


async def read_chunks(source: Source, on_progress: Progress | None) -> AsyncIterator[bytes]:
    """The content piece by piece; a file is read from a thread."""
    size, offset = size_of(source), 0
    if isinstance(source, bytes):
        for offset in range(0, size, CHUNK_BYTES):
            yield source[offset : offset + CHUNK_BYTES]
            if on_progress is not None:
                on_progress(min(offset + CHUNK_BYTES, size), size)
        return
    with source.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
            offset += len(chunk)
            if on_progress is not None:
                on_progress(offset, size)


async def make_form(
    source: Source,
    name: str,
    metadata: Mapping[str, Any],
    on_progress: Progress | None,
    readers: Sequence[str] | None = None,
) -> Form:
    """A form with the parts `metadata`, `readers` if there are any, and `file`."""
    boundary = urandom(16).hex()
    quoted = name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
    parts = {"metadata": metadata} if readers is None else {"metadata": metadata, "readers": list(readers)}
    texts = "".join(
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{part}"\r\n'
        "Content-Type: application/json\r\n\r\n"
        f"{json.dumps(value, ensure_ascii=False, allow_nan=False)}\r\n"
        for part, value in parts.items()
    )
    before = (
        f"{texts}--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    after = f"\r\n--{boundary}--\r\n".encode()

    async def body() -> AsyncIterator[bytes]:
        yield before
        async for chunk in read_chunks(source, on_progress):
            yield chunk
        yield after

    size = len(before) + await asyncio.to_thread(size_of, source) + len(after)
    kind = f"multipart/form-data; boundary={boundary}"
    return Form({"content-type": kind, "content-length": str(size)}, body)
