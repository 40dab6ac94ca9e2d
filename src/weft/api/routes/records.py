"""Records: JSON documents by collection and key, with their history (`docs/protocol/ledger.md` section 4)."""

from collections.abc import Sequence
from os import urandom
from typing import Annotated, Any

import msgspec
from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import Response

from weft.api.answer import Answer, time_text
from weft.api.cursor import read_cursor, write_cursor
from weft.api.document import check_document
from weft.api.errors import ErasedError, MalformedError, RecordUnknownError
from weft.api.parameter import (
    CONDITIONAL,
    CURSOR,
    HEIGHT_MAX,
    LIMIT,
    READ,
    WRITE,
    Parameter,
    number,
    one_of,
    whole,
)
from weft.api.request import (
    Terms,
    begin_read,
    begin_write,
    check_executed,
    check_media_type,
    decode_body,
    read_body,
    service_of,
)
from weft.api.route import WRITE_PROBLEMS, describe, make_router
from weft.api.schemas import (
    Accepted,
    Record,
    RecordHistory,
    RecordItems,
    RecordPage,
    RecordRemoved,
    RecordsWritten,
    RecordVersion,
    RecordWritten,
    accept,
    place_of,
)
from weft.api.service import Fate, RecordView, Wish
from weft.model.call import PutRecords, RecordItem, RemoveRecord, is_collection, is_record_key
from weft.model.encoding import Natural, encode
from weft.model.errors import BehindError, BlobError, DocumentError, WeftError
from weft.model.transaction import Attachment


def _collection(text: str) -> str:
    if not is_collection(text):
        raise ValueError("must be 1 to 64 of a-z 0-9 . _ - and begin with a letter or digit")
    return text


def _key(text: str) -> str:
    if not is_record_key(text):
        raise ValueError(
            "must be 1 to 256 bytes of UTF-8 without '/' and control characters, and not '.' or '..'"
        )
    return text


COLLECTION: Parameter[str] = Parameter(
    "collection",
    "path",
    "Stands on the ledger for good: it cannot be erased, so it should name nobody.",
    {"type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$"},
    _collection,
    "",
)
KEY: Parameter[str] = Parameter(
    "key",
    "path",
    "1 to 256 bytes of UTF-8, percent-encoded, not `.` or `..`. Stands on the ledger for good: "
    "it cannot be erased.",
    {
        "type": "string",
        "minLength": 1,
        "maxLength": 256,
        "pattern": "^(?!\\.\\.?$)[^/\\x00-\\x1f\\x7f-\\x9f]+$",
    },
    _key,
    "",
)
AT_HEIGHT: Parameter[int | None] = Parameter(
    "at_height",
    "query",
    "The version that was valid after this block.",
    number(0, HEIGHT_MAX),
    whole(0, HEIGHT_MAX),
    None,
)
ERASE: Parameter[str] = Parameter(
    "erase",
    "query",
    "`true`: destroy the content of all versions on every node; else hide the record and keep its history.",
    {"type": "string", "enum": ["true", "false"], "default": "false"},
    one_of("true", "false"),
    "false",
)
BATCH = ":batch"
_Passed = Annotated[int, msgspec.Meta(ge=0, le=2**32)]
BATCH_DEPTH = 3
"""Levels around a document of a batch: the body, its list, the item."""
_items: msgspec.json.Decoder[RecordItems] = msgspec.json.Decoder(RecordItems)


class Plain(StringConvertor):
    """A name that is not the beginning of a batch's path: what a batch is not for is said of it alone."""

    regex = f"[^/]+(?<!{BATCH})"


register_url_convertor("plain", Plain())
router = make_router("records")


