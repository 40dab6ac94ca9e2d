"""A stopped node's blobs, read without trusting them or changing a byte, for `weft verify`."""

from collections.abc import Callable, Iterator
from pathlib import Path

from weft.apps.files.contract import list_files
from weft.apps.files.disk import hash_file, is_unreadable
from weft.execution.view import Reader
from weft.model.digest import Digest
from weft.model.stored import Finding

PAGE = 1000


def check_blobs(folder: Path, progress: Callable[[str, int, int], None]) -> Iterator[Finding]:
    """Every blob whose bytes are not those that its name is the SHA-256 of, or that was set aside as such."""
    paths = sorted(
        [*folder.glob("[0-9a-f][0-9a-f]/*"), *folder.glob("unclaimed/*"), *folder.glob("cached/*")]
    )
    for done, path in enumerate(paths):
        progress("blobs", done, len(paths))
        try:
            found = hash_file(path)
        except OSError as error:
            if not is_unreadable(error):
                raise
            yield Finding(str(path), f"cannot be read: {error.strerror}")
            continue
        if found != path.name:
            yield Finding(str(path), "its bytes have another SHA-256", path.name, found)
    for path in sorted((folder / "damaged").glob("*")):
        yield Finding(str(path), "set aside as damaged by the node itself")
    progress("blobs", len(paths), len(paths))


def check_held(state: Reader, read: Callable[[Digest], bytes | None], folder: Path) -> Iterator[Finding]:
    """Every file that is not erased whose content is not here, of a node that keeps all content on its disk.

    `read` gives the content of an attachment; where it has none, that is a finding of another check.
    """
    after = None
    while page := list_files(state, after, PAGE):
        for id_, file in page:
            digest = None if file.erased_height is not None else read(file.digest.digest)
            if digest is not None and not (folder / digest.hex()[:2] / digest.hex()).exists():
                yield Finding(
                    f"file {id_.hex()}",
                    "its content is not here; the node fetches it from others when it runs",
                )
        after = page[-1][0]
