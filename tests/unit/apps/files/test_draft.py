"""Content in pieces: only ever grown at its end, by one request at a time, within bounds."""

import os
from hashlib import sha256
from pathlib import Path

import pytest

from weft.api.errors import BusyError
from weft.apps.files import draft
from weft.apps.files.draft import Drafts, Kept
from weft.apps.files.errors import (
    DigestError,
    DraftUnknownError,
    FileSizeError,
    IncompleteError,
    OffsetError,
    OvertakenError,
)
from weft.model.errors import DiskFullError

TEXT = bytes(range(256)) * 8
NAME = sha256(TEXT).hexdigest()
MAX = 1 << 20


@pytest.fixture
def drafts(tmp_path: Path) -> Drafts:
    return Drafts(tmp_path / "drafts", MAX)


def test_pieces_become_the_whole(drafts: Drafts) -> None:
    """Each at the offset that is there; what is complete is of the digest of all of it."""
    one = drafts.begin("ann", len(TEXT), NAME)
    for offset in range(0, len(TEXT), 500):
        one.add(one.begin(offset), [TEXT[offset : offset + 500]])
    whole = drafts.complete(one)
    assert (whole.name, whole.size, whole.path.read_bytes()) == (NAME, len(TEXT), TEXT)
    drafts.end(one)
    assert not whole.path.exists()


def test_a_restart_loses_nothing(drafts: Drafts, tmp_path: Path) -> None:
    """Another process goes on where the first one was, and reads again what it did not see itself."""
    one = drafts.begin("ann", len(TEXT), NAME)
    one.add(one.begin(0), [TEXT[:700]])
    again = Drafts(tmp_path / "drafts", MAX).find("ann", one.id)
    assert (again.offset, again.announced) == (700, one.announced)
    again.add(again.begin(700), [TEXT[700:]])
    assert Drafts(tmp_path / "drafts", MAX).complete(again).name == NAME


def test_what_a_crash_left_half_is_destroyed(tmp_path: Path) -> None:
    """Content without its announcement, an announcement without content, nonsense."""
    folder = tmp_path / "drafts"
    whole = Drafts(folder, MAX).begin("ann", 5, None)
    for name, text in {
        "a" * 32: b"x",
        "b" * 32 + ".json": b"{}",
        "c" * 32: b"x",
        "c" * 32 + ".json": b"{",
        "d" * 32 + ".new": b"{",
    }.items():
        (folder / name).write_bytes(text)
    assert Drafts(folder, MAX).find("ann", whole.id).offset == 0
    assert sorted(path.name for path in folder.iterdir()) == [whole.id, f"{whole.id}.json"]


def test_who_comes_last_goes_on_alone(drafts: Drafts) -> None:
    """A request that still hangs somewhere adds nothing once another one, or a question, has come."""
    one = drafts.begin("ann", len(TEXT), None)
    first = one.begin(0)
    one.add(first, [TEXT[:10]])
    with pytest.raises(OffsetError) as caught:
        one.begin(0)
    assert caught.value.members == {"offset": 10}
    with pytest.raises(OvertakenError):
        one.add(first, [TEXT[10:20]])
    assert one.offset == 10


def test_a_draft_is_completed_once(drafts: Drafts) -> None:
    """Nothing is added meanwhile and nobody else completes it; given back, it goes on."""
    one = drafts.begin("ann", 10, None)
    with pytest.raises(IncompleteError):
        drafts.complete(one)
    turn = one.begin(0)
    one.add(turn, [TEXT[:10]])
    whole = drafts.complete(one)
    with pytest.raises(OvertakenError):
        drafts.complete(one)
    with pytest.raises(OvertakenError):
        one.add(turn, [b"x"])
    drafts.give_back(one, whole)
    assert drafts.complete(one).path == one.path


