"""What programs found, as attachments and as words of the index."""

import json
from random import Random

import pytest

from weft.apps.files.findings import (
    APART_MAX,
    BYTES_MAX,
    bits_apart,
    decode_findings,
    encode_findings,
    likeness_of,
    look_words,
    words_of,
)

SEEN = {"tags": [{"tag": "face", "confidence": 0.9, "count": 2}], "likeness": "00ff00ff00ff00ff"}


def test_findings_say_who_found_them() -> None:
    """Tag, by, confidence; never without."""
    found = decode_findings(encode_findings(SEEN), "eyes-1")
    assert found == [
        {"tag": "face", "by": "eyes-1", "confidence": 0.9, "count": 2},
        {"tag": "look", "by": "eyes-1", "confidence": 1.0, "likeness": "00ff00ff00ff00ff"},
    ]
    assert likeness_of(found) == "00ff00ff00ff00ff"
    assert decode_findings(encode_findings({}), "eyes-1") == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{" * 5000,
        b'{"tags": 5, "likeness": "xyz"}',
        b'{"tags": [5, {"tag": "", "confidence": 1}, {"tag": "a", "confidence": 2}, {"tag": "a"}]}',
        b'{"tags": [{"tag": "a\\u0000", "confidence": 1}, {"tag": "a", "confidence": true}]}',
        b'{"tags": [{"tag": "a", "confidence": NaN}], "likeness": "00FF00FF00FF00FF"}',
        b" " * (BYTES_MAX + 1),
    ],
)
def test_findings_that_make_no_sense_are_left_out(raw: bytes) -> None:
    """Anybody may have signed them."""
    assert decode_findings(raw, "eyes-1") == []
    many = json.dumps({"tags": [{"tag": str(n), "confidence": 1} for n in range(99)]}).encode()
    assert len(decode_findings(many, "eyes-1")) == 32


def test_looks_that_differ_in_few_bits_share_a_word() -> None:
    """There are more parts than bits in which they may differ."""
    chance = Random(1)
    for _ in range(500):
        one = chance.getrandbits(64)
        other = one
        for bit in chance.sample(range(64), APART_MAX):
            other ^= 1 << bit
        texts = f"{one:016x}", f"{other:016x}"
        assert bits_apart(*texts) == APART_MAX
        assert set(look_words(texts[0])) & set(look_words(texts[1]))
    assert len(list(words_of(decode_findings(encode_findings(SEEN), "e")))) == 2 + 6
