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
    with pytest.raises(LaunchError, match="node0 ended while starting"), network:
        pass
    assert "chmod 600" in network.last_words(0)


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
