"""Networks of real processes, which end with their test."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.functional.network import Launch
from weft.local import Network, free_port_base
from weft.model.committee import FaultModel


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Starts networks that end with the test."""
    with ExitStack() as stack:

        def start(nodes: int = 4, fault_model: FaultModel = "byzantine") -> Network:
            network = Network(tmp_path / "network", nodes, fault_model, free_port_base(nodes))
            return stack.enter_context(network)

        yield start


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Four nodes in the folder that the pages of docs/operate name; all end, whoever started them."""
    network = Network(tmp_path / "weft-network", 4, port_base=free_port_base(4))
    try:
        network.start()
        network.wait_ready()
        yield network
    finally:
        network.stop_all()
