"""The end of a journal is torn, as a power cut tears it: the node starts, and says nothing twice."""

import asyncio
import os

from tests.functional.network import (
    Launch,
    Load,
    check_acknowledged,
    data_of,
    metric,
    wait_for_agreement,
)
from weft.local import Network

TORN_BYTES = {1: 1, 2: 7, 3: 5_000}
"""How much of its journal each node loses; the last one loses what it has said."""


async def tear(network: Network, load: Load) -> None:
    """One node after the other is killed under load, loses the end of its newest segment, and returns."""
    work = asyncio.create_task(load.run())
    for node, torn in TORN_BYTES.items():
        await asyncio.sleep(1.5)
        network.kill(node)
        newest = max((data_of(network, node) / "journal").glob("*.journal"))
        os.truncate(newest, newest.stat().st_size - torn)
        await asyncio.to_thread(network.restart, node)
    load.stop()
    await work


def test_nodes_start_with_torn_journals(launch: Launch) -> None:
    """Nothing acknowledged is missing, and nobody has seen a member say two things in one slot."""
    network = launch()
    load = Load(network)
    asyncio.run(tear(network, load))
    wait_for_agreement(network)
    for node in TORN_BYTES:
        check_acknowledged(network, load, node)
    assert [metric(url, "weft_equivocations_total") for url in network.urls] == [0] * 4
