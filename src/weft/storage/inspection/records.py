"""The journal, looked at for itself."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from weft.model.errors import JournalError
from weft.model.stored import Finding
from weft.storage.inspection.table import Progress
from weft.storage.journal import check_follows, segment_paths
from weft.storage.segment import CLOSED, Segment, Survey

Record = tuple[str, int, int, bytes]
"""Where it stands, kind, round, payload."""


class RecordInspection:
    """What the journal holds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, progress: Progress) -> Iterator[Finding | Record]:
        """Every intact record, and what is damaged. A last write that was broken off is not damage."""
        paths = segment_paths(self._folder)
        total, done = sum(path.stat().st_size for path in paths), 0
        before: Survey | None = None
        for path in paths:
            progress("journal", done, total)
            try:
                with contextlib.closing(Segment(path)) as segment:
                    check_follows(path, segment.head, before)
                    before = segment.survey()
                    yield from _records(path, segment)
                    if before.end < segment.size and not (
                        path == paths[-1] and segment.is_cut_short(before.end)
                    ):
                        yield Finding(f"{path}, offset {before.end}", "the record is damaged")
            except JournalError as error:
                yield Finding(str(path), str(error))
                before = None
            done += path.stat().st_size
        progress("journal", total, total)


def _records(path: Path, segment: Segment) -> Iterator[Record]:
    for entry in segment.entries():
        if entry.kind != CLOSED:
            yield f"{path}, offset {entry.offset}", entry.kind, entry.round, entry.payload
