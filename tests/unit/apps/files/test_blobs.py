"""Content on the disk of one node."""

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

import weft.apps.files.blobs as module
from weft.apps.files.blobs import Blobs, Incoming
from weft.apps.files.disk import hash_file
from weft.apps.files.inspection import check_blobs
from weft.model.errors import BlobError, DiskFullError

CONTENT = b"a photo of the sea" * 1000
NAME = sha256(CONTENT).hexdigest()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


def put(blobs: Blobs, content: bytes = CONTENT, is_claimed: bool = True) -> str:
    incoming = blobs.begin()
    for first in range(0, len(content), 4000):
        incoming.write(content[first : first + 4000])
    blobs.keep(incoming, is_claimed)
    return incoming.name


def read(blobs: Blobs, name: str = NAME) -> bytes:
    reading = blobs.open(name)
    try:
        return reading.read(0, reading.size)
    finally:
        blobs.release(reading)


def all_bytes(blobs: Blobs) -> bytes:
    return b"".join(path.read_bytes() for path in blobs.folder.rglob("*") if path.is_file())


def test_content_is_kept_under_its_digest(blobs: Blobs) -> None:
    """Whatever pieces it came in."""
    assert put(blobs) == NAME
    assert read(blobs) == CONTENT
    assert list(blobs.names()) == [NAME]


def test_nothing_is_readable_before_it_is_kept(blobs: Blobs) -> None:
    """And nothing is left of what is discarded."""
    incoming = blobs.begin()
    incoming.write(CONTENT)
    assert blobs.find(NAME) is None
    incoming.discard()
    assert all_bytes(blobs) == b""


def test_a_new_process_removes_what_was_being_written(blobs: Blobs) -> None:
    """An upload does not outlive the node that took it."""
    incoming = blobs.begin()
    incoming.write(CONTENT)
    incoming.close()
    assert not any(path.is_file() for path in Blobs(blobs.folder).folder.rglob("*"))


@pytest.mark.parametrize("place", [0, 9_000, len(CONTENT) - 1])
def test_a_flipped_bit_is_never_served(blobs: Blobs, place: int) -> None:
    """Not even when the time of writing is put back; the damaged content counts as missing."""
    put(blobs)
    path = blobs.find(NAME)
    assert path is not None
    facts = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([CONTENT[place] ^ 1]))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    with pytest.raises(BlobError):
        blobs.open(NAME)
    put(blobs)
    assert read(blobs) == CONTENT


def test_destroyed_content_is_overwritten_and_gone(blobs: Blobs) -> None:
    """The file's own bytes, seen through a handle that was opened before, are zeros."""
    put(blobs)
    path = blobs.find(NAME)
    assert path is not None
    with path.open("rb") as handle:
        blobs.destroy(NAME)
        assert handle.read() == bytes(len(CONTENT))
    assert blobs.find(NAME) is None
    assert all_bytes(blobs) == b""


def test_a_reader_is_cut_off_when_content_is_destroyed(blobs: Blobs) -> None:
    """It hears an error instead of zeros."""
    put(blobs)
    reading = blobs.open(NAME)
    assert reading.read(0, 10) == CONTENT[:10]
    blobs.destroy(NAME)
    with pytest.raises(BlobError):
        reading.read(10, 10)
    blobs.release(reading)
    blobs.release(reading)


def test_an_upload_that_waits_outlives_the_erasure_of_the_same_bytes(blobs: Blobs) -> None:
    """The file that will name it has not been executed yet."""
    put(blobs)
    put(blobs, is_claimed=False)
    blobs.destroy(NAME)
    assert read(blobs) == CONTENT
    assert blobs.claim(NAME)
    assert read(blobs) == CONTENT


def test_a_claim_keeps_one_sound_copy(blobs: Blobs) -> None:
    """A damaged one is replaced by what was uploaded, and its remains are destroyed."""
    put(blobs)
    path = blobs.folder / NAME[:2] / NAME
    path.write_bytes(b"damaged")
    put(blobs, is_claimed=False)
    assert blobs.claim(NAME)
    assert read(blobs) == CONTENT
    assert [one.name for one in blobs.folder.rglob("*") if one.is_file()] == [NAME]


def test_a_claim_of_what_is_not_here_fails(blobs: Blobs) -> None:
    """It has to be fetched."""
    assert not blobs.claim(NAME)


def test_uploads_that_nobody_names_are_swept_when_their_time_is_over(blobs: Blobs) -> None:
    """But not while they are held."""
    put(blobs, is_claimed=False)
    now = time.time()
    blobs.hold(NAME, now + 1000)
    assert blobs.sweep(now) == 0
    assert blobs.sweep(now + 2000) == 1
    assert all_bytes(blobs) == b""


