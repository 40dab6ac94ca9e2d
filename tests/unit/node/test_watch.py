"""What operators are shown: figures of the others' connections, and lines about what comes and goes."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from tests.chain import make_genesis
from weft.network.tally import Tally
from weft.node.ports import Machine
from weft.node.watch import QUIET_US, Watch


class Stage:
    """The watch of node0 of four, with its time, its disk and its connections."""

    def __init__(self, folder: Path) -> None:
        self.now_us = QUIET_US
        self.free = 10**12
        machine = Machine(disk_usage=lambda _: SimpleNamespace(free=self.free, total=10**12))
        self.watch = Watch(make_genesis(), 0, folder, lambda: self.now_us, machine)
        self.tallies = [Tally() for _ in range(4)]

    def events(self, seconds: float) -> list[tuple[str, str | None]]:
        """What is logged when so much time has passed."""
        self.now_us += round(seconds * 1_000_000)
        with capture_logs() as lines:
            self.watch.look(self.tallies)
        return [(line["event"], line.get("member")) for line in lines]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_member_that_comes_and_goes_is_a_line_each(stage: Stage) -> None:
    """Nothing while nothing changes, and nothing of the node itself."""
    stage.tallies[2].is_connected = True
    assert stage.events(1) == [("peer.connected", "node2")]
    assert stage.events(60) == []
    stage.tallies[2].is_connected = False
    assert stage.events(1) == [("peer.lost", "node2")]


def test_what_comes_and_goes_all_the_time_fills_no_log(stage: Stage) -> None:
    """A line in ten seconds, and in the end one that says what is true."""
    told = []
    for second in range(100):
        stage.tallies[1].is_connected = second % 2 == 0
        told += stage.events(1)
    assert 2 <= len(told) <= 10
    stage.tallies[1].is_connected = False
    told += stage.events(60)
    assert told[-1] == ("peer.lost", "node1")


def test_a_disk_that_fills_is_told_and_that_it_has_room_again(stage: Stage) -> None:
    """A disk with room is not worth a line."""
    assert stage.events(60) == []
    stage.free = 1
    assert stage.events(60) == [("disk.low", None)]
    stage.free = 10**12
    assert stage.events(60) == [("disk.ok", None)]


def test_figures_are_of_others_and_what_only_rises_is_a_counter(stage: Stage) -> None:
    """An alert on a member that is not connected does not fire for the node itself; no other series."""
    stage.tallies[3].bytes_sent = 7
    text = stage.watch.render(stage.tallies).decode()
    assert 'weft_peer_connected{member="node1"} 0.0' in text
    assert 'member="node0"' not in text
    assert 'weft_peer_sent_bytes_total{member="node3"} 7.0' in text
    assert "# TYPE weft_peer_cuts_total counter" in text
    assert "_created" not in text
