"""When something was made, and how far its clock was from UTC, if that is known.

A time is kept in UTC. Most cameras do not say how far their clock is from it; the clock is then taken as if
it ran on UTC, so that times can be compared and sorted, and no offset is given.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from weft.apps.files.inside.text import Facts

OFFSET_MINUTES_MAX = 14 * 60
_QUARTERS = {-570, -210, -150, 210, 270, 330, 345, 390, 525, 570, 630, 765, 825}
"""Offsets in use, in minutes, that are no whole hours (IANA time zones)."""
_STALE_S = 300
"""How old a receiver's time may be when a photo is taken."""


def tell(clock: datetime) -> Facts:
    """`taken_at` in UTC and, of a clock that knows its zone, `taken_offset`; nothing if UTC has no such year.
    No reader says one of them without the other where it could."""
    zone = clock.utcoffset()
    try:
        moment = clock.replace(tzinfo=UTC) if zone is None else clock.astimezone(UTC)
    except OverflowError:
        return {}
    if zone is None or abs(zone) > timedelta(minutes=OFFSET_MINUTES_MAX):
        return {"taken_at": write(moment)}
    return {"taken_at": write(moment), "taken_offset": write_offset(zone)}


def knows_zone(found: Facts, facts: Facts) -> bool:
    """Whether the facts tell the same clock time as what was found, and its zone, which was not found."""
    if "taken_at" not in found or "taken_offset" in found or "taken_offset" not in facts:
        return False
    moment = datetime.fromisoformat(str(facts["taken_at"]))
    return write(moment.astimezone(parse_offset(str(facts["taken_offset"])))) == found["taken_at"]


def write(moment: datetime) -> str:
    """RFC 3339, to the second."""
    # Not strftime: where a year has less than four digits it writes fewer.
    return moment.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def write_offset(zone: timedelta) -> str:
    """As RFC 3339 writes it: +02:00."""
    minutes = round(zone.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def parse_offset(text: str) -> timezone | None:
    """The zone that +02:00, +0200 or Z names, if it is one."""
    if text in ("Z", "z"):
        return UTC
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)", text)
    if match is None or int(match[2]) * 60 + int(match[3]) > OFFSET_MINUTES_MAX:
        return None
    east = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(east if match[1] == "+" else -east)


def parse_iso(text: str) -> datetime | None:
    """A time as XMP and QuickTime write it (ISO 8601); None of a mere day or what the calendar has not."""
    if "T" not in text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def find_zone(clock: datetime, satellite: datetime) -> timezone | None:
    """The zone of a clock that stood so when a receiver had that time in UTC; None if none explains both."""
    apart = (clock - satellite).total_seconds()
    minutes = round(apart / 900) * 15
    is_known = minutes % 60 == 0 or minutes in _QUARTERS
    if not is_known or abs(minutes) > OFFSET_MINUTES_MAX or abs(apart - minutes * 60) > _STALE_S:
        return None
    return timezone(timedelta(minutes=minutes))
