"""How the eras answer together: newest first they are gone through one after the other until there is enough,
in other orders the first of each are put in order; counts are added up. Ranks (BM25) are those of an era:
how rare a word is, and how long texts are, is judged by the files of the same era.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from weft.apps.files import query as q
from weft.apps.files.index import COUNTED_MAX, FileView, Found, Spot, Timeline, line_up, rank_facet
from weft.apps.files.index import plan as planning
from weft.apps.files.index.kept import drop_viewer, find_kept, find_twins
from weft.apps.files.index.plan import Plan, make_plan
from weft.apps.files.index.view import View

Row = tuple[Any, int]
"""(sort value, place)."""
Places = dict[int, list[int]]
"""By era, newest first."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked of one state of the index."""

    view: View
    query: q.Query
    twins: Mapping[int, q.Listed]
    """What stands for `Duplicated` where a viewer may not see all files: a twin may lie in any era."""

    def plan(self, era: int) -> Plan:
        conditions = [
            self.twins[era] if self.twins and isinstance(one, q.Duplicated) else one
            for one in self.query.conditions
        ]
        return make_plan(self.view.open(era), conditions)


@dataclass(frozen=True, slots=True)
class Hits:
    """What was counted, and the places of it if it was listed for that."""

    total: int
    is_exact: bool
    places: Places | None = None

    def plan(self, asked: Search, era: int) -> Plan:
        """To go through all hits of an era, those that were not counted too."""
        if self.places is None or not self.is_exact:
            return asked.plan(era)
        return Plan(asked.view.open(era), [], self.places.get(era, []))


def search(view: View, query: q.Query, after: Spot | None, limit: int) -> Found:
    """A page."""
    asked = _begin(view, query)
    query = asked.query
    kept = find_kept(view, query)
    if kept is not None:
        more, length = _cut(kept.list_more())
        hits = Hits(kept.count() + min(length, COUNTED_MAX), length <= COUNTED_MAX)
        counts = _count_facets(view, query.facets, more)
        facets = {name: kept.read_facet(name, counts[name]) for name in query.facets}
    else:
        hits = _count(asked)
        counts = _count_facets(view, query.facets, hits.places or {})
        facets = {name: rank_facet(list(counts[name].items())) for name in query.facets}
    if query.sort == "created_at":
        places = _walk(asked, hits, None if after is None else after[1], limit + 1)
        rows: list[Row] = [(place, place) for place in places]
    else:
        rows = _put_in_order(asked, hits, after, limit + 1)
    next_spot = rows[limit - 1] if len(rows) > limit else None
    files = _load(view, [place for _, place in rows[:limit]])
    return Found(files, next_spot, hits.total, hits.is_exact, facets)


def count_months(view: View, query: q.Query) -> Timeline:
    """All hits by month."""
    asked = _begin(view, query)
    kept = find_kept(view, asked.query)
    if kept is not None:
        return kept.read_months()
    counts: Counter[str | None] = Counter()
    for era in view.eras():
        counts.update(planning.count_months(asked.plan(era)))
    return line_up(counts, counts.total())


def _begin(view: View, query: q.Query) -> Search:
    query = replace(query, conditions=drop_viewer(view, query))
    for one in query.conditions:
        if isinstance(one, q.Duplicated) and one.principals is not None:
            return Search(view, query, find_twins(view, one.principals))
    return Search(view, query, {})


def _count(asked: Search) -> Hits:
    """Up to a bound, from the newest on."""
    listed: Places = {}
    is_listing = not planning.is_spot_alone(asked.query)
    left = COUNTED_MAX + 1
    for era in asked.view.eras():
        if is_listing:
            listed[era] = asked.plan(era).walk(left)
            left -= len(listed[era])
        else:
            left -= planning.plan_spots(asked.view.open(era), asked.query).count(left)
        if not left:
            break
    places = _cut(listed)[0] if is_listing else None
    return Hits(min(COUNTED_MAX + 1 - left, COUNTED_MAX), left > 0, places)


def _cut(places: Places) -> tuple[Places, int]:
    """As many as are counted, of one more at the most; and how many there were."""
    length = sum(map(len, places.values()))
    if length > COUNTED_MAX:
        last = next(reversed(places))
        places = places | {last: places[last][:-1]}
    return places, length


def _walk(asked: Search, hits: Hits, beyond: int | None, count: int) -> list[int]:
    """Places, newest first or oldest first, behind the file `beyond`."""
    view, is_rising = asked.view, asked.query.is_rising
    if hits.places is not None and (hits.is_exact or not is_rising):
        known = [place for places in hits.places.values() for place in places]
        if is_rising:
            known.reverse()
        if beyond is not None:
            known = [place for place in known if (place > beyond if is_rising else place < beyond)]
        if hits.is_exact or len(known) >= count:
            return known[:count]
    found: list[int] = []
    for era in view.eras(is_rising, beyond):
        is_spot = planning.is_spot_alone(asked.query)
        plan = planning.plan_spots(view.open(era), asked.query) if is_spot else asked.plan(era)
        found += plan.walk(count - len(found), is_rising, beyond)
        if len(found) == count:
            break
    return found


def _put_in_order(asked: Search, hits: Hits, after: Spot | None, count: int) -> list[Row]:
    """The first of all eras. Files without the value come last."""
    query = asked.query
    rows: list[Row] = []
    for era in asked.view.eras():
        plan = hits.plan(asked, era)
        if query.sort == "relevance":
            rows += planning.page_of_words(plan, query.conditions, after, count)
        else:
            rows += planning.page(plan, query, after, count)
    is_falling = not query.is_rising and query.sort != "relevance"
    valued = sorted((row for row in rows if row[0] is not None), key=_order, reverse=is_falling)
    rest = sorted((row for row in rows if row[0] is None), key=lambda row: row[1], reverse=is_falling)
    return [*valued, *rest][:count]


def _order(row: Row) -> Row:
    """As an era orders them: names whatever the case of their ASCII letters."""
    value, place = row
    return (value.encode().lower() if isinstance(value, str) else value), place


def _load(view: View, places: list[int]) -> tuple[FileView, ...]:
    """The files at these places, in their order."""
    by_era: Places = {}
    for place in places:
        by_era.setdefault(view.era_of(place), []).append(place)
    files: dict[int, FileView] = {}
    for era, some in by_era.items():
        files.update(zip(some, planning.load(view.open(era), some), strict=True))
    return tuple(files[place] for place in places)


def _count_facets(view: View, facets: tuple[str, ...], places: Places) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = {facet: Counter() for facet in facets}
    for era, some in places.items() if facets else ():
        for facet, counted in planning.count_facets(view.open(era), facets, some).items():
            counts[facet].update(counted)
    return counts
