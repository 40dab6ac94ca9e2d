"""`replay_vectors` on the published file, and on files that lie."""

import io
import json
from pathlib import Path

import pytest

from weft.model.errors import VectorError
from weft.simulation.vectors import replay_vectors

VECTORS = Path(__file__).parents[2] / "vectors" / "consensus_vectors.json"


def replay(tmp_path, change):
    """What a replay of the first case says after `change` was made to it."""
    case = json.loads(VECTORS.read_text())[0]
    change(case)
    path, out = tmp_path / "changed.json", io.StringIO()
    path.write_text(json.dumps([case]))
    return replay_vectors(path, out), out.getvalue()


def test_every_published_dag_is_decided_as_published():
    """All 180 cases, whole and in several arrival orders."""
    out = io.StringIO()
    assert replay_vectors(VECTORS, out) == (180, 0), out.getvalue()
    assert out.getvalue().splitlines()[-1] == "180 passed, 0 failed"


def test_a_wrong_fate_is_named_with_slot_expected_and_found(tmp_path):
    """Also when only the rule by which it was decided is wrong."""

    def change(case):
        case["slots"]["B1"] = "indirect commit B1"

    counts, text = replay(tmp_path, change)
    assert counts == (0, 1)
    assert "slot B1: expected indirect commit B1, found direct commit B1" in text
    assert text.endswith("0 passed, 1 failed\n")


def test_a_wrong_order_is_named_with_its_round(tmp_path):
    """Expected and found stand side by side."""

    def change(case):
        case["final"][0]["order"].reverse()

    counts, text = replay(tmp_path, change)
    assert counts == (0, 1)
    assert "round 1: expected final with D1 C1 B1 A1, found final with A1 B1 C1 D1" in text


def test_slots_that_the_file_leaves_out_are_a_difference(tmp_path):
    """A file that forgets a slot does not pass."""
    counts, text = replay(tmp_path, lambda case: case["slots"].pop("C2"))
    assert counts == (0, 1)
    assert "slot C2: expected no such slot, found direct commit C2" in text


@pytest.mark.parametrize(
    "change",
    [
        lambda case: case["dag"].append("A9: Z8"),
        lambda case: case["dag"].append("A9 A8"),
        lambda case: case["dag"].append("A9: A8 B8 C8"),
        lambda case: case["dag"].append(case["dag"][-1]),
        lambda case: case["dag"].append("A900000000: A0"),
        lambda case: case["dag"].append("A" + "9" * 5000 + ": A0"),
        lambda case: case.update(slots_per_round=5),
        lambda case: case.update(weights=[1, 1, 0, 1]),
        lambda case: case.update(model="other"),
        lambda case: case.pop("dag"),
    ],
)
def test_a_file_that_holds_no_drawn_dags_is_refused(tmp_path, change):
    """An unknown member, a missing parent, a vertex drawn twice, numbers that do not agree."""
    with pytest.raises(VectorError):
        replay(tmp_path, change)
