"""A node that was away for longer than the others remember comes back by itself."""

import asyncio
import sys
import time

import httpx
import pytest

from tests.functional.network import (
    IS_LONG,
    PATIENCE_S,
    Launch,
    Load,
    check_acknowledged,
    get,
    log_events,
    metric,
    read_all,
    wait_for_agreement,
)
from weft.local import Network

BLOCKS = 10_000
LONG_S = 1800.0
"""How long writing them may take, and catching up."""


async def write_beyond(network: Network, load: Load, name: str, more: int, patience_s: float) -> None:
    """Load until a metric of the first node has grown by so much."""
    work = asyncio.create_task(load.run())
    target = metric(network.urls[0], name) + more
    deadline = time.monotonic() + patience_s
    while metric(network.urls[0], name) < target:
        assert time.monotonic() < deadline, f"{name} grows"
        await asyncio.sleep(0.5)
    load.stop()
    await work


async def watch_return(network: Network, node: int, patience_s: float = PATIENCE_S) -> list[bool]:
    """What the node's status says of catching up, from its first answer until it is ready."""
    told: list[bool] = []
    deadline = time.monotonic() + patience_s
    async with httpx.AsyncClient(base_url=network.urls[node], timeout=PATIENCE_S) as http:
        while True:
            assert time.monotonic() < deadline, "the node becomes ready"
            try:
                told.append((await http.get("/v1/status")).json()["catching_up"])
                if (await http.get("/readyz")).status_code == 200:
                    return told
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)


def test_a_node_away_beyond_the_depth_catches_up_and_says_so(launch: Launch) -> None:
    """More than twice the rounds that a commit reaches back: it follows blocks, and then takes part."""
    network = launch()
    load = Load(network, clients=2)
    network.kill(3)
    rounds = 2 * network.genesis.limits.depth + 200
    asyncio.run(write_beyond(network, load, "weft_round_final", rounds, 4 * PATIENCE_S))

    network.start([3])
    told = asyncio.run(watch_return(network, 3))
    assert told[0], "its status says that it is catching up"
    assert not get(f"{network.urls[3]}/v1/status")["catching_up"]
    wait_for_agreement(network)
    events = [event["event"] for event in log_events(network, 3)]
    assert "node.catching_up" in events
    assert "node.caught_up" in events
    check_acknowledged(network, load, 3)

    answer = httpx.put(f"{network.urls[3]}/v1/records/load/back", json="I am back", timeout=PATIENCE_S)
    assert answer.status_code == 201, "it takes writes"
    wait_for_agreement(network)
    assert read_all(network.urls[0], "load")["back"] == ("I am back", 1)


@pytest.mark.skipif(not IS_LONG, reason="set WEFT_LONG=1: a quarter of an hour")
@pytest.mark.timeout(2 * LONG_S)
def test_a_node_away_for_ten_thousand_blocks_returns_to_the_same_head(launch: Launch) -> None:
    """And nothing acknowledged is missing there."""
    network = launch()
    load = Load(network, clients=4)
    asyncio.run(load.run_for(2))
    network.kill(3)
    begun = time.monotonic()
    asyncio.run(write_beyond(network, load, "weft_height", BLOCKS, LONG_S))
    written_s = time.monotonic() - begun
    begun = time.monotonic()
    network.start([3])
    told = asyncio.run(watch_return(network, 3, LONG_S))
    caught_up_s = time.monotonic() - begun
    assert told[0], "its status says that it is catching up"
    assert wait_for_agreement(network)[0] > BLOCKS
    check_acknowledged(network, load, 3)
    sys.stdout.write(
        f"\n{BLOCKS} blocks written in {written_s:.0f} s; the node was ready {caught_up_s:.1f} s after its "
        f"start, {BLOCKS / caught_up_s:.0f} blocks a second\n"
    )
