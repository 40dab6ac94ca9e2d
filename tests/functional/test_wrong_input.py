"""Every wrong input is answered as it should be: with a status and a code that name it, never a 5xx."""

import asyncio
import http.client
import io
import json
import os
import secrets
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from tests.functional.network import PATIENCE_S, get, wait_for_agreement
from weft.client import Call
from weft.client.signing import sign
from weft.local import Network, free_port_base
from weft.model.call import PutRecords, RecordItem
from weft.model.encoding import decode
from weft.model.keys import ED25519, PrivateKey
from weft.model.transaction import Transaction, sign_transaction


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """One network hears all of it, and is well afterwards."""
    with Network(tmp_path_factory.mktemp("wrong") / "network", 4, "byzantine", free_port_base(4)) as network:
        httpx.put(f"{network.urls[0]}/v1/records/there/one", json=1, timeout=PATIENCE_S).raise_for_status()
        before = wait_for_agreement(network)
        yield network
        assert wait_for_agreement(network)[0] >= before[0]


@dataclass(frozen=True)
class Wrong:
    """A request that is wrong, and what is said of it."""

    method: str
    path: str
    status: int
    code: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path[:40]} {self.code}"


def send(url: str, wrong: Wrong) -> tuple[int, dict[str, Any]]:
    """Status and body, for a path that is sent as it stands."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE_S)
    try:
        connection.request(wrong.method, wrong.path, wrong.body or None, dict(wrong.headers))
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body else {}
    finally:
        connection.close()


JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
RECORD = "/v1/records/wrong/key"
ID, FILE_ID = "0" * 64, "0" * 32
HUGE = "9" * 40


def form(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body with boundary `x`."""
    lines = [
        b'--x\r\nContent-Disposition: form-data; name="%s"; filename="f"\r\n\r\n%s\r\n'
        % (name.encode(), content)
        for name, content in parts
    ]
    return b"".join(lines) + b"--x--\r\n"


