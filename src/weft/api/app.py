"""Joins the routes into one application."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount
from starlette.routing import Route as PlainRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from weft.api.errors import MethodError, RequestError, RouteError
from weft.api.front import Front
from weft.api.problems import present_problem
from weft.api.request import Bodies
from weft.api.routes import blocks, docs, events, health, records, status, transactions
from weft.api.routes.events import Followers
from weft.api.service import Service
from weft.model.errors import WeftError

# The busiest first: routes are tried in this order.
_ROUTERS = (records.router, transactions.router, status.router, blocks.router, events.router)
_LAST = (health.router, docs.router)


def create_app(
    service: Service, routers: Sequence[APIRouter], metrics: Callable[[], bytes], ui: Path | None
) -> Front:
    """The REST interface of a node. `ui`: the folder of the built web application, served at /."""
    app = FastAPI(title="Weft", version=version("weft"), openapi_url=None, docs_url=None, redoc_url=None)
    followers = Followers()
    app.state.service, app.state.metrics = service, metrics
    app.state.followers, app.state.bodies = followers, Bodies()
    app.router.redirect_slashes = False
    for router in (*_ROUTERS, *routers, *_LAST):
        app.router.routes.extend(router.routes)
    app.router.routes.append(_front_page(ui))
    app.add_exception_handler(WeftError, _present)
    app.add_exception_handler(HTTPException, _present_http)
    app.add_exception_handler(Exception, _present)
    return Front(app, service, followers.closing.set)


class Pages(StaticFiles):
    """The built web application: its files, and its one page for each place that it shows itself."""

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True)
        self._page = folder / "index.html"

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            wants_page = "text/html" in Request(scope).headers.get("accept", "")
            if error.status_code != 404 or not wants_page or path.startswith("v1"):
                raise
            return FileResponse(self._page)


def _front_page(ui: Path | None) -> BaseRoute:
    if ui is None:
        return PlainRoute("/", docs.lead_to_docs, include_in_schema=False)
    return Mount("/", Pages(ui))


async def _present(request: Request, error: Exception) -> Response:
    return present_problem(error, request.scope["path"])


async def _present_http(request: Request, error: Exception) -> Response:
    """The router's and the pages' own refusals."""
    assert isinstance(error, HTTPException)
    path = request.scope["path"]
    if error.status_code not in (404, 405):
        return present_problem(RequestError(str(error.detail)), path)
    methods = sorted(_methods_of(request.app, path))
    if methods:
        known = ", ".join(methods)
        refused = MethodError(f"{request.method} is not for {path[:200]}; it takes {known}")
        return present_problem(refused, path, known)
    return present_problem(RouteError(f"there is no path {path[:200]}"), path)


def _methods_of(app: FastAPI, path: str) -> set[str]:
    routes = [route for route in app.routes if isinstance(route, PlainRoute) and route.path_regex.match(path)]
    methods = {method for route in routes for method in route.methods or ()}
    return methods | ({"HEAD"} if "GET" in methods else set())
