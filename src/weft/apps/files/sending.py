"""The REST interface of uploads that may break off: pieces of content, kept by the node that took the first.

The shape is that of draft-ietf-httpbis-resumable-upload: `Upload-Offset` tells how much is there, HEAD asks
for it, PATCH adds at it. What is made of the whole is said at the end: a file, or content to sign for.
"""

import re
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from weft.api.face import (
    READ,
    WRITE,
    WRITE_PROBLEMS,
    Accepted,
    Answer,
    Parameter,
    RequestError,
    begin_write,
    caller_of,
    check_media_type,
    decode_body,
    describe,
    number,
    read_body,
    stream_body,
    time_text,
    whole,
)
from weft.api.schemas import Hash, Time
from weft.apps.files.draft import IDLE_S, Draft
from weft.apps.files.errors import DraftUnknownError
from weft.apps.files.looking import begin_look
from weft.apps.files.metadata import BYTES_MAX, read_patch
from weft.apps.files.resource import Blob, File, Id, Readers, show_blob
from weft.apps.files.service import FilesService
from weft.apps.files.written import NAME, present
from weft.model.said import clean_name

KNOWN_MAX = 1000
KNOWN_BYTES_MAX = 128 << 10
SIZE_MAX = 2**62


class Announcement(msgspec.Struct, forbid_unknown_fields=True):
    """Content that is going to come in pieces. With `sha256`, no other content is taken in the end."""

    size: Annotated[int, msgspec.Meta(ge=0, le=SIZE_MAX)]
    sha256: Hash | None = None


class Upload(msgspec.Struct):
    """Content that comes in pieces: `offset` of `size` bytes are on this node's disk."""

    id: Id
    offset: int
    size: int
    sha256: Hash | None
    expires_at: Time


class Completion(msgspec.Struct, forbid_unknown_fields=True):
    """What the file is called, the owner's fields of its metadata, and who may see it beside the owner."""

    name: str = "unnamed"
    metadata: dict[str, Any] = {}
    readers: Readers = None


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """Contents to look for among the files of an owner; the caller when none is named."""

    sha256: Annotated[list[Hash], msgspec.Meta(min_length=1, max_length=KNOWN_MAX)]
    owner: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{40}|local)$")] | None = None


class KnownFile(msgspec.Struct):
    """The owner's first file of that content, if the caller may see it; `held`: the content itself is on this
    node's disk."""

    sha256: Hash
    id: Id
    held: bool
    readers: Readers


class KnownFiles(msgspec.Struct):
    """Those that there are, true at this height."""

    items: list[KnownFile]
    height: int


_announcements = msgspec.json.Decoder(Announcement)
_completions = msgspec.json.Decoder(Completion)
_questions = msgspec.json.Decoder(Question)


def _parse_id(text: str) -> str:
    if re.fullmatch("[0-9a-f]{32}", text) is None:
        raise DraftUnknownError(f"there is no upload {text[:80]}")
    return text


UPLOAD_ID = Parameter(
    "id", "path", "The upload.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, _parse_id, ""
)
UPLOAD_OFFSET: Parameter[int | None] = Parameter(
    "Upload-Offset",
    "header",
    "Where this piece begins: all that is there already. Must be given.",
    number(0, SIZE_MAX),
    whole(0, SIZE_MAX),
    None,
)


def add_sending(routes: APIRouter, files: FilesService) -> None:
    """The routes of uploads in pieces, and the question what need not be sent."""
    _add_pieces(routes, files)
    _add_endings(routes, files)

    @routes.post(
        "/v1/files:known",
        **describe({200: KnownFiles}, parameters=(*READ,), body=Question, problems=(400, 401, 403, 413, 503)),
    )
    async def find_known_files(request: Request) -> Response:
        """Which of up to 1,000 contents an owner has files of."""
        height, viewer = await begin_look(request, files)
        check_media_type(request, "application/json")
        asked = decode_body(_questions, await read_body(request, KNOWN_BYTES_MAX))
        found = await files.find_known(viewer, asked.owner or viewer.name, asked.sha256, height)
        items = [
            KnownFile(one.sha256, one.id, one.is_here, None if one.readers is None else list(one.readers))
            for one in found
        ]
        return Answer(KnownFiles(items, height), height=height)


