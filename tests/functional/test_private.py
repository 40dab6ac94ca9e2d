"""Who may see what, on a closed network of real processes: every route, every caller, every node.

Ann owns, Bob is a friend with whom she shares, Eve may read the network and nothing of Ann's; an auditor and
an administrator see everything. Each node knows all of them by tokens of its own.
"""

import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.functional.network import PATIENCE_S
from weft.apps.files.samples import write_samples
from weft.client import Client, ProblemError
from weft.local import Network, free_port_base
from weft.model.genesis import Account, format_genesis
from weft.model.ticket import issue_ticket
from weft.storage.keyfile import create_key, load_key
from weft.storage.tokens import Tokens

ROLES = {
    "ann": "writer",
    "bob": "writer",
    "eve": "writer",
    "auditor": "auditor",
    "administrator": "administrator",
}
SECRET = f"xanthippe{secrets.token_hex(6)}"
"""Stands in everything that only some may see."""


@dataclass
class World:
    """A network, and who asks it."""

    network: Network
    tokens: list[dict[str, str]]
    """By node: of each account."""
    accounts: dict[str, str]

    def ask(self, node: int, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[node][who]}", **more.pop("headers", {})}
        url = self.network.urls[node] + path
        return httpx.request(method, url, headers=headers, timeout=PATIENCE_S, **more)

    def write(self, who: str, method: str, path: str, **more: Any) -> Any:
        """At the first node; the answer, once it is taken."""
        answer = self.ask(0, who, method, path, **more)
        assert answer.is_success, answer.text
        return answer.json()

    def everywhere(self, height: int, who: str, path: str, **more: Any) -> list[httpx.Response]:
        """What each node answers, once it has executed this height."""
        params = {**more.pop("params", {}), "min_height": height}
        nodes = range(len(self.network.urls))
        return [self.ask(node, who, "GET", path, params=params, **more) for node in nodes]

    def totals(self, height: int, who: str, **wanted: Any) -> set[int]:
        found = self.everywhere(height, who, "/v1/files", params=wanted)
        return {answer.json()["total"] for answer in found}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = Network(tmp_path_factory.mktemp("private") / "network", 4, "byzantine", free_port_base(4))
    first = made.configs[0].keys_path
    keys = {name: create_key(first / f"{name}.json").public for name in ROLES}
    accounts = tuple(Account(keys[name], role) for name, role in ROLES.items())  # type: ignore[arg-type]
    genesis = msgspec.structs.replace(
        made.genesis, is_open=False, accounts=(*made.genesis.accounts, *accounts)
    )
    tokens = []
    for config in made.configs:
        config.genesis_path.write_text(format_genesis(genesis), encoding="utf-8")
        for name in ROLES:
            if config.keys_path != first:
                shutil.copy2(first / f"{name}.json", config.keys_path / f"{name}.json")
        tokens.append({name: Tokens(config.keys_path).issue(f"{name}.json") for name in ROLES})
    with Network(made.home) as network:
        yield World(network, tokens, {name: key.address.hex() for name, key in keys.items()})


def upload(world: World, who: str, path: Path, title: str, readers: list[str] | None) -> Any:
    """A photo with a title, certified, so that it can be proved."""
    parts = {"metadata": (None, msgspec.json.encode({"title": title, "tags": [title]}))}
    if readers is not None:
        parts["readers"] = (None, msgspec.json.encode(readers))
    form: Any = {"file": (f"{title}.jpg", path.read_bytes() + secrets.token_bytes(64)), **parts}
    return world.write(who, "POST", "/v1/files", files=form, params={"wait": "certified"})


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def routes(world: World) -> dict[str, Any]:
    described: dict[str, Any] = httpx.get(f"{world.network.urls[0]}/openapi.json").json()["paths"]
    return described