@router.put(
    "/v1/records/{collection}/{key}",
    **describe(
        {200: RecordWritten, 201: RecordWritten, 202: Accepted},
        parameters=(COLLECTION, KEY, *WRITE, *CONDITIONAL),
        body=msgspec.Raw,
        problems=WRITE_PROBLEMS,
    ),
)
async def put_record(request: Request) -> Response:
    """Write a document: any JSON text, kept as sent. 201 for the first version of a record."""
    collection, key = COLLECTION.of(request), KEY.of(request)
    check_media_type(request, "application/json")
    terms, service = begin_write(request), service_of(request)
    document = await read_body(request, service.limits.attachment_bytes_max)
    check_document(document, service.limits.attachment_bytes_max)
    arguments = PutRecords((RecordItem(collection, key, 0, terms.expected),))
    meaning = _meaning("PUT", collection, key, document)
    fate = await _write(request, terms, "put", encode(arguments), [document], meaning)
    if not check_executed(fate, terms.wait):
        return Answer(accept(fate), 202)
    shown = RecordWritten(**_written(fate, [document])[0], transaction=place_of(fate))
    return Answer(shown, 201 if shown.version == 1 else 200, version=shown.version)


@router.get(
    "/v1/records/{collection}/{key}",
    **describe({200: Record}, parameters=(COLLECTION, KEY, AT_HEIGHT, *READ), problems=(422,)),
)
async def show_record(request: Request) -> Response:
    """The newest version, or the one that was valid at a height."""
    collection, key, at_height = COLLECTION.of(request), KEY.of(request), AT_HEIGHT.of(request)
    height = await begin_read(request)
    if at_height is not None and at_height > height:
        raise BehindError(f"this node is at height {height}, asked for {at_height}")
    view = await service_of(request).find_record(collection, key, at_height)
    if view is None or (view.is_deleted and view.erased_height is None):
        at = height if at_height is None else at_height
        raise RecordUnknownError(f"there is no record {key!r} in {collection} at height {at}")
    if view.content is None:
        raise _gone(view)
    shown = Record(**_members(view))
    if shown.value is None:
        raise MalformedError(f"version {view.version} of record {key!r} in {collection} is no JSON text")
    return Answer(shown, height=height, version=view.version)


@router.delete(
    "/v1/records/{collection}/{key}",
    **describe(
        {200: RecordRemoved, 202: Accepted},
        parameters=(COLLECTION, KEY, ERASE, *WRITE, CONDITIONAL[0]),
        problems=WRITE_PROBLEMS,
    ),
)
async def remove_record(request: Request) -> Response:
    """Hide a record (its history stays readable), or erase the content of all its versions."""
    collection, key, is_erasure = COLLECTION.of(request), KEY.of(request), ERASE.of(request) == "true"
    terms = begin_write(request)
    arguments = RemoveRecord(collection, key, terms.expected)
    call = "erase" if is_erasure else "delete"
    fate = await _write(request, terms, call, encode(arguments), [], _meaning(call, collection, key, b""))
    if not check_executed(fate, terms.wait):
        return Answer(accept(fate), 202)
    shown = RecordRemoved(
        **_written(fate, [None])[0],
        size=0,
        deleted=True,
        erased_height=fate.height if is_erasure else None,
        transaction=place_of(fate),
    )
    return Answer(shown)


@router.get(
    "/v1/records/{collection}/{key}/history",
    **describe(
        {200: RecordHistory},
        parameters=(COLLECTION, KEY, LIMIT, CURSOR, *READ),
    ),
)
async def list_history(request: Request) -> Response:
    """All versions, newest first, deletions too; an erasure leaves only itself."""
    collection, key, limit = COLLECTION.of(request), KEY.of(request), LIMIT.of(request)
    # Several versions may be of one height: a page begins in the middle of them by passing over some.
    place = read_cursor(request, "history", tuple[Natural, _Passed])
    height = await begin_read(request)
    below, passed = (None, 0) if place is None else (place[0] + 1, place[1])
    found = await service_of(request).record_history(collection, key, below, passed, limit)
    if not found.versions and place is None:
        raise RecordUnknownError(f"there never was a record {key!r} in {collection}")
    cursor = None
    if found.has_more:
        last = found.versions[-1].height
        count = sum(view.height == last for view in found.versions)
        is_same = place is not None and place[0] == last
        cursor = write_cursor("history", (last, count + passed if is_same else count))
    return Answer(RecordHistory([_show_version(view) for view in found.versions], cursor), height=height)


