"""The REST interface of files. Each route: parse, call one verb of the service, present."""

import re
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from weft.api.face import (
    CURSOR,
    IF_MATCH,
    LIMIT,
    READ,
    WRITE,
    WRITE_PROBLEMS,
    Accepted,
    Answer,
    Parameter,
    begin_write,
    check_executed,
    check_media_type,
    decode_body,
    describe,
    make_router,
    place_of,
    read_body,
    read_cursor,
    stream_body,
    write_cursor,
)
from weft.api.problems import present_problem
from weft.apps.files.alike import find_alike
from weft.apps.files.ask import COLLECTION, CONDITIONS, SEARCH, read_query, read_spot, write_spot
from weft.apps.files.content import is_known, respond_with_content, safe_headers
from weft.apps.files.errors import FileUnknownError, RangeError
from weft.apps.files.looking import begin_look, decode_readers
from weft.apps.files.metadata import BYTES_MAX, read_patch
from weft.apps.files.proof import prove_file, show_proof
from weft.apps.files.resource import (
    Alike,
    Blob,
    File,
    FileErased,
    FileHistory,
    FilePage,
    FileProof,
    FilesAlike,
    FileTimeline,
    MonthCount,
    Sharing,
    show_blob,
    show_file,
    show_version,
)
from weft.apps.files.sending import add_sending
from weft.apps.files.service import FilesService
from weft.apps.files.thumbnails import Thumbnails
from weft.apps.files.upload import receive_upload
from weft.apps.files.written import NAME, accept_fate, present

PATCH_MEDIA_TYPE = "application/merge-patch+json"
FORM_BYTES_MAX = 1 << 20
"""What a form may have beside the file: boundaries, headers, metadata."""


def _parse_id(text: str) -> str:
    """An id; a path with another name leads to no file."""
    if re.fullmatch("[0-9a-f]{32}", text) is None:
        raise FileUnknownError(f"there is no file {text[:80]}")
    return text


FILE_ID = Parameter("id", "path", "The file.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, _parse_id, "")
_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "metadata": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "title, description, tags, taken_at, location {lat, lon}, custom.",
                    },
                    "readers": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "Who may see it beside its owner: an array of accounts' addresses "
                        "and collections' ids; null, as without this part: whoever reads the network.",
                    },
                },
            }
        }
    },
}
_sharings = msgspec.json.Decoder(Sharing)
_BYTES: dict[str, Any] = {"required": False, "content": {"application/octet-stream": {"schema": {}}}}
_PATCH: dict[str, Any] = {"required": True, "content": {PATCH_MEDIA_TYPE: {"schema": {"type": "object"}}}}


def router(files: FilesService) -> APIRouter:
    """All routes of files, served by `files`."""
    routes = make_router("files")
    _add_reading(routes, files)
    _add_bytes(routes, files)
    _add_writing(routes, files)
    add_sending(routes, files)
    return routes


def _add_reading(routes: APIRouter, files: FilesService) -> None:
    @routes.get("/v1/files", **describe({200: FilePage}, parameters=(*SEARCH, LIMIT, CURSOR, *READ)))
    async def search_files(request: Request) -> Response:
        height, viewer = await begin_look(request, files)
        query = await files.narrow(viewer, read_query(request), COLLECTION.of(request))
        found = await files.search(query, read_spot(request, query), LIMIT.of(request), height)
        page = FilePage(
            items=[show_file(file) for file in found.files],
            next_cursor=None if found.next_spot is None else write_spot(query, found.next_spot),
            total=found.total,
            total_exact=found.is_total_exact,
            height=height,
            facets=found.facets,
        )
        return Answer(page, height=height)

    @routes.get("/v1/files:timeline", **describe({200: FileTimeline}, parameters=(*CONDITIONS, *READ)))
    async def show_timeline(request: Request) -> Response:
        height, viewer = await begin_look(request, files)
        query = await files.narrow(viewer, read_query(request), COLLECTION.of(request))
        found = await files.timeline(query, height)
        months = [MonthCount(month, count) for month, count in found.months]
        return Answer(FileTimeline(months, found.undated, height), height=height)

    @routes.get("/v1/files/{id}", **describe({200: File}, parameters=(FILE_ID, *READ)))
    async def show_one_file(request: Request) -> Response:
        height, viewer = await begin_look(request, files)
        file = await files.get(FILE_ID.of(request), viewer)
        return Answer(show_file(file), height=height, version=file.version)

    @routes.get(
        "/v1/files/{id}/history", **describe({200: FileHistory}, parameters=(FILE_ID, LIMIT, CURSOR, *READ))
    )
    async def show_history(request: Request) -> Response:
        height, viewer = await begin_look(request, files)
        id_, limit = FILE_ID.of(request), LIMIT.of(request)
        below = read_cursor(request, f"history {id_}", int)
        state, versions = await files.history(id_, below, limit + 1, viewer)
        items = [show_version(version, state.erased_height) for version in versions[:limit]]
        has_more = len(versions) > limit
        cursor = write_cursor(f"history {id_}", items[-1].version) if has_more else None
        return Answer(FileHistory(items, cursor), height=height)

    @routes.get("/v1/files/{id}/alike", **describe({200: FilesAlike}, parameters=(FILE_ID, LIMIT, *READ)))
    async def show_alike(request: Request) -> Response:
        height, viewer = await begin_look(request, files)
        found = await find_alike(files, viewer, FILE_ID.of(request), LIMIT.of(request), height)
        items = [Alike(bits, show_file(file)) for bits, file in found]
        return Answer(FilesAlike(items, height), height=height)

    @routes.get("/v1/files/{id}/proof", **describe({200: FileProof}, parameters=(FILE_ID, *READ)))
    async def show_file_proof(request: Request) -> Response:
        height, viewer = await begin_look(request, files)
        id_ = FILE_ID.of(request)
        proof = await prove_file(files.ledger, id_, viewer)
        shown = FileProof(id=id_, sha256=proof.attachment.content.hex(), **show_proof(proof))
        return Answer(shown, height=height)


