"""The REST interface of collections. Each route: parse, call one verb of the service, present."""

import re
from typing import Annotated, Any

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
    Place,
    RequestError,
    Terms,
    accept,
    begin_read,
    begin_write,
    caller_of,
    check_executed,
    check_media_type,
    decode_body,
    describe,
    make_router,
    matching,
    place_of,
    read_body,
    read_cursor,
    time_text,
    write_cursor,
)
from weft.apps.collections.contract import CHANGE_MAX
from weft.apps.collections.reader import CollectionView
from weft.apps.collections.service import CollectionsService
from weft.apps.files.errors import CollectionUnknownError
from weft.apps.files.viewer import node_itself
from weft.model.said import LINE_MAX, clean_line
from weft.model.view import Fate

BODY_BYTES_MAX = 64 << 10
LIST = "collections"
Id = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LINE_MAX)]


class Naming(msgspec.Struct, forbid_unknown_fields=True):
    """A collection's name: a line of text. It is destroyed with the collection, or when it changes.
    `private`: only its members, administrators and auditors may see it."""

    name: Name
    private: bool = False


class Updating(msgspec.Struct, forbid_unknown_fields=True):
    """What changes of a collection; what is not given stays as it is."""

    name: Name | None = None
    private: bool | None = None


class Changing(msgspec.Struct, forbid_unknown_fields=True):
    """Files that come and go, 500 at most together."""

    add: list[Id] = []
    remove: list[Id] = []


class Collection(msgspec.Struct):
    """A collection. `files` is how many stand in it; `GET /v1/files?collection=ID` shows those of them that
    the caller may see."""

    id: Id
    name: str
    owner: Annotated[str, msgspec.Meta(description="An account's address, or `local`.")]
    writers: Annotated[list[str], msgspec.Meta(description="Others who may add and remove files.")]
    readers: Annotated[list[str], msgspec.Meta(description="Others who see what is shared with it.")]
    private: Annotated[bool, msgspec.Meta(description="Only members, administrators and auditors see it.")]
    files: int
    version: int
    created_at: str
    updated_at: str
    transaction: Place | None = None
    """In the answer to a write: the one that changed it."""


class CollectionPage(msgspec.Struct):
    """Collections by rising id. Where many are deleted or private, a page may be short and not the last."""

    items: list[Collection]
    next_cursor: str | None


class CollectionDeleted(msgspec.Struct):
    """The collection is gone, and its name is destroyed; its files stay."""

    id: Id
    transaction: Place


def _parse_id(text: str) -> str:
    if re.fullmatch("[0-9a-f]{32}", text) is None:
        raise CollectionUnknownError(f"there is no collection {text[:80]}")
    return text


ID = Parameter(
    "id", "path", "The collection.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, _parse_id, ""
)
ACCOUNT = Parameter(
    "account",
    "path",
    "An account's address.",
    {"type": "string", "pattern": "^[0-9a-f]{40}$"},
    matching("[0-9a-f]{40}", "must be an account's address, 40 lower-case hex digits"),
    "",
)
_namings, _changings = msgspec.json.Decoder(Naming), msgspec.json.Decoder(Changing)
_updatings = msgspec.json.Decoder(Updating)


def router(collections: CollectionsService) -> APIRouter:
    """All routes of collections, served by `collections`."""
    routes = make_router("collections")
    _add_reading(routes, collections)
    _add_writing(routes, collections)
    _add_sharing(routes, collections)
    return routes


def _add_reading(routes: APIRouter, collections: CollectionsService) -> None:
    @routes.get("/v1/collections", **describe({200: CollectionPage}, parameters=(LIMIT, CURSOR, *READ)))
    async def list_collections(request: Request) -> Response:
        height = await begin_read(request)
        after = read_cursor(request, LIST, Id)
        viewer = collections.viewer(caller_of(request))
        found, reached = await collections.list(after, LIMIT.of(request), viewer)
        cursor = None if reached is None else write_cursor(LIST, reached)
        return Answer(CollectionPage([_show(one) for one in found], cursor), height=height)

    @routes.get("/v1/collections/{id}", **describe({200: Collection}, parameters=(ID, *READ)))
    async def show_collection(request: Request) -> Response:
        height = await begin_read(request)
        found = await collections.get(ID.of(request), collections.viewer(caller_of(request)))
        return Answer(_show(found), height=height, version=found.state.version)


