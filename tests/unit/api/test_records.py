"""Records over HTTP: written, read back as sent, versioned, refused."""

import json
from base64 import b64encode

import httpx
import pytest

from tests.chain import attachment
from tests.unit.api.ask import ask, code_of
from tests.unit.api.twin import Twin
from weft.api.cursor import write_cursor

NOTE = "/v1/records/notes/first"


async def test_a_document_comes_back_as_it_was_sent(http: httpx.AsyncClient) -> None:
    """Byte for byte inside the resource: spaces, order, escapes and numbers beyond any type."""
    sent = b'{ "z":1.00, "a" : [1e999, 123456789012345678901234567890,"\\u00e4\xc3\xa4"] }'
    written = await http.put(NOTE, content=sent)
    assert written.status_code == 201
    assert written.headers["etag"] == '"1"'
    read = await http.get(NOTE)
    assert b'"value":' + sent + b"," in read.content
    assert b'"value":' + sent + b"," in written.content
    assert read.headers["weft-height"] == "1"
    shown = json.loads(read.content, parse_float=str)
    assert shown["collection"], shown["key"] == ("notes", "first")
    assert (shown["version"], shown["height"], shown["author"]) == (1, 1, "local")
    assert shown["updated_at"].endswith("Z")
    place = json.loads(written.content, parse_float=str)["transaction"]
    assert (place["height"], place["position"], len(place["id"])) == (1, 0, 64)


TEXTS = ["null", "3", '"text"', "[]", "true", "-0.0e-7", " {} "]


async def test_any_json_text_is_a_document(http: httpx.AsyncClient) -> None:
    """Scalars too."""
    for document in TEXTS:
        assert (await http.put(NOTE, content=document)).is_success
        assert (await http.get(NOTE)).json()["value"] == json.loads(document)


NO_DOCUMENTS = [
    (b"", 400, "document.invalid"),
    (b"{", 400, "document.invalid"),
    (b"{}{}", 400, "document.invalid"),
    (b"NaN", 400, "document.invalid"),
    (b"[Infinity]", 400, "document.invalid"),
    (b"[-Infinity]", 400, "document.invalid"),
    (b"01", 400, "document.invalid"),
    (b"'a'", 400, "document.invalid"),
    (b'"\xff"', 400, "document.invalid"),
    (b"\xef\xbb\xbf{}", 400, "document.invalid"),
    (b'"\x01"', 400, "document.invalid"),
    (b'{"a":1,"a":2}', 400, "document.invalid"),
    (b'{"a":1,"\\u0061":2}', 400, "document.invalid"),
    (b'[{"b":{"x":1,"y":2,"x":3}}]', 400, "document.invalid"),
    (b"[" * 65 + b"]" * 65, 400, "document.invalid"),
    (b"[" * 100_000, 400, "document.invalid"),
    (b'{"a":' * 50_000, 400, "document.invalid"),
    (b'"' + b"x" * (1 << 20) + b'"', 413, "request.size"),
]


async def test_what_is_not_a_document_is_refused(http: httpx.AsyncClient, twin: Twin) -> None:
    """And leaves nothing."""
    for document, status, code in NO_DOCUMENTS:
        assert code_of(await http.put(NOTE, content=document)) == (status, code)
        assert twin.ledger.head.height == 0


async def test_sixty_four_levels_are_deep_enough(http: httpx.AsyncClient) -> None:
    """Brackets inside strings are not levels."""
    deep = b"[" * 64 + b"]" * 64
    assert (await http.put(NOTE, content=deep)).status_code == 201
    text = b'["' + b"[{" * 500 + b'\\"]"]'
    assert (await http.put(NOTE, content=text)).status_code == 200


