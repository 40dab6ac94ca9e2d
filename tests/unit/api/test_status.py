"""Status, head, health, metrics and version."""

import json
from base64 import b64decode

import httpx

from tests.unit.api.ask import code_of
from tests.unit.api.twin import Twin
from weft.model.digest import digest
from weft.model.errors import BehindError, BlobError, DiskFullError, DivergedError
from weft.model.genesis import parse_genesis
from weft.model.view import Health


async def test_status_names_node_chain_head_and_peers(http: httpx.AsyncClient, twin: Twin) -> None:
    """The members that other programs rely on."""
    await http.put("/v1/records/notes/k", content=b"1")
    status = (await http.get("/v1/status")).json()
    assert status["node"] == {"id": 0, "name": "node0", "role": "validator"}
    assert status["chain_id"] == twin.chain.hex()
    assert status["latest_height"] == 1
    assert status["latest_hash"] == twin.ledger.head.hash.hex()
    assert status["state_root"] == twin.ledger.roots[-1].hex()
    assert status["catching_up"] is False
    assert status["peers"] == [
        {"id": 1, "name": "node1", "url": "http://10.1.2.3:8701", "connected": True, "latest_height": 1}
    ]
    head = await http.get("/v1/head")
    assert head.headers["weft-height"] == "1"
    assert {"height", "hash", "state_root", "timestamp", "certified_height"} <= head.json().keys()
    assert head.json()["timestamp"] == "2023-11-14T22:13:20.010Z"


async def test_the_genesis_is_given_in_the_bytes_that_name_the_chain(
    http: httpx.AsyncClient, twin: Twin
) -> None:
    """So that whoever keeps it can check all else."""
    shown = (await http.get("/v1/genesis")).json()
    assert digest("genesis", b64decode(shown["encoded"])).hex() == shown["chain_id"] == twin.chain.hex()
    assert parse_genesis(json.dumps(shown["genesis"])) == twin.genesis


async def test_the_graph_is_shown_as_far_as_asked(http: httpx.AsyncClient) -> None:
    """Lanes by member, vertices oldest first, parents by author and round; bounded."""
    for place in range(3):
        await http.put(f"/v1/records/notes/{place}", content=b"1")
    graph = (await http.get("/v1/dag?rounds=2")).json()
    assert [member["id"] for member in graph["members"]] == list(range(len(graph["members"])))
    assert [(one["author"], one["round"], one["parents"]) for one in graph["vertices"]] == [
        (0, 2, [[0, 1]]),
        (0, 3, [[0, 2]]),
    ]
    assert code_of(await http.get("/v1/dag?rounds=201")) == (400, "request.invalid")


async def test_health_says_why(http: httpx.AsyncClient, twin: Twin) -> None:
    """Alive and ready are two questions."""
    for path in ("/livez", "/readyz", "/healthz"):
        assert (await http.get(path)).json() == {"alive": True, "ready": True, "reasons": []}
    twin.health_now = Health(True, False, ("catching up with the other members",))
    assert (await http.get("/livez")).status_code == 200
    for path in ("/readyz", "/healthz"):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["reasons"] == ["catching up with the other members"]


async def test_metrics_and_version(http: httpx.AsyncClient) -> None:
    """In the format that Prometheus reads."""
    metrics = await http.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert metrics.text == "weft_height 1\n"
    assert (await http.get("/version")).json()["api"] == "v1"


async def test_a_node_that_cannot_serve_says_so(http: httpx.AsyncClient, twin: Twin) -> None:
    """With the status that the reason has, on every path that reads or writes."""
    cases = [
        (DivergedError("the state differs"), 503, "node.diverged"),
        (BehindError("not there yet"), 503, "node.behind"),
        (DiskFullError("the disk is full"), 507, "disk.full"),
        (BlobError("nobody has it"), 503, "blob.missing"),
    ]
    for fault, status, code in cases:
        twin.fault = fault
        for path in ("/v1/status", "/v1/blocks", "/v1/blocks/0", "/v1/records/a/b", "/v1/events"):
            answer = await http.get(path)
            assert code_of(answer) == (status, code), path
            assert ("retry-after" in answer.headers) == (status == 503)
        assert code_of(await http.put("/v1/records/a/b", content=b"1")) == (status, code)


async def test_a_bug_is_a_500_that_tells_nothing(http: httpx.AsyncClient, twin: Twin) -> None:
    """And the node goes on."""
    twin.status = lambda: 1 / 0  # type: ignore[assignment, method-assign, return-value]
    answer = await http.get("/v1/status")
    assert code_of(answer) == (500, "server.unexpected")
    assert "division" not in answer.text
    assert (await http.get("/v1/blocks")).status_code == 200


async def test_reads_wait_for_a_height_or_say_that_they_cannot(http: httpx.AsyncClient) -> None:
    """`min_height` beyond what is here: 503; words that are none: 400."""
    await http.put("/v1/records/notes/k", content=b"1")
    for path in (
        "/v1/head",
        "/v1/blocks",
        "/v1/blocks/0",
        "/v1/records/notes/k",
        "/v1/records/notes/k/history",
    ):
        params = {"min_height": "1", "consistency": "linearizable"}
        assert (await http.get(path, params=params)).status_code == 200
        assert code_of(await http.get(path, params={"min_height": 2})) == (503, "node.behind")
        assert code_of(await http.get(path, params={"consistency": "strong"})) == (400, "request.invalid")
