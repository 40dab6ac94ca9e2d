"""A node's data folder: journal, store and attachments together, held by one process.

lock            locked while a process uses the folder
journal/        what was seen and said                     journal.py
store/          blocks, receipts, state, commits           store.py
attachments/    content that can be destroyed              attachments.py
"""

from contextlib import ExitStack
from pathlib import Path

from weft.model.block import Sealed
from weft.model.digest import Digest
from weft.storage.attachments import Attachments
from weft.storage.disk import Lock
from weft.storage.journal import Journal
from weft.storage.store import LmdbStore, Nodes

JOURNAL, STORE, ATTACHMENTS = "journal", "store", "attachments"


class Folder:
    """All three, open. Raises LaunchError when another process uses the folder, else what each raises."""

    def __init__(self, path: Path, genesis: Sealed, tree: Nodes, root: Digest) -> None:
        with ExitStack() as opened:
            opened.callback(Lock(path).close)
            self.store = LmdbStore(path / STORE, genesis, tree, root)
            opened.callback(self.store.close)
            self.attachments = Attachments(path / ATTACHMENTS)
            opened.callback(self.attachments.close)
            self.journal = Journal(path / JOURNAL)
            opened.callback(self.journal.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Sync everything, and let others in."""
        self._opened.close()
