"""The disk in memory: what was synced is there after every crash, and the shipped journal says so itself."""

from random import Random

import pytest

from weft.model.errors import DiskFullError, JournalError
from weft.model.stored import OTHER, OWN, SPOKEN
from weft.simulation.disk import FOLDER, MemoryFiles, PowerLostError
from weft.storage.journal import SUFFIX, Journal

SYNCED = [(OTHER, 1, b"first"), (OWN, 1, b"second" * 100)]
LOOSE = [(OTHER, 2, b"third" * 200), (OWN, 2, b"fourth")]


def open_journal(files: MemoryFiles) -> Journal:
    return Journal(FOLDER, files, Random(1).randbytes)


def half_synced() -> MemoryFiles:
    """Two records synced, two written, as a crash in the middle of a sync leaves them."""
    files = MemoryFiles()
    journal = open_journal(files)
    for record in SYNCED:
        journal.append(*record)
    journal.sync()
    for record in LOOSE:
        journal.append(*record)

    def lose_power(what: str) -> None:
        if what == "sync":
            raise PowerLostError

    files.step = lose_power
    with pytest.raises(PowerLostError):
        journal.sync()
    return files


def test_what_was_synced_survives_and_the_rest_meets_its_fate() -> None:
    """Lost, kept, torn, holed, flipped: always a beginning of what was written, and no round forgotten that
    an own vertex behind a hole names."""
    seen = set()
    for seed in range(200):
        files = half_synced()
        seen.add(files.crash(Random(seed)).split(":")[0])
        files.step = lambda _: None
        found = list(open_journal(files).replay())
        plain = [record for record in found if record[0] != SPOKEN]
        assert plain[:2] == SYNCED
        assert plain[2:] == LOOSE[: len(plain) - 2]
        assert [record[1] for record in found if record[0] == SPOKEN] in ([], [2])
    assert seen == {"lost", "kept", "torn", "holed", "flipped"}


def test_a_flipped_bit_of_what_was_synced_is_noticed() -> None:
    """By the journal's own decoder, wherever it is, once a later record states that it was on disk."""
    for seed in range(100):
        files = MemoryFiles()
        journal = open_journal(files)
        for record in SYNCED:
            journal.append(*record)
            journal.sync()
        journal.close()
        before = files.map(files.paths(FOLDER, SUFFIX)[0])
        files.flip(Random(seed))
        assert files.map(files.paths(FOLDER, SUFFIX)[0]) != before
        try:
            found = list(open_journal(files).replay())
        except JournalError:
            continue
        assert found == SYNCED, "only the last word, that all is durable, may be lost unnoticed"


def test_a_full_disk_takes_nothing() -> None:
    files = MemoryFiles()
    journal = open_journal(files)
    journal.append(*SYNCED[0])
    files.is_full = True
    with pytest.raises(DiskFullError, match="no room"):
        journal.sync()
