"""A stopped node's blobs, read without trusting them or changing a byte, for `weft verify`."""

from collections.abc import Callable, Iterator
from pathlib import Path

from weft.apps.files.disk import hash_file
from weft.model.stored import Finding


def check_blobs(folder: Path, progress: Callable[[str, int, int], None]) -> Iterator[Finding]:
    """Every blob whose bytes are not those that its name is the SHA-256 of, or that was set aside as such."""
    paths = sorted(
        [*folder.glob("[0-9a-f][0-9a-f]/*"), *folder.glob("unclaimed/*"), *folder.glob("cached/*")]
    )
    for done, path in enumerate(paths):
        progress("blobs", done, len(paths))
        found = hash_file(path)
        if found != path.name:
            yield Finding(str(path), "its bytes have another SHA-256", path.name, found)
    for path in sorted((folder / "damaged").glob("*")):
        yield Finding(str(path), "set aside as damaged by the node itself")
    progress("blobs", len(paths), len(paths))