TABLE = [
    # Routes.
    Wrong("GET", "/v1/nothing", 404, "route.unknown"),
    Wrong("GET", "/v2/head", 404, "route.unknown"),
    Wrong("POST", "/v1/head", 405, "route.method"),
    Wrong("PATCH", RECORD, 405, "route.method", b"{}", JSON),
    # Parameters and headers.
    Wrong("GET", "/v1/head?colour=red", 400, "request.invalid"),
    Wrong("GET", "/v1/blocks?limit=0", 400, "request.invalid"),
    Wrong("GET", "/v1/blocks?limit=1001", 400, "request.invalid"),
    Wrong("GET", "/v1/blocks?limit=-1", 400, "request.invalid"),
    Wrong("GET", "/v1/blocks?limit=1e3", 400, "request.invalid"),
    Wrong("GET", f"/v1/blocks?limit={HUGE}", 400, "request.invalid"),
    Wrong("GET", "/v1/blocks?limit=1&limit=2", 400, "request.invalid"),
    Wrong("GET", f"/v1/blocks/{HUGE}", 400, "request.invalid"),
    Wrong("GET", "/v1/blocks/minus", 400, "request.invalid"),
    Wrong("GET", "/v1/blocks/999999", 404, "block.unknown"),
    Wrong("GET", f"/v1/records/there/one?at_height={HUGE}", 400, "request.invalid"),
    Wrong("GET", "/v1/records/there/one?consistency=strong", 400, "request.invalid"),
    Wrong("GET", "/v1/records/there/none", 404, "record.unknown"),
    Wrong("GET", "/v1/records/Upper/key", 400, "request.invalid"),
    Wrong("GET", f"/v1/records/{'a' * 65}/key", 400, "request.invalid"),
    Wrong("GET", f"/v1/records/wrong/{'a' * 257}", 400, "request.invalid"),
    Wrong("PUT", f"{RECORD}?wait=forever", 400, "request.invalid", b"1", JSON),
    Wrong("PUT", f"{RECORD}?timeout_ms={HUGE}", 400, "request.invalid", b"1", JSON),
    Wrong("PUT", RECORD, 400, "request.invalid", b"1", JSON | {"Idempotency-Key": "short"}),
    Wrong("PUT", RECORD, 400, "request.invalid", b"1", JSON | {"If-Match": "newest"}),
    Wrong("PUT", RECORD, 400, "request.invalid", b"1", JSON | {"If-Match": "1", "If-None-Match": "*"}),
    Wrong("PUT", RECORD, 412, "records.version", b"1", JSON | {"If-Match": "7"}),
    Wrong("PUT", "/v1/records/there/one", 412, "records.version", b"1", JSON | {"If-None-Match": "*"}),
    Wrong("DELETE", "/v1/records/there/none", 404, "records.missing"),
    Wrong("GET", "/v1/head", 403, "request.host", headers={"Host": "evil.example"}),
    Wrong("GET", "/v1/head", 403, "request.origin", headers={"Origin": "https://evil.example"}),
    Wrong("GET", "/v1/records/there", 401, "access.unauthorized", headers={"Authorization": "Basic eA=="}),
    # Percent-encoding.
    Wrong("GET", "/v1/records/there/%zz", 400, "request.path"),
    Wrong("GET", "/v1/records/there/%", 400, "request.path"),
    Wrong("GET", "/v1/records/there/%ff", 400, "request.path"),
    Wrong("GET", "/v1/records/there/a%2Fb", 400, "request.path"),
    Wrong("GET", "/v1/records/there/%00", 400, "request.path"),
    # Cursors.
    Wrong("GET", "/v1/blocks?cursor=made-up", 400, "cursor.invalid"),
    Wrong("GET", "/v1/records/there?cursor=AAAA", 400, "cursor.invalid"),
    Wrong("GET", "/v1/records/there/one/history?cursor=AAAA", 400, "cursor.invalid"),
    Wrong("GET", "/v1/files?cursor=AAAA", 400, "cursor.invalid"),
    Wrong("GET", "/v1/events?cursor=yesterday", 400, "cursor.invalid"),
    # Documents.
    Wrong("PUT", RECORD, 400, "document.invalid", b"{", JSON),
    Wrong("PUT", RECORD, 400, "document.invalid", b"", JSON),
    Wrong("PUT", RECORD, 400, "document.invalid", b'{"a":1,"a":2}', JSON),
    Wrong("PUT", RECORD, 400, "document.invalid", b'"\xff"', JSON),
    Wrong("PUT", RECORD, 400, "document.invalid", b"NaN", JSON),
    Wrong("PUT", RECORD, 400, "document.invalid", b"[" * 65 + b"]" * 65, JSON),
    Wrong("PUT", RECORD, 400, "document.invalid", b"[" * 500_000, JSON),
    Wrong("PUT", RECORD, 413, "request.size", b'"' + b"a" * (1 << 20) + b'"', JSON),
    Wrong("PUT", RECORD, 415, "request.media_type", b"<a/>", {"Content-Type": "text/xml"}),
    Wrong(
        "PUT", RECORD, 415, "request.media_type", b"1", {"Content-Type": "application/json; charset=latin-1"}
    ),
    Wrong("POST", "/v1/records/wrong:batch", 400, "document.invalid", b'{"items":[]}', JSON),
    Wrong("POST", "/v1/records/wrong:batch", 400, "document.invalid", b'{"things":[]}', JSON),
    Wrong("POST", "/v1/records/wrong:batch", 400, "document.invalid", b'{"items":[{"key":"a"}]}', JSON),
    Wrong(
        "POST",
        "/v1/records/wrong:batch",
        400,
        "document.invalid",
        json.dumps({"items": [{"key": str(number), "value": 1} for number in range(501)]}).encode(),
        JSON,
    ),
    # Transactions.
    Wrong("GET", "/v1/transactions/xyz", 400, "request.invalid"),
    Wrong("GET", f"/v1/transactions/{ID}", 404, "transaction.unknown"),
    Wrong("POST", "/v1/transactions", 400, "document.invalid", b'{"transaction":"!"}', JSON),
    Wrong("POST", "/v1/transactions", 400, "document.invalid", b'{"transaction":"AAAA","more":1}', JSON),
    Wrong("POST", "/v1/transactions", 400, "encoding.invalid", b'{"transaction":"AAAA"}', JSON),
    Wrong("POST", "/v1/transactions:batch", 400, "document.invalid", b'{"items":[]}', JSON),
    # Files.
    Wrong("GET", "/v1/files/short", 404, "file.unknown"),
    Wrong("GET", f"/v1/files/{FILE_ID}", 404, "file.unknown"),
    Wrong("GET", "/v1/files?q=%22open", 400, "search.query"),
    Wrong("GET", "/v1/files?near=91,0", 400, "request.invalid"),
    Wrong("GET", "/v1/files?near=1,nan", 400, "request.invalid"),
    Wrong("GET", "/v1/files?bbox=1,2,3", 400, "request.invalid"),
    Wrong("GET", "/v1/files?taken_from=yesterday", 400, "request.invalid"),
    Wrong("GET", "/v1/files?sort=colour", 400, "request.invalid"),
    Wrong("POST", "/v1/files", 415, "request.media_type", b"x", JSON),
    Wrong("POST", "/v1/files", 400, "file.upload", b"not multipart", FORM),
    Wrong("POST", "/v1/files", 400, "file.upload", form(("other", b"x")), FORM),
    Wrong("POST", "/v1/files", 400, "file.upload", form(("file", b"x"), ("file", b"y")), FORM),
    Wrong("POST", "/v1/files", 400, "document.invalid", form(("file", b"x"), ("metadata", b"{")), FORM),
    Wrong("POST", "/v1/files", 400, "file.metadata", form(("file", b"x"), ("metadata", b'{"age":1}')), FORM),
    Wrong(
        "POST",
        "/v1/files",
        400,
        "file.metadata",
        form(("file", b"x"), ("metadata", b'{"location":{"lat":1e9,"lon":0}}')),
        FORM,
    ),
    Wrong("DELETE", f"/v1/files/{FILE_ID}", 404, "files.missing"),
]


