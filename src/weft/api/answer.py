"""What goes back to the client: JSON, with the few headers that every answer of a kind carries."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec
from starlette.responses import Response

from weft.model.encoding import Scalar
from weft.model.receipt import Named

HeaderLines = Iterable[tuple[bytes, bytes]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253402300799999
_encoder = msgspec.json.Encoder()


class Answer(Response):
    """A value as JSON."""

    def __init__(
        self,
        value: object,
        status: int = 200,
        *,
        height: int | None = None,
        version: int | None = None,
        headers: HeaderLines = (),
        media_type: bytes = b"application/json",
    ) -> None:
        """`height`: what was read is of this height, and kept by nobody for others: not all may see the same.
        `version`: an ETag for conditional writes."""
        self.status_code = status
        self.body = _encoder.encode(value)
        self.background = None
        lines = [(b"content-type", media_type), (b"content-length", b"%d" % len(self.body)), *headers]
        if height is not None:
            lines += [(b"weft-height", b"%d" % height), (b"cache-control", b"private, no-cache")]
        if version is not None:
            lines.append((b"etag", b'"%d"' % version))
        self.raw_headers = lines


def time_text(time_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds; what lies beyond the year 9999 is shown as its end."""
    when = _EPOCH + timedelta(milliseconds=min(time_ms, _LAST_MS))
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def show_named(values: Named) -> dict[str, str | int | bool | None]:
    """Names and values as a JSON object; bytes as lower-case hex."""
    return {name: show_scalar(value) for name, value in values}


def show_scalar(value: Scalar) -> str | int | bool | None:
    return value.hex() if isinstance(value, bytes) else value
