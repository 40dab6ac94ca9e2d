"""Signed transactions over HTTP."""

import json
from base64 import b64encode
from typing import Any

import httpx

from tests.chain import Chain, attachment, make_genesis
from tests.unit.api.ask import code_of
from tests.unit.api.twin import Twin
from weft.model.errors import FullError
from weft.model.transaction import Attachment, identity_of

PATH = "/v1/transactions"


def pack(raw: bytes, *attachments: Attachment) -> dict[str, Any]:
    """The body that carries a transaction."""
    return {
        "transaction": b64encode(raw).decode(),
        "attachments": [b64encode(one.salt + one.content).decode() for one in attachments],
    }


async def test_a_signed_transaction_is_executed_once(http: httpx.AsyncClient, twin: Twin) -> None:
    """However often it is sent, the answer is the first one's."""
    document = attachment(b'{"a":1}')
    raw = twin.ledger.put("alice", "k", document)
    first = await http.post(PATH, json=pack(raw, document))
    again = await http.post(PATH, json=pack(raw, document))
    assert first.status_code == 200
    assert first.json() == again.json()
    assert first.json() == {
        "id": identity_of(raw).hex(),
        "status": "executed",
        "height": 1,
        "position": 0,
        "certified": True,
        "error": None,
        "result": {"version": 1},
    }
    assert (await http.get(f"{PATH}/{identity_of(raw).hex()}")).json() == first.json()
    assert (await http.get("/v1/records/notes/k")).json()["value"] == {"a": 1}


async def test_what_a_contract_refuses_is_answered_with_its_code(http: httpx.AsyncClient, twin: Twin) -> None:
    """The receipt's code decides the status; its values are members of the problem."""
    ledger = twin.ledger
    cases = [
        (ledger.put("alice", "k", attachment(b"1"), expected=4), (attachment(b"1"),), 412, "records.version"),
        (ledger.remove("alice", "delete", "k"), (), 404, "records.missing"),
        (ledger.sign("alice", "nothing", "do", b""), (), 422, "contract.unknown"),
        (ledger.sign("alice", "records", "sing", b""), (), 422, "call.unknown"),
        (ledger.sign("alice", "records", "put", b"\xc1"), (), 422, "arguments.invalid"),
        (ledger.sign("alice", "members", "set", b""), (), 403, "access.forbidden"),
    ]
    for raw, attachments, status, code in cases:
        answer = await http.post(PATH, json=pack(raw, *attachments))
        assert code_of(answer) == (status, code)
        shown = (await http.get(f"{PATH}/{identity_of(raw).hex()}")).json()
        assert (shown["status"], shown["error"]["code"], shown["error"]["status"]) == ("failed", code, status)
        assert shown["error"]["detail"] == answer.json()["detail"]


async def test_what_no_node_would_take_is_refused(http: httpx.AsyncClient, twin: Twin) -> None:
    """Another chain, a bad signature, bytes that are no transaction, content that was not committed to."""
    document = attachment(b"1")
    raw = twin.ledger.put("alice", "k", document)
    elsewhere = Chain(make_genesis(members=7)).put("alice", "k", document)
    flipped = raw[:-1] + bytes([raw[-1] ^ 1])
    cases = [
        (pack(elsewhere, document), 400, "transaction.chain"),
        (pack(flipped, document), 400, "signature.invalid"),
        (pack(raw + b"x", document), 400, "encoding.invalid"),
        (pack(b""), 400, "encoding.invalid"),
        (pack(raw), 400, "attachment.mismatch"),
        (pack(raw, attachment(b"2")), 400, "attachment.mismatch"),
        (pack(raw) | {"attachments": ["QUJD"]}, 400, "attachment.mismatch"),
        (pack(b"x" * 70_000), 413, "transaction.size"),
    ]
    for body, status, code in cases:
        assert code_of(await http.post(PATH, json=body)) == (status, code)
    assert twin.ledger.head.height == 0


async def test_an_expired_transaction_has_no_effect(http: httpx.AsyncClient, twin: Twin) -> None:
    """422, and nobody remembers it."""
    document = attachment(b"1")
    raw = twin.ledger.put("alice", "k", document, expires_ms=1)
    assert code_of(await http.post(PATH, json=pack(raw, document))) == (422, "transaction.expired")