@pytest.mark.parametrize("wrong", TABLE, ids=str)
def test_a_wrong_request_is_named(network: Network, wrong: Wrong) -> None:
    """Problem details with status, stable code, a sentence and what to do; the node stays ready."""
    url = network.urls[1]
    status, problem = send(url, wrong)
    assert (status, problem.get("code")) == (wrong.status, wrong.code), problem
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["fix"]
    assert httpx.get(f"{url}/readyz", timeout=PATIENCE_S).status_code == 200


KEY = PrivateKey(ED25519, b"w" * 32)
DAY_MS = 24 * 3600 * 1000


def transaction(network: Network, **changed: Any) -> Transaction:
    """A transaction that is right but for what is changed."""
    call = Call("records", "put", PutRecords((RecordItem("wrong", "signed", 0, None),)), (b"1",))
    return msgspec.structs.replace(
        decode(Transaction, sign(KEY, network.genesis.chain, call).raw), attachments=(), **changed
    )


def submit(network: Network, raw: bytes, *attachments: bytes) -> tuple[int, dict[str, Any]]:
    body = {
        "transaction": b64encode(raw).decode(),
        "attachments": [b64encode(item).decode() for item in attachments],
    }
    return send(network.urls[2], Wrong("POST", "/v1/transactions", 0, "", json.dumps(body).encode(), JSON))


def test_a_wrong_transaction_is_named(network: Network) -> None:
    """Wrong chain, expired, too far ahead, too large, wrong attachments, signatures that are not right."""
    now_ms = time.time_ns() // 1_000_000
    right = sign_transaction(KEY, transaction(network))
    answers = {
        "another chain": submit(network, sign_transaction(KEY, transaction(network, chain=bytes(32)))),
        "expired": submit(network, sign_transaction(KEY, transaction(network, expires_ms=now_ms - 1))),
        "too far": submit(
            network, sign_transaction(KEY, transaction(network, expires_ms=now_ms + DAY_MS + 60_000))
        ),
        "too large": submit(network, sign_transaction(KEY, transaction(network, arguments=bytes(70_000)))),
        "attachments": submit(network, right, bytes(40)),
        "salt": submit(network, right, b"short"),
        "signature": submit(network, right[:-1] + bytes([right[-1] ^ 1])),
        "cut": submit(network, right[:-1]),
        "longer": submit(network, right + b"\x00"),
    }
    assert {name: (status, problem.get("code")) for name, (status, problem) in answers.items()} == {
        "another chain": (400, "transaction.chain"),
        "expired": (422, "transaction.expired"),
        "too far": (422, "transaction.expired"),
        "too large": (413, "transaction.size"),
        "attachments": (400, "attachment.mismatch"),
        "salt": (400, "attachment.mismatch"),
        "signature": (400, "signature.invalid"),
        "cut": (400, "encoding.invalid"),
        "longer": (400, "encoding.invalid"),
    }


def test_a_call_that_no_contract_knows_leaves_its_receipt(network: Network) -> None:
    """422 with the code of the receipt; the same again gives the same."""
    for changed, code in (
        ({"contract": "nothing"}, "contract.unknown"),
        ({"call": "nothing"}, "call.unknown"),
        ({"arguments": b"\xc1"}, "arguments.invalid"),
    ):
        raw = sign_transaction(KEY, transaction(network, **changed))
        answers = [submit(network, raw) for _ in range(2)]
        assert [(status, problem["code"]) for status, problem in answers] == [(422, code)] * 2


def test_a_photo_with_broken_exif_is_a_file_like_any_other(network: Network) -> None:
    """Cut, garbled, or no picture at all: 201, shown by all nodes, the bytes as they came."""
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), "teal").save(picture, "JPEG", exif=b"Exif\0\0" + secrets.token_bytes(400))
    whole = picture.getvalue()
    for content in (whole, whole[: len(whole) // 2], whole[:4], b"\xff\xd8\xff\xe1\xff\xffExif\0\0", b"\0"):
        unique = content + secrets.token_bytes(8)
        answer = httpx.post(
            f"{network.urls[3]}/v1/files", files={"file": ("broken.jpg", unique)}, timeout=PATIENCE_S
        )
        assert answer.status_code == 201, answer.text
        file = answer.json()
        for url in network.urls:
            got = httpx.get(
                f"{url}/v1/files/{file['id']}/content?min_height={file['transaction']['height']}",
                timeout=PATIENCE_S,
            )
            assert got.content == unique


def test_a_connection_that_speaks_something_else_ends(network: Network) -> None:
    """Noise, a head without end and a body that does not come: the node stays ready for others."""
    port = network.configs[0].api.port

    async def shout(noise: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(noise)
        try:
            async with asyncio.timeout(1):
                await reader.read()
        except (TimeoutError, ConnectionError):
            pass
        writer.close()

    async def story() -> None:
        await asyncio.gather(
            shout(os.urandom(100_000)),
            shout(b"GET /v1/head HTTP/1.1\r\n" + b"a: b\r\n" * 100_000),
            shout(b"PUT /v1/records/a/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n1"),
            shout(b"PUT /v1/records/a/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n1"),
        )

    asyncio.run(story())
    assert get(f"{network.urls[0]}/readyz")["ready"]
