"""A network whose nodes know their callers: the page asks for a token, and says what that does not do."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.reader import Reader
from tests.browser.test_photos import SHOTS
from tests.functional.network import PATIENCE_S, close_network, wait_until
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network, free_port_base
from weft.storage.tokens import Tokens

SHOWN = 'a.open img[src^="blob:"]'
"""A photo that was fetched with the token, and stands in the gallery."""


class Closed(NamedTuple):
    """A network that knows its callers, and by which tokens."""

    network: Network
    writer: str
    reader: str
    elsewhere: str
    """A writer's, at the second node."""


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    """With some photos in it."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    made = Network(tmp_path_factory.mktemp("closed") / "network", 4, "byzantine", free_port_base(4))
    tokens = close_network(made, [(0, "writer"), (0, "reader"), (1, "writer")])
    with Network(made.home) as network:
        with Client(network.urls[:1], token=tokens[0]) as client:
            for photo in write_samples(tmp_path_factory.mktemp("samples"))[:5]:
                client.files.put(photo)
        yield Closed(network, *tokens)


def enter(reader: Reader, token: str) -> None:
    reader.page.get_by_label("Token").fill(token)
    reader.press("Enter")


def add(reader: Reader, paths: list[Path], audience: str = "Everyone who reads this network") -> None:
    """Drop files and say who may see them."""
    reader.drop(paths)
    reader.page.get_by_label(audience).check()
    reader.press("Add")


def wait_for_photos(reader: Reader, count: int) -> None:
    wait_until(lambda: reader.page.locator(SHOWN).count() == count, f"{count} photos are fetched and shown")


def test_the_page_asks_for_a_token_and_keeps_it_for_the_tab(
    browser: Browser, closed: Closed, tmp_path: Path
) -> None:
    """A wrong or revoked one is said to be so; with the right one photos show, come and are proved."""
    url, keys = closed.network.urls[0], closed.network.configs[0].keys_path
    with Reader(browser, url) as reader:
        reader.open()
        reader.see("node0 wants to know who asks")
        assert reader.faults() == []
        reader.save(SHOTS / "gate.png")
        enter(reader, "weft_of_no_node")
        reader.see("node0 does not know this token")
        reader.save(SHOTS / "gate-wrong.png")
        revoked = Tokens(keys).issue("caller0.json")
        enter(reader, revoked)
        wait_for_photos(reader, 5)
        Tokens(keys).revoke(revoked.split("_")[1])
        reader.page.reload()
        reader.see("node0 does not know this token")
        enter(reader, closed.writer)
        wait_for_photos(reader, 5)
        reader.page.reload()
        wait_for_photos(reader, 5)
        add(reader, write_samples(tmp_path)[5:6])
        reader.see("1 file added")
        wait_for_photos(reader, 6)
        reader.page.locator("a.open").first.click()
        reader.page.locator('.stage img[src^="blob:"]:not(.under)').wait_for()
        reader.press("Verify")
        reader.see("Proved.")
        reader.see("node0 agrees; node1, node2, node3 did not say")
    with Reader(browser, url) as another:
        another.open()
        another.see("node0 wants to know who asks")


def test_who_may_only_read_is_told_why_nothing_else_goes(
    browser: Browser, closed: Closed, tmp_path: Path
) -> None:
    """Photos show; a change, an upload and an album are refused in words that say why."""
    with Reader(browser, closed.network.urls[0]) as reader:
        reader.open()
        enter(reader, closed.reader)
        wait_until(lambda: reader.page.locator(SHOWN).count() >= 5, "photos show")
        path = tmp_path / "mine.txt"
        path.write_text("mine")
        add(reader, [path])
        reader.see("1 refused")
        reader.press("Details")
        reader.see("has the role reader, which may not write")
        reader.page.locator("a.open").first.click()
        reader.press("Edit")
        reader.page.get_by_label("Title").fill("Mine")
        reader.press("Save")
        reader.page.get_by_role("dialog").get_by_text("which may not write").wait_for()
        reader.save(SHOTS / "reader.png")
        reader.press("Cancel")
        reader.press("Add to album")
        reader.page.get_by_label("New album").fill("Mine")
        reader.press("Make album")
        reader.page.get_by_role("dialog").get_by_text("which may not write").wait_for()


def test_a_private_photo_is_seen_by_its_owner_alone(browser: Browser, closed: Closed, tmp_path: Path) -> None:
    """It has a lock, and a word about who sees it; others find nothing of it. Large files go the same way."""
    photo, film = write_samples(tmp_path)[7], tmp_path / "film.bin"
    film.write_bytes(os.urandom(9 << 20))
    url = closed.network.urls[0]
    with Reader(browser, url) as reader, Reader(browser, url) as other:
        reader.open()
        enter(reader, closed.writer)
        wait_until(lambda: reader.page.locator(SHOWN).count() >= 5, "photos show")
        reader.drop([photo, film])
        reader.see("Who may see them?")
        assert reader.faults() == []
        reader.save(SHOTS / "audience.png")
        reader.page.get_by_label("Only me").check()
        reader.press("Add")
        reader.see("2 files added")
        wait_until(lambda: reader.page.locator("a.open .private").count() == 2, "both have a lock")
        reader.settle()
        reader.save(SHOTS / "private.png")
        private = reader.page.locator("a.open:has(.private)")
        paths = [link.get_attribute("href") or "" for link in private.all()]
        private.first.click()
        reader.see("Only its owner, administrators and auditors see this.")
        assert reader.faults() == []
        reader.settle()
        reader.save(SHOTS / "private-photo.png")
        other.open()
        enter(other, closed.reader)
        wait_until(lambda: other.page.locator(SHOWN).count() >= 5, "photos show")
        assert not {link.get_attribute("href") for link in other.page.locator("a.open").all()} & set(paths)
        for path in paths:
            other.open(path)
            other.see("who has not shared it with")
        add(reader, [film])
        reader.see("1 refused")
        reader.press("Details")
        reader.see("you asked for everyone")


def test_each_node_wants_a_token_of_its_own(browser: Browser, closed: Closed) -> None:
    """When the node dies, the next one asks; none is told another's token; one that is back lets in again."""
    network = closed.network
    told: dict[str, set[str]] = {url: set() for url in network.urls}
    with Reader(browser, network.urls[0]) as reader:
        reader.page.on(
            "request",
            lambda request: [
                told[url].add(request.headers.get("authorization", ""))
                for url in network.urls
                if request.url.startswith(url)
            ],
        )
        reader.open()
        enter(reader, closed.writer)
        wait_until(lambda: reader.page.locator(SHOWN).count() >= 5, "photos show")
        network.kill(0)
        reader.see("node1 wants to know who asks")
        reader.save(SHOTS / "gate-other.png")
        network.restart(0)
        reader.page.get_by_role("dialog").wait_for(state="detached")
        wait_until(lambda: reader.page.locator(SHOWN).count() >= 5, "photos show")
        network.kill(0)
        reader.see("node1 wants to know who asks")
        enter(reader, closed.elsewhere)
        wait_until(lambda: reader.page.locator(SHOWN).count() >= 5, "photos show")
        network.restart(0)
    for url, mine in zip(network.urls, (closed.writer, closed.elsewhere, "", ""), strict=True):
        assert told[url] <= {"", f"Bearer {mine}"}
