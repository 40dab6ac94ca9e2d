"""Whether the node lives and is ready, its metrics and its version. Open to probes without a token."""

from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import Response

from weft.api.answer import Answer
from weft.api.request import service_of
from weft.api.route import describe, make_router
from weft.api.schemas import Health, Version

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_RETRY = ((b"retry-after", b"1"),)

router = make_router("health")
_health = describe({200: Health, 503: Health}, problems=(400, 403))


@router.get("/livez", **_health)
async def show_alive(request: Request) -> Response:
    """Whether the process works."""
    health = _health_of(request)
    return _present(health, health.alive)


@router.get("/readyz", **_health)
async def show_ready(request: Request) -> Response:
    """Whether the node takes writes, and if not, why."""
    health = _health_of(request)
    return _present(health, health.ready)


@router.get("/healthz", **_health)
async def show_health(request: Request) -> Response:
    """Both, with reasons."""
    health = _health_of(request)
    return _present(health, health.alive and health.ready)


@router.get("/metrics", **describe({200: METRICS_TYPE}, problems=(400, 403)))
async def show_metrics(request: Request) -> Response:
    """What the node counts, in the Prometheus text format (docs/reference/metrics.md)."""
    return Response(request.app.state.metrics(), headers={"content-type": METRICS_TYPE})


@router.get("/version", **describe({200: Version}, problems=(400, 403)))
async def show_version(request: Request) -> Response:
    """What runs here."""
    return Answer(Version("weft", version("weft"), "v1"))


def _health_of(request: Request) -> Health:
    health = service_of(request).health()
    return Health(health.is_alive, health.is_ready, list(health.reasons))


def _present(health: Health, is_good: bool) -> Response:
    return Answer(health) if is_good else Answer(health, 503, headers=_RETRY)
