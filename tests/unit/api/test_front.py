"""Who may call from where, and what the paths say to requests that fit nothing."""

import asyncio

import httpx

from tests.chain import make_genesis
from tests.unit.api.ask import ask, code_of, talk
from tests.unit.api.conftest import serving
from tests.unit.api.twin import Twin


async def test_paths_that_do_not_exist(http: httpx.AsyncClient) -> None:
    """404 for all methods."""
    for path in ("/v1", "/v1/", "/v1/nothing", "/v1/status/", "/v1/records/a/b/c", "/v2/status"):
        for method in ("GET", "POST", "DELETE"):
            answer = await http.request(method, path)
            assert code_of(answer) == (404, "route.unknown"), (method, path)


async def test_methods_that_a_path_does_not_know(http: httpx.AsyncClient) -> None:
    """405 with all that it knows."""
    cases = {
        "/v1/status": "GET, HEAD",
        "/v1/transactions": "POST",
        "/v1/records/notes/a": "DELETE, GET, HEAD, PUT",
        "/v1/records/notes": "GET, HEAD",
        "/livez": "GET, HEAD",
        "/": "GET, HEAD",
    }
    for path, allowed in cases.items():
        answer = await http.request("PATCH", path)
        assert code_of(answer) == (405, "route.method"), path
        assert answer.headers["allow"] == allowed
        assert code_of(await http.request("OPTIONS", path)) == (405, "route.method")


async def test_head_is_get_without_its_body(http: httpx.AsyncClient) -> None:
    """Also of a stream, which would never end."""
    for path in ("/v1/status", "/v1/blocks", "/livez", "/docs", "/v1/events"):
        answer = await http.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path


async def test_unknown_parameters_are_refused(http: httpx.AsyncClient) -> None:
    """On every path, also twice the same and what is not ASCII."""
    for path in ("/v1/status", "/v1/head", "/v1/blocks", "/v1/records/a", "/livez", "/metrics", "/v1/events"):
        assert code_of(await http.get(path, params={"colour": "red"})) == (400, "request.invalid"), path
    assert code_of(await http.get("/v1/blocks?limit=1&limit=2")) == (400, "request.invalid")
    assert code_of(await http.put("/v1/records/a/b?at_height=1", content=b"1")) == (400, "request.invalid")


async def test_only_addresses_of_the_network_are_hosts(url: str) -> None:
    """A name that somebody pointed at this node is refused; nodes and loopback with their ports are not."""
    port = url.rsplit(":", 1)[1]
    for good in (
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        f"LOCALHOST:{port}",
        f"[::1]:{port}",
        "localhost:8701",
        "10.1.2.3:8701",
        "weft.example:8702",
    ):
        assert await ask(url, "GET", "/v1/status", headers=(f"Host: {good}",)) == (200, ""), good
    for bad in (
        "evil.example",
        f"evil.example:{port}",
        "localhost:1",
        "10.1.2.3",
        "a@10.1.2.3:8701",
        ":x",
        "",
    ):
        refused = await ask(url, "GET", "/v1/status", headers=(f"Host: {bad}",))
        assert refused == (403, "request.host"), bad


