"""Content of a write that was refused does not stay."""

from pathlib import Path

import httpx

from tests.functional.network import Launch, wait_until

MARKER = b"the tide was never told of this lamp"


def holds_marker(home: Path) -> bool:
    return any(MARKER in path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_what_a_refused_write_carried_is_destroyed_on_disk(launch: Launch) -> None:
    """Once so many rounds have gone by that no other member can need it."""
    network = launch(nodes=1)
    (url,) = network.urls
    with httpx.Client(base_url=url, timeout=60) as http:
        place, document = "/v1/records/notes/lamp", b'{"text":"%s"}' % MARKER
        refused = http.put(place, content=document, headers={"if-match": "7"} | JSON)
        assert (refused.status_code, refused.json()["code"]) == (412, "records.version")
        assert holds_marker(network.home)
        for number in range(700):
            http.put(f"/v1/records/notes/{number}", content=b"{}", headers=JSON).raise_for_status()
    wait_until(lambda: not holds_marker(network.home), "the refused document is in no file any more")


JSON = {"content-type": "application/json"}