async def test_bodies_of_another_shape_are_refused(http: httpx.AsyncClient) -> None:
    """Unknown fields, wrong types, bad base64, no JSON at all."""
    bodies = [b"", b"null", b"[]", b"{}", b'{"transaction":7}', b'{"transaction":"?"}', b"[" * 100_000]
    bodies += [b'{"transaction":"","more":1}', b'{"transaction":"","attachments":{}}', b"\xff"]
    for body in bodies:
        assert code_of(await http.post(PATH, content=body)) == (400, "document.invalid"), body
        assert code_of(await http.post(PATH + ":batch", content=body)) == (400, "document.invalid"), body
    many = json.dumps({"items": [{"transaction": ""}] * 1001})
    assert code_of(await http.post(PATH + ":batch", content=many)) == (400, "document.invalid")
    kind = {"content-type": "application/octet-stream"}
    assert code_of(await http.post(PATH, content=b"{}", headers=kind)) == (415, "request.media_type")


async def test_each_item_of_a_batch_has_its_own_answer(http: httpx.AsyncClient, twin: Twin) -> None:
    """Executed, failed and refused beside each other, in the order sent."""
    document = attachment(b"1")
    good = twin.ledger.put("alice", "k", document)
    failing = twin.ledger.remove("alice", "delete", "nothing")
    items = [pack(good, document), pack(b"rubbish"), pack(failing)]
    answer = await http.post(PATH + ":batch", json={"items": items})
    assert answer.status_code == 200
    states = answer.json()["items"]
    assert [state["status"] for state in states] == ["executed", "refused", "failed"]
    assert [state["error"] and state["error"]["code"] for state in states] == [
        None,
        "encoding.invalid",
        "records.missing",
    ]
    assert states[0]["id"] == identity_of(good).hex()


async def test_the_fate_of_a_stranger_is_unknown(http: httpx.AsyncClient) -> None:
    """404 for an identity of which nothing is known; 400 for what is no identity."""
    assert code_of(await http.get(f"{PATH}/{'0' * 64}")) == (404, "transaction.unknown")
    for bad in ("0" * 63, "g" * 64, "A" * 64, "1"):
        assert code_of(await http.get(f"{PATH}/{bad}")) == (400, "request.invalid")


async def test_pending_is_said_in_words_and_status(http: httpx.AsyncClient, twin: Twin) -> None:
    """202 when nobody waits, 504 when somebody did."""
    twin.is_stalled = True
    document = attachment(b"1")
    raw = twin.ledger.put("alice", "k", document)
    accepted = await http.post(PATH, json=pack(raw, document), params={"wait": "none"})
    assert (accepted.status_code, accepted.json()["status"]) == (202, "pending")
    late = await http.post(PATH, json=pack(raw, document), params={"timeout_ms": 5})
    assert code_of(late) == (504, "transaction.pending")
    assert late.json()["id"] == identity_of(raw).hex()
    batch = await http.post(PATH + ":batch", json={"items": [pack(raw, document)]}, params={"wait": "none"})
    assert batch.status_code == 202


async def test_a_full_node_says_when_to_come_back(http: httpx.AsyncClient, twin: Twin) -> None:
    """429 with Retry-After."""
    twin.fault = FullError("50000 transactions wait")
    answer = await http.put("/v1/records/notes/k", content=b"1")
    assert code_of(answer) == (429, "mempool.full")
    assert answer.headers["retry-after"] == "1"


async def test_the_same_signed_wish_gets_the_first_answer(http: httpx.AsyncClient, twin: Twin) -> None:
    """Two transactions with one tag: one effect, one answer; another meaning is refused."""
    document = attachment(b"1")
    first = twin.ledger.put("alice", "k", document, wish=("key", "meaning"))
    again = twin.ledger.put("alice", "k", document, wish=("key", "meaning"))
    other = twin.ledger.put("alice", "k", document, wish=("key", "another"))
    answer = await http.post(PATH, json=pack(first, document))
    assert (await http.post(PATH, json=pack(again, document))).json() == answer.json()
    assert code_of(await http.post(PATH, json=pack(other, document))) == (409, "idempotency.conflict")
