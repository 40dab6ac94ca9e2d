"""What every route asks of a request: who asks, from which height, under which terms, with which body."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from starlette.requests import Request

from weft.api import parameter
from weft.api.errors import (
    BodySizeError,
    BusyError,
    MediaTypeError,
    PendingError,
    RefusedError,
    RequestError,
    SlowError,
)
from weft.api.service import Caller, Fate, Service, Wait
from weft.model.errors import DocumentError, ExpiredError, UnauthorizedError

T = TypeVar("T")

BODY_IDLE_S = 30.0
"""How long the next piece of a body may take."""
BODIES_BYTES_MAX = 256 << 20
"""Bytes of bodies held in memory at once, of all requests together."""


@dataclass(frozen=True, slots=True)
class Terms:
    """On whose behalf and under which terms a write is made."""

    caller: Caller
    wait: Wait
    timeout_ms: int
    idempotency_key: str | None
    expected: int | None
    """The version that must be there: None any, 0 nothing."""


class Bodies:
    """How much of request bodies is in memory."""

    def __init__(self) -> None:
        self.held = 0


def service_of(request: Request) -> Service:
    """The node behind this interface."""
    service: Service = request.app.state.service
    return service


def token_of(request: Request) -> str | None:
    """The bearer token (RFC 6750); None without an Authorization header."""
    text = request.headers.get("authorization")
    if text is None:
        return None
    scheme, _, token = text.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthorizedError("the Authorization header does not hold a bearer token")
    return token.strip()


def caller_of(request: Request) -> Caller:
    """Who asks, and may read."""
    return service_of(request).authenticate(token_of(request), "read")


async def begin_read(request: Request) -> int:
    """Check the caller's right to read, wait for the height asked for; the height of the answer."""
    service = service_of(request)
    caller_of(request)
    is_linearizable = parameter.CONSISTENCY.of(request) == "linearizable"
    return await service.reach(parameter.MIN_HEIGHT.of(request), is_linearizable)


def begin_write(request: Request) -> Terms:
    """Check the caller's right to write; the terms of the write."""
    caller = service_of(request).authenticate(token_of(request), "write")
    there = parameter.IF_MATCH.of(request)
    nothing = parameter.IF_NONE_MATCH.of(request)
    if there is not None and nothing is not None:
        raise RequestError("If-Match and If-None-Match contradict each other; send one of them")
    return Terms(
        caller,
        parameter.WAIT.of(request),
        parameter.TIMEOUT.of(request),
        parameter.IDEMPOTENCY_KEY.of(request),
        nothing if there is None else there,
    )


def check_media_type(request: Request, media_type: str) -> None:
    """Raise MediaTypeError unless the body is of this kind, in UTF-8; no Content-Type at all will do."""
    text = request.headers.get("content-type")
    if text is None:
        return
    kind, *options = (part.strip().lower() for part in text.split(";"))
    charsets = [option[8:].strip('"') for option in options if option.startswith("charset=")]
    if kind != media_type or charsets not in ([], ["utf-8"]):
        raise MediaTypeError(f"the body is {text[:80]!r}; it must be {media_type} in UTF-8")


async def read_body(request: Request, size_max: int) -> bytes:
    """The whole body, if it is within its bound; what is beyond is never held."""
    bodies: Bodies = request.app.state.bodies
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in stream_body(request, size_max):
            chunks.append(chunk)
            size += len(chunk)
            bodies.held += len(chunk)
            if bodies.held > BODIES_BYTES_MAX:
                raise BusyError("this node is taking as many request bodies as it can hold")
    finally:
        bodies.held -= size
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def stream_body(request: Request, size_max: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises BodySizeError beyond `size_max`, SlowError when it stops coming."""
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > size_max:
        raise BodySizeError(f"a body of {int(stated)} bytes; the limit is {size_max}")
    size, is_more = 0, True
    while is_more:
        try:
            async with asyncio.timeout(BODY_IDLE_S):
                message = await request.receive()
        except TimeoutError:
            raise SlowError(f"nothing of the body came for {BODY_IDLE_S:.0f} s") from None
        if message["type"] == "http.disconnect":
            raise SlowError("the client went away before its body was here")
        chunk, is_more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > size_max:
            raise BodySizeError(f"a body of more than {size_max} bytes")
        if chunk:
            yield chunk


def decode_body(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """The value that a JSON body holds; raises DocumentError, also for names that are not known."""
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise DocumentError(f"the body is not what this path takes: {error}") from None


def check_executed(fate: Fate, terms_wait: Wait) -> bool:
    """Whether the write took effect here; False if nobody waits for that (202). Raises what became of it."""
    if fate.status == "executed":
        return True
    if fate.status == "failed":
        raise RefusedError(fate.code, fate.result)
    if fate.status == "expired":
        raise ExpiredError(f"transaction {fate.identity.hex()} was not ordered in time and has no effect")
    if terms_wait == "none":
        return False
    raise PendingError(
        f"transaction {fate.identity.hex()} is accepted and not {terms_wait} yet", id=fate.identity.hex()
    )
