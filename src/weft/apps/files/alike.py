"""Pictures that look like another one, by what programs found in them (`findings.py`)."""

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
        for file in (await files.search(query, None, COMPARED_MAX, height)).files:
            other = likeness_of(file.metadata.get("machine_tags", []))
            if other is not None and file.id != id_ and bits_apart(likeness, other) <= APART_MAX:
                found[file.id] = bits_apart(likeness, other), file
    return sorted(found.values(), key=lambda one: (one[0], one[1].tx_height, one[1].id))[:limit]