def test_only_those_who_may_see_a_file_see_it(world: World, tmp_path: Path) -> None:
    """At every route that leads to it and at every node; of nobody is a copy in a cache enough."""
    photo = write_samples(tmp_path)[0]
    public = upload(world, "bob", photo, "sunny", None)
    file = upload(world, "ann", photo, SECRET, [])
    assert (public["readers"], file["readers"]) == (None, [])
    height = file["transaction"]["height"]
    ways = [
        path for path, ways in routes(world).items() if path.startswith("/v1/files/{id}") and "get" in ways
    ]
    assert len(ways) == 6
    for path in ways:
        for who in ("ann", "auditor", "administrator"):
            answers = world.everywhere(height, who, path.format(id=file["id"]))
            assert {answer.status_code for answer in answers} == {200}, (who, path, answers[0].text)
        for who in ("bob", "eve"):
            for headers in ({}, {"If-None-Match": "*"}, {"Range": "bytes=0-9"}):
                answers = world.everywhere(height, who, path.format(id=file["id"]), headers=headers)
                assert {code_of(answer) for answer in answers} == {(403, "file.private")}, (who, path)
                problem = answers[0].json()
                assert (problem["owner"], problem["account"]) == (world.accounts["ann"], world.accounts[who])
            shown = world.everywhere(height, who, path.format(id=public["id"]))
            assert {answer.status_code for answer in shown} == {200}
            assert {answer.headers["cache-control"] for answer in shown} == {"private, no-cache"}
    check_changes(world, file)
    check_searches(world, file, public, height)


def check_changes(world: World, file: Any) -> None:
    """By others: refused, and the file is as it was."""
    place = f"/v1/files/{file['id']}"
    for who in ("bob", "eve"):
        patch = world.ask(2, who, "PATCH", place, json={"title": "mine"})
        assert code_of(patch) == (403, "file.private")
        shared = world.ask(2, who, "PUT", f"{place}/readers", json={"readers": None})
        assert code_of(shared) == (403, "file.private")
        assert code_of(world.ask(2, who, "DELETE", place)) == (403, "files.owner")
    assert world.ask(0, "ann", "GET", place).json()["metadata"]["title"] == SECRET


def check_searches(world: World, file: Any, public: Any, height: int) -> None:
    """By words, tags, digest and likeness, in facets, months, totals and what is known."""
    for who, total in (("ann", 2), ("auditor", 2), ("administrator", 2), ("bob", 1), ("eve", 1)):
        assert world.totals(height, who) == {total}, who
        for wanted in ({"q": SECRET}, {"tag": SECRET}, {"sha256": file["sha256"]}, {"q": f"{SECRET}*"}):
            assert world.totals(height, who, **wanted) == {total - 1}, (who, wanted)
        for answer in world.everywhere(height, who, "/v1/files", params={"facets": "tags,camera,year"}):
            facets = answer.json()["facets"]
            assert (SECRET in facets["tags"]) is (total == 2)
            assert sum(facets["year"].values()) == total
        for answer in world.everywhere(height, who, "/v1/files:timeline"):
            months = answer.json()
            assert sum(month["count"] for month in months["months"]) + months["undated"] == total
        body = {"sha256": [file["sha256"], public["sha256"]], "owner": world.accounts["ann"]}
        known = world.ask(3, who, "POST", "/v1/files:known", json=body, params={"min_height": height})
        assert [item["id"] for item in known.json()["items"]] == [file["id"]] * (total - 1)


