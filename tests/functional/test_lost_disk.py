"""A validator whose data is gone comes back: it asks what it has said before it says anything."""

import asyncio
import shutil

import httpx
import pytest

from tests.functional.network import (
    PATIENCE_S,
    Launch,
    Load,
    check_acknowledged,
    data_of,
    log_events,
    metric,
    read_all,
    wait_for_agreement,
)
from weft.local import Network


async def lose(network: Network, load: Load, is_busy: bool) -> None:
    """Kill a node under load and delete its data; it returns while the load goes on, or after it."""
    work = asyncio.create_task(load.run())
    await asyncio.sleep(2)
    network.kill(1)
    shutil.rmtree(data_of(network, 1))
    if not is_busy:
        load.stop()
        await work
    await asyncio.to_thread(network.restart, 1)
    load.stop()
    await work


@pytest.mark.parametrize("is_busy", [True, False], ids=["under load", "in a quiet network"])
def test_a_node_without_its_data_comes_back_and_takes_writes(launch: Launch, is_busy: bool) -> None:
    """It has everything again, content too, and nobody has seen it say two things in one slot."""
    network = launch()
    load = Load(network)
    asyncio.run(lose(network, load, is_busy))
    assert "journal.distrusted" in [event["event"] for event in log_events(network, 1)]
    answer = httpx.put(f"{network.urls[1]}/v1/records/load/again", json="here", timeout=PATIENCE_S)
    assert answer.status_code == 201
    wait_for_agreement(network)
    check_acknowledged(network, load, 1)
    assert read_all(network.urls[2], "load")["again"] == ("here", 1)
    assert [metric(url, "weft_equivocations_total") for url in network.urls] == [0] * 4
