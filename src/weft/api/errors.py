"""What can be wrong with a request, beyond what the ledger itself refuses (`weft.model.errors`).

RequestError               request.invalid       400  an unknown or malformed parameter, header or field
├── PathError              request.path          400  a path that is not percent-encoded UTF-8
├── CursorError            cursor.invalid        400  a cursor that this list never gave
├── HostError              request.host          403  a Host that is not one of this network's nodes
├── OriginError            request.origin        403  a web page of somebody else
├── RouteError             route.unknown         404  no such path
├── UnknownError           resource.unknown      404  nothing by that name
│   ├── BlockUnknownError        block.unknown         no block of that height here
│   ├── RecordUnknownError       record.unknown        no such record, or deleted
│   └── TransactionUnknownError  transaction.unknown   an identity of which this node knows nothing
├── MethodError            route.method          405  a verb that the path does not know
├── SlowError              request.slow          408  a body that does not come
├── ErasedError            content.erased        410  content that was destroyed
├── BodySizeError          request.size          413  a body beyond its bound
├── MediaTypeError         request.media_type    415  a body of another kind
├── MalformedError         record.malformed      422  a record whose content, signed elsewhere, is no document
├── UnexpectedError        server.unexpected     500  our own mistake
├── BusyError              server.busy           503  more at once than this node takes
├── StoppingError          server.stopping       503  the node ended before the answer was known
├── FollowersError         events.full           503  more followers than this node serves
└── PendingError           transaction.pending   504  not executed within the time given
RefusedError               (of the receipt)      422  what a contract refused (`weft.model.failure`)
"""

from collections.abc import Mapping

from weft.model.errors import WeftError
from weft.model.failure import REFUSALS, explain
from weft.model.receipt import Named


class RequestError(WeftError):
    """A `WeftError` that knows its HTTP status, and the members it adds to the problem document."""

    code = "request.invalid"
    fix = "Correct what the message names; /docs on every node describes each request."
    status = 400

    def __init__(self, message: str, *, fix: str | None = None, **members: object) -> None:
        super().__init__(message, fix=fix)
        self.members: Mapping[str, object] = members


class PathError(RequestError):
    code = "request.path"
    fix = "Percent-encode each part of the path as UTF-8; a part holds no '/' and no control characters."


class CursorError(RequestError):
    code = "cursor.invalid"
    fix = "Send `next_cursor` of the page before unchanged, or leave `cursor` out to begin anew."


class HostError(RequestError):
    code = "request.host"
    status = 403
    fix = "Use an address of a node of this network, as GET /v1/status lists them."


class OriginError(RequestError):
    code = "request.origin"
    status = 403
    fix = "Call from a page that a node of this network serves, or from a program that sends no Origin."


class RouteError(RequestError):
    code = "route.unknown"
    status = 404
    fix = "The paths that exist stand in /docs and /openapi.json."


class UnknownError(RequestError):
    code = "resource.unknown"
    status = 404
    fix = (
        "Check the name; what was written elsewhere a moment ago may come yet: ask again, "
        "over REST with consistency=linearizable."
    )


class BlockUnknownError(UnknownError):
    code = "block.unknown"


class RecordUnknownError(UnknownError):
    code = "record.unknown"


class TransactionUnknownError(UnknownError):
    code = "transaction.unknown"
    fix = "Ask the node that it was sent to, or send the same transaction again: it takes effect only once."


class MethodError(RequestError):
    """Carries the methods that the path knows as the member `allow`."""

    code = "route.method"
    status = 405
    fix = "Use one of the methods in the Allow header."


class SlowError(RequestError):
    code = "request.slow"
    status = 408
    fix = "Send the whole body without pauses."


class ErasedError(RequestError):
    """Carries the height of the erasure as the member `height`."""

    code = "content.erased"
    status = 410
    fix = "The content was destroyed on every node at its owner's wish and cannot come back."


class BodySizeError(RequestError):
    code = "request.size"
    status = 413
    fix = "Send less at once; the bound is in the message."


class MediaTypeError(RequestError):
    code = "request.media_type"
    status = 415
    fix = "Set Content-Type to the media type that /docs names for this path."


class MalformedError(RequestError):
    code = "record.malformed"
    status = 422
    fix = "Write the record again: whoever signed this version put something into it that is no JSON text."


class UnexpectedError(RequestError):
    code = "server.unexpected"
    status = 500
    fix = "This is a mistake in Weft: open an issue with the log line of this node at this time."


class BusyError(RequestError):
    code = "server.busy"
    status = 503
    fix = "Send again after the time in Retry-After, or ask another node."


class StoppingError(RequestError):
    """Unlike with every other 503, what was sent may still take effect."""

    code = "server.stopping"
    status = 503
    fix = "Ask another node; a write with the same Idempotency-Key takes effect once."


class FollowersError(RequestError):
    code = "events.full"
    status = 503
    fix = "Follow another node, or come back after the time in Retry-After."


class PendingError(RequestError):
    """Carries the transaction's identity as the member `id`."""

    code = "transaction.pending"
    status = 504
    fix = "Ask again with the same Idempotency-Key, or GET /v1/transactions/{id}: nothing happens twice."


class RefusedError(RequestError):
    """A receipt that failed; `code` is the contract's, the members are the values that explain it."""

    status = 422

    def __init__(self, code: str, values: Named) -> None:
        shown = {name: value.hex() if isinstance(value, bytes) else value for name, value in values}
        super().__init__(explain(code, values))
        self.members = shown
        self.code = code
        self.status = REFUSED_STATUS.get(code, 422)
        self.fix = REFUSALS[code].fix if code in REFUSALS else "Read what the contract's description says."


REFUSED_STATUS = {
    "access.forbidden": 403,
    "files.owner": 403,
    "collections.owner": 403,
    "records.missing": 404,
    "files.missing": 404,
    "collections.missing": 404,
    "idempotency.conflict": 409,
    "files.erased": 410,
    "records.version": 412,
    "files.version": 412,
    "collections.version": 412,
}
"""HTTP statuses of refusals that are not 422."""
