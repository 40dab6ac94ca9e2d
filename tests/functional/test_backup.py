"""docs/operate/backup.md as it stands: copies of nodes, and members and networks that come back from them."""

import shutil
from pathlib import Path

import pytest

from tests.functional.network import (
    Load,
    check_acknowledged,
    data_of,
    do_under,
    get,
    log_events,
    metric,
    read_all,
    wait_for_agreement,
    wait_until,
)
from tests.functional.page import Page
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network, stop_node

LOST = 1
"""The member that the page speaks of."""
SECRET = "words that somebody wants to be forgotten"


@pytest.fixture
def page(network: Network, tmp_path: Path) -> Page:
    return Page("backup.md", tmp_path, network.configs[0].api.port)


def write(network: Network, *keys: str) -> None:
    with Client(network.urls) as client:
        for key in keys:
            client.records.put("kept", key, key)


def lose(network: Network) -> None:
    """The machine is gone, with its disk."""
    home = network.configs[LOST].home
    stop_node(home)
    shutil.rmtree(home)


def count_distrust(network: Network) -> int:
    return [event["event"] for event in log_events(network, LOST)].count("journal.distrusted")


def check(network: Network, *keys: str) -> None:
    """All nodes agree, the member that came back has everything and takes writes, and nobody was seen to say
    two things."""
    wait_for_agreement(network)
    url = network.urls[LOST]
    assert set(read_all(url, "kept")) == set(keys)
    with Client([url]) as client:
        for file in get(f"{url}/v1/files")["items"]:
            assert len(client.files.get(file["id"])) == file["size"]
        client.records.put("again", "here", 1)
    wait_for_agreement(network)
    assert [metric(url, "weft_equivocations_total") for url in network.urls] == [0] * 4


def holds(folder: Path, text: str) -> bool:
    """Whether these bytes stand in a file."""
    return any(text.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_one_member_comes_back_from_each_kind_of_copy(network: Network, page: Page, tmp_path: Path) -> None:
    """From its keys, from a copy without its journal, and with one: it asks first each time. What was erased
    since the copy is gone again."""
    with Client(network.urls) as client:
        client.files.put(write_samples(tmp_path / "samples")[0])
        client.records.put("kept", "secret", SECRET)
    write(network, "a")
    page.run("Copy the keys")
    page.run("Copy a stopped node")
    write(network, "b")
    load = Load(network)
    do_under(load, lambda: page.run("Copy a running node"))
    with Client(network.urls) as client:
        client.records.erase("kept", "secret")
    write(network, "c")

    lose(network)
    page.run("Restore one member from its keys")
    assert count_distrust(network) == 1
    check(network, "a", "b", "c")

    write(network, "d")
    lose(network)
    assert holds(tmp_path / "node1-still" / "data", SECRET)
    page.run("Restore one member from a copy")
    assert count_distrust(network) == 1
    check(network, "a", "b", "c", "d")
    check_acknowledged(network, load, LOST)
    wait_until(lambda: not holds(data_of(network, LOST), SECRET), "what was erased is destroyed again")

    lose(network)
    shutil.copytree(tmp_path / "node1-stopped", network.configs[LOST].home)
    network.start([LOST])
    network.wait_ready([LOST])
    assert count_distrust(network) == 1, "the others told of what this journal lacks"
    check(network, "a", "b", "c", "d")


def test_a_whole_network_comes_back_from_one_set_of_copies(network: Network, page: Page) -> None:
    """It goes on from there; what was written since is gone."""
    write(network, "a", "b")
    page.run("Copy a whole network")
    write(network, "c")
    page.run("Restore a whole network")
    assert count_distrust(network) == 0
    check(network, "a", "b")
    write(network, "d")
    check(network, "a", "b", "d")
