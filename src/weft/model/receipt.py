"""What became of one transaction, and what its contract announced."""

from typing import Literal

from weft.model.digest import Digest, digest
from weft.model.encoding import Record, Scalar, check_scalars, decode, encode

Named = tuple[tuple[str, Scalar], ...]
"""Names and values in a fixed order; shown to users as a JSON object (bytes as lower-case hex)."""

Status = Literal["executed", "failed"]


class Event(Record, frozen=True):
    """Something a contract announced. Never holds personal content."""

    contract: str
    type: str
    data: Named

    def __post_init__(self) -> None:
        check_scalars(self.data)


class Receipt(Record, frozen=True):
    """Kept with the block and covered by its receipt root."""

    transaction: Digest
    """Identity."""
    status: Status
    code: str
    """Empty, or the stable code of the failure."""
    result: Named
    """What the call answered; of a failure, the values that explain it."""
    writes: Digest
    """Digest over the sorted writes, so that nodes that executed differently differ in this very block."""
    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        check_scalars(self.result)


def decode_receipt(raw: bytes) -> Receipt:
    """The receipt that `raw` encodes; raises EncodingError."""
    return decode(Receipt, raw)


Writes = tuple[tuple[bytes, bytes | None], ...]
"""State keys in rising order, each with its new value, or None where it was deleted."""


def digest_writes(writes: Writes) -> Digest:
    """What a receipt says of the writes of its transaction."""
    return digest(
        "writes",
        encode(tuple((key, b"" if value is None else digest("value", value)) for key, value in writes)),
    )
