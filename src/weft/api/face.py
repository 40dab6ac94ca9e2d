"""What applications need to add routes of their own: import from here, and the routes look like all others.

    router = make_router("files")

    @router.get("/v1/files/{id}", **describe({200: FileResource}, parameters=(FILE_ID, *READ)))
    async def show_file(request: Request) -> Response:
        height = await begin_read(request)
        …
        return Answer(resource, height=height)

Errors are raised (a RequestError with its own code and status, or any WeftError) and become problem
documents. Types of bodies and answers are msgspec structs.
"""

from weft.api.answer import Answer, show_named, time_text
from weft.api.cursor import read_cursor, write_cursor
from weft.api.document import check_document
from weft.api.errors import RequestError, UnknownError
from weft.api.parameter import (
    CONDITIONAL,
    CURSOR,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    LIMIT,
    READ,
    TIMEOUT,
    WAIT,
    WRITE,
    Parameter,
    matching,
    number,
    one_of,
    whole,
)
from weft.api.request import (
    Terms,
    begin_read,
    begin_write,
    caller_of,
    check_executed,
    check_media_type,
    decode_body,
    read_body,
    service_of,
    stream_body,
    token_of,
)
from weft.api.route import READ_PROBLEMS, WRITE_PROBLEMS, describe, make_router
from weft.api.schemas import Accepted, Place, accept, place_of

__all__ = [
    "CONDITIONAL",
    "CURSOR",
    "IDEMPOTENCY_KEY",
    "IF_MATCH",
    "LIMIT",
    "READ",
    "READ_PROBLEMS",
    "TIMEOUT",
    "WAIT",
    "WRITE",
    "WRITE_PROBLEMS",
    "Accepted",
    "Answer",
    "Parameter",
    "Place",
    "RequestError",
    "Terms",
    "UnknownError",
    "accept",
    "begin_read",
    "begin_write",
    "caller_of",
    "check_document",
    "check_executed",
    "check_media_type",
    "decode_body",
    "describe",
    "make_router",
    "matching",
    "number",
    "one_of",
    "place_of",
    "read_body",
    "read_cursor",
    "service_of",
    "show_named",
    "stream_body",
    "time_text",
    "token_of",
    "whole",
    "write_cursor",
]
