"""Conditions in the language of PostgreSQL: SQL about a row of `file`, and its values."""

from collections.abc import Callable, Sequence
from typing import Any

from weft.apps.files import query as q

Values = tuple[Any, ...]
Clause = tuple[str, Values]
Split = Callable[[str], list[str]]
"""The words of a text."""


def compile_where(conditions: Sequence[q.Condition], split: Split) -> Clause:
    """All of them."""
    parts = [_compile(one, split) for one in conditions]
    sql = " AND ".join(f"({sql})" for sql, _ in parts) or "true"
    return sql, tuple(value for _, values in parts for value in values)


def compile_words(conditions: Sequence[q.Words], split: Split) -> str | None:
    """A tsquery of the words that `split` makes of each term, all of them quoted; None when there is none."""
    terms = []
    for term in (term for words in conditions for term in words.terms):
        found = split(term.text)
        ends = ["A" if term.is_camera else ""] * len(found)
        if found and term.is_prefix:
            ends[-1] += "*"
        marked = [f"'{word}'{':' + end if end else ''}" for word, end in zip(found, ends, strict=True)]
        if marked:
            terms.append(f"({' <-> '.join(marked)})")
    return " & ".join(terms) or None


def _compile(condition: q.Condition, split: Split) -> Clause:
    match condition:
        case q.Words():
            words = compile_words([condition], split)
            return ("false", ()) if words is None else ("file.words @@ %s::tsquery", (words,))
        case q.Tagged(tags, is_wanted):
            return f"{'' if is_wanted else 'NOT '}file.tags && %s::text[]", (list(tags),)
        case q.MediaType(name) if name.endswith("/"):
            return "file.media_type >= %s AND file.media_type < %s", (name, name[:-1] + "0")
        case q.MediaType(name):
            return "file.media_type = %s", (name,)
        case q.Taken(first, last):
            span = (-(2**63) if first is None else first, 2**63 - 1 if last is None else last)
            return "file.taken_ms BETWEEN %s AND %s", span
        case q.Undated(is_undated):
            return f"file.taken_ms IS {'' if is_undated else 'NOT '}NULL", ()
        case q.Content(sha256):
            return "file.sha256 = %s", (bytes.fromhex(sha256),)
        case q.Duplicated(principals):
            seen, values = ("true", ()) if principals is None else _compile_visible("other", principals)
            other = "SELECT 1 FROM file other WHERE other.sha256 = file.sha256 AND other.place != file.place"
            return f"EXISTS ({other} AND ({seen}))", values
        case q.Box():
            return _compile_box(condition)
        case q.Near(lat, lon, radius_km):
            sql, values = _compile_box(condition.box)
            distance = "ST_DistanceSphere(file.spot, ST_SetSRID(ST_MakePoint(%s, %s), 4326)) <= %s"
            return f"({sql}) AND {distance}", (*values, lon, lat, radius_km * 1000)
        case q.Listed(ids):
            return "file.id = ANY(%s)", ([bytes.fromhex(id_) for id_ in ids],)
        case q.Visible(principals):
            return _compile_visible("file", principals)
        case q.Nothing():
            return "false", ()


def compile_private(principals: Sequence[str]) -> Clause:
    """Files that not everybody may see, and one of these may."""
    return "file.principals IS NOT NULL AND file.principals && %s::text[]", (list(principals),)


def _compile_visible(table: str, principals: Sequence[str]) -> Clause:
    return f"{table}.principals IS NULL OR {table}.principals && %s::text[]", (list(principals),)


def _compile_box(box: q.Box) -> Clause:
    """By the tree of positions, then exactly: the tree is asked for a little more."""
    south, north, more = q.to_units(box.south), q.to_units(box.north), 2 / q.UNIT
    one = (
        "file.spot && ST_MakeEnvelope(%s, %s, %s, %s, 4326) "
        "AND file.lon BETWEEN %s AND %s AND file.lat BETWEEN %s AND %s"
    )
    parts = []
    for west, east in box.spans:
        around = (west / q.UNIT - more, south / q.UNIT - more, east / q.UNIT + more, north / q.UNIT + more)
        parts.append((*around, west, east, south, north))
    return " OR ".join([f"({one})"] * len(parts)), tuple(value for part in parts for value in part)
