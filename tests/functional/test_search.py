"""What is written shows in the searches of every node as soon as its block is executed there.

One of the nodes keeps its index in a PostgreSQL, where one is installed.
"""

from contextlib import ExitStack
from typing import Any

import httpx

from tests.functional.network import PATIENCE_S, Launch, get, wait_for_agreement
from tests.postgres import find_server, postgres
from weft.client import Client
from weft.config import FILE_NAME
from weft.local import Network

ARTICLES = 30


def search(network: Network, height: int, **wanted: Any) -> list[dict[str, Any]]:
    """What every node answers alike, once it has executed this height."""
    answers = [get(f"{url}/v1/files", min_height=height, **wanted) for url in network.urls]
    assert all(answer["height"] >= height for answer in answers)
    found = [
        ([item | {"transaction": None} for item in answer["items"]], answer["total"], answer["facets"])
        for answer in answers
    ]
    assert found == [found[0]] * len(found), wanted
    items: list[dict[str, Any]] = answers[0]["items"]
    return items


def keep_in_postgres(network: Network, node: int, address: str) -> None:
    """Have a node start again with its index on a server."""
    network.kill(node)
    path = network.home / f"node{node}" / FILE_NAME
    text = path.read_text()
    assert "[files]" not in text
    path.write_text(f'{text}\n[files]\nindex = "{address}"\n')
    network.restart(node)
    wait_for_agreement(network)


def test_every_node_finds_what_was_written(launch: Launch) -> None:
    """New files, changes, erasures, collections: each at all nodes at once, by min_height alone."""
    with ExitStack() as stack:
        network = launch()
        programs = find_server()
        if programs is not None:
            keep_in_postgres(network, 1, stack.enter_context(postgres(programs)))
        clients = [stack.enter_context(Client(url)) for url in network.urls]
        files = []
        for number in range(ARTICLES):
            metadata = {
                "title": f"Harbour {number}",
                "tags": ["even" if number % 2 == 0 else "odd"],
                "location": {"lat": 43 + number / 100, "lon": 11.5},
                "taken_at": f"2008-{number % 12 + 1:02d}-10T12:00:00Z",
            }
            name = f"IMG_{number:04}.txt"
            files.append(clients[number % 4].files.put(b"%d" % number, name=name, metadata=metadata))
        top = max(file["transaction"]["height"] for file in files)
        assert len(search(network, top, q="harb*", facets="tags,year")) == ARTICLES
        assert len(search(network, top, q="img_0007.txt")) == 1
        assert len(search(network, top, tag="odd", bbox="11,43,12,43.095")) == 5
        assert len(search(network, top, near="43.1,11.5", radius_km=3)) == 5
        assert len(search(network, top, not_tag="odd", taken_to="2008-03-31", sort="-taken_at")) == 6

        changed = clients[2].files.update(files[7]["id"], {"title": "Lighthouse"})
        height = changed["transaction"]["height"]
        assert [file["id"] for file in search(network, height, q="lighthouse")] == [files[7]["id"]]
        assert len(search(network, height, q="harbour")) == ARTICLES - 1

        album = clients[3].collections.create("Summer")["id"]
        put = clients[0].collections.change(album, [file["id"] for file in files[:9]])
        found = search(network, put["transaction"]["height"], collection=album, sort="name")
        assert [file["id"] for file in found] == [file["id"] for file in files[:9]]

        erased = clients[1].files.erase(files[7]["id"])
        height = erased["transaction"]["height"]
        assert search(network, height, q="lighthouse") == []
        assert len(search(network, height, collection=album)) == 8
        assert len(search(network, height)) == ARTICLES - 1
        months = [get(f"{url}/v1/files:timeline", min_height=height)["months"] for url in network.urls]
        assert months == [months[0]] * 4
        assert sum(month["count"] for month in months[0]) == ARTICLES - 1

        key = {"Idempotency-Key": "a-key-for-one-collection"}
        made = [
            httpx.post(f"{url}/v1/collections", json={"name": "once"}, headers=key, timeout=PATIENCE_S).json()
            for url in network.urls
        ]
        assert len({one["id"] for one in made}) == 1
        assert len(list(clients[0].collections.list())) == 2