def test_no_other_route_tells_what_is_private(world: World, tmp_path: Path) -> None:
    """Blocks, transactions, records, events, collections and all other reads say nothing of name, words or
    digest; the ledger's own facts (id, size, kind, owner, times, who may) stand there for every reader."""
    file = upload(world, "ann", write_samples(tmp_path)[1], SECRET, [world.accounts["bob"]])
    album = world.write("ann", "POST", "/v1/collections", json={"name": SECRET, "private": True})
    world.write("ann", "POST", f"/v1/collections/{album['id']}/files", json={"add": [file["id"]]})
    height = file["transaction"]["height"]
    names = {
        "height": str(height),
        "id": file["id"],
        "collection": "files",
        "key": file["id"],
        "account": world.accounts["ann"],
    }
    seen = 0
    for path, ways in routes(world).items():
        if "get" not in ways or path == "/v1/events":
            continue
        id_ = file["transaction"]["id"] if "transactions" in path else file["id"]
        for place in {path.format(**names | {"id": id_}), path.format(**names | {"id": album["id"]})}:
            answer = world.ask(0, "eve", "GET", place)
            assert SECRET not in answer.text, place
            assert file["sha256"] not in answer.text, place
            seen += answer.is_success
    assert seen > 10
    token = {"Authorization": f"Bearer {world.tokens[0]['eve']}"}
    url = f"{world.network.urls[0]}/v1/events?cursor=0"
    with httpx.stream("GET", url, headers=token, timeout=PATIENCE_S) as events:
        told = ""
        for line in events.iter_lines():
            told += line
            if "collection.changed" in line:
                break
    assert file["id"] in told
    assert SECRET not in told
    assert file["sha256"] not in told


def test_a_collection_is_shared_and_taken_back(world: World, tmp_path: Path) -> None:
    """Its members see what is shared with it, from the block on that makes them members to the one that makes
    them none, at every node; being in it makes nothing visible."""
    photos = write_samples(tmp_path)
    title = f"album{secrets.token_hex(6)}"
    album = world.write("ann", "POST", "/v1/collections", json={"name": title, "private": True})
    place, bob = f"/v1/collections/{album['id']}", world.accounts["bob"]
    shared = [upload(world, "ann", photo, title, [album["id"]]) for photo in photos[:2]]
    kept = upload(world, "ann", photos[2], title, [])
    height = world.write(
        "ann", "POST", f"{place}/files", json={"add": [file["id"] for file in (*shared, kept)]}
    )["transaction"]["height"]

    def check(height: int, who: str, seen: int, is_member: bool) -> None:
        assert world.totals(height, who, q=title) == {seen}, who
        for answer in world.everywhere(height, who, place):
            assert answer.status_code == (200 if is_member else 403), answer.text
        listed = world.everywhere(height, who, "/v1/collections")
        assert {any(one["id"] == album["id"] for one in each.json()["items"]) for each in listed} == {
            is_member
        }
        for answer in world.everywhere(height, who, "/v1/files", params={"collection": album["id"]}):
            if is_member:
                assert answer.json()["total"] == seen
            else:
                assert code_of(answer) == (403, "collection.private")
        for file in shared:
            answers = world.everywhere(height, who, f"/v1/files/{file['id']}/content")
            assert {answer.status_code for answer in answers} == {200 if seen else 403}

    check(height, "ann", 3, True)
    check(height, "auditor", 3, True)
    for who in ("bob", "eve"):
        check(height, who, 0, False)
    eve = world.ask(0, "eve", "PUT", f"{place}/readers/{world.accounts['eve']}")
    assert code_of(eve) == (403, "collections.owner")
    joined = world.write("ann", "PUT", f"{place}/readers/{bob}")
    assert joined["readers"] == [bob]
    check(joined["transaction"]["height"], "bob", 2, True)
    check(joined["transaction"]["height"], "eve", 0, False)
    left = world.write("ann", "DELETE", f"{place}/readers/{bob}")
    check(left["transaction"]["height"], "bob", 0, False)
    joined = world.write("ann", "PUT", f"{place}/writers/{bob}")
    check(joined["transaction"]["height"], "bob", 2, True)
    world.write("ann", "DELETE", place)
    gone = world.write("ann", "PUT", f"/v1/files/{kept['id']}/readers", json={"readers": [bob]})
    height = gone["transaction"]["height"]
    assert world.totals(height, "bob", q=title) == {1}
    assert world.totals(height, "ann", q=title) == {3}
    shown = world.write("ann", "PUT", f"/v1/files/{kept['id']}/readers", json={"readers": None})
    assert world.totals(shown["transaction"]["height"], "eve", q=title) == {1}


