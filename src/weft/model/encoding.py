"""One value, one encoding (MessagePack, shortest form, structures as arrays).

Promise: `decode(kind, data)` returns a value only if `encode(value) == data`. So digests over received bytes
and digests over rebuilt values are the same thing, and no second spelling of a value can slip through.
Floats, maps and extension types have no place in any `Record`.
"""

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from weft.model.errors import EncodingError

_making = Lock()
_encoder = msgspec.msgpack.Encoder()
_SCALARS = (str, int, bool, bytes, type(None))
_decoders: dict[object, msgspec.msgpack.Decoder[object]] = {}

Natural = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A whole number that fits a signed 64-bit field of any language."""

if TYPE_CHECKING:
    Scalar = str | int | bool | bytes | None
    """What a named value of an event or a result may be."""
else:
    # The decoder knows no union of text and bytes; whoever has a field of it calls `check_scalars`.
    Scalar = Any

T = TypeVar("T")


class Record(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Base of every encoded structure: an array of its fields in the order written."""


def encode(value: object) -> bytes:
    """The canonical bytes of a record, or of a tuple of records."""
    return _encoder.encode(value)


def decode(kind: type[T], data: bytes) -> T:
    """The value that `data` encodes; raises EncodingError unless `data` is its one encoding."""
    decoder = _decoders.get(kind) or _make_decoder(kind)
    try:
        value = decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise EncodingError(f"not the encoding of a {_name(kind)}: {error}") from None
    if _encoder.encode(value) != data:
        raise EncodingError(f"not the shortest encoding of this {_name(kind)}")
    return value  # type: ignore[return-value]


def decode_many(kind: type[T], many: Sequence[bytes]) -> list[T]:
    """`decode` for each; raises the EncodingError of the first that is not the encoding of a value.

    Each is one whole MessagePack object, so their concatenation can be taken apart in one way only: it equals
    that of the values' encodings when every single one does.
    """
    decoder = _decoders.get(kind) or _make_decoder(kind)
    try:
        values = list(map(decoder.decode, many))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [decode(kind, data) for data in many]
    together = b"".join(many)
    encoded = _encoder.encode(values)
    if encoded[len(encoded) - len(together) :] != together or len(encoded) - len(together) != _head(many):
        return [decode(kind, data) for data in many]
    return values  # type: ignore[return-value]


def check_scalars(named: tuple[tuple[str, Scalar], ...]) -> None:
    """Raise TypeError unless every value is a Scalar."""
    for name, value in named:
        if type(value) not in _SCALARS:
            raise TypeError(
                f"{name} is a {type(value).__name__}, not a text, number, truth, bytes or nothing"
            )


def _make_decoder(kind: object) -> msgspec.msgpack.Decoder[object]:
    # The library keeps what it knows of a structure with the structure before it knows all of it: a thread
    # that meets the structure in that moment crashes the process.
    with _making:
        return _decoders.setdefault(kind, msgspec.msgpack.Decoder(kind))


def _head(many: Sequence[bytes]) -> int:
    """How many bytes say that an array of so many follows."""
    return 1 if len(many) < 16 else 3 if len(many) < 65_536 else 5


def _name(kind: object) -> str:
    return getattr(kind, "__name__", str(kind))
