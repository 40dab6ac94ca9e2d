"""The counter of effects, on ledgers in which something was planted."""

from tests.fire.history import Operation, Outcome
from tests.fire.once import Count, Entry, check_once

HELD = [Entry(1, 1), Entry(2, 2)]


def write(number: int, outcome: Outcome, version: int | None = None, key: int = 5) -> Operation:
    return Operation(number, 0, key, "put", 0, 10 * number, outcome, None, 10 * number + 1, version)


def delete(number: int, outcome: Outcome) -> Operation:
    return Operation(number, 0, 5, "delete", 0, 10 * number, outcome, None, 10 * number + 1)


HISTORY = [write(1, "ok", 1), write(2, "unknown"), write(3, "unknown"), write(4, "fail")]


def count(*ledgers: list[Entry], history: list[Operation] = HISTORY) -> Count:
    return check_once(history, [{5: ledger} for ledger in ledgers])


def test_what_was_acknowledged_stands_once_and_the_unknown_once_or_not_at_all() -> None:
    found = count(HELD, HELD)
    assert found.violations == []
    assert (found.unknown_there, found.unknown_not_there) == (1, 1)


def test_an_acknowledged_write_that_is_not_there_is_lost() -> None:
    """At one node of two."""
    found = count([Entry(1, 1)], [])
    assert len(found.lost) == 1
    assert "node1" in found.lost[0]


def test_a_write_under_another_version_than_acknowledged_is_lost() -> None:
    assert len(count([Entry(1, 2), Entry(2, 1)]).lost) == 1


def test_a_write_that_stands_twice_is_doubled() -> None:
    """Acknowledged or not."""
    assert len(count([Entry(1, 1), Entry(2, 1)]).doubled) == 1
    assert len(count([Entry(1, 1), Entry(2, 2), Entry(3, 2)]).doubled) == 1


def test_a_refused_write_that_is_there_is_a_phantom() -> None:
    assert len(count([Entry(1, 1), Entry(2, 4)]).phantoms) == 1


def test_a_write_that_nobody_sent_is_a_phantom() -> None:
    """Also one that was sent to another record."""
    assert len(count([Entry(1, 1), Entry(2, 99)]).phantoms) == 1
    moved = count([Entry(1, 1), Entry(2, 6)], history=[*HISTORY, write(6, "unknown", key=6)])
    assert len(moved.phantoms) == 1


def test_nodes_that_hold_different_versions_differ() -> None:
    assert len(count(HELD, [Entry(1, 1), Entry(2, 3)]).different) == 1


def test_deletions_are_counted_too() -> None:
    """At least as many as were acknowledged, at most as many as were wished."""
    history = [write(1, "ok", 1), delete(2, "ok"), delete(3, "unknown"), delete(4, "fail")]
    gone = Entry(1, 0)
    assert len(count([Entry(1, 1)], history=history).lost) == 1
    assert count([Entry(1, 1), gone], history=history).violations == []
    assert count([Entry(1, 1), gone, gone], history=history).violations == []
    assert len(count([Entry(1, 1), gone, gone, gone], history=history).doubled) == 1
