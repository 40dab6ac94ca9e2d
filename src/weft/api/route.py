"""Routes that describe themselves: parameters, bodies, answers and problems stand beside the path.

A route is a function of a request. What it declares is checked before it runs (unknown query parameters are
refused), and is what /openapi.json says of it. Nothing else stands between the server and the function.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from weft.api.errors import RequestError
from weft.api.parameter import MIN_HEIGHT, Parameter

Endpoint = Callable[[Request], Awaitable[Response]]

TYPES_KEY = "x-types"
"""Where `describe` leaves the types of a route for the route to take."""
READ_PROBLEMS = (400, 401, 403, 410, 503)
WRITE_PROBLEMS = (400, 401, 403, 404, 408, 409, 410, 412, 413, 415, 422, 429, 503, 504, 507)


class Route(APIRoute):
    """Calls its endpoint with the request, and refuses parameters that it does not declare."""

    def __init__(self, path: str, endpoint: Endpoint, **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        extra = dict(self.openapi_extra or {})
        self.types: Sequence[type] = extra.pop(TYPES_KEY, ())
        """What its bodies and answers are."""
        self.openapi_extra = extra
        parameters = extra.get("parameters", [])
        known = frozenset(item["name"] for item in parameters if item["in"] == "query")

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive, send)
            if scope["query_string"]:
                _check_query(request, known)
            response = await endpoint(request)
            await response(scope, receive, send)

        self.app = app

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Where GET is answered, HEAD is: the server leaves the body out."""
        if scope["type"] == "http" and scope["method"] == "HEAD" and "GET" in (self.methods or ()):
            return super().matches({**scope, "method": "GET"})
        return super().matches(scope)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] == "HEAD" and "GET" in (self.methods or ()):
            await self.app(scope, receive, send)
        else:
            await super().handle(scope, receive, send)


def make_router(tag: str) -> APIRouter:
    """A router whose routes are described with `describe`; paths are whole ones."""
    return APIRouter(route_class=Route, tags=[tag], default_response_class=Response)


def describe(
    answers: Mapping[int, type | str],
    *,
    parameters: Sequence[Parameter[Any]] = (),
    body: type | None = None,
    body_media_type: str = "application/json",
    problems: Sequence[int] = READ_PROBLEMS,
) -> dict[str, Any]:
    """What a route's decorator takes. An answer is a msgspec type, or the media type of what is not JSON."""
    extra: dict[str, Any] = {"parameters": [one.describe() for one in parameters]}
    types = [one for one in answers.values() if not isinstance(one, str)]
    if body is not None:
        types.append(body)
        extra["requestBody"] = {"required": True, "content": {body_media_type: {"schema": reference(body)}}}
    extra[TYPES_KEY] = types
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": HTTPStatus(status).phrase, "content": _content(one)}
        for status, one in answers.items()
    }
    for status in sorted({*problems, *_implied(parameters)} - answers.keys()):
        responses[status] = {"$ref": f"#/components/responses/Problem{status}"} | {
            "description": HTTPStatus(status).phrase
        }
    return {
        "responses": responses,
        "openapi_extra": extra,
        "response_model": None,
        "status_code": min(answers),
    }


def _implied(parameters: Sequence[Parameter[Any]]) -> set[int]:
    """Problems that come with parameters: a name may be that of nothing, a read may find no one to answer."""
    implied = {400, 403, 500}
    if any(one.where == "path" for one in parameters):
        implied.add(404)
    if MIN_HEIGHT in parameters:
        implied.update(READ_PROBLEMS)
    return implied


def reference(kind: type) -> dict[str, Any]:
    """Where the schema of a type stands."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _content(answer: type | str) -> dict[str, Any]:
    if isinstance(answer, str):
        return {answer: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": reference(answer)}}


def _check_query(request: Request, known: frozenset[str]) -> None:
    try:
        request.scope["query_string"].decode("ascii")
    except UnicodeDecodeError:
        raise RequestError("the query string is not ASCII; percent-encode it") from None
    for name in request.query_params:
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise RequestError(f"unknown parameter {name[:80]!r}; this path takes {names}")