async def test_a_body_of_another_kind_is_refused(http: httpx.AsyncClient) -> None:
    """415 for other media types and charsets; JSON with a charset of UTF-8, or no word at all, is taken."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"):
        response = await http.put(NOTE, content=b"{}", headers={"content-type": kind})
        assert code_of(response) == (415, "request.media_type")
    kind = 'application/json; charset="UTF-8"'
    assert (await http.put(NOTE, content=b"{}", headers={"content-type": kind})).status_code == 201


async def test_a_write_on_a_condition_names_the_version_that_is_there(http: httpx.AsyncClient) -> None:
    """412 with the version; bare and quoted versions are taken, nonsense is not."""
    assert (await http.put(NOTE, content=b"1", headers={"if-none-match": "*"})).status_code == 201
    taken = await http.put(NOTE, content=b"2", headers={"if-none-match": "*"})
    assert code_of(taken) == (412, "records.version")
    assert taken.json()["version"] == 1
    assert (await http.put(NOTE, content=b"2", headers={"if-match": '"1"'})).status_code == 200
    assert (await http.put(NOTE, content=b"3", headers={"if-match": "2"})).json()["version"] == 3
    stale = await http.put(NOTE, content=b"4", headers={"if-match": "2"})
    assert (code_of(stale), stale.json()["version"]) == ((412, "records.version"), 3)
    for bad in ('"', '""', "*", "0", "-1", "1.5", 'W/"1"', '"1","2"', "9" * 30):
        response = await http.put(NOTE, content=b"4", headers={"if-match": bad})
        assert code_of(response) == (400, "request.invalid"), bad
    both = await http.put(NOTE, content=b"4", headers={"if-match": "3", "if-none-match": "*"})
    assert code_of(both) == (400, "request.invalid")


async def test_the_same_key_gives_the_same_answer(http: httpx.AsyncClient) -> None:
    """Status and body of the first; another body is refused; a key must be long enough and printable."""
    key = {"idempotency-key": "k" * 16}
    first = await http.put(NOTE, content=b'{"a":1}', headers=key)
    again = await http.put(NOTE, content=b'{"a":1}', headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    assert code_of(await http.put(NOTE, content=b'{"a":2}', headers=key)) == (409, "idempotency.conflict")
    other = await http.put("/v1/records/notes/second", content=b'{"a":1}', headers=key)
    assert code_of(other) == (409, "idempotency.conflict")
    assert (await http.get(NOTE)).json()["version"] == 1
    for bad in ("k" * 15, "k" * 129, "k" * 15 + " k", "k" * 15 + "ä"):
        response = await http.put(NOTE, content=b"1", headers=[(b"idempotency-key", bad.encode("latin-1"))])
        assert code_of(response) == (400, "request.invalid")


async def test_a_deleted_record_keeps_its_history(http: httpx.AsyncClient) -> None:
    """Hidden now, readable as it was; its next version goes on counting."""
    await http.put(NOTE, content=b"1")
    await http.put(NOTE, content=b"2")
    removed = await http.delete(NOTE)
    assert removed.status_code == 200
    assert removed.json() | {"updated_at": "", "transaction": ""} == {
        "collection": "notes",
        "key": "first",
        "value": None,
        "version": 2,
        "height": 3,
        "updated_at": "",
        "author": "local",
        "size": 0,
        "deleted": True,
        "erased_height": None,
        "transaction": "",
    }
    assert code_of(await http.get(NOTE)) == (404, "record.unknown")
    assert code_of(await http.delete(NOTE)) == (404, "records.missing")
    assert (await http.get(NOTE, params={"at_height": 1})).json()["value"] == 1
    history = (await http.get(NOTE + "/history")).json()["items"]
    assert [(item["version"], item["deleted"], item["value"]) for item in history] == [
        (2, True, None),
        (2, False, 2),
        (1, False, 1),
    ]
    assert (await http.put(NOTE, content=b"3")).json()["version"] == 3


async def test_an_erased_record_is_gone(http: httpx.AsyncClient) -> None:
    """410 with the height of the erasure."""
    await http.put(NOTE, content=b'"secret"')
    erased = await http.delete(NOTE, params={"erase": "true"})
    assert (erased.status_code, erased.json()["erased_height"]) == (200, 2)
    gone = await http.get(NOTE)
    assert (code_of(gone), gone.json()["height"]) == ((410, "content.erased"), 2)
    assert b"secret" not in (await http.get(NOTE + "/history")).content


async def test_a_record_is_read_as_it_was_at_a_height(http: httpx.AsyncClient) -> None:
    """Before it existed: 404. In the future: 503, for it is not known yet."""
    await http.put("/v1/records/notes/other", content=b"0")
    await http.put(NOTE, content=b"1")
    assert code_of(await http.get(NOTE, params={"at_height": 1})) == (404, "record.unknown")
    assert (await http.get(NOTE, params={"at_height": 2})).json()["version"] == 1
    assert code_of(await http.get(NOTE, params={"at_height": 3})) == (503, "node.behind")


async def test_pages_of_records_lead_from_one_to_the_next(http: httpx.AsyncClient) -> None:
    """Keys rising, each once, null at the end."""
    names = [f"k{place:02}" for place in range(7)] + ["ä b"]
    for name in reversed(names):
        assert (await http.put(f"/v1/records/notes/{name}", content=b"1")).status_code == 201
    found, params = [], {"limit": "3"}
    while True:
        page = (await http.get("/v1/records/notes", params=params)).json()
        found += [item["key"] for item in page["items"]]
        assert len(page["items"]) <= 3
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert found == names
    assert (await http.get("/v1/records/empty")).json() == {"items": [], "next_cursor": None}


async def test_pages_of_history_miss_nothing_in_one_block(http: httpx.AsyncClient) -> None:
    """Several versions of one height, cut in the middle."""
    items = [{"key": "first", "value": place} for place in range(5)]
    assert (await http.post("/v1/records/notes:batch", json={"items": items})).status_code == 200
    await http.put(NOTE, content=b"5")
    found, params = [], {"limit": "2"}
    while True:
        page = (await http.get(NOTE + "/history", params=params)).json()
        found += [item["value"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert found == [5, 4, 3, 2, 1, 0]
    for place in ((1, 2**63 - 1), (1, -1), (2**63, 0)):
        made_up = {"cursor": write_cursor("history", place)}
        assert code_of(await http.get(NOTE + "/history", params=made_up)) == (400, "cursor.invalid")
    assert code_of(await http.get("/v1/records/notes/never/history")) == (404, "record.unknown")


async def test_a_batch_is_written_whole_or_not_at_all(http: httpx.AsyncClient) -> None:
    """One transaction; each item with its version; a repeated key counts on; documents are kept as sent."""
    body = b'{"items":[{"key":"a","value":{ "x" :1}},{"key":"b","value":[]},{"key":"a","value":2}]}'
    answer = await http.post("/v1/records/notes:batch", content=body)
    assert answer.status_code == 200
    assert b'"value":{ "x" :1},' in answer.content
    assert [(item["key"], item["version"]) for item in answer.json()["items"]] == [
        ("a", 1),
        ("b", 1),
        ("a", 2),
    ]
    assert answer.json()["transaction"]["height"] == 1
    assert (await http.get("/v1/records/notes/a")).json()["value"] == 2
    bad = {"items": [{"key": "c", "value": 1}, {"key": "d/e", "value": 1}]}
    assert code_of(await http.post("/v1/records/notes:batch", json=bad)) == (400, "request.invalid")
    assert code_of(await http.get("/v1/records/notes/c")) == (404, "record.unknown")


async def test_a_batch_is_only_sent(http: httpx.AsyncClient) -> None:
    """405, and not that the name is that of no collection, or has no such parameter."""
    for answer in (
        await http.get("/v1/records/notes:batch?wait=none"),
        await http.put("/v1/records/notes:batch"),
    ):
        assert code_of(answer) == (405, "route.method")
        assert answer.headers["allow"] == "POST"


NO_BATCHES = [
    b"[]",
    b"{}",
    b'{"items":[]}',
    b'{"items":[{"key":"a"}]}',
    b'{"items":[{"key":"a","value":1,"more":2}]}',
    b'{"items":[{"key":"a","value":1}],"more":2}',
    b'{"items":[{"key":"a","key":"b","value":1}]}',
    b'{"items":[{"key":"a","value":{"x":1,"x":2}}]}',
    b'{"items":[{"key":7,"value":1}]}',
    b'{"items":[{"key":"a","value":%s1%s}]}' % (b"[" * 65, b"]" * 65),
    b'{"items":[%s]}' % b",".join([b'{"key":"a","value":1}'] * 501),
]


async def test_a_batch_of_another_shape_is_refused(http: httpx.AsyncClient) -> None:
    """With the place of what is wrong."""
    for body in NO_BATCHES:
        assert code_of(await http.post("/v1/records/notes:batch", content=body)) == (400, "document.invalid")


async def test_a_batch_item_beyond_the_limit_is_too_large(http: httpx.AsyncClient) -> None:
    """Each document of a batch is bounded as one alone is."""
    body = {"items": [{"key": "a", "value": "x" * (1 << 20)}]}
    assert code_of(await http.post("/v1/records/notes:batch", json=body)) == (413, "request.size")


KEYS = [
    ("a%20b", "a b"),
    ("%C3%A4", "ä"),
    ("a:b@c,d;e=f", "a:b@c,d;e=f"),
    ("%F0%9F%8C%B3", "🌳"),
    ("50%25", "50%"),
    ("x" * 256, "x" * 256),
    ("..a", "..a"),
]


async def test_keys_are_percent_decoded_once(http: httpx.AsyncClient) -> None:
    """Any text without a slash."""
    for name, key in KEYS:
        path = f"/v1/records/notes/{name}"
        assert (await http.put(path, content=b"1")).json()["key"] == key
        assert (await http.get(path)).json()["key"] == key


NO_NAMES = [
    ("/v1/records/notes/a%2Fb", "request.path"),
    ("/v1/records/notes/a%00b", "request.path"),
    ("/v1/records/notes/a%0Ab", "request.path"),
    ("/v1/records/notes/a%FFb", "request.path"),
    ("/v1/records/notes/a%zzb", "request.path"),
    ("/v1/records/notes/%C2%85", "request.invalid"),
    ("/v1/records/notes/" + "x" * 257, "request.invalid"),
    ("/v1/records/notes/" + "%C3%A4" * 129, "request.invalid"),
    ("/v1/records/Notes/a", "request.invalid"),
    ("/v1/records/" + "n" * 65 + "/a", "request.invalid"),
    ("/v1/records/.n/a", "request.invalid"),
    ("/v1/records/notes/.", "request.invalid"),
    ("/v1/records/notes/%2e%2E", "request.invalid"),
]


async def test_names_that_are_not_allowed_are_refused(url: str) -> None:
    """For reading and writing alike."""
    for path, code in NO_NAMES:
        for method in ("GET", "PUT", "DELETE"):
            assert await ask(url, method, path, b"{}") == (400, code), (method, path)


async def test_a_write_that_nobody_waits_for_is_accepted(http: httpx.AsyncClient) -> None:
    """202 with the identity, of which the fate can be asked."""
    answer = await http.put(NOTE, content=b"1", params={"wait": "none"})
    assert answer.status_code == 202
    place = answer.json()["transaction"]
    assert (place["height"], place["position"]) == (None, None)
    assert (await http.get(f"/v1/transactions/{place['id']}")).json()["status"] == "executed"


async def test_a_write_that_is_not_executed_in_time_is_pending(http: httpx.AsyncClient, twin: Twin) -> None:
    """504 with the identity; nothing is lost."""
    twin.is_stalled = True
    answers = [
        await http.put(NOTE, content=b"1"),
        await http.delete(NOTE),
        await http.post("/v1/records/notes:batch", json={"items": [{"key": "a", "value": 1}]}),
    ]
    for answer in answers:
        assert code_of(answer) == (504, "transaction.pending")
        fate = await http.get(f"/v1/transactions/{answer.json()['id']}")
        assert fate.json()["status"] == "pending"


@pytest.mark.parametrize("content", [b'1,"key":"forged"', b"\xff", b"", b"[" * 65 + b"]" * 65])
async def test_what_was_signed_as_a_document_and_is_none_is_not_shown(
    http: httpx.AsyncClient, twin: Twin, content: bytes
) -> None:
    """It would break out of the answer: by itself it is 422, in lists it has no value."""
    await http.put("/v1/records/notes/other", content=b"1")
    given = attachment(content)
    raw = twin.ledger.put("alice", "first", given)
    body = {
        "transaction": b64encode(raw).decode(),
        "attachments": [b64encode(given.salt + content).decode()],
    }
    assert (await http.post("/v1/transactions", json=body)).is_success
    assert code_of(await http.get(NOTE)) == (422, "record.malformed")
    items = (await http.get("/v1/records/notes")).json()["items"]
    assert [(item["key"], item["value"]) for item in items] == [("first", None), ("other", 1)]
    (version,) = (await http.get(NOTE + "/history")).json()["items"]
    assert (version["key"], version["value"], version["size"]) == ("first", None, len(content))