@router.get(
    "/v1/records/{collection:plain}",
    **describe({200: RecordPage}, parameters=(COLLECTION, LIMIT, CURSOR, *READ)),
)
async def list_records(request: Request) -> Response:
    """The records of a collection, keys rising, without deleted ones."""
    collection, limit = COLLECTION.of(request), LIMIT.of(request)
    after = read_cursor(request, "records", str)
    height = await begin_read(request)
    found = await service_of(request).list_records(collection, after, limit)
    cursor = write_cursor("records", found.versions[-1].key) if found.has_more else None
    return Answer(RecordPage([_show_version(view) for view in found.versions], cursor), height=height)


@router.post(
    "/v1/records/{collection}:batch",
    **describe(
        {200: RecordsWritten, 202: Accepted},
        parameters=(COLLECTION, *WRITE),
        body=RecordItems,
        problems=WRITE_PROBLEMS,
    ),
)
async def put_records(request: Request) -> Response:
    """Write 1 to 500 documents in one transaction: all or none."""
    collection = COLLECTION.of(request)
    check_media_type(request, "application/json")
    terms, limits = begin_write(request), service_of(request).limits
    body = await read_body(request, 2 * limits.vertex_attachment_bytes_max)
    check_document(body, len(body), BATCH_DEPTH)
    items = decode_body(_items, body).items
    for item in items:
        KEY.read(item.key)
        check_document(bytes(item.value), limits.attachment_bytes_max)
    arguments = PutRecords(
        tuple(RecordItem(collection, item.key, place, None) for place, item in enumerate(items))
    )
    documents = [bytes(item.value) for item in items]
    meaning = _meaning("POST", collection, BATCH, encode([(item.key, bytes(item.value)) for item in items]))
    fate = await _write(request, terms, "put", encode(arguments), documents, meaning)
    if not check_executed(fate, terms.wait):
        return Answer(accept(fate), 202)
    records = [Record(**members) for members in _written(fate, documents)]
    return Answer(RecordsWritten(records, place_of(fate)))


async def _write(
    request: Request, terms: Terms, call: str, arguments: bytes, documents: Sequence[bytes], meaning: bytes
) -> Fate:
    attachments = tuple(Attachment(urandom(32), document) for document in documents)
    wish = Wish("records", call, arguments, attachments, terms.idempotency_key, meaning)
    return await service_of(request).write(terms.caller, wish, terms.wait, terms.timeout_ms)


def _meaning(verb: str, collection: str, key: str, document: bytes) -> bytes:
    """What must be equal when an Idempotency-Key is used again; neither name can hold a slash."""
    return f"{verb} /v1/records/{collection}/{key}\n".encode() + document


def _written(fate: Fate, documents: Sequence[bytes | None]) -> list[dict[str, Any]]:
    """The members of what the transaction wrote, as its events say, with the documents sent."""
    announced = [dict(event.data) for event in fate.events if event.contract == "records"]
    return [
        {
            "collection": data["collection"],
            "key": data["key"],
            "value": None if document is None else msgspec.Raw(document),
            "version": data["version"],
            "height": fate.height,
            "updated_at": time_text(fate.time_ms),
            "author": data["author"],
        }
        for data, document in zip(announced, documents, strict=True)
    ]


def _members(view: RecordView) -> dict[str, Any]:
    return {
        "collection": view.collection,
        "key": view.key,
        "value": None if view.content is None or view.is_deleted else _document(view.content),
        "version": view.version,
        "height": view.height,
        "updated_at": time_text(view.time_ms),
        "author": view.author,
    }


def _document(content: bytes) -> msgspec.Raw | None:
    """The content, if it is a document: a client may sign anything into it, and what is no JSON text would
    break out of the answer that it stands in."""
    try:
        check_document(content, len(content))
    except DocumentError:
        return None
    return msgspec.Raw(content)


def _show_version(view: RecordView) -> RecordVersion:
    return RecordVersion(
        **_members(view), size=view.size, deleted=view.is_deleted, erased_height=view.erased_height
    )


def _gone(view: RecordView) -> WeftError:
    """Why a version that is there has no content here."""
    name = f"version {view.version} of record {view.key!r} in {view.collection}"
    if view.erased_height is None:
        return BlobError(f"this node lacks the content of {name} for now")
    return ErasedError(f"{name} was erased at height {view.erased_height}", height=view.erased_height)
