"""Work in the background, which a disk, a server or a bucket may hold up."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from weft.model.errors import DivergedError, WeftError

log = structlog.get_logger("weft.files")


@contextmanager
def surviving(work: str) -> Iterator[None]:
    """What fails outside of this program is told, and left for the next round: a node does not end by it."""
    try:
        yield
    except DivergedError:
        raise
    except WeftError as error:
        log.warning("files.background", work=work, code=error.code, reason=str(error), fix=error.fix)
    except OSError as error:
        # Not its text: that has the path, and the path the digest.
        log.warning("files.background", work=work, reason=error.strerror, fix="Look at the disk.")
