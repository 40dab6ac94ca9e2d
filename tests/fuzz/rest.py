"""What clients send over HTTP: heads, paths, parameters, cursors, tokens, bodies, forms, ranges."""

import json
from base64 import b64encode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from os import urandom
from time import time_ns
from typing import Any
from urllib.parse import quote

import msgspec

from tests.chain import key
from tests.fuzz.station import MAY_FAIL, station
from tests.fuzz.target import CPU_S, Target
from weft.api.document import check_document
from weft.api.errors import RequestError
from weft.apps.files import query as q
from weft.apps.files.content import find_range
from weft.apps.files.errors import RangeError
from weft.apps.files.media import media_type_of
from weft.apps.files.metadata import apply_patch, decode_metadata, encode_metadata, read_patch
from weft.client import Call
from weft.client.signing import sign
from weft.model.call import (
    CreateFile,
    EraseFile,
    PutRecords,
    RecordItem,
    RemoveRecord,
    SetRole,
    ShareFile,
    TagFile,
    UpdateFile,
)
from weft.model.errors import DocumentError
from weft.model.said import clean_name
from weft.model.transaction import (
    Attachment,
    Commitment,
    Idempotency,
    Transaction,
    identity_of,
    sign_transaction,
)

JSON = ("Content-Type", "application/json")
MERGE = ("Content-Type", "application/merge-patch+json")
FORM = ("Content-Type", "multipart/form-data; boundary=B")
IDENTITY, FILE = "0" * 64, "0" * 32
PART = b'--B\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\ncontent\r\n'
META = b'--B\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n%s\r\n'
METADATA = {
    "title": "A title",
    "description": "Words",
    "tags": ["a", "b"],
    "taken_at": "2008-10-22T16:28:39+02:00",
    "location": {"lat": 43.46, "lon": 11.88},
    "custom": {"deep": {"er": [1, 2.5, None, "x"]}},
}
Query = list[tuple[str, Any]]


class Asked(msgspec.Struct, array_like=True):
    """A request in parts, so that each can be changed and the rest still be as it should be."""

    method: str
    path: list[str]
    query: list[tuple[str, Any]]
    """A value that is a list stands for a cursor with it inside."""
    headers: list[tuple[str, str]]
    body: bytes


