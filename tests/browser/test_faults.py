"""What goes wrong while somebody looks: damaged bytes, a node that dies, and what was erased."""

import os
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Request, expect

from tests.browser.reader import Reader
from tests.browser.test_photos import SHOTS
from tests.functional.network import PATIENCE_S, data_of, get, wait_until
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network
from weft.model.call import PutRecords, RecordItem
from weft.model.keys import ED25519, PrivateKey


@pytest.fixture(scope="module", autouse=True)
def stored(network: Network, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Some photos on every node: id by SHA-256."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with Client(network.urls) as client:
        samples = write_samples(tmp_path_factory.mktemp("samples"))
        files = [client.files.put(photo) for photo in samples[:6]]
    for url in network.urls:
        wait_until(lambda url=url: get(f"{url}/v1/files")["total"] == len(files), f"{url} has all")  # type: ignore[misc]
    return {file["id"]: file["sha256"] for file in files}


def damage(network: Network, node: int, digest: str) -> Path:
    """Flip a byte of a blob behind its node's back."""
    path = data_of(network, node) / "blobs" / digest[:2] / digest
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("id_", ["deadbeef", "0" * 32])
def test_a_photo_that_is_not_there_is_said_to_be_none(
    browser: Browser, network: Network, id_: str, width: int
) -> None:
    """Whether its address could be one or not, on a phone and on a wide screen, with the way back."""
    with Reader(browser, network.urls[0], viewport={"width": width, "height": 860}) as reader:
        reader.open(f"/photo/{id_}")
        reader.see("No photo here")
        panel = reader.page.get_by_label("About this photo")
        assert "consistency" not in panel.inner_text()
        assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")
        assert panel.evaluate("panel => panel.getBoundingClientRect().top") < 200
        again = panel.get_by_role("button", name="Try again").bounding_box()
        words = panel.get_by_text("Nothing that you may see").bounding_box()
        assert again
        assert words
        assert again["y"] >= words["y"] + words["height"]
        assert reader.faults() == []
        reader.save(SHOTS / f"nothing-{id_}-{width}.png")
        panel.get_by_role("link", name="All photos").click()
        wait_until(lambda: reader.tiles() == 6, "the gallery shows")


def test_what_was_signed_as_a_document_and_is_none_is_named(reader: Reader, network: Network) -> None:
    """In a record's versions it is not taken for the document `null`."""
    with Client(network.urls) as client:
        client.records.put("notes", "odd", None)
    with Client([reader.url], key=PrivateKey(ED25519, b"m" * 32)) as signing:
        arguments = PutRecords((RecordItem("notes", "odd", 0, None),))
        signing.submit("records", "put", arguments, [b"no quotes around this"])
    reader.open("/ledger/records/notes/odd")
    reader.see("no JSON text")
    expect(reader.page.locator("pre")).to_have_text(["what was signed is no JSON text", "null"])
    reader.save(SHOTS / "malformed.png")


def test_damaged_bytes_are_not_proved_until_they_are_repaired(
    reader: Reader, network: Network, stored: dict[str, str]
) -> None:
    """A node that has nobody to ask sends none rather than wrong ones; then it has them of another."""
    id_, digest = next(iter(stored.items()))
    wait_until(
        lambda: (data_of(network, 0) / "blobs" / digest[:2] / digest).exists(), "the node has the blob"
    )
    reader.open(f"/photo/{id_}")
    reader.press("Verify")
    reader.see("Proved.")
    for node in (1, 2, 3):
        network.kill(node)
    path = damage(network, 0, digest)
    reader.press("Check again")
    reader.see("Not proved.")
    assert reader.page.locator("weft-verification li:not(.holds)").count() >= 1
    reader.save(SHOTS / "damaged.png")
    reader.go("Network")
    reader.see("1 missing, being fetched")
    reader.see("Since it started: 1 found damaged")
    reader.settle()
    reader.save(SHOTS / "missing.png")
    reader.page.go_back()
    for node in (1, 2, 3):
        network.start([node])
    network.wait_ready()
    reader.press("Verify")
    reader.see("Proved.")
    wait_until(lambda: path.exists(), "the node keeps sound bytes again")
    reader.go("Network")
    expect(reader.page.get_by_text("nothing missing")).to_have_count(4)


def test_a_node_that_dies_turns_red_and_the_page_goes_on_through_another(
    browser: Browser, network: Network
) -> None:
    """The one that served the page: a clear word, and photos, map and search go on."""
    with Reader(browser, network.urls[2]) as reader:
        reader.open("/network")
        expect(reader.page.locator("li.up")).to_have_count(4)
        reader.settle()
        network.kill(2)
        reader.see("node2 does not answer. The page goes on through node")
        expect(reader.page.get_by_text("This address shows another network")).to_have_count(0)
        expect(reader.page.locator("li.down")).to_have_count(1)
        expect(reader.page.locator("li.down h2")).to_have_text("node2")
        reader.save(SHOTS / "killed.png")
        reader.go("Photos")
        wait_until(lambda: reader.tiles() == 6, "the gallery comes from another node")
        reader.page.locator("a.open").first.click()
        reader.press("Verify")
        reader.see("Proved.")
        reader.go("Map")
        reader.page.locator(".leaflet-marker-icon .pin").first.wait_for()
        network.restart(2)
        reader.go("Network")
        expect(reader.page.locator("li.up")).to_have_count(4)


def test_an_erased_photo_is_gone_from_the_pages_of_all_nodes(
    browser: Browser, network: Network, stored: dict[str, str]
) -> None:
    """The reader is told what erasing is; the others' pages lose the photo without being asked to."""
    id_ = list(stored)[-1]
    with ExitStack() as stack:
        others = [stack.enter_context(Reader(browser, url)) for url in network.urls[1:]]
        for other in others:
            other.open()
            wait_until(lambda other=other: other.tiles() == 6, "the others show all")  # type: ignore[misc]
        reader = stack.enter_context(Reader(browser, network.urls[0]))
        reader.open(f"/photo/{id_}")
        reader.press("Erase")
        reader.see("Nobody can bring anything back")
        reader.save(SHOTS / "erase.png")
        reader.press("Erase this photo")
        wait_until(lambda: reader.tiles() == 5, "the gallery shows the others")
        reader.open(f"/photo/{id_}")
        reader.see("Erased")
        for other in others:
            wait_until(lambda other=other: other.tiles() == 5, "it is gone there too")  # type: ignore[misc]
            assert other.page.locator(f'a[href="/photo/{id_}"]').count() == 0


class Sent:
    """The pieces in which a page sends a file: where each began, and what was begun, by node."""

    def __init__(self, reader: Reader) -> None:
        self.begun: list[str] = []
        self.offsets: list[int] = []
        reader.page.on("request", self._note)

    def _note(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if request.method == "POST" and parts.path == "/v1/uploads":
            self.begun.append(f"{parts.scheme}://{parts.netloc}")
        if request.method == "PATCH" and parts.path.startswith("/v1/uploads/"):
            self.offsets.append(int(request.headers["upload-offset"]))


def make_film(path: Path, size: int) -> str:
    """Bytes that nobody had before; their SHA-256."""
    content = os.urandom(size)
    path.write_bytes(content)
    return sha256(content).hexdigest()


def wait_for_offset(reader: Reader, sent: Sent, offset: int) -> None:
    """Until a piece from there on is on its way."""
    wait_until(
        lambda: reader.tiles() >= 0 and max(sent.offsets, default=0) >= offset, f"{offset} bytes are sent"
    )


def test_a_large_file_goes_on_where_its_node_died(browser: Browser, network: Network, tmp_path: Path) -> None:
    """At the same node, once it is back: what it had is not sent again. Dropped once more, nothing is."""
    film, size = tmp_path / "film.bin", 44 << 20
    digest = make_film(film, size)
    with Reader(browser, network.urls[0]) as reader:
        sent = Sent(reader)
        reader.open()
        reader.slow_down(4 << 20)
        reader.drop([film])
        wait_for_offset(reader, sent, 32 << 20)
        reader.save(SHOTS / "pieces.png")
        network.restart(0)
        reader.see("1 file added")
        assert sent.begun == [network.urls[0]]
        assert sent.offsets == sorted(sent.offsets)
        assert sent.offsets[:3] == [0, 16 << 20, 32 << 20]
        count = len(sent.offsets)
        reader.drop([film])
        reader.see("1 already there")
        assert len(sent.offsets) == count
    for url in network.urls:
        wait_until(lambda url=url: get(f"{url}/v1/files", sha256=digest)["total"] == 1, f"{url} has it")  # type: ignore[misc]


def test_a_large_file_begins_anew_when_its_node_stays_away(
    browser: Browser, network: Network, tmp_path: Path
) -> None:
    """At another node, after a while; it is stored once."""
    film = tmp_path / "film.bin"
    digest = make_film(film, 40 << 20)
    with Reader(browser, network.urls[1]) as reader:
        sent = Sent(reader)
        reader.open()
        reader.slow_down(16 << 20)
        reader.drop([film])
        wait_for_offset(reader, sent, 16 << 20)
        network.kill(1)
        reader.see("1 file added")
        assert len(sent.begun) == 2
        assert sent.begun[0] == network.urls[1]
    network.restart(1)
    for url in network.urls:
        wait_until(lambda url=url: get(f"{url}/v1/files", sha256=digest)["total"] == 1, f"{url} has it")  # type: ignore[misc]
