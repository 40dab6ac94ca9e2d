"""A node's home: made whole, read strictly, run by one process at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from weft.home import create_home, find_running, hold_home, load_home
from weft.local import Network, free_port_base
from weft.model.errors import ConfigError, GenesisError, HomeError, KeyFileError, LaunchError, PortError

HOLDER = """
import sys
from pathlib import Path
from weft.home import hold_home
with hold_home(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def network(tmp_path: Path) -> Network:
    return Network(tmp_path / "network", nodes=4, port_base=free_port_base(4))


def test_a_new_network_has_homes_that_load_and_agree(network: Network) -> None:
    """Four members, each with the place that its key has in the one genesis."""
    homes = [load_home(config.home) for config in network.configs]
    assert [home.member for home in homes] == [0, 1, 2, 3]
    assert {home.genesis.chain for home in homes} == {network.genesis.chain}
    assert [home.config.peer.addresses for home in homes] == [homes[0].config.peer.addresses] * 4
    assert network.genesis.is_open
    assert {one.key for one in network.genesis.accounts} == {home.gateway.public for home in homes}


def test_a_network_is_found_again_as_it_was_made(network: Network) -> None:
    """Asking for less than all, or for the same, opens it; for something else, says what is there."""
    assert Network(network.home).genesis == network.genesis
    assert Network(network.home, nodes=4, fault_model="byzantine").urls == network.urls
    with pytest.raises(HomeError, match="nodes 4, not 3"):
        Network(network.home, nodes=3)
    with pytest.raises(HomeError, match="byzantine, not crash"):
        Network(network.home, fault_model="crash")
    with pytest.raises(HomeError, match="port base"):
        Network(network.home, port_base=1234)


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    """Neither `up` nor `down` takes a stranger's folder for a network."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(HomeError, match="holds no local network"):
        Network(tmp_path)
    with pytest.raises(HomeError, match="holds no local network"):
        Network.find(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_home_of_another_network_among_the_nodes_is_refused(network: Network, tmp_path: Path) -> None:
    """A node that was copied in from elsewhere is named."""
    other = Network(tmp_path / "other", nodes=4, port_base=free_port_base(4))
    (network.home / "node2" / "genesis.json").write_bytes(
        (other.home / "node2" / "genesis.json").read_bytes()
    )
    with pytest.raises(HomeError, match="node2 belongs to another network"):
        Network(network.home)


def test_no_home_is_made_for_a_port_that_is_taken(tmp_path: Path) -> None:
    """Homes remember their ports; the next try with others must start from nothing."""
    import socket

    base = free_port_base(2)
    with socket.create_server(("127.0.0.1", base + 101)), pytest.raises(PortError, match=str(base + 101)):
        Network(tmp_path / "network", nodes=2, port_base=base)
    assert list(tmp_path.iterdir()) == []


def test_a_home_is_held_by_one_process_and_free_after_its_death(network: Network) -> None:
    """kill -9 frees it; until then a second node is refused and told by whom."""
    home = network.configs[0].home
    assert find_running(home) is None
    holder = subprocess.Popen(
        (sys.executable, "-c", HOLDER, str(home)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdin
    assert holder.stdout
    with holder:
        assert holder.stdout.readline() == b"held\n"
        assert find_running(home) == network.find_process(0) == holder.pid
        with pytest.raises(LaunchError, match=str(holder.pid)), hold_home(home):
            pass
        holder.kill()
        holder.wait()
    assert find_running(home) is None
    with hold_home(home):
        pass


def test_a_process_number_without_the_lock_is_never_believed(network: Network) -> None:
    """A number left by a dead node may be another process' by now."""
    home = network.configs[1].home
    (home / "node.pid").write_text("1\n")
    assert find_running(home) is None
    assert network.stop_all() == []


def test_a_home_whose_parts_do_not_agree_is_named(network: Network, tmp_path: Path) -> None:
    """Each part alone is fine; together they are not a node."""
    home = network.configs[0].home
    keys, config, genesis = home / "keys" / "validator.json", home / "config.toml", home / "genesis.json"
    texts = {path: path.read_bytes() for path in (keys, config, genesis)}

    create_home(tmp_path / "stranger", {"node": {"name": "stranger"}})
    keys.write_bytes((tmp_path / "stranger" / "keys" / "validator.json").read_bytes())
    with pytest.raises(HomeError, match="not in the committee"):
        load_home(home)
    keys.write_bytes(texts[keys])

    config.write_bytes(texts[config].replace(b"addresses = [", b'addresses = ["127.0.0.1:1", '))
    with pytest.raises(ConfigError, match=r"peer\.addresses names 5 members, the genesis has 4"):
        load_home(home)
    config.write_bytes(texts[config])

    genesis.write_bytes(texts[genesis].replace(b'"depth"', b'"deep"'))
    with pytest.raises(GenesisError, match="deep"):
        load_home(home)
    genesis.write_bytes(texts[genesis])

    keys.chmod(0o644)
    with pytest.raises(KeyFileError, match="0644"):
        load_home(home)


def test_a_home_is_not_made_twice_or_with_a_bad_setting(tmp_path: Path) -> None:
    """The keys of a home that is there stay, and a refused one can be made again."""
    with pytest.raises(ConfigError, match=r"api\.port"):
        create_home(tmp_path / "home", {"api": {"port": 0}})
    with pytest.raises(ConfigError, match=r"node\.name = '' \(from what was asked for\)"):
        create_home(tmp_path / "home", {"node": {"name": ""}})
    assert not (tmp_path / "home").exists(), "nothing is left of what was refused"
    create_home(tmp_path / "home", {"node": {"name": 'a"b'.replace('"', "-")}})
    with pytest.raises(HomeError, match="already"):
        create_home(tmp_path / "home", {})
