"""Serving bytes: ranges (RFC 9110 section 14), validators (section 13), headers that guard a browser."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from weft.apps.files.blobs import Reading
from weft.apps.files.errors import RangeError
from weft.apps.files.index import FileView
from weft.apps.files.service import FilesService

CHUNK_BYTES = 256 << 10

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
_ACTIVE = ("text/html", "image/svg+xml", "application/xml", "application/xhtml+xml", "text/xml")
"""Kinds that may hold scripts: handed over to be saved, never to be shown here."""


class ContentResponse(StreamingResponse):
    """Part of a reading, which is closed however the response ends."""

    def __init__(
        self,
        files: FilesService,
        reading: Reading,
        first: int,
        last: int,
        headers: dict[str, str],
        status: int,
    ) -> None:
        super().__init__(_chunks(reading, first, last), status, headers)
        self._files, self._reading = files, reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._files.close_reading(self._reading)


async def respond_with_content(files: FilesService, file: FileView, request: Request) -> Response:
    """The content, a part of it, or only word that it has not changed; raises RangeError or BlobError."""
    etag = f'"{file.sha256}"'
    headers = safe_headers(file.media_type, file.name) | {"ETag": etag, "Accept-Ranges": "bytes"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    reading = await files.open(file)
    try:
        part = find_range(_range_of(request, etag), reading.size)
        first, last = part or (0, reading.size - 1)
        headers["Content-Length"] = str(last - first + 1)
        if part is not None:
            headers["Content-Range"] = f"bytes {first}-{last}/{reading.size}"
        status = 200 if part is None else 206
        if request.method != "HEAD":
            return ContentResponse(files, reading, first, last, headers, status)
    except BaseException:
        await files.close_reading(reading)
        raise
    await files.close_reading(reading)
    return Response(status_code=status, headers=headers)


def safe_headers(media_type: str, name: str) -> dict[str, str]:
    """Content is whatever somebody uploaded: it is taken for what it is said to be, and runs nothing."""
    way = "attachment" if media_type in _ACTIVE else "inline"
    return {
        "Content-Type": f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type,
        "Content-Disposition": f"{way}; filename=\"{_ascii(name)}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; media-src 'self'",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "same-origin",
        # Kept copies must be asked for again: what was erased must not go on being shown.
        "Cache-Control": "private, no-cache",
    }


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this very content already (If-None-Match)."""
    tags = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return etag in tags or "*" in tags


def find_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte; None for the whole: without a range, with several, or with one not understood.

    Raises RangeError when there is no such byte.
    """
    match = _RANGE.fullmatch(header.replace(" ", "")) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(size - int(last), 0), size - 1
        if int(last) == 0 or size == 0:
            raise RangeError(f"the last {last} of {size} bytes are none", size=size)
        return start, end
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise RangeError(f"byte {first} of content that has {size}", size=size)
    return int(first), min(int(last), size - 1) if last else size - 1


def _range_of(request: Request, etag: str) -> str | None:
    """The Range header, unless it was meant for other content (If-Range)."""
    if request.headers.get("if-range", etag) != etag:
        return None
    return request.headers.get("range")


async def _chunks(reading: Reading, first: int, last: int) -> AsyncIterator[bytes]:
    while first <= last:
        chunk = await asyncio.to_thread(reading.read, first, min(CHUNK_BYTES, last - first + 1))
        first += len(chunk)
        yield chunk


def _ascii(name: str) -> str:
    return "".join(letter if " " <= letter <= "~" and letter not in '"\\%' else "_" for letter in name)
