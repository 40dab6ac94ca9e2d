"""The built web application: its files, and its one page for each place that it shows itself.

Nothing of it may come from elsewhere or go elsewhere: its Content-Security-Policy knows this network's nodes
alone. It may speak to all of them, for it goes on when the node that served it dies.
"""

import os
import re
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Scope

PAGE = "index.html"
_HASHED = re.compile(r"-[A-Z0-9]{8}\.[a-z0-9]+$")
"""The builder writes what a file holds into its name."""
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""Not left to the machine's own table: browsers run no script that is called something else."""
_KEPT = "public, max-age=31536000, immutable"
_ABSENT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Weft</title>
<style>
body { font: 16px/1.6 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto; padding: 0 1.5rem }
</style>
</head>
<body>
<h1>This node runs</h1>
<p>Its web application has not been built. With Node 20 or newer, <code>make ui</code> builds it;
start the node again then.</p>
<p>Everything it does stands in <a href="/docs">the description of the REST interface</a>.</p>
</body>
</html>
"""


def front_page(folder: Path | None, nodes: Callable[[], Sequence[str]]) -> BaseRoute:
    """What stands at /: the application in `folder`, or how to get it. `nodes`: what it may call."""
    if folder is None:
        return Route("/", _tell_absence, include_in_schema=False)
    return Mount("/", Pages(folder, nodes))


class Pages(StaticFiles):
    """Files of a built application; compressed ones (`NAME.gz`) to whoever takes them."""

    def __init__(self, folder: Path, nodes: Callable[[], Sequence[str]]) -> None:
        super().__init__(directory=folder, html=True)
        self._nodes = nodes

    async def get_response(self, path: str, scope: Scope) -> Response:
        try:
            return await super().get_response(path, scope)
        except HTTPException as error:
            wants_page = "text/html" in Request(scope).headers.get("accept", "")
            if error.status_code != 404 or not wants_page or path.startswith("v1"):
                raise
            return await super().get_response(PAGE, scope)

    def file_response(
        self,
        full_path: str | PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        path, headers = Path(full_path), Request(scope).headers
        packed = path.with_name(f"{path.name}.gz")
        is_packed = "gzip" in headers.get("accept-encoding", "") and packed.exists()
        response: Response = FileResponse(
            packed if is_packed else path,
            status_code,
            {"Cache-Control": _KEPT if _HASHED.search(path.name) else "no-cache"},
            media_type=_MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
            stat_result=packed.stat() if is_packed else stat_result,
        )
        response.headers.add_vary_header("Accept-Encoding")
        response.headers.add_vary_header("Origin")
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
        if self.is_not_modified(response.headers, headers):
            response = NotModifiedResponse(response.headers)
        if path.name == PAGE:
            # Also with the word that it has not changed: its headers become those of the page that was kept.
            response.headers["Content-Security-Policy"] = self._policy()
        return response

    def _policy(self) -> str:
        """What the page may load, and from where."""
        nodes = " ".join(dict.fromkeys(("'self'", *self._nodes())))
        return (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; "
            f"img-src {nodes} data: blob:; media-src {nodes} blob:; connect-src {nodes}; "
            "base-uri 'self'; form-action 'none'; frame-ancestors 'none'"
        )


async def _tell_absence(request: Request) -> Response:
    return HTMLResponse(_ABSENT)