def _add_bytes(routes: APIRouter, files: FilesService) -> None:
    any_type = {200: "*/*", 206: "*/*", 304: "*/*"}
    describe_content: dict[str, Any] = describe(any_type, parameters=(FILE_ID, *READ), problems=(416, 503))

    @routes.get("/v1/files/{id}/content", **describe_content)
    async def send_content(request: Request) -> Response:
        _, viewer = await begin_look(request, files)
        file = await files.get(FILE_ID.of(request), viewer)
        try:
            return await respond_with_content(files, file, request)
        except RangeError as error:
            answer = present_problem(error, request.url.path)
            size = str(error.members["size"])
            answer.raw_headers = [*answer.raw_headers, (b"content-range", b"bytes */" + size.encode())]
            return answer

    @routes.get(
        "/v1/files/{id}/thumbnail",
        **describe({200: Thumbnails.media_type, 304: "*/*"}, parameters=(FILE_ID, *READ)),
    )
    async def send_thumbnail(request: Request) -> Response:
        _, viewer = await begin_look(request, files)
        file = await files.get(FILE_ID.of(request), viewer)
        etag = f'"thumbnail-{file.sha256}"'
        headers = safe_headers(Thumbnails.media_type, f"{file.name}.webp") | {"ETag": etag}
        if is_known(request, etag):
            return Response(status_code=304, headers=headers)
        return Response(await files.thumbnail(file), headers=headers)


def _add_writing(routes: APIRouter, files: FilesService) -> None:
    describe_put = _describe_write({200: File, 201: File, 202: Accepted}, (*WRITE,), _FORM)

    @routes.post("/v1/files", **describe_put)
    async def put_file(request: Request) -> Response:
        terms = begin_write(request)
        body = stream_body(request, files.file_bytes_max + FORM_BYTES_MAX)
        upload = await receive_upload(files, request.headers.get("content-type", ""), body)
        try:
            patch = read_patch(upload.metadata)
            written = await files.put(
                terms.caller, upload.content, upload.name, patch, decode_readers(upload.readers),
                terms.idempotency_key, terms.wait, terms.timeout_ms,
            )  # fmt: skip
        finally:
            await files.discard(upload.content)
        return present(written, 201, terms.wait)

    @routes.patch(
        "/v1/files/{id}", **_describe_write({200: File, 202: Accepted}, (FILE_ID, *WRITE, IF_MATCH), _PATCH)
    )
    async def change_file(request: Request) -> Response:
        terms = begin_write(request)
        id_ = FILE_ID.of(request)
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        check_media_type(request, "application/json" if kind == "application/json" else PATCH_MEDIA_TYPE)
        patch = read_patch(await read_body(request, BYTES_MAX))
        written = await files.update(
            terms.caller, id_, patch, terms.expected, terms.idempotency_key, terms.wait, terms.timeout_ms
        )
        return present(written, 200, terms.wait)

    @routes.put(
        "/v1/files/{id}/readers",
        **describe(
            {200: File, 202: Accepted}, parameters=(FILE_ID, *WRITE), body=Sharing, problems=WRITE_PROBLEMS
        ),
    )
    async def share_file(request: Request) -> Response:
        """Say who may see a file from now on, beside its owner."""
        terms = begin_write(request)
        id_ = FILE_ID.of(request)
        check_media_type(request, "application/json")
        asked = decode_body(_sharings, await read_body(request, BYTES_MAX))
        readers = None if asked.readers is None else tuple(asked.readers)
        written = await files.share(
            terms.caller, id_, readers, terms.idempotency_key, terms.wait, terms.timeout_ms
        )
        return present(written, 200, terms.wait)

    @routes.delete(
        "/v1/files/{id}",
        **_describe_write({200: FileErased, 202: Accepted}, (FILE_ID, *WRITE, IF_MATCH), None),
    )
    async def erase_file(request: Request) -> Response:
        terms = begin_write(request)
        id_ = FILE_ID.of(request)
        fate = await files.erase(
            terms.caller, id_, terms.expected, terms.idempotency_key, terms.wait, terms.timeout_ms
        )
        if not check_executed(fate, terms.wait):
            return accept_fate(fate)
        erased = FileErased(id_, fate.height or 0, place_of(fate))
        return Answer(erased, height=fate.height)

    @routes.post("/v1/blobs", **_describe_write({201: Blob}, (NAME,), _BYTES))
    async def put_blob(request: Request) -> Response:
        """Content for a file that the client will sign for itself; swept after an hour if it does not."""
        begin_write(request)
        body = stream_body(request, files.file_bytes_max)
        incoming = await files.receive(body)
        try:
            looked = await files.look(incoming, NAME.of(request))
        finally:
            await files.discard(incoming)
        return Answer(show_blob(looked), 201)


def _describe_write(
    answers: dict[int, type | str], parameters: tuple[Parameter[Any], ...], body: dict[str, Any] | None
) -> dict[str, Any]:
    described = describe(answers, parameters=parameters, problems=WRITE_PROBLEMS)
    if body is not None:
        described["openapi_extra"]["requestBody"] = body
    return described
