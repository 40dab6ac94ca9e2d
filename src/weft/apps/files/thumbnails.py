"""Small upright pictures, drawn when they are first asked for and kept where all that is derived is kept."""

import asyncio
from pathlib import Path
from secrets import token_hex
from typing import Protocol

from weft.apps.files.blobs import digests_in
from weft.apps.files.disk import disk_room, shred


class Draughtsman(Protocol):
    """Draws out of harm's way."""

    async def draw(self, source: Path, target: Path, media_type: str) -> bool:
        """Write a thumbnail of `source` to `target`; False when none can be made."""


class Thumbnails:
    """A picture a blob, by the blob's digest."""

    media_type = "image/webp"

    def __init__(self, folder: Path, draughtsman: Draughtsman) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._draughtsman = draughtsman
        for left_over in folder.glob("*.part"):
            shred(left_over)

    async def find(self, name: str) -> bytes | None:
        """The thumbnail of this blob, if it has been drawn."""
        return await asyncio.to_thread(self._load, name)

    async def draw(self, name: str, source: Path, media_type: str) -> bytes | None:
        """Draw the thumbnail of a blob; None when its content is no picture that can be opened."""
        part = self._folder / f"{token_hex(8)}.part"
        try:
            if not await self._draughtsman.draw(source, part, media_type):
                return None
            return await asyncio.to_thread(self._keep, part, name)
        finally:
            await asyncio.to_thread(shred, part)

    def names(self) -> list[str]:
        """Digests of all blobs whose thumbnail was drawn. Touches the disk."""
        return digests_in(self._folder)

    def destroy(self, name: str) -> None:
        """Overwrite and remove. Touches the disk."""
        shred(self._folder / name)

    def _load(self, name: str) -> bytes | None:
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def _keep(self, part: Path, name: str) -> bytes:
        with disk_room():
            part.replace(self._folder / name)
        return (self._folder / name).read_bytes()