async def test_only_pages_of_the_network_may_call(http: httpx.AsyncClient, url: str) -> None:
    """Others are refused before anything is done, in preflights too."""
    for origin in (url, "http://10.1.2.3:8701", url.replace("127.0.0.1", "localhost")):
        answer = await http.get("/v1/status", headers={"origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Weft-Height" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin"
        ask_first = {"origin": origin, "access-control-request-method": "PUT"}
        preflight = await http.options("/v1/records/a/b", headers=ask_first)
        assert preflight.status_code == 204
        assert "PUT" in preflight.headers["access-control-allow-methods"]
        assert "Idempotency-Key" in preflight.headers["access-control-allow-headers"]
    for origin in ("http://evil.example", "null", "https://10.1.2.3:8701x", "file://", "http://127.0.0.1:1"):
        asking = {"origin": origin, "access-control-request-method": "PUT"}
        assert code_of(await http.options("/v1/records/a/b", headers=asking)) == (403, "request.origin")
        refused = await http.put("/v1/records/a/b", content=b"1", headers={"origin": origin})
        assert code_of(refused) == (403, "request.origin"), origin
    assert code_of(await http.get("/v1/records/a/b")) == (404, "record.unknown")


async def test_every_answer_guards_the_browser(http: httpx.AsyncClient) -> None:
    """No guessing of types, no scripts from elsewhere, no frames."""
    for path in ("/v1/status", "/docs", "/v1/nothing"):
        headers = (await http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]


async def test_rubbish_on_the_wire_harms_nobody(url: str, http: httpx.AsyncClient) -> None:
    """Not HTTP, endless heads, raw bytes in the path: refused, and the next request is served."""
    for rubbish in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40) + b"\r\n\r\n",
        b"GET /v1/status?x=\xff HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\n" + b"A: " + b"x" * 70_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /v1/status HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"PUT /v1/records/a/b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    ):
        status, _ = await talk(url, rubbish)
        assert status == 400, rubbish[:60]
    assert (await http.get("/v1/status")).status_code == 200


async def test_a_body_is_cut_where_it_grows_too_long(url: str) -> None:
    """413 while it comes, without a stated length."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"PUT /v1/records/a/b HTTP/1.1\r\nHost: %s:%s\r\n" % (host.encode(), port.encode()))
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    writer.writelines([piece] * 20)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert head.startswith(b"HTTP/1.1 413")
    writer.close()


async def test_absurd_numbers_are_refused(http: httpx.AsyncClient) -> None:
    """Out of range, never an overflow."""
    for name, values in {
        "timeout_ms": ("0", "-1", "600001", "1e3", "9" * 5000, "NaN"),
        "wait": ("soon", "", "EXECUTED"),
    }.items():
        for value in values:
            answer = await http.put("/v1/records/a/b", content=b"1", params={name: value})
            assert code_of(answer) == (400, "request.invalid"), (name, value[:20])
    for value in (str(2**63), "-1", "9" * 5000):
        answer = await http.get("/v1/records/a/b", params={"at_height": value})
        assert code_of(answer) == (400, "request.invalid")


async def test_a_closed_network_knows_its_callers() -> None:
    """401 without a token or with a false one, 403 where the role does not allow it."""
    twin = Twin(make_genesis(is_open=False, reader="reader", writer="writer", gateway="gateway"))
    twin.tokens = {"r-token": "reader", "w-token": "writer", "s-token": "stranger"}
    async with serving(twin) as url, httpx.AsyncClient(base_url=url) as http:
        for path in (
            "/v1/blocks",
            "/v1/records/a",
            "/v1/records/a/b",
            "/v1/events",
            f"/v1/transactions/{'0' * 64}",
        ):
            for token in (None, "Bearer x", "Basic r-token", "Bearer", "r-token"):
                headers = {} if token is None else {"authorization": token}
                refused = await http.get(path, headers=headers)
                assert code_of(refused) == (401, "access.unauthorized"), (path, token)
                assert refused.headers["www-authenticate"] == "Bearer"
            stranger = await http.get(path, headers={"authorization": "Bearer s-token"})
            assert code_of(stranger) == (403, "access.forbidden")
        assert code_of(await http.put("/v1/records/a/b", content=b"1")) == (401, "access.unauthorized")
        reader, writer = ({"authorization": f"Bearer {name}"} for name in ("r-token", "w-token"))
        assert code_of(await http.put("/v1/records/a/b", content=b"1", headers=reader)) == (
            403,
            "access.forbidden",
        )
        written = await http.put("/v1/records/a/b", content=b"1", headers=writer)
        assert written.status_code == 201
        assert len(written.json()["author"]) == 40
        assert (await http.get("/v1/records/a/b", headers=reader)).json()["value"] == 1
        for path in (
            "/v1/status",
            "/v1/head",
            "/livez",
            "/readyz",
            "/healthz",
            "/metrics",
            "/version",
            "/docs",
        ):
            assert (await http.get(path)).status_code == 200
