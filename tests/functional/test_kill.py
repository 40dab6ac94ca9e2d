"""Nodes are killed at any moment: the others go on, who returns catches up, nothing acknowledged is lost."""

import asyncio

from tests.functional.network import Launch, Load, check_acknowledged, wait_for_agreement
from weft.local import Network


async def kill_under_load(network: Network, load: Load, nodes: list[int]) -> None:
    work = asyncio.create_task(load.run())
    await asyncio.sleep(2)
    for node in nodes:
        network.kill(node)
    written = len(load.acknowledged)
    await asyncio.sleep(2)
    if len(nodes) == 1:
        assert len(load.acknowledged) > written, "the others go on"
    await asyncio.to_thread(network.start, nodes)
    await asyncio.to_thread(network.wait_ready, nodes)
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


def test_a_node_is_killed_again_and_again_and_returns_every_time(launch: Launch) -> None:
    """Kill -9 under load, five times, at whatever it is doing: also while it still catches up."""
    network = launch()
    load = Load(network)

    async def kill_repeatedly() -> None:
        work = asyncio.create_task(load.run())
        for turn in range(5):
            await asyncio.sleep(0.5)
            network.kill(1)
            await asyncio.to_thread(network.start, [1])
            if turn % 2:
                await asyncio.to_thread(network.wait_ready, [1])
        await asyncio.to_thread(network.wait_ready, [1])
        load.stop()
        await work

    asyncio.run(kill_repeatedly())
    wait_for_agreement(network)
    check_acknowledged(network, load, 1)
