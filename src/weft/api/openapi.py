"""The description of the interface, made from the routes: OpenAPI 3.1, and 3.0 for the page at /docs."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from weft.api.route import Route, reference
from weft.api.schemas import Problem

DESCRIPTION = (
    "One ledger, kept by equals. Errors are problem documents (RFC 9457) with a stable `code` and a `fix`; "
    "every list has `items` and `next_cursor`; reads name their height in `Weft-Height`."
)
_HEIGHT_HEADER = {
    "Weft-Height": {
        "description": "The height that the answer is of.",
        "schema": {"type": "integer", "format": "int64"},
    }
}


def make_openapi(app: FastAPI) -> dict[str, Any]:
    """The document at /openapi.json."""
    document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    types = {Problem, *(kind for route in app.routes if isinstance(route, Route) for kind in route.types)}
    problems: set[int] = set()
    for operation in _operations(document):
        for status, response in operation["responses"].items():
            if "$ref" in response:
                problems.add(int(status))
            elif status == "200":
                response["headers"] = _HEIGHT_HEADER
    _, schemas = msgspec.json.schema_components(
        types - {msgspec.Raw}, ref_template="#/components/schemas/{name}"
    )
    document["components"] = {
        "schemas": dict(sorted((schemas | {"Raw": {"description": "Any JSON text."}}).items())),
        "responses": {f"Problem{status}": _problem(status) for status in sorted(problems)},
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    document["security"] = [{}, {"token": []}]
    return document


def lower_openapi(node: Any) -> Any:
    """The same description in OpenAPI 3.0, as the bundled page reads it: null is a flag there, not a type."""
    if isinstance(node, list):
        return [lower_openapi(item) for item in node]
    if not isinstance(node, dict):
        return node
    lowered = {name: lower_openapi(value) for name, value in node.items()}
    if "openapi" in lowered:
        lowered["openapi"] = "3.0.3"
    choices = lowered.get("anyOf", ())
    kept = [choice for choice in choices if choice != {"type": "null"}]
    if len(kept) == len(choices):
        return lowered
    del lowered["anyOf"]
    rest = kept[0] if len(kept) == 1 else {"anyOf": kept}
    if "$ref" in rest:
        rest = {"allOf": [rest]}
    return lowered | rest | {"nullable": True}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


def _problem(status: int) -> dict[str, Any]:
    headers = {}
    if status in (429, 503):
        headers = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    content: dict[str, Any] = {"application/problem+json": {"schema": reference(Problem)}}
    return {"description": HTTPStatus(status).phrase, "content": content, "headers": headers}
