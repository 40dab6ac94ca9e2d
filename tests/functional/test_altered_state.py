"""A value is altered in a stopped node's store: at its return the others name it, and it stops serving."""

import httpx

from tests.functional.network import (
    PATIENCE_S,
    Launch,
    data_of,
    get,
    heads,
    log_events,
    wait_for_agreement,
    wait_until,
)
from weft.client import Client
from weft.execution.builtin.records import RecordState, record_key
from weft.local import Network
from weft.model.encoding import decode
from weft.storage.store import TABLES
from weft.storage.tables import Tables

ALTERED = 2
HEIGHT_BYTES = 8


def alter(network: Network) -> None:
    """Let a record have another commitment: a value with its checksum, as the node itself might store it."""
    rows = Tables(data_of(network, ALTERED) / "store", TABLES)
    try:
        key = record_key("ledger", "balance")
        with rows.read() as reading:
            row = reading.get("state", key)
        assert row is not None
        height, value = row[:HEIGHT_BYTES], row[HEIGHT_BYTES:]
        commitment = decode(RecordState, value).newest.commitment
        assert commitment is not None
        changed = value.replace(commitment, commitment[::-1])
        assert decode(RecordState, changed).newest.commitment != commitment
        rows.write(lambda writing: writing.put("state", key, height + changed))
    finally:
        rows.close()


def test_a_node_whose_state_was_altered_is_named_and_does_not_serve(launch: Launch) -> None:
    """The others log height and key; it answers reads with 503; they go on without it."""
    network = launch()
    with Client(network.urls) as client:
        for number in range(5):
            client.records.put("ledger", f"other-{number}", number)
        client.records.put("ledger", "balance", {"amount": 1})
    height, _, _ = wait_for_agreement(network)
    network.kill(ALTERED)
    alter(network)
    network.start([ALTERED])

    url = network.urls[ALTERED]
    others = [node for node in range(4) if node != ALTERED]

    def is_named(node: int) -> bool:
        told = [event for event in log_events(network, node) if event["event"] == "state.differs"]
        return any(
            (event["member"], event["height"]) == (f"node{ALTERED}", height)
            and event.get("key") == "records/ledger/balance"
            for event in told
        )

    wait_until(lambda: all(map(is_named, others)), "every other node names height and key")
    assert httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code == 503
    for path in ("/v1/records/ledger/balance", "/v1/records/ledger", "/v1/blocks/1"):
        answer = httpx.get(f"{url}{path}", timeout=PATIENCE_S)
        assert (answer.status_code, answer.json()["code"]) == (503, "node.diverged"), path
    answer = httpx.put(f"{url}/v1/records/ledger/balance", json=2, timeout=PATIENCE_S)
    assert (answer.status_code, answer.json()["code"]) == (503, "node.diverged")

    with Client([network.urls[node] for node in others]) as client:
        assert client.records.put("ledger", "balance", {"amount": 2})["version"] == 2
    told = httpx.get(f"{url}/readyz", timeout=PATIENCE_S).json()["reasons"]
    assert len(told) == 1
    assert told[0].endswith(f"at height {height}, first at key records/ledger/balance"), "still, after alarms"
    for node in others:
        assert get(f"{network.urls[node]}/readyz")["ready"]
    wait_until(lambda: len({heads(network)[node] for node in others}) == 1, "the others agree")