def test_what_was_kept_already_may_be_completed_again(drafts: Drafts) -> None:
    """A file was nearly made of it: nothing of the content is sent, or destroyed, a second time."""
    one = drafts.begin("ann", 10, None)
    one.add(one.begin(0), [TEXT[:10]])
    whole = drafts.complete(one)
    kept = one.path.rename(one.path.with_name("kept"))
    drafts.give_back(one, whole)
    assert (one.offset, one.sync(), drafts.sweep(one.touched_s - 1)) == (10, 10, 0)
    again = drafts.complete(one)
    assert isinstance(again, Kept)
    assert (again.name, again.size) == (whole.name, 10)
    again.discard()
    drafts.give_back(one, again)
    drafts.end(one)
    assert kept.read_bytes() == TEXT[:10]
    with pytest.raises(DraftUnknownError):
        drafts.find("ann", one.id)


def test_what_was_kept_already_outlives_a_restart(drafts: Drafts, tmp_path: Path) -> None:
    """Also a kill between keeping the content and the answer; a day later it is forgotten like any other."""
    one, partial = drafts.begin("ann", 10, None), drafts.begin("ann", 10, NAME)
    one.add(one.begin(0), [TEXT[:10]])
    whole = drafts.complete(one)
    one.path.rename(tmp_path / "kept")
    partial.path.unlink()
    again = Drafts(tmp_path / "drafts", MAX)
    found = again.find("ann", one.id)
    assert (found.offset, found.sync()) == (10, 10)
    kept = again.complete(found)
    assert isinstance(kept, Kept)
    assert (kept.name, kept.size) == (whole.name, 10)
    again.give_back(found, kept)
    with pytest.raises(DraftUnknownError):
        again.find("ann", partial.id)
    assert again.sweep(found.touched_s + 1) == 1
    assert list((tmp_path / "drafts").iterdir()) == []


def test_what_is_complete_and_still_here_outlives_a_restart(drafts: Drafts, tmp_path: Path) -> None:
    """Its content is read again before anything is made of it."""
    one = drafts.begin("ann", 10, None)
    one.add(one.begin(0), [TEXT[:10]])
    drafts.complete(one)
    again = Drafts(tmp_path / "drafts", MAX)
    whole = again.complete(again.find("ann", one.id))
    assert (whole.path, whole.name) == (one.path, sha256(TEXT[:10]).hexdigest())
    assert not isinstance(whole, Kept)


def test_other_content_than_announced_is_refused_and_destroyed(drafts: Drafts) -> None:
    """It changed while it was sent, or on the disk."""
    one = drafts.begin("ann", 10, NAME)
    one.add(one.begin(0), [TEXT[:10]])
    with pytest.raises(DigestError):
        drafts.complete(one)
    assert not one.path.exists()
    with pytest.raises(DraftUnknownError):
        one.begin(10)


def test_a_draft_is_its_owners_alone(drafts: Drafts) -> None:
    """To others there is none."""
    one = drafts.begin("ann", 10, None)
    assert drafts.find("ann", one.id) is one
    for owner, id_ in (("bob", one.id), ("ann", "0" * 32), ("ann", "../x")):
        with pytest.raises(DraftUnknownError):
            drafts.find(owner, id_)


def test_drafts_are_bounded(drafts: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the largest file, by what all announce, by their number, by the disk; old ones give way."""
    with pytest.raises(FileSizeError):
        drafts.begin("ann", MAX + 1, None)
    old, *_ = [drafts.begin("ann", MAX, None) for _ in range(draft.SHARE)]
    with pytest.raises(BusyError):
        drafts.begin("ann", 1, None)
    os.utime(old.path, (0, 0))
    drafts.begin("ann", 1, None)
    with pytest.raises(DraftUnknownError):
        drafts.find("ann", old.id)
    monkeypatch.setattr(draft, "DRAFTS_MAX", draft.SHARE)
    with pytest.raises(BusyError):
        drafts.begin("ann", 1, None)
    with pytest.raises(DiskFullError):
        Drafts(old.path.parent.parent / "other", 1 << 62).begin("ann", 1 << 61, None)


def test_what_nobody_goes_on_with_is_destroyed(drafts: Drafts) -> None:
    """A day without a piece; others stay."""
    old, new = drafts.begin("ann", 10, None), drafts.begin("ann", 10, None)
    os.utime(old.path, (1000, 1000))
    assert drafts.sweep(2000) == 1
    assert not old.path.exists()
    assert new.path.exists()
