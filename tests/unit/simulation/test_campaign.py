"""Ranges of seeds: what is recorded is not run again, and adds up."""

from pathlib import Path

import pytest

from weft.model.errors import SimulationError
from weft.simulation import Given, simulate
from weft.simulation.campaign import add_up, load_record, run_range
from weft.simulation.ports import Checker, Violation
from weft.simulation.report import command, format_result
from weft.simulation.scenario import ANYTHING

GIVEN = Given(nodes=3, fault_model="crash", rounds=12, faults=())


class Never(Checker):
    promise = "No block is ever stored"

    def stored(self, place: int, sealed: object, commits: object) -> None:
        raise Violation(self.promise, f"member {place} stored one")


def test_a_record_is_gone_on_with_and_adds_up(tmp_path: Path) -> None:
    """Twice the same range runs it once; another option is another record."""
    record = tmp_path / "seeds.jsonl"
    heard: list[int] = []
    run_range(8, 11, GIVEN, 1, record, lambda piece: heard.append(piece.seeds), piece=2)
    run_range(8, 13, GIVEN, 1, record, lambda piece: heard.append(piece.seeds), piece=2)
    assert sorted(heard) == [2, 2, 2, 2, 2]
    pieces = load_record(record)
    assert sorted((piece.first, piece.last) for piece in pieces) == [(8, 9), (10, 11), (12, 13)]
    totals = add_up(pieces)
    assert (totals["seeds"], totals["liveness"], totals["of 3 members"], totals["violations"]) == (6, 1, 6, 0)


def test_a_file_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text("{}\n")
    with pytest.raises(SimulationError, match=r"other\.jsonl is not a record"):
        load_record(path)


def test_a_broken_promise_is_told_with_all_it_takes_to_look_into_it() -> None:
    """Promise, place, the last lines, the graph, the command."""
    result = simulate(3, GIVEN, checkers=(Never,))
    text = format_result(result, GIVEN)
    assert "BROKEN: No block is ever stored" in text
    assert "again: weft simulate --seed 3 --nodes 3 --fault-model crash --faults none --rounds 12" in text
    assert "round  A   B   C" in text
    assert "stores 1" in text
    assert command(5, ANYTHING) == "weft simulate --seed 5"


def test_more_liars_than_may_lie_are_refused() -> None:
    with pytest.raises(SimulationError, match="2 of 4 members cannot lie"):
        simulate(1, Given(nodes=4, fault_model="byzantine", byzantine=2))
