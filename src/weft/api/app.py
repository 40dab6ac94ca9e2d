"""Joins the routes into one application."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from weft.api.errors import MethodError, RequestError, RouteError
from weft.api.front import Front
from weft.api.pages import front_page
from weft.api.request import Bodies
from weft.api.routes import blocks, dag, docs, events, health, records, status, transactions
from weft.api.routes.events import Followers
from weft.api.service import Service

# The busiest first: routes are tried in this order.
_ROUTERS = (records.router, transactions.router, status.router, blocks.router, events.router, dag.router)
_LAST = (health.router, docs.router)


def create_app(
    service: Service, routers: Sequence[APIRouter], metrics: Callable[[], bytes], ui: Path | None
) -> Front:
    """The REST interface of a node. `ui`: the folder of the built web application, served at /."""
    # FastAPI describes the routes; requests go from the front straight to the router.
    app = FastAPI(title="Weft", version=version("weft"), openapi_url=None, docs_url=None, redoc_url=None)
    followers = Followers()
    app.state.service, app.state.metrics = service, metrics
    app.state.followers, app.state.bodies = followers, Bodies()
    for router in (*_ROUTERS, *routers, *_LAST):
        app.router.routes.extend(router.routes)
    app.router.routes.append(front_page(ui, lambda: service.url_peers))
    return Front(Paths(app), service, followers.closing.set)


class Paths:
    """Finds the route of a request, and says in our words that there is none."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._router = Router(app.routes, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        try:
            await self._router(scope, receive, send)
        except HTTPException as error:
            raise self._explain(error, scope) from None

    def _explain(self, error: HTTPException, scope: Scope) -> RequestError:
        path = scope["path"]
        if error.status_code not in (404, 405):
            return RequestError(str(error.detail))
        methods = ", ".join(sorted(self._methods_of(path)))
        if methods:
            refusal = f"{scope['method']} is not for {path[:200]}; it takes {methods}"
            return MethodError(refusal, allow=methods)
        return RouteError(f"there is no path {path[:200]}")

    def _methods_of(self, path: str) -> set[str]:
        routes = [one for one in self._app.routes if isinstance(one, Route) and one.path_regex.match(path)]
        methods = {method for route in routes for method in route.methods or ()}
        return methods | ({"HEAD"} if "GET" in methods else set())
