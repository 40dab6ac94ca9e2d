"""Reading a stopped node's data folder without trusting it or changing a byte, for `weft verify`.

First every file is looked at for itself (`check`): LMDB's structure by a reader that damage cannot lead
astray, then each row, record and content against its own checksum. What the rows should hold is then told
block by block by whoever executes the blocks again, and at last what is left is compared and counted, because
a row that nothing explains is as wrong as one that is missing.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from weft.storage.disk import reading
from weft.storage.inspection.contents import ContentInspection
from weft.storage.inspection.ledger import LedgerInspection
from weft.storage.inspection.records import RecordInspection
from weft.storage.inspection.scratch import Scratch

__all__ = ["Inspection", "inspect"]


@dataclass(frozen=True, slots=True)
class Inspection:
    """The three parts of a data folder, and room to write what they should hold."""

    records: RecordInspection
    ledger: LedgerInspection
    contents: ContentInspection
    scratch: Scratch


@contextmanager
def inspect(data: Path) -> Iterator[Inspection]:
    """A data folder, kept from changing meanwhile. Raises LaunchError when a node runs on it."""
    with reading(data / "journal"), ExitStack() as opened:
        yield Inspection(
            RecordInspection(data / "journal"),
            LedgerInspection(data / "store", opened),
            ContentInspection(data / "attachments", opened),
            Scratch(opened),
        )
