"""Clocks and their zones."""

from datetime import datetime, timedelta

import pytest

from weft.apps.files.inside.moment import find_zone, parse_iso, parse_offset, tell

SATELLITE = datetime(2020, 6, 1, 12, 0, 0)


@pytest.mark.parametrize(
    ("apart_s", "minutes"),
    [
        (0, 0),
        (7200 + 92, 120),
        (-7200 + 299, -120),
        (345 * 60, 345),
        (14 * 3600, 840),
        (15 * 3600, None),
        (7200 + 301, None),
        (7200 + 900, None),
        (86_400, None),
    ],
)
def test_a_receiver_s_time_tells_the_zone_of_the_clock(apart_s: int, minutes: int | None) -> None:
    """Only zones that are in use; a time that is older than five minutes tells nothing."""
    zone = find_zone(SATELLITE + timedelta(seconds=apart_s), SATELLITE)
    assert (None if zone is None else zone.utcoffset(None)) == (
        None if minutes is None else timedelta(minutes=minutes)
    )


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("+02:00", 120), ("-0930", -570), ("Z", 0), ("+14:00", 840), ("+15:00", None), ("", None), ("+2", None)],
)
def test_an_offset_is_read_as_cameras_write_it(text: str, minutes: int | None) -> None:
    zone = parse_offset(text)
    assert (None if zone is None else zone.utcoffset(None)) == (
        None if minutes is None else timedelta(minutes=minutes)
    )


def test_a_time_that_utc_does_not_have_is_none() -> None:
    """The first and the last hours of the calendar."""
    assert tell(datetime.fromisoformat("0001-01-01T00:00:00+14:00")) == {}
    assert tell(datetime.fromisoformat("9999-12-31T23:00:00-14:00")) == {}
    assert tell(datetime.fromisoformat("0001-01-01T00:00:00")) == {"taken_at": "0001-01-01T00:00:00Z"}


def test_a_day_is_no_time() -> None:
    assert parse_iso("2008-10-22") is None
    assert parse_iso("2008-10-22T25:00") is None
    assert parse_iso("2008-10-22T16:28Z") == datetime.fromisoformat("2008-10-22T16:28:00+00:00")
