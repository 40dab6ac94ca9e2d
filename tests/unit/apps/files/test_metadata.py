"""What is said about a file."""

import json
from typing import Any

import pytest

from weft.api.errors import RequestError
from weft.apps.files.errors import MetadataError
from weft.apps.files.metadata import (
    BYTES_MAX,
    apply_patch,
    decode_metadata,
    encode_metadata,
    parse_time,
    read_patch,
    write_time,
)
from weft.model.errors import DocumentError

PHOTO = {"width": 4, "height": 3, "camera": "X", "location": {"lat": 1.0, "lon": 2.0}}


def patch(metadata: dict[str, Any], given: object) -> dict[str, Any]:
    return apply_patch(metadata, read_patch(json.dumps(given).encode()))


def test_the_owner_speaks_over_the_photo() -> None:
    """A field is replaced, one is merged into, null takes one away, the rest stays."""
    given = {"title": "Sea", "location": {"lat": 5}, "tags": ["a", " b ", "a"], "taken_at": None}
    assert patch(PHOTO | {"taken_at": "2000-01-01T00:00:00Z"}, given) == {
        "width": 4,
        "height": 3,
        "camera": "X",
        "location": {"lat": 5, "lon": 2.0},
        "title": "Sea",
        "tags": ["a", "b"],
    }
    assert "location" not in patch(PHOTO, {"location": None})


def test_what_belongs_to_a_field_goes_with_it() -> None:
    """The name of a position, the zone of a time; a time given with its zone keeps that."""
    before = PHOTO | {"place": "X", "taken_at": "2000-01-01T00:00:00Z", "taken_offset": "+01:00"}
    assert patch(before, {"title": "a"}) == before | {"title": "a"}
    assert "place" not in patch(before, {"location": {"lat": 5}})
    assert patch(before, {"location": {"lat": 1.0}}) == before
    assert {"taken_at", "taken_offset"} & set(patch(before, {"taken_at": None})) == set()
    assert "taken_offset" not in patch(before, {"taken_at": "2001-01-01T00:00:00Z"})
    after = patch(before, {"taken_at": "2001-01-01T01:00:00-05:00"})
    assert (after["taken_at"], after["taken_offset"]) == ("2001-01-01T06:00:00Z", "-05:00")
    assert decode_metadata(*encode_metadata(before)) == before


def test_custom_is_merged_as_deep_as_it_goes() -> None:
    """RFC 7396: objects are merged, all else is replaced."""
    before = {"custom": {"a": {"b": 1, "c": [1, 2]}, "d": "x"}}
    after = patch(before, {"custom": {"a": {"b": None, "c": [3]}, "e": {"f": None}}})
    assert after == {"custom": {"a": {"c": [3]}, "d": "x", "e": {}}}
    assert before == {"custom": {"a": {"b": 1, "c": [1, 2]}, "d": "x"}}


@pytest.mark.parametrize(
    "given",
    [
        {"colour": "red"},
        {"width": 5},
        {"camera": "mine"},
        {"title": 5},
        {"title": "x" * 501},
        {"title": "a\u0000b"},
        {"title": "a\u202eb"},
        {"tags": "sea"},
        {"tags": [1]},
        {"tags": [" "]},
        {"tags": ["x"] * 101},
        {"taken_at": "yesterday"},
        {"taken_at": "2020-02-30T00:00:00Z"},
        {"taken_at": "2020-02-20T00:00:00"},
        {"location": {"lat": 91, "lon": 0}},
        {"location": {"lat": 1}},
        {"location": {"lat": True, "lon": 0}},
        {"location": {"lat": 1, "lon": 2, "alt": 3}},
        {"location": [1, 2]},
        {"custom": "text"},
        {"custom": {"x": "y" * BYTES_MAX}},
        [],
        "text",
    ],
)
def test_what_makes_no_sense_is_refused(given: object) -> None:
    """By name, as the caller's fault."""
    with pytest.raises(RequestError):
        patch({}, given)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"title": "a", "title": "b"}',
        b'{"custom": {"a": 1e999}}',
        b'{"custom": {"a": NaN}}',
        b'{"title": "\\ud800"}',
        b'{"title": "\xff"}',
        b'{"custom": {"a": ' + b"1" * 5000 + b"}}",
        b'{"location": {"lat": 1' + b"0" * 400 + b', "lon": 0}}',
        b'{"custom": ' + b'{"a":' * 100 + b"1" + b"}" * 101,
    ],
)
def test_what_is_no_json_is_refused(raw: bytes) -> None:
    """Also what only some readers take for JSON."""
    with pytest.raises((RequestError, DocumentError)):
        apply_patch({}, read_patch(raw))


