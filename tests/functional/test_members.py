"""docs/operate/members.md as it stands: a node that moves, and accounts, tokens and keys that come and go."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.functional.network import PATIENCE_S, close_network, metric, wait_for_agreement
from tests.functional.page import Page
from weft.client import Client
from weft.local import Network, free_port_base
from weft.model.errors import WeftError
from weft.storage.keyfile import load_key

MOVED = 1
"""The node that the page speaks of."""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Four nodes in the folder that the page names, which have not started."""
    network = Network(tmp_path / "weft-network", 4, port_base=free_port_base(60))
    try:
        yield network
    finally:
        Network.find(network.home).stop_all()


@pytest.fixture
def page(network: Network, tmp_path: Path) -> Page:
    return Page("members.md", tmp_path, network.configs[0].api.port)


def start(network: Network) -> None:
    network.start()
    network.wait_ready()


def put(url: str, token: str) -> int:
    return httpx.put(
        f"{url}/v1/records/notes/new",
        json=1,
        headers={"Authorization": f"Bearer {token}"},
        timeout=PATIENCE_S,
    ).status_code


def test_a_node_moves_to_another_port(network: Network, page: Page) -> None:
    """Everybody finds it there, also when the others have been started again since."""
    start(network)
    before = network.configs[MOVED].peer.port
    page.run("Move a node")
    moved = Network.find(network.home)
    assert moved.configs[MOVED].peer.port == before + 50
    with Client([moved.urls[MOVED]]) as client:
        client.records.put("notes", "moved", 1)
    wait_for_agreement(moved)
    for url in moved.urls:
        assert [peer["connected"] for peer in httpx.get(f"{url}/v1/status").json()["peers"]] == [True] * 3
        assert metric(url, "weft_equivocations_total") == 0


def test_accounts_tokens_and_keys_come_and_go(network: Network, page: Page, tmp_path: Path) -> None:
    """What was taken away is refused from then on; a token outlives another key in its file."""
    close_network(network, [(0, "administrator")])
    keys = network.configs[MOVED].keys_path
    shutil.copy2(network.configs[0].keys_path / "caller0.json", tmp_path / "admin.json")
    start(network)

    page.run("Accounts")
    ann = load_key(tmp_path / "ann.json")
    with Client(network.urls, ann) as client, pytest.raises(WeftError, match=r"may not call records\.put"):
        client.records.put("notes", "again", 1)
    page.run("Tokens")
    assert put(network.urls[MOVED], (tmp_path / "token").read_text().strip()) == 401

    old = load_key(keys / "gateway.json")
    page.run("Replace a gateway's key")
    assert load_key(keys / "gateway.json").public.address.hex() in page.run("Tokens"), "it signs now"
    with Client(network.urls, old) as client, pytest.raises(WeftError, match=r"may not call records\.put"):
        client.records.put("notes", "again", 1)
    wait_for_agreement(network)
