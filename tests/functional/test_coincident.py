"""One record is written at all nodes at the same moment: one order, and each writer hears what is true."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from tests.functional.network import IS_LONG, PATIENCE_S, Launch, get, wait_for_agreement
from weft.local import Network

ROUNDS = 1000 if IS_LONG else 256
CONDITIONAL_ROUNDS = 200 if IS_LONG else 40
LANES = 8
"""Rounds on their way at once, each with a record of its own."""


@asynccontextmanager
async def connect(urls: Sequence[str]) -> AsyncIterator[list[httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=PATIENCE_S))
            for url in urls
        ]


def histories(network: Network, key: str) -> list[list[tuple[int, str, int]]]:
    """Version, value and height of every version of a record, oldest first, as each node tells them."""
    found = []
    for url in network.urls:
        items, cursor = [], None
        while True:
            page = get(
                f"{url}/v1/records/meet/{key}/history",
                limit=1000,
                **({"cursor": cursor} if cursor else {}),
            )
            items += [(item["version"], item["value"], item["height"]) for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        found.append(items[::-1])
    return found


def test_each_writer_hears_its_own_place_in_the_one_order(launch: Launch) -> None:
    """Four nodes, four values, one record: every version is one writer's, and all nodes tell the same."""
    network = launch()
    told: dict[str, set[tuple[int, str, int]]] = {}

    async def lane(nodes: list[httpx.AsyncClient], number: int) -> None:
        key = f"lane-{number}"
        told[key] = set()
        for turn in range(ROUNDS // LANES):
            values = [f"turn {turn} node {node}" for node in range(len(nodes))]
            answers = await asyncio.gather(
                *(
                    node.put(f"/v1/records/meet/{key}", json=value)
                    for node, value in zip(nodes, values, strict=True)
                )
            )
            for answer, value in zip(answers, values, strict=True):
                body = answer.raise_for_status().json()
                assert answer.status_code == (201 if body["version"] == 1 else 200)
                told[key].add((body["version"], value, body["height"]))

    async def meet() -> None:
        async with connect(network.urls) as nodes:
            await asyncio.gather(*(lane(nodes, number) for number in range(LANES)))

    asyncio.run(meet())
    wait_for_agreement(network)
    for key, outcomes in told.items():
        first, *others = histories(network, key)
        assert [version for version, _, _ in first] == list(range(1, len(outcomes) + 1))
        assert set(first) == outcomes, "each was told the version and the height that its write has"
        assert all(other == first for other in others)


def test_of_conditional_writes_exactly_one_wins_and_the_others_hear_which(launch: Launch) -> None:
    """If-None-Match and then If-Match: one 201 or 200 each time, all others 412 with the version there."""
    network = launch()
    winners: list[tuple[int, str]] = []

    async def meet() -> None:
        async with connect(network.urls) as nodes:
            for version in range(CONDITIONAL_ROUNDS):
                condition = {"If-Match": str(version)} if version else {"If-None-Match": "*"}
                answers = await asyncio.gather(
                    *(
                        node.put("/v1/records/meet/one", json=f"{version} by {number}", headers=condition)
                        for number, node in enumerate(nodes)
                    )
                )
                won = [number for number, answer in enumerate(answers) if answer.is_success]
                assert len(won) == 1, [answer.text for answer in answers]
                assert answers[won[0]].status_code == (200 if version else 201)
                winners.append((version + 1, f"{version} by {won[0]}"))
                for number, answer in enumerate(answers):
                    if number != won[0]:
                        problem = answer.json()
                        assert (answer.status_code, problem["code"]) == (412, "records.version")
                        assert problem["version"] == version + 1, problem

    asyncio.run(meet())
    wait_for_agreement(network)
    for found in histories(network, "one"):
        assert [(version, value) for version, value, _ in found] == winners
