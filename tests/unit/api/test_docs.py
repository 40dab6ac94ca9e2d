"""The description of the interface is whole, and its page needs nobody else."""

import gzip
import re
from pathlib import Path

import httpx

from tests.unit.api.ask import code_of
from tests.unit.api.conftest import serving
from tests.unit.api.twin import Twin

NAMED = {
    "/livez": {"get"},
    "/readyz": {"get"},
    "/healthz": {"get"},
    "/metrics": {"get"},
    "/version": {"get"},
    "/v1/status": {"get"},
    "/v1/head": {"get"},
    "/v1/genesis": {"get"},
    "/v1/dag": {"get"},
    "/v1/blocks": {"get"},
    "/v1/blocks/{height}": {"get"},
    "/v1/transactions": {"post"},
    "/v1/transactions:batch": {"post"},
    "/v1/transactions/{id}": {"get"},
    "/v1/records/{collection}/{key}": {"get", "put", "delete"},
    "/v1/records/{collection}/{key}/history": {"get"},
    "/v1/records/{collection}": {"get"},
    "/v1/records/{collection}:batch": {"post"},
    "/v1/events": {"get"},
}


async def test_every_path_is_described(http: httpx.AsyncClient) -> None:
    """OpenAPI 3.1 with each path and method, parameters, bodies, answers and problems."""
    document = (await http.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert {path: set(one) for path, one in document["paths"].items()} == NAMED
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))
            assert {"400", "500"} <= operation["responses"].keys()
            assert operation["description"], path
            assert ("requestBody" in operation) == (method in ("put", "post"))


async def test_every_reference_leads_somewhere(http: httpx.AsyncClient) -> None:
    """In both editions."""
    for path in ("/openapi.json", "/docs/openapi.json"):
        answer = await http.get(path)
        document = answer.json()
        for target in set(re.findall(r'"\$ref":\s*"#/([^"]+)"', answer.text)):
            found = document
            for part in target.split("/"):
                found = found[part]


async def test_the_page_comes_whole_from_this_node(http: httpx.AsyncClient) -> None:
    """Each file it names is here, none is elsewhere; it reads the edition that it understands."""
    page = (await http.get("/docs")).text
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) == 4
    for name in files:
        assert name.startswith("/docs/")
        assert (await http.get(name)).status_code == 200, name
    assert '"/docs/openapi.json"' in (await http.get("/docs/start.js")).text
    lowered = await http.get("/docs/openapi.json")
    assert lowered.json()["openapi"].startswith("3.0")
    assert '"null"' not in lowered.text
    for name in ("nothing.js", "..%2e", "index.html"):
        assert (await http.get(f"/docs/{name}")).status_code == 404


async def test_without_a_web_application_the_root_says_how_to_get_it(http: httpx.AsyncClient) -> None:
    """And leads to what there is."""
    answer = await http.get("/")
    assert answer.status_code == 200
    assert "make ui" in answer.text
    assert 'href="/docs"' in answer.text


async def test_a_web_application_is_served_beside_the_interface(tmp_path: Path) -> None:
    """Its files; its page for places of its own; problems for all that is not for a browser."""
    (tmp_path / "index.html").write_text("<p>the page")
    (tmp_path / "main.js").write_text("start()")
    async with serving(Twin(), tmp_path) as url, httpx.AsyncClient(base_url=url) as http:
        browser = {"accept": "text/html,*/*"}
        assert (await http.get("/", headers=browser)).text == "<p>the page"
        assert (await http.get("/main.js")).text == "start()"
        assert (await http.get("/photos/7", headers=browser)).text == "<p>the page"
        assert code_of(await http.get("/photos/7")) == (404, "route.unknown")
        assert code_of(await http.get("/v1/nothing", headers=browser)) == (404, "route.unknown")
        assert code_of(await http.get("/..%2f..%2fetc/passwd", headers=browser)) == (400, "request.path")
        assert code_of(await http.delete("/v1/status")) == (405, "route.method")
        assert (await http.get("/v1/status")).status_code == 200


async def test_the_web_application_is_packed_kept_and_held_in(tmp_path: Path) -> None:
    """Compressed for whoever takes it; kept if its name says what it holds; it speaks to our nodes alone."""
    (tmp_path / "index.html").write_text("<p>the page")
    (tmp_path / "main-AB12CD34.js").write_text("start()")
    (tmp_path / "main-AB12CD34.js.gz").write_bytes(gzip.compress(b"start()"))
    twin = Twin()
    async with serving(twin, tmp_path) as url, httpx.AsyncClient(base_url=url) as http:
        packed = await http.get("/main-AB12CD34.js", headers={"accept-encoding": "gzip"})
        assert (packed.text, packed.headers["content-encoding"]) == ("start()", "gzip")
        assert packed.headers["content-type"].startswith("text/javascript")
        assert "immutable" in packed.headers["cache-control"]
        plain = await http.get("/main-AB12CD34.js", headers={"accept-encoding": "identity"})
        assert "content-encoding" not in plain.headers
        page = await http.get("/photos", headers={"accept": "text/html"})
        assert page.headers["cache-control"] == "no-cache"
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert f"connect-src 'self' {' '.join(twin.url_peers)};" in policy
        again = await http.get("/", headers={"accept": "text/html", "if-none-match": page.headers["etag"]})
        assert again.status_code == 304
        assert again.headers["content-security-policy"] == policy
