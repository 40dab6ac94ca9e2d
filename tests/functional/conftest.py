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
