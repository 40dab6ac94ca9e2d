"""How this node's content is: as metrics, and at `GET /v1/blobs`."""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import Response

from weft.api.face import READ, Answer, begin_read, describe, make_router
from weft.apps.files.blobs import SHARDS
from weft.apps.files.service import FilesService


class BlobStatus(msgspec.Struct):
    """How one node keeps content, and what it has found and done since its process began."""

    store: Literal["folder", "s3", "azure"]
    copies: Annotated[int, msgspec.Meta(description="How many members hold each blob; 0: all.")]
    is_shared: bool
    missing: Annotated[int, msgspec.Meta(description="Blobs that this node must keep and is fetching.")]
    lost: Annotated[int, msgspec.Meta(description="Blobs that a shared bucket lacks and this node as well.")]
    moving: Annotated[int, msgspec.Meta(description="Blobs on this disk that belong elsewhere.")]
    erasing: Annotated[int, msgspec.Meta(description="Erased blobs that a bucket has yet to remove.")]
    damaged: int
    repaired: int
    proved: Annotated[int, msgspec.Meta(description="Challenges that other members passed.")]
    unproved: Annotated[int, msgspec.Meta(description="Challenges that they could not answer.")]
    disproved: Annotated[int, msgspec.Meta(description="Challenges that they answered wrongly.")]
    away: Annotated[list[int], msgspec.Meta(description="Members that are stood in for.")]
    passes: Annotated[int, msgspec.Meta(description="Looks at all content that were finished.")]
    looked_percent: Annotated[int, msgspec.Meta(description="Of the look under way.")]
    read_percent: Annotated[int, msgspec.Meta(description="Of the reading under way.")]


GAUGES = {
    "missing": "Blobs that this node must keep and is fetching",
    "lost": "Blobs that a shared bucket lacks and this node as well",
    "moving": "Blobs on this disk that belong elsewhere",
    "erasing": "Erased blobs that a bucket has yet to remove",
}
COUNTERS = {
    "damaged": "Blobs found damaged",
    "repaired": "Blobs made again that were missing or damaged",
    "proved": "Challenges that other members passed",
    "unproved": "Challenges that other members could not answer",
    "disproved": "Challenges that other members answered wrongly",
    "passes": "Looks at all content that were finished",
}


def find_status(files: FilesService) -> BlobStatus:
    """As it is now."""
    vault, scrub = files.vault, files.scrub
    keeping, counts, (looked, read) = vault.keeping, vault.counts, scrub.progress
    return BlobStatus(
        store=keeping.place.kind if keeping.place else "folder",
        copies=vault.placement.copies,
        is_shared=keeping.is_shared,
        missing=files.fetcher.missing,
        lost=sum(scrub.lost.values()),
        moving=len(files.settler.waiting),
        erasing=len(vault.doomed),
        damaged=counts["damaged"] + vault.blobs.damages,
        repaired=counts["repaired"],
        proved=counts["proved"],
        unproved=counts["unproved"],
        disproved=counts["disproved"],
        away=sorted(vault.away),
        passes=scrub.passes,
        looked_percent=looked * 100 // len(SHARDS),
        read_percent=read * 100 // len(SHARDS),
    )


class Figures:
    """A collector for Prometheus' registry: asked whenever somebody reads the metrics."""

    def __init__(self, files: FilesService) -> None:
        self._files = files

    def collect(self) -> Iterator[Metric]:
        return show_metrics(find_status(self._files))


def show_metrics(status: BlobStatus) -> Iterator[Metric]:
    """Each figure under its name."""
    for name, text in GAUGES.items():
        yield GaugeMetricFamily(f"weft_blobs_{name}", text, value=getattr(status, name))
    for name, text in COUNTERS.items():
        yield CounterMetricFamily(f"weft_blobs_{name}", text, value=getattr(status, name))


def blob_router(files: FilesService) -> APIRouter:
    """The route of this page."""
    routes = make_router("files")

    @routes.get("/v1/blobs", **describe({200: BlobStatus}, parameters=READ))
    async def show_blobs(request: Request) -> Response:
        """How this node keeps the content of files, what is missing here and what it has repaired."""
        height = await begin_read(request)
        return Answer(find_status(files), height=height)

    return routes
