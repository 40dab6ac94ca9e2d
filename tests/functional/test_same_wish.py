"""The same wish at several nodes, at once and again later: one effect, one answer."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

import httpx

from tests.functional.network import PATIENCE_S, Launch, get, wait_for_agreement
from weft.client import AsyncClient, Call
from weft.local import Network
from weft.model.call import PutRecords, RecordItem
from weft.model.keys import ED25519, SECP256K1, PrivateKey


def count_ordered(network: Network, identity: str) -> int:
    """How often a transaction stands in the blocks of a node."""
    url = network.urls[-1]
    blocks = [get(f"{url}/v1/blocks/{height}") for height in range(1, get(f"{url}/v1/head")["height"] + 1)]
    return sum(item["id"] == identity for block in blocks for item in block["transactions"])


async def ask_all(network: Network, method: str, path: str, **given: Any) -> list[httpx.Response]:
    """Every node's answer to the same request, made at the same moment."""
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        return await asyncio.gather(*(http.request(method, f"{url}{path}", **given) for url in network.urls))


def test_a_signed_transaction_sent_everywhere_takes_effect_once(launch: Launch) -> None:
    """Sent to all nodes at once, and to all again: each answers with the one place it has."""
    network = launch()

    async def send(curve: int) -> set[str]:
        key = PrivateKey(curve, secrets.token_bytes(32))
        clients = [AsyncClient(url, key) for url in network.urls]
        name = f"curve-{curve}"
        call = Call("records", "put", PutRecords((RecordItem("wish", name, 0, None),)), (b'"once"',))
        signed = await clients[0].sign(call.contract, call.call, call.arguments, call.contents)
        outcomes = await asyncio.gather(*(client.send(signed) for client in clients))
        outcomes += await asyncio.gather(*(client.send(signed) for client in clients))
        for client in clients:
            assert (await client.records.get("wish", name))["version"] == 1
            await client.close()
        places = {(item.id, item.status, item.height, item.position) for item in outcomes}
        assert len(places) == 1, "one answer"
        return {item.id for item in outcomes}

    for curve in (ED25519, SECP256K1):
        (identity,) = asyncio.run(send(curve))
        assert count_ordered(network, identity) == 1
    wait_for_agreement(network)


def test_one_idempotency_key_at_all_nodes_gives_one_answer(launch: Launch) -> None:
    """At once and later, for a put and for a deletion: status and body are the first one's."""
    network = launch()
    for method, given in (("PUT", {"json": {"a": 1}}), ("DELETE", {})):
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        first, *others = [
            *asyncio.run(ask_all(network, method, "/v1/records/wish/keyed", headers=headers, **given)),
            *asyncio.run(ask_all(network, method, "/v1/records/wish/keyed", headers=headers, **given)),
        ]
        assert first.is_success, first.text
        for other in others:
            assert (other.status_code, other.json()) == (first.status_code, first.json())
    versions = get(f"{network.urls[0]}/v1/records/wish/keyed/history")["items"]
    assert [item["deleted"] for item in versions] == [True, False], "one version, one deletion"


def test_an_idempotency_key_with_another_body_is_refused_everywhere(launch: Launch) -> None:
    """Different bodies race at all nodes: one wins, the others hear 409, and so does who comes later."""
    network = launch()
    headers = {"Idempotency-Key": secrets.token_hex(16)}

    async def race() -> Sequence[httpx.Response]:
        async with httpx.AsyncClient(timeout=PATIENCE_S, headers=headers) as http:
            return await asyncio.gather(
                *(http.put(f"{url}/v1/records/wish/raced", json=url) for url in network.urls)
            )

    answers = asyncio.run(race())
    won = [url for url, answer in zip(network.urls, answers, strict=True) if answer.status_code == 201]
    assert len(won) == 1, [answer.text for answer in answers]
    later = asyncio.run(ask_all(network, "PUT", "/v1/records/wish/raced", json="else", headers=headers))
    refused = [answer for answer in (*answers, *later) if answer.status_code != 201]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {
        (409, "idempotency.conflict")
    }
    wait_for_agreement(network)
    for url in network.urls:
        record = get(f"{url}/v1/records/wish/raced")
        assert (record["value"], record["version"]) == (won[0], 1)
