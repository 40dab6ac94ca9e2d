"""Attachments, looked at for themselves: every content against its commitment, files and index against each
other."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from weft.model.digest import Digest
from weft.model.errors import StoreError
from weft.model.stored import Erased, Finding
from weft.model.transaction import Attachment
from weft.storage import attachments, content
from weft.storage.attachments import content_paths, decode_reached, decode_spot
from weft.storage.content import LIVE_BYTES, Found, Spot, read_attachment
from weft.storage.inspection.table import Progress, check_tables, show_text
from weft.storage.rows import Reading

_SHOW: dict[str, Callable[[bytes], str]] = {
    "spots": lambda key: f"attachment {key.hex()}",
    "tombstones": lambda key: f"attachment {key.hex()}",
    "intents": lambda key: f"attachment {key.hex()}",
    "meta": lambda key: f"fact {show_text(key)}",
}
assert set(_SHOW) == set(attachments.TABLES)


class ContentInspection:
    """What the attachment store holds. After `check` found nothing in the index the rest may be called."""

    def __init__(self, folder: Path, opened: ExitStack) -> None:
        self._folder = folder
        self._opened = opened
        self._view: Reading | None = None
        self._fresh: dict[Digest, int] = {}
        """Sizes of what a kill left for the next start to index."""

    def check(self, progress: Progress) -> Iterator[Finding]:
        """The index, the files, each against the other. What a kill leaves unfinished is not damage."""
        index = self._folder / attachments.INDEX
        self._view = yield from check_tables("attachments' index", index, _SHOW, self._opened, progress)
        if self._view is None:
            return
        paths = content_paths(self._folder)
        total, done, placed = sum(path.stat().st_size for path in paths), 0, 0
        for path in paths:
            try:
                for found in content.survey(path):
                    progress("attachments", done + found.end, total)
                    if found.commitment is None:
                        yield from _check_between(path, found, path == paths[-1])
                    elif self._view.get("spots", found.commitment) is None:
                        yield from self._take_fresh(path, found)
                    else:
                        placed += 1
                        yield from self._check_spot(path, found)
            except StoreError as error:
                yield Finding(str(path), str(error))
            done += path.stat().st_size
        if placed != self._view.count("spots"):
            yield from self._find_lost()
        progress("attachments", total, total)

    @property
    def is_sound(self) -> bool:
        """Whether the index can be asked."""
        return self._view is not None

    def find(self, commitment: Digest) -> int | Erased | None:
        """The size of what is here, or since when it is erased."""
        row = self._reading.get("tombstones", commitment)
        if row is not None:
            return Erased(int.from_bytes(row, "big"))
        row = self._reading.get("spots", commitment)
        return self._fresh.get(commitment) if row is None else decode_spot(row).size

    def read(self, commitment: Digest) -> bytes | None:
        """The content, as far as the index knows it."""
        row = self._reading.get("spots", commitment)
        if row is None:
            return None
        spot = decode_spot(row)
        with attachments.path_of(self._folder, spot.sequence).open("rb") as file:
            return read_attachment(file.fileno(), spot).content

    def tombstones(self) -> Iterator[tuple[Digest, int]]:
        """Commitments, rising, and the heights that erased them."""
        for commitment, row in self._reading.rising("tombstones"):
            yield commitment, int.from_bytes(row, "big")

    @property
    def _reading(self) -> Reading:
        assert self._view is not None, "check comes first, and found the index sound"
        return self._view

    def _check_spot(self, path: Path, found: Found) -> Iterator[Finding]:
        assert found.commitment is not None
        row = self._reading.get("spots", found.commitment)
        spot = Spot(int(path.stem), found.offset, found.end - found.offset - LIVE_BYTES)
        if row is not None and decode_spot(row) != spot:
            where = f"{path}, offset {found.offset}"
            yield Finding(where, f"attachment {found.commitment.hex()} stands elsewhere too")

    def _take_fresh(self, path: Path, found: Found) -> Iterator[Finding]:
        """Content behind what the index reached will be indexed at the next start."""
        assert found.commitment is not None
        reached = self._reading.get("meta", b"reached")
        if reached is None or decode_reached(reached) <= (int(path.stem), found.offset):
            self._fresh[found.commitment] = found.end - found.offset - LIVE_BYTES
        else:
            where = f"{path}, offset {found.offset}"
            yield Finding(where, f"the index does not know attachment {found.commitment.hex()}")

    def _find_lost(self) -> Iterator[Finding]:
        """What the index says is here and is not. Being erased is not being lost."""
        for commitment, row in self._reading.rising("spots"):
            spot = decode_spot(row)
            path = self._folder / f"{spot.sequence:012}{attachments.SUFFIX}"
            is_doomed = self._reading.get("intents", commitment) is not None
            if not is_doomed and _read(path, spot) != commitment:
                where = f"{path}, offset {spot.offset}"
                yield Finding(where, f"attachment {commitment.hex()} is damaged or not there")


def _check_between(path: Path, found: Found, is_newest: bool) -> Iterator[Finding]:
    if not found.is_wiped and not (is_newest and found.is_cut_short):
        what = "a destroyed attachment is not wiped" if found.is_record else "these bytes are no attachment"
        yield Finding(f"{path}, offset {found.offset}", f"{what}, up to offset {found.end}")


def _read(path: Path, spot: Spot) -> Digest | None:
    """The commitment of what stands there."""
    if not path.exists():
        return None
    with path.open("rb") as file:
        found: Attachment = content.read_attachment(file.fileno(), spot)
    return found.commitment if len(found.salt) == 32 else None
