"""Events as they come (server-sent events of the HTML standard), from a cursor on, nothing skipped.

A reader that does not keep up is cut off and goes on from its last `id`: what it did not take is not kept
for it, it stands in the ledger.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from weft.api.answer import show_named
from weft.api.errors import CursorError, FollowersError
from weft.api.parameter import Parameter
from weft.api.problems import describe_problem
from weft.api.request import service_of, token_of
from weft.api.route import READ_PROBLEMS, describe, make_router
from weft.api.routes.blocks import show_header
from weft.api.service import EventRow
from weft.model.errors import WeftError
from weft.model.limits import LOCAL

log = structlog.get_logger("weft.api")

HEARTBEAT_S = 15.0
SLOW_S = 30.0
"""A reader that takes nothing for so long is cut off."""
BEGINNING = (0, -1)
_PLACE = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})")
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]
_encoder = msgspec.json.Encoder()


def parse_place(text: str) -> tuple[int, int]:
    """The (height, position) of `HEIGHT-POSITION`; `0` is the beginning. Raises CursorError."""
    if text == "0":
        return BEGINNING
    found = _PLACE.fullmatch(text)
    if found is None:
        raise CursorError(
            f"a cursor of events is HEIGHT-POSITION or 0, not {text[:80]!r}",
            fix="Give the cursor of the last event seen, 0 to begin at the genesis, or none to begin now.",
        )
    return int(found[1]), int(found[2])


_SCHEMA = {"type": "string", "pattern": "^(0|(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17}))$"}
CURSOR: Parameter[tuple[int, int] | None] = Parameter(
    "cursor",
    "query",
    "Events after this one: `HEIGHT-POSITION`; `0` is from genesis on; without it from now on.",
    _SCHEMA,
    parse_place,
    None,
)
LAST_EVENT_ID: Parameter[tuple[int, int] | None] = Parameter(
    "Last-Event-ID",
    "header",
    "What browsers send when they come back; goes before `cursor`.",
    _SCHEMA,
    parse_place,
    None,
)

router = make_router("events")


@router.get(
    "/v1/events",
    **describe(
        {200: "text/event-stream"}, parameters=(CURSOR, LAST_EVENT_ID), problems=(*READ_PROBLEMS, 410)
    ),
)
async def follow_events(request: Request) -> Response:
    """Follow the ledger. Each event: `id` is its cursor, `event` its type, `data` JSON with `cursor height
    position transaction contract type data`. The event `block` ends a block; its data is the header."""
    cursor = CURSOR.of(request)
    last = LAST_EVENT_ID.of(request)
    place = cursor if last is None else last
    service = service_of(request)
    service.authenticate(token_of(request), "read")
    followers: Followers = request.app.state.followers
    followers.check_room()
    if place is not None:
        # Another node gave it, and may be further on.
        await service.reach(place[0], False)
    rows = aiter(service.follow(place))
    first = asyncio.ensure_future(anext(rows))
    # A refusal (pruned, diverged) is raised before the first wait, so that one turn of the loop shows it.
    await asyncio.sleep(0)
    if first.done():
        first.result()
    return EventStream(followers, rows, first)


class Followers:
    """The streams that are open."""

    def __init__(self) -> None:
        self.count = 0
        self.closing = asyncio.Event()
        """Set when the node stops: streams end, so that their readers go elsewhere at once."""

    def check_room(self) -> None:
        if self.count >= LOCAL.followers_max:
            raise FollowersError(f"{self.count} readers follow this node already")


class EventStream(Response):
    """Rows as they come, a heartbeat when none do; ends with the reader, the node or an error."""

    def __init__(
        self, followers: Followers, rows: AsyncIterator[EventRow], first: asyncio.Future[EventRow]
    ) -> None:
        self.background = None
        self._followers = followers
        self._rows = rows
        self._next = first

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._followers.count += 1
        gone = asyncio.ensure_future(_wait_until_gone(receive))
        closing = asyncio.ensure_future(self._followers.closing.wait())
        try:
            async with asyncio.timeout(SLOW_S):
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            while not (scope["method"] == "HEAD" or gone.done() or closing.done()):
                chunk = await self._next_chunk(gone, closing)
                async with asyncio.timeout(SLOW_S):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if self._next.cancelled():
                    break
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.info("events.cut_off", reason=f"a reader took nothing for {SLOW_S:.0f} s")
        finally:
            self._followers.count -= 1
            for task in (gone, closing, self._next):
                task.cancel()
            await asyncio.gather(gone, closing, self._next, return_exceptions=True)
            await self._rows.aclose()  # type: ignore[attr-defined]

    async def _next_chunk(self, *ends: "asyncio.Future[Any]") -> bytes:
        """The next event; a heartbeat when none came for a while; the last words when there will be none."""
        waiting: set[asyncio.Future[Any]] = {self._next, *ends}
        done, _ = await asyncio.wait(waiting, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            return b": still here\n\n"
        if self._next not in done:
            return b""
        try:
            row = self._next.result()
        except (WeftError, StopAsyncIteration) as error:
            self._next = _nothing_more()
            return _last_words(error)
        self._next = asyncio.ensure_future(anext(self._rows))
        return write_event(row)


def write_event(row: EventRow) -> bytes:
    """An event's lines."""
    cursor = f"{row.height}-{row.position}"
    event = row.event
    data = {
        "cursor": cursor,
        "height": row.height,
        "position": row.position,
        "transaction": None if row.transaction is None else row.transaction.hex(),
        "contract": None if event is None else event.contract,
        "type": "block" if event is None else event.type,
        "data": show_header(row.header, row.header.hash) if event is None else show_named(event.data),
    }
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (
        cursor.encode(),
        str(data["type"]).encode(),
        _encoder.encode(data),
    )


def _last_words(error: BaseException) -> bytes:
    if not isinstance(error, WeftError):
        return b": the end\n\n"
    return b"event: problem\ndata: %s\n\n" % _encoder.encode(describe_problem(error, "/v1/events"))


def _nothing_more() -> asyncio.Future[EventRow]:
    future: asyncio.Future[EventRow] = asyncio.get_running_loop().create_future()
    future.cancel()
    return future


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
