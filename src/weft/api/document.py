"""JSON as users send it, within the bounds of a request."""

from weft.api.errors import BodySizeError
from weft.model import document


def check_document(data: bytes, size_max: int, depth_around: int = 0) -> None:
    """Raise BodySizeError, or DocumentError as `weft.model.document` does."""
    if len(data) > size_max:
        raise BodySizeError(f"a document of {len(data)} bytes; the limit is {size_max}")
    document.check_document(data, depth_around)