def test_nobody_shortens_the_time_of_an_upload_that_another_needs(blobs: Blobs) -> None:
    """Not by uploading the same bytes, and not by a transaction that failed."""
    put(blobs, is_claimed=False)
    now = time.time()
    blobs.hold(NAME, now + 1000)
    kept = (blobs.folder / "unclaimed" / NAME).stat().st_ino
    put(blobs, is_claimed=False)
    blobs.hold(NAME, now)
    assert blobs.sweep(now + 900) == 0
    assert (blobs.folder / "unclaimed" / NAME).stat().st_ino == kept
    assert list((blobs.folder / "incoming").iterdir()) == []


def test_what_was_hashed_on_its_way_in_is_not_read_again(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when it is held for a transaction nor when a file names it."""
    read_again = list[Path]()

    def look(path: Path) -> str:
        read_again.append(path)
        return hash_file(path)

    monkeypatch.setattr(module, "hash_file", look)
    put(blobs, is_claimed=False)
    blobs.hold(NAME, time.time() + 1000)
    assert blobs.find(NAME) is not None
    assert blobs.claim(NAME)
    assert read(blobs) == CONTENT
    assert read_again == []


def test_a_damaged_upload_is_not_taken_for_sound_when_it_is_held(blobs: Blobs) -> None:
    """What was known of it before it changed says nothing of what it is now."""
    put(blobs, is_claimed=False)
    waiting = blobs.find(NAME)
    assert waiting is not None
    waiting.write_bytes(b"other bytes")
    blobs.hold(NAME, time.time() + 1000)
    assert not blobs.claim(NAME)


def test_a_damaged_upload_is_replaced_by_the_same_bytes(blobs: Blobs) -> None:
    """What is there stays only if it is sound."""
    put(blobs, is_claimed=False)
    (blobs.folder / "unclaimed" / NAME).write_bytes(CONTENT[:-1])
    put(blobs, is_claimed=False)
    assert read(blobs) == CONTENT


def test_what_is_claimed_during_a_sweep_is_passed_over(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node must not end because it tidied up."""
    put(blobs, is_claimed=False)
    iterdir = Path.iterdir

    def claim_meanwhile(folder: Path) -> list[Path]:
        paths = list(iterdir(folder))
        blobs.claim(NAME)
        return paths

    monkeypatch.setattr(Path, "iterdir", claim_meanwhile)
    assert blobs.sweep(time.time() + 1000) == 0
    assert read(blobs) == CONTENT


def test_what_is_uploaded_again_during_a_sweep_stays(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Destroying the large ones before it takes long enough for that."""
    names = sorted(put(blobs, content, is_claimed=False) for content in (CONTENT, CONTENT + b"2"))
    now = time.time()
    destroy = blobs._destroy_path

    def destroy_slowly(path: Path) -> None:
        destroy(path)
        blobs.hold(names[1], now + 9000)

    monkeypatch.setattr(blobs, "_destroy_path", destroy_slowly)
    assert blobs.sweep(now + 1000) == 1
    assert blobs.awaited() == names[1:]


def test_files_that_are_no_blobs_are_passed_over(blobs: Blobs) -> None:
    """Network file systems and people leave some."""
    put(blobs)
    put(blobs, CONTENT + b"2", is_claimed=False)
    for folder in (NAME[:2], "unclaimed", "cached", "damaged"):
        for stray in (".nfs00000000045a0001", ".DS_Store", "README"):
            (blobs.folder / folder / stray).write_text("no blob")
    again = Blobs(blobs.folder)
    assert list(again.names()) == [NAME]
    assert again.sweep(time.time() + 1000) == 1
    assert read(again) == CONTENT


def test_what_the_disk_does_not_give_out_is_set_aside(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """It will be fetched from another member. What only wants something else says so, and nothing moves."""
    put(blobs)
    again = Blobs(blobs.folder)

    def refuse(number: int) -> Callable[[Path], str]:
        def fail(path: Path) -> str:
            raise OSError(number, "no")

        return fail

    monkeypatch.setattr(module, "hash_file", refuse(errno.EMFILE))
    with pytest.raises(OSError, match="no"):
        again.find(NAME)
    monkeypatch.setattr(module, "hash_file", refuse(errno.EIO))
    assert again.find(NAME) is None
    assert [path.name for path in (blobs.folder / "damaged").iterdir()] == [NAME]


@pytest.mark.parametrize("place", ["claimed", "unclaimed", "cached", "damaged"])
@pytest.mark.parametrize("kind", ["link", "link to the content", "loose link", "folder", "pipe"])
def test_what_is_no_file_is_no_content_and_what_a_link_leads_to_stays(
    blobs: Blobs, tmp_path: Path, place: str, kind: str
) -> None:
    """It goes in the end; nothing that lies elsewhere is read, written or removed."""
    precious = tmp_path / "precious"
    precious.write_bytes(CONTENT if kind == "link to the content" else b"of somebody else")
    before = precious.read_bytes()
    path = blobs.folder / (NAME[:2] if place == "claimed" else place) / NAME
    path.parent.mkdir(exist_ok=True)
    match kind:
        case "folder":
            path.mkdir()
            path.joinpath("more").write_bytes(b"more")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to(tmp_path / "nothing" if kind == "loose link" else precious)
    again = Blobs(blobs.folder)
    assert again.find(NAME) is None
    assert place == "damaged" or list(check_blobs(blobs.folder, lambda *_: None))
    assert not again.claim(NAME)
    again.sweep(time.time() + 1000)
    put(again)
    assert read(again) == CONTENT
    again.destroy(NAME)
    assert not list(check_blobs(blobs.folder, lambda *_: None))
    assert precious.read_bytes() == before


def test_sound_content_that_came_during_the_look_at_damaged_is_not_set_aside(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verdict is about the file that was read."""
    put(blobs, is_claimed=False)
    path = blobs.folder / "unclaimed" / NAME
    path.write_bytes(CONTENT[:-1])

    def look(looked_at: Path) -> str:
        digest = hash_file(looked_at)
        monkeypatch.setattr(module, "hash_file", hash_file)
        path.unlink()
        put(blobs, is_claimed=False)
        return digest

    monkeypatch.setattr(module, "hash_file", look)
    assert blobs.find(NAME) == path
    assert read(blobs) == CONTENT


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", NAME.upper(), NAME[:-1], NAME + "0", "0" * 64]
)
def test_names_lead_to_blobs_and_nowhere_else(blobs: Blobs, name: str) -> None:
    """Other members send names, too."""
    put(blobs)
    with pytest.raises(BlobError):
        blobs.open(name)


def test_what_is_kept_is_not_overwritten_by_who_discards_it_at_that_moment(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that is cancelled discards what its thread still keeps: one of them comes first, and wins."""
    incoming = blobs.begin()
    incoming.write(b"kept or not")
    incoming.close()
    name, keeping = incoming.name, threading.Thread(target=lambda: keep_quietly(blobs, incoming))

    class Midway:
        """The size of what a file is overwritten with, asked for when the file is open."""

        def __index__(self) -> int:
            keeping.start()
            keeping.join(0.2)
            return 1 << 20

    monkeypatch.setattr("weft.apps.files.disk.CHUNK_BYTES", Midway())
    incoming.discard()
    keeping.join()
    monkeypatch.undo()
    path = blobs.folder / name[:2] / name
    assert not path.exists() or path.read_bytes() == b"kept or not"


def keep_quietly(blobs: Blobs, incoming: Incoming) -> None:
    with suppress(FileNotFoundError):
        blobs.keep(incoming, is_claimed=True)


def test_a_full_disk_is_said_so(tmp_path: Path) -> None:
    """/dev/full has no room for anything."""
    blobs = Blobs(tmp_path / "blobs")
    incoming = blobs.begin()
    with Path("/dev/full").open("wb", buffering=0) as full:
        incoming._file = full
        with pytest.raises(DiskFullError):
            incoming.write(CONTENT)


def test_content_is_found_also_while_it_is_claimed(blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks for it sees it at its old place or at its new one, whenever it moves."""
    put(blobs, is_claimed=False)
    is_sound = blobs._is_sound

    def look(path: Path) -> bool:
        found = is_sound(path)
        if not found:
            monkeypatch.setattr(blobs, "_is_sound", is_sound)
            assert blobs.claim(NAME)
        return found

    monkeypatch.setattr(blobs, "_is_sound", look)
    assert read(blobs) == CONTENT


def test_a_reader_goes_on_when_content_is_claimed(blobs: Blobs) -> None:
    """Claiming moves it, and destroys nothing of it; erasing it then still cuts the reader off."""
    put(blobs, is_claimed=False)
    reading = blobs.open(NAME)
    assert blobs.claim(NAME)
    assert reading.path == blobs.find(NAME, is_kept=True)
    assert reading.read(0, len(CONTENT)) == CONTENT
    blobs.destroy(NAME)
    with pytest.raises(BlobError):
        reading.read(0, 1)
    blobs.release(reading)


def test_content_is_opened_also_when_it_moves_after_it_was_found(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was claimed between the look and the reading."""
    put(blobs, is_claimed=False)
    find = blobs.find

    def move(name: str, is_kept: bool = False) -> Path | None:
        path = find(name, is_kept)
        blobs.claim(name)
        return path

    monkeypatch.setattr(blobs, "find", move)
    assert read(blobs) == CONTENT
