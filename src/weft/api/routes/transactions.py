"""Signed transactions: taken one by one or many at once, and what became of them.

A transaction needs no token: it carries its signature, and execution asks what its signer may do.
"""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from weft.api.answer import Answer, show_named
from weft.api.errors import RefusedError, TransactionUnknownError
from weft.api.parameter import READ, TIMEOUT, WAIT, Parameter, matching
from weft.api.problems import status_of
from weft.api.request import (
    begin_read,
    check_executed,
    check_media_type,
    decode_body,
    read_body,
    service_of,
)
from weft.api.route import WRITE_PROBLEMS, describe, make_router
from weft.api.schemas import Refusal, Submission, Submissions, TransactionState, TransactionStates
from weft.api.service import Fate, Service
from weft.model.errors import AttachmentError, ExpiredError, WeftError
from weft.model.limits import LOCAL
from weft.model.transaction import Attachment

ID: Parameter[str] = Parameter(
    "id",
    "path",
    "The transaction's identity.",
    {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    matching("[0-9a-f]{64}", "must be 64 lower-case hex digits"),
    "",
)
_ENVELOPE_BYTES = 4096
_one: msgspec.json.Decoder[Submission] = msgspec.json.Decoder(Submission)
_many: msgspec.json.Decoder[Submissions] = msgspec.json.Decoder(Submissions)

router = make_router("transactions")


@router.post(
    "/v1/transactions",
    **describe(
        {200: TransactionState, 202: TransactionState},
        parameters=(WAIT, TIMEOUT),
        body=Submission,
        problems=WRITE_PROBLEMS,
    ),
)
async def submit(request: Request) -> Response:
    """Submit a signed transaction. The same one may be sent any number of times, to any node: one effect."""
    check_media_type(request, "application/json")
    wait, timeout_ms, service = WAIT.of(request), TIMEOUT.of(request), service_of(request)
    body = await read_body(request, _size_max(service))
    item = decode_body(_one, body)
    fate = await service.submit(item.transaction, _attachments(item), wait, timeout_ms)
    fate = await _find_first(service, fate)
    is_executed = check_executed(fate, wait)
    return Answer(show_fate(fate), 200 if is_executed else 202)


@router.post(
    "/v1/transactions:batch",
    **describe(
        {200: TransactionStates, 202: TransactionStates},
        parameters=(WAIT, TIMEOUT),
        body=Submissions,
        problems=WRITE_PROBLEMS,
    ),
)
async def submit_many(request: Request) -> Response:
    """Submit up to 1,000 signed transactions. Each has an answer of its own, in the order sent."""
    check_media_type(request, "application/json")
    wait, timeout_ms, service = WAIT.of(request), TIMEOUT.of(request), service_of(request)
    body = await read_body(request, LOCAL.request_body_bytes_max)
    items = [(item.transaction, _attachments(item)) for item in decode_body(_many, body).items]
    fates = await service.submit_many(items, wait, timeout_ms)
    shown = TransactionStates([_show_outcome(fate) for fate in fates])
    return Answer(shown, 202 if wait == "none" else 200)


@router.get(
    "/v1/transactions/{id}",
    **describe({200: TransactionState}, parameters=(ID, *READ)),
)
async def show_transaction(request: Request) -> Response:
    """What became of a transaction, as far as this node knows."""
    identity = ID.of(request)
    height = await begin_read(request)
    fate = await service_of(request).find_fate(bytes.fromhex(identity))
    if fate is None:
        raise TransactionUnknownError(f"this node knows nothing of transaction {identity}")
    return Answer(show_fate(fate), height=height)


def show_fate(fate: Fate) -> TransactionState:
    """What became of a transaction."""
    error: WeftError | None = None
    if fate.status == "failed":
        error = RefusedError(fate.code, fate.result)
    elif fate.status == "expired":
        error = ExpiredError("the transaction was not ordered in time and has no effect")
    return TransactionState(
        id=fate.identity.hex(),
        status=fate.status,
        height=fate.height,
        position=fate.position,
        certified=fate.is_certified,
        error=None if error is None else _show_error(error, show_named(fate.result)),
        result=show_named(fate.result),
    )


def _show_outcome(outcome: Fate | Exception) -> TransactionState:
    if isinstance(outcome, Fate):
        return show_fate(outcome)
    if isinstance(outcome, WeftError):
        return TransactionState(None, "refused", None, None, False, _show_error(outcome, {}), {})
    raise outcome


def _show_error(error: WeftError, values: dict[str, str | int | bool | None]) -> Refusal:
    return Refusal(status_of(error), error.code, str(error), error.fix, values)


async def _find_first(service: Service, fate: Fate) -> Fate:
    """The answer of the transaction that came first with the same idempotency tag and fingerprint."""
    if fate.code != "idempotency.repeated":
        return fate
    first = dict(fate.result)["first"]
    assert isinstance(first, bytes)
    return await service.find_fate(first) or fate


def _size_max(service: Service) -> int:
    limits = service.limits
    content = limits.vertex_attachment_bytes_max + limits.transaction_bytes_max
    return (content + 64 * limits.transaction_attachments_max) * 4 // 3 + _ENVELOPE_BYTES


def _attachments(item: Submission) -> tuple[Attachment, ...]:
    for one in item.attachments:
        if len(one) < 32:
            raise AttachmentError(f"an attachment of {len(one)} bytes; it begins with 32 bytes of salt")
    return tuple([Attachment(one[:32], one[32:]) for one in item.attachments])
