"""Content that was uploaded: kept for a file to come, or that is there already, and looked at."""

import asyncio
from contextlib import suppress
from pathlib import Path

from weft.apps.files.blobs import Incoming
from weft.apps.files.draft import Kept
from weft.apps.files.errors import DraftUnknownError
from weft.apps.files.follower import Follower
from weft.apps.files.media import HEAD_BYTES, media_type_of
from weft.apps.files.metadata import Metadata
from weft.apps.files.vault import Vault
from weft.apps.files.wish import Looked
from weft.apps.files.worker import READABLE, Worker
from weft.model.errors import BlobError

LOOK_TRIES = 4


class Intake:
    """Where uploads go first."""

    def __init__(self, vault: Vault, follower: Follower, worker: Worker) -> None:
        self._vault = vault
        self._follower = follower
        self._worker = worker

    def keep(self, incoming: Incoming) -> None:
        """Raises DraftUnknownError for content that was kept before, and is gone."""
        if not isinstance(incoming, Kept):
            self._vault.blobs.keep(incoming)
        elif self._vault.blobs.find(incoming.name) is None:
            raise DraftUnknownError("the content of this upload was kept, and is gone again")

    async def look(self, incoming: Incoming, name: str) -> Looked:
        """What content that is kept says of itself."""
        if self._vault.bucket is not None:
            # Before the follower has begun, nobody knows above which height content is put.
            await self._follower.reach(0)
            await self._vault.secure(incoming.name)
        for _ in range(LOOK_TRIES):
            with suppress(FileNotFoundError):
                seen = await asyncio.to_thread(self._see, incoming.name, name)
                if seen is None:
                    break
                source, media_type = seen
                metadata: Metadata = {}
                if media_type.startswith(READABLE):
                    metadata = await self._worker.read(source, media_type)
                    # It may have been moved meanwhile, from where it waited to where it is kept.
                    await asyncio.to_thread(source.stat)
                return Looked(incoming.name, incoming.size, media_type, metadata)
        raise BlobError("the content was lost a moment after it was written")

    def _see(self, sha256: str, name: str) -> tuple[Path, str] | None:
        """Where sound content is, and its media type; files that lack it get it. Raises FileNotFoundError
        when it is moved at that moment."""
        source = self._vault.blobs.find(sha256)
        if source is None:
            return None
        self._follower.mend(sha256, source)
        return source, media_type_of(_head_of(source), name)


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)
