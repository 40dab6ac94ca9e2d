"""Where the next page of a list begins: opaque to clients, bound to its list, checked when it comes back."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from types import GenericAlias
from typing import Any, TypeVar

from starlette.requests import Request

from weft.api.errors import CursorError
from weft.api.parameter import CURSOR
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError

T = TypeVar("T")


def write_cursor(list_name: str, place: object) -> str:
    """The cursor text for a place in a list; `place` is an int, a str or a tuple of them."""
    return urlsafe_b64encode(encode((list_name, place))).rstrip(b"=").decode()


def read_cursor(request: Request, list_name: str, kind: type[T]) -> T | None:
    """The place that this request's cursor names; None without one. Raises CursorError."""
    text = CURSOR.of(request)
    if text is None:
        return None
    try:
        data = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        shape: Any = GenericAlias(tuple, (str, kind))
        found: tuple[str, T] = decode(shape, data)
    except (EncodingError, Error, ValueError):
        raise CursorError("the cursor is not one that this interface gave") from None
    if found[0] != list_name or write_cursor(*found) != text:
        raise CursorError("the cursor is not one that this list gave")
    return found[1]