def test_what_is_to_be_private_is_never_public(world: World, tmp_path: Path) -> None:
    """Nor is it found public; readers that cannot be are refused before anything is written."""
    photo = write_samples(tmp_path)[3].read_bytes() + secrets.token_bytes(64)

    def put(readers: str, who: str = "ann") -> httpx.Response:
        form: Any = {"file": ("a.jpg", photo), "readers": (None, readers)}
        return world.ask(0, who, "POST", "/v1/files", files=form)

    for readers in ("[1]", '["bob"]', "{}", "x", '["' + "a" * 41 + '"]'):
        assert code_of(put(readers)) == (400, "document.invalid"), readers
    assert code_of(put('["' + "ab" * 16 + '"]')) == (404, "collection.unknown")
    made = put("null").json()
    assert code_of(put("[]")) == (409, "file.readers")
    world.write("ann", "PUT", f"/v1/files/{made['id']}/readers", json={"readers": []})
    assert put("[]").json()["id"] == made["id"]
    assert put("null", "bob").json()["id"] != made["id"], "another owner's is another file"
    begun = world.write("ann", "POST", "/v1/uploads", json={"size": 5})
    piece = {"Upload-Offset": "0", "Content-Type": "application/partial-upload"}
    world.write("ann", "PATCH", f"/v1/uploads/{begun['id']}", content=secrets.token_bytes(5), headers=piece)
    file = world.write("ann", "POST", f"/v1/uploads/{begun['id']}/file", json={"readers": []})
    assert file["readers"] == []
    assert world.ask(0, "eve", "GET", f"/v1/files/{file['id']}").status_code == 403


def test_who_holds_a_key_reads_without_a_token(world: World, tmp_path: Path) -> None:
    """By a ticket, which says who reads at every node, and writes nothing."""
    file = upload(world, "ann", write_samples(tmp_path)[5], SECRET, [world.accounts["bob"]])
    keys = world.network.configs[0].keys_path
    for url in world.network.urls:
        for who in ("ann", "bob", "auditor"):
            with Client(url, keys / f"{who}.json") as client:
                client.read("/v1/files", min_height=file["transaction"]["height"])
                assert client.files.show(file["id"])["readers"] == [world.accounts["bob"]]
                assert len(client.files.get(file["id"])) == file["size"]
        with Client(url, keys / "eve.json") as client, pytest.raises(ProblemError) as caught:
            client.files.show(file["id"])
        assert caught.value.code == "file.private"
    key = load_key(keys / "ann.json")
    ticket = issue_ticket(key, world.network.genesis.chain, int((time.time() + 60) * 1000))
    erase = httpx.delete(
        f"{world.network.urls[0]}/v1/files/{file['id']}", headers={"Authorization": f"Bearer {ticket}"}
    )
    assert code_of(erase) == (401, "access.unauthorized")


def test_an_erased_private_file_is_gone_for_all(world: World, tmp_path: Path) -> None:
    """Content, words and readers; what the ledger keeps of it is what it keeps of any."""
    title = f"gone{secrets.token_hex(6)}"
    file = upload(world, "ann", write_samples(tmp_path)[4], title, [world.accounts["bob"]])
    assert world.totals(file["transaction"]["height"], "bob", q=title) == {1}
    height = world.write("ann", "DELETE", f"/v1/files/{file['id']}")["erased_height"]
    for who in ROLES:
        assert world.totals(height, who, q=title) == {0}
        for path in (f"/v1/files/{file['id']}", f"/v1/files/{file['id']}/content"):
            answers = world.everywhere(height, who, path)
            assert {code_of(answer) for answer in answers} == {(410, "content.erased")}
    (last,) = world.ask(0, "eve", "GET", f"/v1/files/{file['id']}/history").json()["items"]
    assert (last["name"], last["metadata"]) == (None, None)
