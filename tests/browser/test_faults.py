"""What goes wrong while somebody looks: damaged bytes, a node that dies, and what was erased."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.reader import Reader
from tests.browser.test_photos import SHOTS
from tests.functional.network import PATIENCE_S, data_of, get, wait_until
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network


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


def damage(network: Network, node: int, sha256: str) -> Path:
    """Flip a byte of a blob behind its node's back."""
    path = data_of(network, node) / "blobs" / sha256[:2] / sha256
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def test_damaged_bytes_are_not_proved_until_they_are_repaired(
    reader: Reader, network: Network, stored: dict[str, str]
) -> None:
    """A node that has nobody to ask sends none rather than wrong ones; then it has them of another."""
    id_, sha256 = next(iter(stored.items()))
    wait_until(
        lambda: (data_of(network, 0) / "blobs" / sha256[:2] / sha256).exists(), "the node has the blob"
    )
    reader.open(f"/photo/{id_}")
    reader.press("Verify")
    reader.see("Proved.")
    for node in (1, 2, 3):
        network.kill(node)
    path = damage(network, 0, sha256)
    reader.press("Check again")
    reader.see("Not proved.")
    assert reader.page.locator("weft-verification li:not(.holds)").count() >= 1
    reader.save(SHOTS / "damaged.png")
    for node in (1, 2, 3):
        network.start([node])
    network.wait_ready()
    reader.press("Check again")
    reader.see("Proved.")
    wait_until(lambda: path.exists(), "the node keeps sound bytes again")


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
