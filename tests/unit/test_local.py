"""A local network of real processes: started, killed, found again, stopped; no stranger is signalled."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from weft.home import find_running
from weft.local import Network, free_port_base
from weft.model.errors import LaunchError, PortError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "network"


def up(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        (sys.executable, "-m", "weft", "up", "--home", str(home), *words),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_node_comes_back_and_all_are_stopped_at_the_end(home: Path) -> None:
    """Another process each time, the same home; nothing runs after the block."""
    with Network(home, nodes=1, port_base=free_port_base(1)) as network:
        first = network.find_process(0)
        assert first == find_running(network.configs[0].home)
        network.kill(0)
        assert network.find_process(0) is None
        network.restart(0)
        second = network.find_process(0)
        assert second not in (None, first)
    assert network.find_process(0) is None


def test_what_one_starts_detached_another_finds_and_stops(home: Path) -> None:
    """`up` again starts nothing, its ports are not taken for a stranger's; `down` ends it."""
    base = str(free_port_base(1))
    for _ in range(2):
        with up(home, "--nodes", "1", "--port-base", base, "--detach") as process:
            out, err = process.communicate()
            assert process.returncode == 0, err
            assert out.splitlines()[-1] == f"http://127.0.0.1:{base}"
    network = Network.find(home)
    running = network.find_process(0)
    assert network.start() == []
    assert network.stop() == [], "it started none, so it stops none"
    assert network.find_process(0) == running
    assert network.stop_all() == [0]
    assert network.find_process(0) is None


def test_down_stops_the_node_of_one_home(home: Path) -> None:
    """And has waited for its end; the others go on."""
    network = Network(home, nodes=2, fault_model="crash", port_base=free_port_base(2))
    try:
        with up(home, "--detach") as process:
            process.communicate()
        other = network.find_process(1)
        for told in ("stopped node0", "the node was not running"):
            words = (sys.executable, "-m", "weft", "down", "--home", str(home / "node0"))
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            assert done.stdout == told + "\n"
            assert (network.find_process(0), network.find_process(1)) == (None, other)
    finally:
        network.stop_all()


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_up_stops_what_it_started(home: Path, kind: signal.Signals) -> None:
    """Ctrl-C, or the end of the session: no node is left, the data stays, exit code 0."""
    with up(home, "--nodes", "1", "--port-base", str(free_port_base(1))) as process:
        assert process.stderr
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        network = Network.find(home)
        assert network.find_process(0)
        process.send_signal(kind)
        process.communicate()
        assert process.returncode == 0
    assert network.find_process(0) is None
    assert any((network.configs[0].home / "data").iterdir())


def test_a_node_that_cannot_start_is_named_with_its_last_words(home: Path) -> None:
    """Others that were started are stopped again."""
    network = Network(home, nodes=1, port_base=free_port_base(1))
    (network.configs[0].home / "keys" / "gateway.json").chmod(0o644)
    with pytest.raises(
        LaunchError, match=r"node0 ended with code 1: .*gateway.json.* \[home.key\]"
    ) as failed:
        network.__enter__()
    assert "chmod 600" in failed.value.fix


def test_a_damaged_node_does_not_stop_a_quorum(home: Path) -> None:
    """It is named with code, reason and fix; the others run, and `up` that stays watches them."""
    network = Network(home, nodes=3, fault_model="crash", port_base=free_port_base(3))
    (network.configs[1].home / "keys" / "gateway.json").chmod(0o644)
    with up(home) as process:
        assert process.stdout
        assert process.stderr
        told = []
        for line in process.stderr:
            told.append(line)
            if "Ctrl-C" in line:
                break
        running = [network.find_process(node) is not None for node in range(3)]
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert running == [True, False, True]
    assert told[0].startswith("node1 ended with code 1: ")
    assert "[home.key]" in told[0]
    assert "chmod 600" in told[1]
    assert process.returncode == 0


def test_detached_with_a_node_that_cannot_start_says_so_and_leaves_a_quorum_running(home: Path) -> None:
    """Exit code 1, the node with reason, fix and log; corrected, the same command starts what is missing."""
    network = Network(home, nodes=3, fault_model="crash", port_base=free_port_base(3))
    key = network.configs[1].home / "keys" / "gateway.json"
    key.chmod(0o644)
    try:
        with up(home, "--detach") as process:
            out, err = process.communicate()
        assert process.returncode == 1
        told = err.splitlines()
        assert told[0].startswith("node1 ended with code 1: ")
        assert "chmod 600" in told[1]
        assert told[2] == f"  log: {network.log_path(1)}"
        assert out.splitlines()[-1] == network.urls[0]
        running = [network.find_process(node) for node in range(3)]
        assert [pid is not None for pid in running] == [True, False, True]
        key.chmod(0o600)
        with up(home, "--detach") as process:
            process.communicate()
        assert process.returncode == 0
        assert [network.find_process(node) for node in (0, 2)] == [running[0], running[2]]
        assert network.find_process(1) is not None
    finally:
        network.stop_all()


def test_too_few_for_a_quorum_are_stopped(home: Path) -> None:
    """All that failed are named, and nothing is left running."""
    network = Network(home, nodes=2, fault_model="crash", port_base=free_port_base(2))
    (network.configs[1].home / "keys" / "gateway.json").chmod(0o644)
    with up(home, "--detach") as process:
        _, err = process.communicate()
    assert process.returncode == 1
    assert "node1 ended with code 1" in err
    assert [network.find_process(node) for node in range(2)] == [None] * 2


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [(signal.SIGKILL, "was killed by SIGKILL", 1), (signal.SIGTERM, "was stopped", 0)],
)
def test_up_tells_how_its_nodes_ended_and_ends_with_the_last(
    home: Path, kind: signal.Signals, text: str, code: int
) -> None:
    """What a node said while it was well is not shown as the reason; asked to, it is no failure."""
    with up(home, "--nodes", "1", "--port-base", str(free_port_base(1))) as process:
        assert process.stderr
        for line in process.stderr:
            if "Ctrl-C" in line:
                break
        pid = Network.find(home).find_process(0)
        assert pid
        os.kill(pid, kind)
        try:
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == code
    assert err.splitlines()[0] == f"node0 {text}"
    assert "node.ready" not in err


def test_nothing_starts_when_one_port_of_many_is_taken(home: Path) -> None:
    """Half a network would be worse than none."""
    import socket

    base = free_port_base(3)
    network = Network(home, nodes=3, port_base=base)
    with (
        socket.create_server(("127.0.0.1", base + 2)),
        pytest.raises(PortError, match=str(base + 2)),
    ):
        network.start()
    assert [network.find_process(node) for node in range(3)] == [None] * 3


def test_what_names_one_node_is_not_passed_to_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port in the environment would be every node's."""
    monkeypatch.setenv("WEFT_API_PORT", "1")
    monkeypatch.setenv("WEFT_LOG_LEVEL", "debug")
    with Network(home, nodes=1, port_base=free_port_base(1)) as network:
        pid = network.find_process(0)
        variables = Path(f"/proc/{pid}/environ")
        if variables.exists():
            assert b"WEFT_LOG_LEVEL=debug" in variables.read_bytes()
            assert b"WEFT_API_PORT" not in variables.read_bytes()
    assert os.environ["WEFT_API_PORT"] == "1"
