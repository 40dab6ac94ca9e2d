"""A file as browsers send it: multipart/form-data (RFC 7578), streamed to the disk as it comes.

One part `file`, at most one part `metadata` and one `readers`, in any order; nothing else. The parser and the
disk are fed from a thread, so the event loop only passes chunks on.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from weft.api.errors import BodySizeError, MediaTypeError
from weft.apps.files.blobs import Incoming
from weft.apps.files.errors import UploadError
from weft.apps.files.metadata import BYTES_MAX
from weft.apps.files.pieces import gather
from weft.apps.files.service import FilesService
from weft.model.said import clean_name

PARTS = ("file", "metadata", "readers")
_ESCAPES = (("%22", '"'), ("%0D", "\r"), ("%0A", "\n"))
"""What browsers put for the three characters that a quoted name cannot hold."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What a request brought."""

    content: Incoming
    name: str
    metadata: bytes
    """JSON as it was sent; `{}` when there was no such part."""
    readers: bytes
    """The same; `null` when there was no such part."""


async def receive_upload(files: FilesService, content_type: str, chunks: AsyncIterator[bytes]) -> Upload:
    """The file and metadata of a request body. `files.discard(content)` when it is not kept.

    Raises MediaTypeError, UploadError, BodySizeError, FileSizeError or DiskFullError.
    """
    boundary = _boundary_of(content_type)
    async with files.receiving() as content:
        form = Form(files, boundary, content)
        async for some in gather(chunks):
            await asyncio.to_thread(form.feed, some)
        return form.finish()


class Form:
    """A multipart body being read. Touches the disk."""

    def __init__(self, files: FilesService, boundary: bytes, content: Incoming) -> None:
        self.content = content
        self._files = files
        self._name = ""
        self._texts = {"metadata": bytearray(), "readers": bytearray()}
        self._seen: set[str] = set()
        self._part = ""
        self._header, self._value, self._headers = bytearray(), bytearray(), dict[bytes, bytes]()
        self._is_ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_header_field": self._take_header,
                "on_header_value": self._take_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin_part,
                "on_part_data": self._take_data,
                "on_end": self._end,
            },
        )

    def feed(self, chunks: Sequence[bytes]) -> None:
        """Take more of the body."""
        try:
            for chunk in chunks:
                self._parser.write(chunk)
        except FormParserError as error:
            raise UploadError(f"the body is not multipart/form-data: {error}") from None

    def finish(self) -> Upload:
        """What the whole body held."""
        if not self._is_ended:
            raise UploadError("the body ends before its closing boundary")
        if "file" not in self._seen:
            raise UploadError("the body has no part named file")
        metadata, readers = map(bytes, self._texts.values())
        return Upload(self.content, clean_name(self._name), metadata or b"{}", readers or b"null")

    def _take_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[bytes(self._header).lower()] = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _begin_part(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        options = parse_options_header(disposition)[1]
        self._part = options.get(b"name", b"").decode("utf-8", "replace")
        if self._part not in PARTS:
            raise UploadError(f"the body has a part {self._part[:80]!r}; only {', '.join(PARTS)} are known")
        if self._part in self._seen:
            raise UploadError(f"the body has two parts named {self._part}")
        self._seen.add(self._part)
        if self._part == "file":
            self._name = _file_name(disposition, options)
        self._headers = {}

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == "file":
            self._files.check_size(self.content.size + end - start)
            self.content.write(memoryview(data)[start:end])
            return
        text = self._texts[self._part]
        text += data[start:end]
        if len(text) > BYTES_MAX:
            raise BodySizeError(f"the part {self._part} has more than {BYTES_MAX} bytes")

    def _end(self) -> None:
        self._is_ended = True


def _boundary_of(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise MediaTypeError("a file is sent as multipart/form-data")
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 70:
        raise UploadError("Content-Type names no boundary of 1 to 70 characters")
    return boundary


def _file_name(disposition: bytes, options: dict[bytes, bytes]) -> str:
    """The plain name; or the extended one (RFC 5987) of clients that send nothing else."""
    if b"filename" in options:
        name = options[b"filename"].decode("utf-8", "replace")
        for escape, letter in _ESCAPES:
            name = name.replace(escape, letter)
        return name
    _, found, extended = disposition.decode("latin-1").partition("filename*=")
    return unquote(extended.split(";")[0].split("'")[-1]) if found else ""
