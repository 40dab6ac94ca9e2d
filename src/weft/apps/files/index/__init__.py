"""The index of files: what this node has read in the ledger, arranged for searching.

Promises, whatever keeps it (`sqlite`: a file of this node; `postgres`: a server). It holds nothing that the
ledger and the attachments do not say, so it may be deleted at any time and is made again by following from 0.
Rows and the cursor up to which they are true are written together. After `scrub` what was removed is gone as
far as the keeper says. The same queries have the same answers, but for the order of `relevance`. What a query
finds among the files that somebody may see (`Query.seen_by`), with totals, facets and months, is what it
finds in an index without the others.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from weft.apps.files.findings import words_of
from weft.apps.files.metadata import Metadata, parse_time, texts_of
from weft.apps.files.query import Query, to_units

PLACES_A_BLOCK = 1 << 20
"""More events than any block can have: (height, position) becomes one rising number."""
COUNTED_MAX = 10_000
"""Hits that are counted; beyond them `total` says that there are more. Of a search that asks for nothing in
particular all are counted, because that is kept."""
FACET_VALUES_MAX = 100
MONTHS_MAX = 2_400
"""Two hundred years; months before them are left out."""

Spot = tuple[str | int | float | None, int]
"""(sort value, place) of the last file of a page."""


@dataclass(frozen=True, slots=True)
class Place:
    """A transaction and where it was executed."""

    id: bytes
    height: int
    position: int


@dataclass(frozen=True, slots=True)
class FileView:
    """A file as users see it."""

    id: str
    owner: str
    sha256: str | None
    """None while this node lacks the attachment that says it."""
    name: str
    size: int
    media_type: str
    version: int
    created_ms: int
    updated_ms: int
    metadata: Metadata
    tx_id: str
    """The transaction that made the file, and where it stands."""
    tx_height: int
    tx_position: int
    readers: tuple[str, ...] | None = None
    """Who sees it beside its owner: accounts and collections, in order. None: whoever reads the network."""

    @property
    def principals(self) -> tuple[str, ...]:
        """Who may see it if not everybody may: its owner and its readers."""
        return () if self.readers is None else tuple(dict.fromkeys((self.owner, *self.readers)))


@dataclass(frozen=True, slots=True)
class Found:
    """A page of a search."""

    files: tuple[FileView, ...]
    next_spot: Spot | None
    """Where the next page begins; None at the end."""
    total: int
    is_total_exact: bool
    facets: dict[str, dict[str, int]]
    """By facet: value and number of hits, most first; of the newest 10,000 hits if there are more."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """Months as YYYY-MM in UTC, newest first, with their hits; and the hits without a time."""

    months: tuple[tuple[str, int], ...]
    undated: int


class Index(Protocol):
    """One writer, any number of readers, from any thread. All calls wait for a disk or a server."""

    @property
    def cursor(self) -> tuple[int, int]:
        """(height, position) of the last ledger row that the index took in."""

    def clear(self) -> None:
        """Forget all and begin anew."""

    def close(self) -> None:
        """Waits for queries under way; those that come later fail."""

    def writing(self, cursor: tuple[int, int]) -> AbstractContextManager[None]:
        """Several changes and the cursor, all or nothing."""

    def put(self, file: FileView, place: int) -> None:
        """Add a file, or replace what was known of it; a known file keeps its place."""

    def remove(self, id_: str) -> None:
        """Forget a file; `scrub` afterwards."""

    def scrub(self) -> None:
        """Leave nothing of what was removed."""

    def is_named(self, sha256: str, apart_from: str = "") -> bool:
        """Whether a file has this content, as far as was written, not counting the file `apart_from`."""

    def sha256_of(self, id_: str) -> str | None:
        """The digest of a file's content, as far as was written."""

    def made_by(self, id_: str) -> Place | None:
        """The transaction that made a file, as far as was written."""

    def find_content(self, owner: str, sha256: str) -> str | None:
        """The id of the first file of this owner with this content."""

    def incomplete(self, limit: int) -> list[str]:
        """Ids of files whose attachments this node lacks."""

    def contents(self, after: str, limit: int) -> list[str]:
        """Digests of the contents of all files, rising from the one after `after`."""

    def search(self, query: Query, after: Spot | None, limit: int) -> Found:
        """A page of what the query finds. Pages go on after the last file of the page before (by sort value
        and place), not after a number of files, so that what is uploaded meanwhile neither repeats a file nor
        hides one. Places are equal on all nodes, so a page may be asked of another node than the one before.
        """

    def count_months(self, query: Query) -> Timeline:
        """What the query finds, by month: what a long gallery needs to know of its length. Unlike facets it
        counts every hit, so that a page knows where each month lies before it has seen one of it."""


FIELDS = ("name", "title", "description", "tags", "camera", "other")
"""What words are looked for in; a phrase stands within one of them."""


_OTHERS = ("custom", "place", "keywords", "lens", "author")


def texts(file: FileView) -> tuple[str, ...]:
    """The texts of a file by `FIELDS`."""
    metadata = file.metadata
    return (
        file.name,
        metadata.get("title", ""),
        metadata.get("description", ""),
        "\n".join(metadata.get("tags", ())),
        metadata.get("camera", ""),
        "\n".join((*_others(metadata), *words_of(metadata.get("machine_tags", [])))),
    )


def _others(metadata: Metadata) -> Iterator[str]:
    return (text for name in _OTHERS if name in metadata for text in texts_of(metadata[name]))


def traits(file: FileView, taken_ms: int | None) -> Iterator[tuple[str, str]]:
    """What a file, taken then, counts for: (facet, value)."""
    for tag in file.metadata.get("tags", ()):
        yield "tags", tag
    yield "media_type", file.media_type
    if "camera" in file.metadata:
        yield "camera", file.metadata["camera"]
    if taken_ms is not None:
        month = _month(taken_ms)
        yield "year", month[:4]
        yield "month", month


def taken_ms(metadata: Metadata) -> int | None:
    """Milliseconds since 1970."""
    taken_at = metadata.get("taken_at")
    return None if taken_at is None else (parse_time(taken_at) - _EPOCH) // timedelta(milliseconds=1)


def units(metadata: Metadata) -> tuple[int, int] | tuple[None, None]:
    """Latitude and longitude in `query.UNIT`."""
    location = metadata.get("location")
    return (to_units(location["lat"]), to_units(location["lon"])) if location else (None, None)


def rank_facet(counts: list[tuple[str, int]]) -> dict[str, int]:
    """The values of a facet, most first, then as their letters are ordered."""
    return dict(sorted(counts, key=lambda one: (-one[1], one[0]))[:FACET_VALUES_MAX])


def line_up(counts: Counter[str | None], total: int) -> Timeline:
    """Months with their counts, and how many of all have none."""
    dated = [(month, count) for month, count in counts.items() if month is not None]
    months = tuple(sorted(dated, reverse=True)[:MONTHS_MAX])
    return Timeline(months, total - sum(count for _, count in dated))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _month(moment_ms: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=moment_ms)
    return f"{moment.year:04d}-{moment.month:02d}"
