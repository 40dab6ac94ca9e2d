"""Nodes are killed at any moment: the others go on, who returns catches up, nothing acknowledged is lost."""

import asyncio

from tests.functional.network import Launch, Load, read_all, wait_for_agreement
from weft.local import Network


def check_acknowledged(network: Network, load: Load) -> None:
    """Every acknowledged write stands exactly once. One node is asked: all have the same state root."""
    assert len(load.acknowledged) > 20, "there was load"
    found = read_all(network.urls[-1], "load")
    for key, value in load.acknowledged.items():
        assert found.get(key) == (value, 1), key


async def kill_under_load(network: Network, load: Load, nodes: list[int]) -> None:
    work = asyncio.create_task(load.run())
    await asyncio.sleep(2)
    for node in nodes:
        network.kill(node)
    written = len(load.acknowledged)
    await asyncio.sleep(2)
    if len(nodes) == 1:
        assert len(load.acknowledged) > written, "the others go on"
    for node in nodes:
        await asyncio.to_thread(network.restart, node)
    await asyncio.sleep(2)
    load.stop()
    await work


def test_three_go_on_while_one_is_killed_and_it_returns_to_the_same_head(launch: Launch) -> None:
    """Kill -9 of one of four under load: nothing acknowledged is missing, anywhere."""
    network = launch()
    load = Load(network)
    asyncio.run(kill_under_load(network, load, [2]))
    wait_for_agreement(network)
    check_acknowledged(network, load)


def test_all_four_are_killed_at_once_and_nothing_acknowledged_is_lost(launch: Launch) -> None:
    """Kill -9 of all under load, then restart from their own disks."""
    network = launch()
    load = Load(network)
    asyncio.run(kill_under_load(network, load, [0, 1, 2, 3]))
    wait_for_agreement(network)
    check_acknowledged(network, load)
