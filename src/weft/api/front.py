"""What stands before all routes: who may call from where, what a path may look like, and the last resort.

A web page of somebody else must not reach a node on the reader's own machine, neither by naming it (CORS) nor
by pointing its own name at it (DNS rebinding): so `Host` and `Origin` must be addresses of this network.
"""

import asyncio
import re
from collections.abc import Callable
from traceback import extract_tb
from urllib.parse import unquote_to_bytes, urlsplit

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.api.errors import BusyError, HostError, OriginError, PathError, StoppingError
from weft.api.problems import present_problem
from weft.api.service import Service
from weft.model.errors import WeftError

log = structlog.get_logger("weft.api")

REQUESTS_MAX = 4096
"""Requests in progress at once; beyond it 503."""
FRAMES_SHOWN = 5
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%2[Ff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_COMMON = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'self'",
    ),
]
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_EXPOSED = b"Weft-Height, ETag, Retry-After, Location, Content-Range, Content-Disposition"
_PREFLIGHT = [
    (b"access-control-allow-methods", _METHODS),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Range, "
        b"Upload-Offset",
    ),
    (b"access-control-max-age", b"600"),
]


class Front:
    """The whole interface as an ASGI application."""

    def __init__(self, app: ASGIApp, service: Service, begin_stop: Callable[[], None]) -> None:
        self._app = app
        self._service = service
        self._open = 0
        self.begin_stop = begin_stop
        """Ends the streams, so that the server can stop."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # Neither lifespan nor WebSockets are spoken here; the server takes the return for a no.
            return
        head = _Head(send)
        self._open += 1
        try:
            origin = self._check(scope)
            head.add(_COMMON if origin is None else _COMMON + _cors(origin))
            if origin is not None and _is_preflight(scope):
                await _answer_preflight(head)
                return
            await self._app(scope, receive, head)
        except asyncio.CancelledError:
            # Requests are cancelled only when the time that they have to end is over.
            if head.is_sent:
                raise
            stopping = StoppingError("this node stopped before it knew the answer")
            await present_problem(stopping, scope["path"])(scope, receive, head)
        except Exception as error:
            if not isinstance(error, WeftError):
                _log(error, scope)
            if not head.is_sent:
                await present_problem(error, scope["path"])(scope, receive, head)
        finally:
            self._open -= 1

    def _check(self, scope: Scope) -> bytes | None:
        """The Origin, if the request names one of ours. Raises what is wrong with the request's frame."""
        if self._open > REQUESTS_MAX:
            raise BusyError(f"{REQUESTS_MAX} requests are in progress")
        host = origin = None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value
            elif name == b"origin":
                origin = value
        if host is not None and not self._is_ours("//" + host.decode("latin-1"), scope):
            raise HostError(f"the Host {host.decode('latin-1')[:120]!r} is not one of this network's nodes")
        if origin is not None and not self._is_ours(origin.decode("latin-1"), scope):
            raise OriginError(
                f"the Origin {origin.decode('latin-1')[:120]!r} is not one of this network's nodes"
            )
        if b"%" in scope["raw_path"]:
            _check_path(scope["raw_path"])
        return origin

    def _is_ours(self, address: str, scope: Scope) -> bool:
        """Whether an address is that of this connection, of a node, or loopback with the port of one."""
        own = scope.get("server") or ("", None)
        if address in (f"//{own[0]}:{own[1]}", f"http://{own[0]}:{own[1]}"):
            return True
        asked = _place_of(address)
        if asked is None:
            return False
        nodes = [_place_of(url) for url in self._service.url_peers]
        ports = {own[1], *(node[1] for node in nodes if node is not None)}
        return asked == own or asked in nodes or (asked[0] in LOOPBACK and asked[1] in ports)


def _log(error: Exception, scope: Scope) -> None:
    """Neither the message nor local values: they may hold what a client sent."""
    frames = extract_tb(error.__traceback__)[-FRAMES_SHOWN:]
    trace = [f"{frame.filename}:{frame.lineno}" for frame in frames]
    log.error("api.failed", method=scope["method"], kind=type(error).__name__, trace=trace)


class _Head:
    """Adds headers to whatever answers, and knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._headers: list[tuple[bytes, bytes]] = []
        self.is_sent = False

    def add(self, headers: list[tuple[bytes, bytes]]) -> None:
        self._headers = headers

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_sent = True
            given = message["headers"]
            names = {name for name, _ in given}
            message["headers"] = [*given, *(line for line in self._headers if line[0] not in names)]
        await self._send(message)


def _place_of(address: str) -> tuple[str, int] | None:
    """Host and port of an address; None for what is none."""
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    host = parts.hostname
    if not host or parts.username is not None:
        return None
    return (f"[{host}]" if ":" in host else host), port


def _check_path(raw: bytes) -> None:
    bad = _BAD_ESCAPE.search(raw)
    if bad is not None:
        raise PathError(f"{raw[bad.start() : bad.start() + 3].decode('latin-1')!r} may not stand in a path")
    try:
        path = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise PathError("the percent-encoded path is not UTF-8") from None
    if _CONTROL.search(path) is not None:
        raise PathError("the path holds a control character")


def _cors(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"Origin"),
    ]


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and any(
        name == b"access-control-request-method" for name, _ in scope["headers"]
    )


async def _answer_preflight(send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": list(_PREFLIGHT)})
    await send({"type": "http.response.body", "body": b""})
