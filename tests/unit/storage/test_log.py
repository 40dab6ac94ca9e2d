"""The log gives back what was synced, passes over what was torn, and notices every byte that changed."""

from pathlib import Path

import pytest

from weft.model.errors import StoreError
from weft.storage.log import FRAME_BYTES, NAMES, Log, read_log

PAYLOADS = [b"one", b"two, which is longer", b"three"]
HEAD_BYTES = 20


def write(folder: Path, sequence: int, payloads: list[bytes], must_sync: bool = True) -> None:
    """A log left behind as by a process that was killed."""
    log = Log(folder, sequence)
    for payload in payloads:
        log.append(payload, must_sync)
    log.close(is_needed=True)


def read(folder: Path, sequence: int) -> list[tuple[int, bytes]]:
    return list(read_log(folder, sequence))


def test_what_was_appended_is_read_behind_what_is_known(tmp_path: Path) -> None:
    """With its numbers; whoever knows the newest frame is told nothing: the tables have it all."""
    assert read(tmp_path, 0) == []
    write(tmp_path, 4, PAYLOADS)
    assert read(tmp_path, 4) == [(5, PAYLOADS[0]), (6, PAYLOADS[1]), (7, PAYLOADS[2])]
    assert read(tmp_path, 7) == []


def test_the_files_take_turns(tmp_path: Path) -> None:
    """The newest frames may stand in either, or in both; a later pass is not taken for the one before it."""
    log = Log(tmp_path, 0)
    for payload in PAYLOADS:
        log.append(payload)
    log.turn()
    assert read(tmp_path, 0) == [(1, PAYLOADS[0]), (2, PAYLOADS[1]), (3, PAYLOADS[2])]
    assert read(tmp_path, 3) == []
    log.append(b"four", must_sync=False)
    assert read(tmp_path, 0)[3:] == read(tmp_path, 3) == [(4, b"four")]
    log.turn()
    log.append(b"five")
    assert read(tmp_path, 3) == [(4, b"four"), (5, b"five")]
    assert read(tmp_path, 4) == [(5, b"five")]
    log.close(is_needed=False)
    assert list(tmp_path.iterdir()) == []


def in_a_later_pass(folder: Path) -> Log:
    """A log whose first file has been written before."""
    log = Log(folder, 0)
    log.append(b"of the pass before" * 9)
    log.turn()
    log.append(b"between")
    log.turn()
    return log


def test_the_last_frame_may_be_torn_at_every_byte(tmp_path: Path) -> None:
    """What stands before it is whole; in later passes old bytes stand where the new ones did not come."""
    log = in_a_later_pass(tmp_path)
    before = (tmp_path / NAMES[0]).read_bytes()
    log.append(b"third")
    log.append(b"fourth" * 5, must_sync=False)
    log.close(is_needed=True)
    after = (tmp_path / NAMES[0]).read_bytes()
    end = HEAD_BYTES + FRAME_BYTES + len(b"third")
    assert read(tmp_path, 2) == [(3, b"third"), (4, b"fourth" * 5)]
    for place in range(end, end + FRAME_BYTES + len(b"fourth" * 5)):
        for torn in (after[:place] + before[place:], after[:place]):
            (tmp_path / NAMES[0]).write_bytes(torn)
            assert read(tmp_path, 2) == [(3, b"third")]


def test_every_flipped_byte_of_a_synced_frame_is_noticed(tmp_path: Path) -> None:
    """Of the last one too, and in a later pass."""
    log = in_a_later_pass(tmp_path)
    for payload in PAYLOADS:
        log.append(payload)
    log.close(is_needed=True)
    whole = (tmp_path / NAMES[0]).read_bytes()
    end = HEAD_BYTES + sum(FRAME_BYTES + len(payload) for payload in PAYLOADS)
    for place in range(end):
        flipped = bytes((whole[place] ^ 1,))
        (tmp_path / NAMES[0]).write_bytes(whole[:place] + flipped + whole[place + 1 :])
        with pytest.raises(StoreError, match="is damaged"):
            read(tmp_path, 2)


def test_unsynced_frames_may_reach_the_disk_in_any_order(tmp_path: Path) -> None:
    """A hole in what was never synced is no damage, and ends what counts."""
    write(tmp_path, 0, PAYLOADS, must_sync=False)
    whole = (tmp_path / NAMES[0]).read_bytes()
    first = HEAD_BYTES + FRAME_BYTES + len(PAYLOADS[0])
    (tmp_path / NAMES[0]).write_bytes(whole[:first] + bytes(FRAME_BYTES) + whole[first + FRAME_BYTES :])
    assert read(tmp_path, 0) == [(1, PAYLOADS[0])]


def test_bytes_that_look_like_frames_in_a_payload_say_nothing(tmp_path: Path) -> None:
    """Another log's frames do not carry this one's mark."""
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", 0, PAYLOADS)
    foreign = (tmp_path / "other" / NAMES[0]).read_bytes()
    write(tmp_path, 0, [b"mine", foreign], must_sync=False)
    whole = (tmp_path / NAMES[0]).read_bytes()
    (tmp_path / NAMES[0]).write_bytes(
        whole[:HEAD_BYTES] + bytes(FRAME_BYTES) + whole[HEAD_BYTES + FRAME_BYTES :]
    )
    assert read(tmp_path, 0) == []