def write_request(asked: Asked) -> bytes:
    """The bytes of the request, with everything escaped that must be."""
    path = "/".join(quote(segment, safe=":") for segment in ("", *asked.path))
    query = "&".join(f"{quote(name)}={quote(_text(value))}" for name, value in asked.query)
    lines = [f"{asked.method} {path}{'?' if query else ''}{query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in asked.headers]
    lines += [f"Content-Length: {len(asked.body)}", "Connection: close", "", ""]
    return "\r\n".join(lines).encode("utf-8", "replace") + asked.body


def _text(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    return urlsafe_b64encode(msgspec.msgpack.encode(value)).rstrip(b"=").decode()


@cache
def requests() -> tuple[Asked, ...]:
    """At least one for each route."""
    document = b'{"b":[1,2.5,"x"]}'
    call = Call("records", "put", PutRecords((RecordItem("notes", "signed", 0, None),)), (document,))
    signed = sign(key("ann"), station().genesis.chain, call)
    one = {
        "transaction": b64encode(signed.raw).decode(),
        "attachments": [b64encode(item.salt + item.content).decode() for item in signed.attachments],
    }
    wish: Query = [("wait", "executed"), ("timeout_ms", 500)]
    read: Query = [("min_height", 0), ("consistency", "local")]
    record, file = ["v1", "records", "notes", "a"], ["v1", "files", FILE]
    names = [[("Idempotency-Key", f"a-key-of-a-client-000{number}")] for number in range(3)]
    search: Query = [
        *(("q", 'two "of them" pre*'), ("tag", "a"), ("media_type", "image/*"), ("camera", "nikon")),
        *(("taken_from", "2008-10-22"), ("taken_to", "2008-10-22T16:28:39Z"), ("near", "43.46,11.88")),
        *(("radius_km", "10.5"), ("bbox", "11,43,12,44"), ("sort", "-taken_at"), ("limit", 5)),
        *(("facets", "tags,camera,year,media_type"), ("cursor", ["files taken_at False", [None, 3]])),
    ]
    batch = json.dumps({"items": [{"key": "a", "value": 1}, {"key": "b", "value": {}}]}).encode()
    form = PART + META % json.dumps(METADATA).encode() + b"--B--\r\n"
    asked: list[tuple[str, list[str], Query, list[Any], bytes]] = [
        *(("GET", [name], [], [], b"") for name in ("livez", "readyz", "healthz", "metrics", "version")),
        *(("GET", [name], [], [], b"") for name in ("openapi.json", "docs", "")),
        ("GET", ["v1", "status"], [], [("Authorization", "Bearer weft_0123456789ab_" + "5" * 64)], b""),
        ("GET", ["v1", "head"], read, [("Origin", "http://localhost")], b""),
        ("GET", ["v1", "blocks"], [("limit", 3), ("cursor", ["blocks", 2]), *read], [], b""),
        ("GET", ["v1", "blocks", "1"], read, [("Host", "localhost")], b""),
        ("GET", ["v1", "transactions", IDENTITY], [], [], b""),
        ("POST", ["v1", "transactions"], wish, [JSON], json.dumps(one).encode()),
        ("POST", ["v1", "transactions:batch"], wish, [JSON], json.dumps({"items": [one, one]}).encode()),
        ("PUT", record, wish, [JSON, *names[0]], document),
        ("PUT", record, [("wait", "certified"), *wish[1:]], [JSON, ("If-Match", '"1"')], document),
        ("PUT", record, [("wait", "none")], [JSON, ("If-None-Match", "*")], b'"\xc3\xa9"'),
        ("GET", record, [("at_height", 1), *read], [], b""),
        ("GET", [*record, "history"], [("cursor", ["history", [1, 0]]), ("limit", 2)], [], b""),
        ("GET", record[:3], [("cursor", ["records", "a"]), *read], [], b""),
        ("DELETE", record, [("erase", "true"), *wish], [], b""),
        ("POST", ["v1", "records", "notes:batch"], wish, [JSON, *names[1]], batch),
        ("GET", ["v1", "events"], [("cursor", "0-0")], [("Last-Event-ID", "0-1")], b""),
        ("POST", ["v1", "files"], wish, [FORM, *names[2]], form),
        ("GET", ["v1", "files"], search, [], b""),
        ("GET", file, read, [], b""),
        ("GET", [*file, "content"], [], [("Range", "bytes=0-3"), ("If-Range", '"x"')], b""),
        ("GET", [*file, "thumbnail"], [], [("If-None-Match", 'W/"x", *')], b""),
        ("GET", [*file, "history"], [("cursor", [f"history {FILE}", 2])], [], b""),
        ("GET", [*file, "proof"], [], [], b""),
        ("PATCH", file, wish, [MERGE], json.dumps(METADATA).encode()),
        ("DELETE", file, wish, [("If-Match", "1")], b""),
        ("POST", ["v1", "blobs"], [("name", "a.jpg")], [], b"\xff\xd8\xff\xe0 no picture"),
        ("OPTIONS", ["v1", "head"], [], [("Access-Control-Request-Method", "GET")], b""),
    ]
    return tuple(Asked(*parts) for parts in asked)


def check_http(raw: bytes) -> None:
    """Whatever stands on the connection: an answer that is no fault of ours, or none."""
    _check_answers(station().send(raw))


def check_request(data: bytes) -> None:
    """The same for requests that are well formed, with parts that should not be in them."""
    try:
        method, path, query, headers, body = msgspec.msgpack.decode(data)
        asked = Asked(
            str(method),
            _texts(path),
            _pairs(query),
            _pairs(headers),
            body if body.__class__ is bytes else b"",
        )
        raw = write_request(asked)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return
    _check_answers(station().send(_name_file(raw)))


def _texts(parts: Any) -> list[str]:
    return [str(part) for part in parts] if isinstance(parts, list) else [str(parts)]


def _pairs(parts: Any) -> list[tuple[str, Any]]:
    """Whatever can be taken for names and values."""
    pairs = [part for part in parts if isinstance(part, list)] if isinstance(parts, list) else []
    return [(str(pair[0]), pair[-1]) for pair in pairs if pair]


@cache
def _file_id() -> bytes:
    """A file that is there, so that what follows its name is looked at."""
    upload = next(asked for asked in requests() if (asked.method, asked.path) == ("POST", ["v1", "files"]))
    answer = station().send(write_request(upload), CPU_S)
    return str(json.loads(answer.partition(b"\r\n\r\n")[2])["id"]).encode()


def _name_file(raw: bytes) -> bytes:
    for end in (b"/", b"?", b" "):
        raw = raw.replace(FILE.encode() + end, _file_id() + end)
    return raw


def _check_answers(said: bytes) -> None:
    if not said:
        return
    head, _, body = said.partition(b"\r\n\r\n")
    status = int(head.split(b" ")[1])
    assert status < 500 or status in MAY_FAIL, said[:2000]
    if status >= 400 and b"application/problem+json" in head and b"transfer-encoding" not in head.lower():
        problem = json.loads(body[: _length(head, len(body))] or b"{}")
        assert not problem or {"type", "title", "status", "detail", "code", "fix"} <= problem.keys()


def _length(head: bytes, default: int) -> int:
    found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(found[0].split(b":")[1]) if found else default


def check_signed(data: bytes) -> None:
    """A transaction that a client signed, whatever is in it: nothing that shows or follows it fails."""
    try:
        contract, call, arguments, contents, tag = msgspec.msgpack.decode(data)
        raw, attachments = _sign(str(contract), str(call), msgspec.msgpack.encode(arguments), contents, tag)
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return
    one = {
        "transaction": b64encode(raw).decode(),
        "attachments": [b64encode(item.salt + item.content).decode() for item in attachments],
    }
    said = _ask("POST", ["v1", "transactions"], [("timeout_ms", 2000)], json.dumps(one).encode())
    height = said.get("height") or 0
    for path in (
        *(["v1", "transactions", identity_of(raw).hex()], ["v1", "blocks", str(height)]),
        *(
            ["v1", "records", "notes"],
            ["v1", "records", "notes", "a"],
            ["v1", "records", "notes", "a", "history"],
        ),
        *(["v1", "files"], ["v1", "files", FILE], ["v1", "files", FILE, "history"]),
    ):
        _ask("GET", path, [], b"")
    _ask("GET", ["v1", "files", FILE, "proof"], [], b"")


def _sign(
    contract: str, call: str, arguments: bytes, contents: list[bytes], tag: bytes | None
) -> tuple[bytes, list[Attachment]]:
    attachments = [Attachment(urandom(32), memoryview(content).tobytes()) for content in contents]
    transaction = Transaction(
        version=1,
        chain=station().genesis.chain,
        signer=key("ann").public,
        nonce=urandom(16),
        expires_ms=time_ns() // 1_000_000 + 60_000,
        contract=contract,
        call=call,
        arguments=arguments,
        attachments=tuple(Commitment(item.commitment, len(item.content)) for item in attachments),
        idempotency=None if tag is None else Idempotency(bytes(tag), bytes(32)),
        signature=bytes(64),
    )
    return sign_transaction(key("ann"), transaction), attachments


def _ask(method: str, path: list[str], query: Query, body: bytes) -> dict[str, Any]:
    """The answer, which must be JSON."""
    said = station().send(write_request(Asked(method, path, query, [JSON], body)), CPU_S)
    _check_answers(said)
    shown = json.loads(said.partition(b"\r\n\r\n")[2])
    return shown if isinstance(shown, dict) else {}


def _wishes() -> list[bytes]:
    """A call of each kind, as a client would sign it."""
    digest, name, metadata = sha256(b"").digest(), b"a.txt", json.dumps(METADATA).encode()
    position = json.dumps(METADATA["location"]).encode()
    wishes: list[tuple[str, str, Any, list[bytes], bytes | None]] = [
        ("records", "put", PutRecords((RecordItem("notes", "a", 0, None),)), [b'{"a":1}'], bytes(32)),
        ("records", "delete", RemoveRecord("notes", "a", None), [], None),
        ("records", "erase", RemoveRecord("notes", "a", None), [], None),
        (
            "files",
            "create",
            CreateFile(bytes(16), 0, "text/plain", 0, 1, 2, 3),
            [digest, name, metadata, position],
            None,
        ),
        (
            "files",
            "create",
            CreateFile(bytes(16), 2**40, "image/jpeg", 0, 1, 2, None),
            [digest, name, metadata],
            None,
        ),
        ("files", "update", UpdateFile(bytes(16), 0, 1, 2, None), [name, metadata, position], None),
        ("files", "share", ShareFile(bytes(16), ("ab" * 16,)), [], None),
        ("files", "erase", EraseFile(bytes(16), None), [], None),
        ("files", "tag", TagFile(bytes(16), "eyes-1", 0), [b'{"tags":[]}'], None),
        ("members", "set", SetRole(key("bob").public, "writer"), [], None),
    ]
    return [msgspec.msgpack.encode(wish) for wish in wishes]


def check_json(data: bytes) -> None:
    """A document is taken as it is or refused with an error of ours; what is taken is JSON to others too."""
    try:
        check_document(data, 4096)
    except (RequestError, DocumentError):
        return
    assert len(data) <= 4096
    msgspec.json.decode(data, type=msgspec.Raw)


def check_metadata(data: bytes) -> None:
    """A patch that is taken gives metadata that comes back from its attachments, and again by itself."""
    decode_metadata(data, data)
    try:
        merged = apply_patch({"title": "before", "camera": "C", "width": 3}, read_patch(data))
        rest, position = encode_metadata(merged)
    except (RequestError, DocumentError):
        return
    again = decode_metadata(rest, position)
    assert apply_patch(again, {}) == {name: value for name, value in merged.items() if value is not None}


def check_search(data: bytes) -> None:
    """Every parameter of a search, and of a range, by itself: a value, or an error that is answered."""
    text = data.decode("latin-1") if data[:1] < b"\x80" else data.decode("utf-8", "replace")
    for parse in (q.words, q.camera, q.tag, q.media_type, q.taken_from, q.taken_to):
        _try(parse, text)
    for parse in (q.parse_point, q.parse_box, q.parse_radius, q.parse_sort, q.parse_facets):
        _try(parse, text)
    for size in (0, 1, 2**40):
        try:
            part = find_range(text, size)
        except RangeError:
            continue
        assert part is None or 0 <= part[0] <= part[1] < size
    name = clean_name(text)
    assert 1 <= len(name.encode()) <= 255
    assert "/" not in name
    assert "/" in media_type_of(data, text)


def _try(parse: Any, text: str) -> None:
    try:
        parse(text)
    except (RequestError, ValueError):
        return


def _raw_requests() -> list[bytes]:
    return [write_request(asked) for asked in requests()]


TARGETS = (
    Target("http", _raw_requests, check_http, examples=20),
    Target("request", lambda: [msgspec.msgpack.encode(asked) for asked in requests()], check_request),
    Target("signed", _wishes, check_signed),
    Target(
        "json",
        lambda: [b'{"a":[1,-2.5e3,true,null,"\\u00e9\\n"],"b":{"c":{}}}', b" 1 ", b'"\xc3\xa9"'],
        check_json,
    ),
    Target("metadata", lambda: [json.dumps(METADATA).encode(), b'{"title":null}', b"{}"], check_metadata),
    Target(
        "search",
        lambda: [
            *(
                b'two "of them" pre*',
                b"image/*",
                b"2008-10-22",
                b"2008-10-22T16:28:39.5+02:00",
                b"43.46,11.88",
            ),
            *(
                b"11,43,12,44",
                b"10.5",
                b"-taken_at",
                b"tags,camera",
                b"bytes=0-3",
                b"bytes=-5",
                b"<svg a.svg",
            ),
        ],
        check_search,
        size_max=1200,
    ),
)
