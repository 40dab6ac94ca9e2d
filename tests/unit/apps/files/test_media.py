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


@pytest.mark.parametrize(
    ("brands", "media_type"),
    [
        ("heic mif1 heic", "image/heic"),
        ("mif1 heix", "image/heic"),
        ("avif mif1", "image/avif"),
        ("qt   qt  ", "video/quicktime"),
        ("M4V  isom", "video/x-m4v"),
        ("M4A  isom", "audio/mp4"),
        ("dash iso6", "video/mp4"),
        ("xxxx yyyy", None),
    ],
)
def test_boxes_say_what_is_in_them(brands: str, media_type: str | None) -> None:
    """By the first brand that is known, however long the list says it is."""
    major, *others = brands[:4], *(brands[at : at + 4] for at in range(5, len(brands), 5))
    body = b"ftyp" + major.encode() + bytes(4) + "".join(others).encode()
    head = (len(body) + 4).to_bytes(4, "big") + body
    assert media_type_of(head + bytes(300), "x") == (media_type or "application/octet-stream")
    lying = (2**32 - 1).to_bytes(4, "big") + body
    assert media_type_of(lying, "x") == (media_type or "application/octet-stream")


def test_quicktime_without_a_brand_is_known_by_its_boxes() -> None:
    assert media_type_of(b"\0\0\1\0moov" + bytes(50), "a.mov") == "video/quicktime"
