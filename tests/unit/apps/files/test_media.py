"""Kinds of content."""

from pathlib import Path

import pytest

from weft.apps.files.media import HEAD_BYTES, media_type_of


@pytest.mark.parametrize(
    ("head", "name", "media_type"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "x.txt", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "x", "image/png"),
        (b"%PDF-1.7\n", "x.jpg", "application/pdf"),
        (b"hello", "notes", "text/plain"),
        (b"a;b\n1;2\n", "table.csv", "text/csv"),
        (b'{"a": 1}', "a.json", "application/json"),
        ("grüße".encode() + b"\xc3", "cut.txt", "text/plain"),
        (b"<!DOCTYPE html><script>", "photo.jpg", "text/html"),
        (b"  <html>", "x", "text/html"),
        (b'<?xml version="1.0"?><svg xmlns=""/>', "x.txt", "image/svg+xml"),
        (b'<?xml version="1.0"?><a/>', "x.txt", "application/xml"),
        (b"\xef\xbb\xbf<svg/>", "x", "image/svg+xml"),
        (b"\xff\xfe\x00\x01", "photo.jpg", "application/octet-stream"),
        (b"MZ\x00", "page.html", "application/x-msdownload"),
        (b"", "empty.jpg", "application/octet-stream"),
        (b"plain", "evil.html", "text/plain"),
    ],
)
def test_content_says_what_it_is(head: bytes, name: str, media_type: str) -> None:
    """The name decides only between kinds of plain text."""
    assert media_type_of(head, name) == media_type


def test_real_photos_are_jpegs(photos: Path) -> None:
    """The broken ones as well."""
    heads = [path.read_bytes()[:HEAD_BYTES] for path in photos.rglob("*.jpg")]
    assert heads
    assert {media_type_of(head, "x") for head in heads} == {"image/jpeg"}