def _add_writing(routes: APIRouter, collections: CollectionsService) -> None:
    @routes.post("/v1/collections", **_describe({201: Collection, 202: Accepted}, WRITE, Naming))
    async def create_collection(request: Request) -> Response:
        terms = begin_write(request)
        check_media_type(request, "application/json")
        asked = decode_body(_namings, await read_body(request, BODY_BYTES_MAX))
        fate = await collections.create(terms, clean_line(asked.name), asked.private)
        return await _present(collections, fate, terms, 201)

    @routes.patch(
        "/v1/collections/{id}",
        **_describe({200: Collection, 202: Accepted}, (ID, *WRITE, IF_MATCH), Updating),
    )
    async def update_collection(request: Request) -> Response:
        """Give it another name, or say whether only its members may see it."""
        terms = begin_write(request)
        check_media_type(request, "application/json")
        asked = decode_body(_updatings, await read_body(request, BODY_BYTES_MAX))
        if asked.name is None and asked.private is None:
            raise RequestError("neither name nor private is given: nothing would change")
        name = None if asked.name is None else clean_line(asked.name)
        fate = await collections.update(terms, ID.of(request), name, asked.private)
        return await _present(collections, fate, terms, 200)

    @routes.post(
        "/v1/collections/{id}/files", **_describe({200: Collection, 202: Accepted}, (ID, *WRITE), Changing)
    )
    async def change_files(request: Request) -> Response:
        """Files come and go; what is there or gone already stays so."""
        terms = begin_write(request)
        id_ = ID.of(request)
        check_media_type(request, "application/json")
        asked = decode_body(_changings, await read_body(request, BODY_BYTES_MAX))
        if len(asked.add) + len(asked.remove) > CHANGE_MAX:
            raise RequestError(f"more than {CHANGE_MAX} files come and go at once")
        fate = await collections.change(terms, id_, asked.add, asked.remove)
        return await _present(collections, fate, terms, 200)

    @routes.delete(
        "/v1/collections/{id}",
        **_describe({200: CollectionDeleted, 202: Accepted}, (ID, *WRITE, IF_MATCH), None),
    )
    async def delete_collection(request: Request) -> Response:
        terms = begin_write(request)
        id_ = ID.of(request)
        fate = await collections.delete(terms, id_)
        if not check_executed(fate, terms.wait):
            return Answer(accept(fate), 202)
        return Answer(CollectionDeleted(id_, place_of(fate)), height=fate.height)


def _add_sharing(routes: APIRouter, collections: CollectionsService) -> None:
    described = _describe({200: Collection, 202: Accepted}, (ID, ACCOUNT, *WRITE), None)

    @routes.put("/v1/collections/{id}/writers/{account}", **described)
    async def add_writer(request: Request) -> Response:
        """The account may add and remove files from now on."""
        terms = begin_write(request)
        fate = await collections.share(terms, ID.of(request), ACCOUNT.of(request), "write")
        return await _present(collections, fate, terms, 200)

    @routes.put("/v1/collections/{id}/readers/{account}", **described)
    async def add_reader(request: Request) -> Response:
        """The account may see what is shared with the collection, and not change it, from now on."""
        terms = begin_write(request)
        fate = await collections.share(terms, ID.of(request), ACCOUNT.of(request), "read")
        return await _present(collections, fate, terms, 200)

    @routes.delete("/v1/collections/{id}/readers/{account}", **described)
    @routes.delete("/v1/collections/{id}/writers/{account}", **described)
    async def remove_member(request: Request) -> Response:
        """The account is no member any more. An account may take itself out."""
        terms = begin_write(request)
        fate = await collections.share(terms, ID.of(request), ACCOUNT.of(request), "none")
        return await _present(collections, fate, terms, 200)


async def _present(collections: CollectionsService, fate: Fate, terms: Terms, status: int) -> Response:
    """The collection after the write; 202 while it waits."""
    if not check_executed(fate, terms.wait):
        return Answer(accept(fate), 202)
    id_ = dict(fate.result)["id"]
    assert isinstance(id_, bytes)
    found = await collections.get(id_.hex(), node_itself(collections.ledger))
    shown = msgspec.structs.replace(_show(found), transaction=place_of(fate))
    return Answer(shown, status, height=fate.height, version=found.state.version)


def _show(found: CollectionView) -> Collection:
    state = found.state
    return Collection(
        id=found.id,
        name=found.name or "",
        owner=state.owner,
        writers=list(state.writers),
        readers=list(state.readers),
        private=state.is_private,
        files=state.files,
        version=state.version,
        created_at=time_text(state.created_ms),
        updated_at=time_text(state.changed_ms),
    )


def _describe(
    answers: dict[int, type | str], parameters: tuple[Parameter[Any], ...], body: type[msgspec.Struct] | None
) -> dict[str, Any]:
    described = describe(answers, parameters=parameters, problems=WRITE_PROBLEMS)
    if body is not None:
        schema = msgspec.json.schema(body)
        inline = next(iter(schema["$defs"].values())) if "$defs" in schema else schema
        content = {"application/json": {"schema": inline}}
        described["openapi_extra"]["requestBody"] = {"required": True, "content": content}
    return described
