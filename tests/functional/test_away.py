"""A node that was away for longer than the others remember comes back by itself."""

import asyncio
import time

import httpx

from tests.functional.network import (
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


async def write_beyond(network: Network, load: Load, rounds: int) -> None:
    """Load until so many rounds more are final at the first node."""
    work = asyncio.create_task(load.run())
    target = metric(network.urls[0], "weft_round_final") + rounds
    deadline = time.monotonic() + 4 * PATIENCE_S
    while metric(network.urls[0], "weft_round_final") < target:
        assert time.monotonic() < deadline, "rounds go on"
        await asyncio.sleep(0.5)
    load.stop()
    await work


async def watch_return(network: Network, node: int) -> list[bool]:
    """What the node's status says of catching up, from its first answer until it is ready."""
    told: list[bool] = []
    deadline = time.monotonic() + PATIENCE_S
    async with httpx.AsyncClient(base_url=network.urls[node], timeout=PATIENCE_S) as http:
        while True:
            assert time.monotonic() < deadline, "the node becomes ready"
            try:
                told.append((await http.get("/v1/status")).json()["catching_up"])
                if (await http.get("/readyz")).status_code == 200:
                    return told
            except httpx.TransportError:
                await asyncio.sleep(0.02)


def test_a_node_away_beyond_the_depth_catches_up_and_says_so(launch: Launch) -> None:
    """More than twice the rounds that a commit reaches back: it follows blocks, and then takes part."""
    network = launch()
    load = Load(network, clients=2)
    network.kill(3)
    asyncio.run(write_beyond(network, load, 2 * network.genesis.limits.depth + 200))

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
