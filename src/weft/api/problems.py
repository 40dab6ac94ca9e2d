"""Errors as problem documents (RFC 9457): which status a code has, and what the document says."""

from http import HTTPStatus

from weft.api.answer import Answer
from weft.api.errors import MethodError, RequestError, UnexpectedError
from weft.model.errors import WeftError

MEDIA_TYPE = b"application/problem+json"
RETRY_AFTER_S = 1

STATUS = {
    "encoding.invalid": 400,
    "signature.invalid": 400,
    "transaction.invalid": 400,
    "transaction.chain": 400,
    "attachment.mismatch": 400,
    "document.invalid": 400,
    "access.unauthorized": 401,
    "access.forbidden": 403,
    "idempotency.conflict": 409,
    "events.pruned": 410,
    "transaction.size": 413,
    "transaction.expired": 422,
    "mempool.full": 429,
    "blob.missing": 503,
    "node.behind": 503,
    "node.diverged": 503,
    "disk.full": 507,
}
"""Statuses of the ledger's own errors; one that is not here is no client's fault."""


def status_of(error: WeftError) -> int:
    """The HTTP status that an error is answered with."""
    return error.status if isinstance(error, RequestError) else STATUS.get(error.code, 500)


def describe_problem(error: WeftError, instance: str) -> dict[str, object]:
    """The problem document; the values that explain the error are members of it."""
    status = status_of(error)
    members = error.members if isinstance(error, RequestError) else {}
    return {
        **members,
        "type": f"urn:weft:problem:{error.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "code": error.code,
        "fix": error.fix,
        "instance": instance,
    }


def present_problem(error: Exception, instance: str) -> Answer:
    """The answer for an error. What is not a WeftError is ours and says nothing of its insides."""
    known = error if isinstance(error, WeftError) else UnexpectedError("the node made a mistake")
    status = status_of(known)
    headers = []
    if status in (429, 503):
        headers.append((b"retry-after", b"%d" % RETRY_AFTER_S))
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if isinstance(known, MethodError):
        headers.append((b"allow", str(known.members["allow"]).encode()))
    return Answer(describe_problem(known, instance), status, headers=headers, media_type=MEDIA_TYPE)