def _add_pieces(routes: APIRouter, files: FilesService) -> None:
    problems = WRITE_PROBLEMS

    @routes.post("/v1/uploads", **describe({201: Upload}, body=Announcement, problems=problems))
    async def begin_upload(request: Request) -> Response:
        """Content that may come in pieces; a day without a piece ends it."""
        caller = begin_write(request).caller
        check_media_type(request, "application/json")
        asked = decode_body(_announcements, await read_body(request, BYTES_MAX))
        draft = await files.pieces.begin(caller, asked.size, asked.sha256)
        return _present(draft, 0, 201)

    @routes.get("/v1/uploads/{id}", **describe({200: Upload}, parameters=(UPLOAD_ID,), problems=problems))
    async def show_upload(request: Request) -> Response:
        """How much is there. Asking ends a request that may still be adding, so the answer stays true."""
        caller = caller_of(request)
        return _present(*await files.pieces.show(caller, UPLOAD_ID.of(request)))

    @routes.patch(
        "/v1/uploads/{id}",
        **_with_bytes(describe({200: Upload}, parameters=(UPLOAD_ID, UPLOAD_OFFSET), problems=problems)),
    )
    async def add_piece(request: Request) -> Response:
        """More at the end; what came before a break stays."""
        caller = begin_write(request).caller
        id_, offset = UPLOAD_ID.of(request), UPLOAD_OFFSET.of(request)
        if offset is None:
            raise RequestError("the header Upload-Offset is missing: it says where the piece begins")
        added = await files.pieces.add(caller, id_, offset, lambda left: stream_body(request, left))
        return _present(*added)

    @routes.delete("/v1/uploads/{id}", **describe({200: Upload}, parameters=(UPLOAD_ID,), problems=problems))
    async def end_upload(request: Request) -> Response:
        """Destroy what came; the answer is what there was."""
        caller, id_ = begin_write(request).caller, UPLOAD_ID.of(request)
        answer = _present(*await files.pieces.show(caller, id_))
        await files.pieces.end(caller, id_)
        return answer


def _add_endings(routes: APIRouter, files: FilesService) -> None:
    @routes.post(
        "/v1/uploads/{id}/file",
        **describe(
            {200: File, 201: File, 202: Accepted},
            parameters=(UPLOAD_ID, *WRITE),
            body=Completion,
            problems=WRITE_PROBLEMS,
        ),
    )
    async def make_file(request: Request) -> Response:
        """A file of an upload that is complete, as `POST /v1/files` makes one."""
        terms = begin_write(request)
        check_media_type(request, "application/json")
        asked = decode_body(_completions, await read_body(request, 2 * BYTES_MAX))
        name, patch = clean_name(asked.name), read_patch(msgspec.json.encode(asked.metadata))
        readers = None if asked.readers is None else tuple(asked.readers)
        async with files.pieces.completing(terms.caller, UPLOAD_ID.of(request)) as content:
            written = await files.put(
                terms.caller,
                content,
                name,
                patch,
                readers,
                terms.idempotency_key,
                terms.wait,
                terms.timeout_ms,
            )
            # What has no effect yet may be asked for again.
            return present(written, 201, terms.wait)

    @routes.post(
        "/v1/uploads/{id}/blob",
        **describe({201: Blob}, parameters=(UPLOAD_ID, NAME), problems=WRITE_PROBLEMS),
    )
    async def make_blob(request: Request) -> Response:
        """Content of an upload that is complete, as `POST /v1/blobs` takes it."""
        caller = begin_write(request).caller
        async with files.pieces.completing(caller, UPLOAD_ID.of(request)) as content:
            looked = await files.look(content, NAME.of(request))
        return Answer(show_blob(looked), 201)


def _present(draft: Draft, offset: int, status: int = 200) -> Response:
    announced = draft.announced
    expires_at = time_text(int((draft.touched_s + IDLE_S) * 1000))
    shown = Upload(draft.id, offset, announced.size, announced.sha256, expires_at)
    headers = [
        (b"upload-offset", b"%d" % offset),
        (b"upload-length", b"%d" % announced.size),
        (b"upload-complete", b"?1" if offset == announced.size else b"?0"),
        (b"cache-control", b"no-store"),
    ]
    if status == 201:
        headers.append((b"location", b"/v1/uploads/" + draft.id.encode()))
    return Answer(shown, status, headers=headers)


def _with_bytes(described: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {
        kind: {"schema": {}} for kind in ("application/partial-upload", "application/octet-stream")
    }
    described["openapi_extra"]["requestBody"] = {"required": False, "content": content}
    return described
