"""How requests say who looks, and who may."""

import msgspec
from starlette.requests import Request

from weft.api.face import begin_read, caller_of, decode_body
from weft.apps.files.resource import Readers
from weft.apps.files.service import FilesService
from weft.apps.files.viewer import Viewer

_readers = msgspec.json.Decoder(Readers)


async def begin_look(request: Request, files: FilesService) -> tuple[int, Viewer]:
    """Check the caller's right to read; the height of the answer, and who looks."""
    height = await begin_read(request)
    return height, files.viewer(caller_of(request))


def decode_readers(text: bytes) -> tuple[str, ...] | None:
    """Who may see a file, as JSON; raises DocumentError."""
    asked = decode_body(_readers, text)
    return None if asked is None else tuple(asked)
