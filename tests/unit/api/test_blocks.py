"""Blocks over HTTP: enough is shown to check every hash."""

from base64 import b64decode
from itertools import pairwise

import httpx

from tests.unit.api.ask import code_of
from tests.unit.api.twin import Twin
from weft.model import merkle
from weft.model.transaction import identity_of


async def write(http: httpx.AsyncClient, count: int) -> None:
    for place in range(count):
        assert (await http.put(f"/v1/records/notes/{place}", content=b"1")).status_code == 201


async def test_headers_come_newest_first_and_link(http: httpx.AsyncClient) -> None:
    """Page by page down to the genesis."""
    await write(http, 5)
    found, params = [], {"limit": "2"}
    while True:
        answer = await http.get("/v1/blocks", params=params)
        assert answer.headers["weft-height"] == "5"
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert [header["height"] for header in found] == [5, 4, 3, 2, 1, 0]
    assert all(one["parent"] == below["hash"] for one, below in pairwise(found))


async def test_a_block_shows_what_its_roots_cover(http: httpx.AsyncClient, twin: Twin) -> None:
    """Raw transactions and receipts give the roots; the checkpoint vouches for a header above."""
    await write(http, 2)
    block = (await http.get("/v1/blocks/1")).json()
    raw = [b64decode(one["raw"]) for one in block["transactions"]]
    receipts = [b64decode(one["raw"]) for one in block["receipts"]]
    assert merkle.root("transactions", raw).hex() == block["transaction_root"]
    assert merkle.root("receipts", receipts).hex() == block["receipt_root"]
    assert [one["id"] for one in block["transactions"]] == [identity_of(one).hex() for one in raw]
    assert block["receipts"][0]["events"][0]["type"] == "record.put"
    assert block["transactions"][0]["contract"] == "records"
    assert block["checkpoint"]["header"] == twin.ledger.blocks[1].header.hash.hex()
    assert len(block["checkpoint"]["signatures"]) == 3
    assert (await http.get("/v1/blocks/0")).json()["transactions"] == []


async def test_heights_that_are_none_are_refused(http: httpx.AsyncClient) -> None:
    """404 above the head, 400 for what is no height."""
    assert code_of(await http.get("/v1/blocks/1")) == (404, "block.unknown")
    assert code_of(await http.get(f"/v1/blocks/{2**63 - 1}")) == (404, "block.unknown")
    for bad in ("-1", "01", "1.0", "1e3", "x", str(2**63), "9" * 400, "%31%20"):
        assert code_of(await http.get(f"/v1/blocks/{bad}")) == (400, "request.invalid"), bad


async def test_cursors_belong_to_their_list(http: httpx.AsyncClient) -> None:
    """One of another list, a changed one, or rubbish: 400."""
    await write(http, 3)
    cursor = (await http.get("/v1/blocks", params={"limit": 1})).json()["next_cursor"]
    records = (await http.get("/v1/records/notes", params={"limit": 1})).json()["next_cursor"]
    for bad in (records, cursor + "A", cursor[:-1], "rubbish", "====", "", "ä", "AAAA", "x" * 3000):
        assert code_of(await http.get("/v1/blocks", params={"cursor": bad})) == (400, "cursor.invalid"), bad
    assert code_of(await http.get("/v1/records/notes", params={"cursor": cursor})) == (400, "cursor.invalid")


async def test_limits_are_from_one_to_a_thousand(http: httpx.AsyncClient) -> None:
    """Fifty without one."""
    await write(http, 60)
    assert len((await http.get("/v1/blocks")).json()["items"]) == 50
    assert len((await http.get("/v1/blocks", params={"limit": 1000})).json()["items"]) == 61
    for bad in ("0", "1001", "-1", "ten", "1.5", "", "+5", "1_0", " 5", "٣"):
        assert code_of(await http.get("/v1/blocks", params={"limit": bad})) == (400, "request.invalid"), bad
