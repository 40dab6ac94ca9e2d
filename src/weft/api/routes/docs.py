"""The description of the interface and the page that shows it; all its files come from this node."""

from functools import cache
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

from weft.api.errors import RouteError
from weft.api.openapi import lower_openapi, make_openapi
from weft.api.route import make_router

_FILES = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
_START = """SwaggerUIBundle({url: "/docs/openapi.json", dom_id: "#page", deepLinking: true,
  validatorUrl: null, presets: [SwaggerUIBundle.presets.apis]});
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weft – REST interface</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""

router = make_router("docs")


@router.get("/openapi.json", include_in_schema=False)
async def show_openapi(request: Request) -> Response:
    """The description, OpenAPI 3.1."""
    return Response(_encode(request.app)[0], media_type="application/json")


@router.get("/docs/openapi.json", include_in_schema=False)
async def show_lowered(request: Request) -> Response:
    """The same in OpenAPI 3.0, which the bundled page understands."""
    return Response(_encode(request.app)[1], media_type="application/json")


@router.get("/docs", include_in_schema=False)
async def show_page(request: Request) -> Response:
    """The Swagger page."""
    return HTMLResponse(_PAGE)


@router.get("/docs/start.js", include_in_schema=False)
async def show_start(request: Request) -> Response:
    """What starts the page; a file of its own, because pages here may not hold scripts."""
    return Response(_START, media_type="text/javascript")


@router.get("/docs/{name}", include_in_schema=False)
async def show_file(request: Request) -> Response:
    """A file of the page."""
    name = request.path_params["name"]
    if name not in _FILES:
        raise RouteError(f"there is no page /docs/{name[:80]}")
    return FileResponse(swagger_ui_path / name, media_type=_FILES[name])


@cache
def _encode(app: FastAPI) -> tuple[bytes, bytes]:
    document: Any = make_openapi(app)
    return msgspec.json.encode(document), msgspec.json.encode(lower_openapi(document))
