"""Documents: what every node shows and every reader understands alike."""

import pytest

from weft.model.document import DEPTH_MAX, check_document
from weft.model.errors import DocumentError


@pytest.mark.parametrize(
    "text",
    [
        b"0",
        b' {"a": 1, "b": [null, true, "x"]} ',
        b"1" * 400,
        b'"\\ud800"',
        b"[" * DEPTH_MAX + b"]" * DEPTH_MAX,
    ],
)
def test_one_text_within_the_bounds_passes(text: bytes) -> None:
    """Numbers of any length, white space, the last level that is allowed."""
    check_document(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not JSON"),
        (b"{bad", "not JSON"),
        (b"1 2", "not JSON"),
        (b"NaN", "NaN is not JSON"),
        (b'"\xff"', "not UTF-8"),
        (b'{"a":1,"a":2}', "'a' stands twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "'a' stands twice"),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), "deeper than 64"),
        (b"[" * 1_000_000, "deeper than 64"),
    ],
)
def test_what_readers_would_not_understand_alike_is_refused(text: bytes, reason: str) -> None:
    """The reason names it."""
    with pytest.raises(DocumentError, match=reason):
        check_document(text)