@pytest.mark.parametrize("raw", [b'{"custom": {"a": 1e999}}', b'{"custom": {"\\ud800": 1}}'])
def test_a_patch_that_was_read_can_be_written(raw: bytes) -> None:
    """A change is compared with others by its bytes before it is applied."""
    with pytest.raises(MetadataError):
        read_patch(raw)


def test_the_position_is_kept_apart() -> None:
    """Two attachments, which together say the same again."""
    metadata = patch(PHOTO, {"title": "Ü", "custom": {"deep": [1.5, None, {"x": "y"}]}})
    rest, position = encode_metadata(metadata)
    assert b"lat" not in rest
    assert position is not None
    assert decode_metadata(rest, position) == metadata
    assert "location" not in decode_metadata(rest, None)


@pytest.mark.parametrize(
    ("rest", "position"),
    [
        (b"", None),
        (b"[1]", b"{}"),
        (b"\xff", b"\xff"),
        (b'{"title": 5, "tags": "x", "width": "big", "unknown": 1, "custom": [1]}', b'{"lat": 1}'),
        (b'{"title": "\\ud800"}', b'{"lat": 1e999, "lon": 0}'),
        (b'{"custom": {"a": 1e999}}', b"null"),
        (b'{"location": {"lat": 1, "lon": 1}}', None),
        (b"[" * 60_000, b"9" * 60_000),
        (b"{}", b'{"lat": 1' + b"0" * 400 + b', "lon": 0}'),
        (b'{"taken_at": "0001-01-01T00:00:00+14:00"}', b'{"lat": "1", "lon": "2"}'),
        (rb'{"taken_at": "\uff12\uff10\uff10\uff18-10-22T16:28:39Z"}', None),
        (rb'{"modified_at": "2008-10-22T16:28:39.\uff11+02:00"}', None),
    ],
)
def test_what_a_client_signed_by_itself_is_not_trusted(rest: bytes, position: bytes | None) -> None:
    """Attachments hold anything; what makes no sense is left out."""
    assert decode_metadata(rest, position) == {}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2008-10-22T16:28:39Z", "2008-10-22T16:28:39Z"),
        ("2008-10-22t16:28:39.5+02:00", "2008-10-22T14:28:39.5Z"),
        ("2008-10-22T16:28:39.123456789-00:00", "2008-10-22T16:28:39.123456Z"),
    ],
)
def test_times_are_written_in_utc(text: str, written: str) -> None:
    """RFC 3339, with the digits that there are."""
    assert write_time(parse_time(text)) == written


def test_a_patch_that_is_too_large_is_refused_before_it_is_read() -> None:
    """The bound is on the bytes."""
    with pytest.raises(RequestError):
        read_patch(b" " * (BYTES_MAX + 1))


def test_the_refusal_names_the_field() -> None:
    """And what there is instead."""
    with pytest.raises(MetadataError, match="colour"):
        patch({}, {"colour": "red"})


def test_of_a_list_that_a_client_signed_the_good_texts_stay() -> None:
    """One bad tag takes no other with it."""
    rest = json.dumps({"tags": ["sea", "a" * 101, 5, "sea", "caf\u00e9\u00a0noir", "\u0000"]}).encode()
    assert decode_metadata(rest, None) == {"tags": ["sea", "caf\u00e9\u00a0noir"]}
    many = json.dumps({"keywords": [str(number) for number in range(150)]}).encode()
    assert decode_metadata(many, None) == {"keywords": [str(number) for number in range(100)]}
