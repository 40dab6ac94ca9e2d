"""Pictures that look like another one, by what programs found in them (`findings.py`)."""

import asyncio
from collections.abc import Iterable

from weft.apps.files.findings import APART_MAX, bits_apart, likeness_of, look_words
from weft.apps.files.index import FileView
from weft.apps.files.query import Query, looks
from weft.apps.files.service import FilesService
from weft.apps.files.viewer import Viewer

COMPARED_MAX = 10_000
"""Pictures, the newest, that are compared for each part that looks have in common."""


async def find_alike(
    files: FilesService, viewer: Viewer, id_: str, limit: int, height: int
) -> list[tuple[int, FileView]]:
    """In how many bits they differ, and they; the likest first, then the oldest. Nothing until a program has
    told how the file looks. Of an index that holds all of this height at least."""
    likeness = likeness_of((await files.get(id_, viewer)).metadata.get("machine_tags", []))
    if likeness is None:
        return []
    found: dict[str, tuple[int, FileView]] = {}
    for part in look_words(likeness):
        query = await files.narrow(viewer, Query((looks(part),)))
        page = await files.search(query, None, COMPARED_MAX, height)
        found |= await asyncio.to_thread(_compare, likeness, page.files)
    found.pop(id_, None)
    return sorted(found.values(), key=lambda one: (one[0], one[1].tx_height, one[1].id))[:limit]


def _compare(likeness: str, files: Iterable[FileView]) -> dict[str, tuple[int, FileView]]:
    """In how many bits those that look like it differ, by id."""
    found: dict[str, tuple[int, FileView]] = {}
    for file in files:
        other = likeness_of(file.metadata.get("machine_tags", []))
        if other is not None and (bits := bits_apart(likeness, other)) <= APART_MAX:
            found[file.id] = bits, file
    return found
