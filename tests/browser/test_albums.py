"""Albums: made of chosen photos, looked at, searched in, renamed, emptied and deleted; other pages follow."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.reader import Reader
from tests.browser.test_photos import SHOTS
from tests.functional.network import PATIENCE_S, get, wait_until
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network


@pytest.fixture(scope="module", autouse=True)
def stored(network: Network, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Some photos on every node: their ids."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with Client(network.urls) as client:
        samples = write_samples(tmp_path_factory.mktemp("samples"))
        files = [client.files.put(photo)["id"] for photo in samples[:6]]
    for url in network.urls:
        wait_until(lambda url=url: get(f"{url}/v1/files")["total"] == len(files), f"{url} has all")  # type: ignore[misc]
    return files


@contextmanager
def make_album(network: Network, name: str, files: list[str]) -> Iterator[str]:
    """An album that is there for a while: its id."""
    with Client(network.urls) as client:
        album = client.collections.create(name)["id"]
        client.collections.change(album, files)
        yield album
        if any(one["id"] == album for one in client.collections.list()):
            client.collections.delete(album)


def choose(reader: Reader, *places: int) -> None:
    for place in places:
        reader.page.get_by_role("checkbox").nth(place).click(force=True)


def card(reader: Reader, name: str) -> Locator:
    """An album among all of them."""
    return reader.page.locator("weft-albums li", has_text=name)


def test_chosen_photos_become_an_album_that_every_page_shows(browser: Browser, network: Network) -> None:
    """By name, with a cover and a count; a page of another node shows it without being asked to."""
    with Reader(browser, network.urls[1]) as other, Reader(browser, network.urls[0]) as reader:
        other.open("/albums")
        other.see("No albums yet")
        other.save(SHOTS / "albums-none.png")
        reader.open()
        choose(reader, 0, 2)
        reader.press("Add to album")
        reader.page.get_by_label("New album").fill("Summer by the sea")
        reader.save(SHOTS / "album-add.png")
        reader.press("Make album")
        reader.see("They are in the album “Summer by the sea” now")
        reader.page.get_by_role("link", name="Show the album").click()
        expect(reader.page.get_by_role("heading", level=1)).to_have_text("Summer by the sea")
        wait_until(lambda: reader.tiles() == 2, "those photos alone show")
        reader.settle()
        reader.save(SHOTS / "album.png")
        expect(card(other, "Summer by the sea").get_by_text("2 files")).to_be_visible()
        card(other, "Summer by the sea").locator("img").wait_for()
        other.settle()
        other.save(SHOTS / "albums.png")
        card(other, "Summer by the sea").get_by_role("link").click()
        wait_until(lambda: other.tiles() == 2, "the album opens")


def test_photos_come_and_go(reader: Reader, network: Network, stored: list[str]) -> None:
    """Into an album that is there, from the gallery and from a photo's own page, and out again; all stay."""
    with make_album(network, "Portraits", stored[:1]) as album:
        reader.open()
        wait_until(lambda: reader.tiles() == 6, "all photos show")
        choose(reader, *range(6))
        reader.press("Add to album")
        reader.page.get_by_role("button", name="Portraits 1 file").click()
        reader.see("They are in the album")
        reader.press("Done")
        reader.open(f"/?collection={album}")
        wait_until(lambda: reader.tiles() == 6, "all are in the album")
        choose(reader, 0, 1)
        reader.press("Remove from album")
        wait_until(lambda: reader.tiles() == 4, "two are out of it")
        left = {one["id"] for one in get(f"{network.urls[0]}/v1/files", collection=album)["items"]}
        reader.open(f"/photo/{next(one for one in stored if one not in left)}")
        reader.press("Add to album")
        reader.page.get_by_role("button", name="Portraits 4 files").click()
        reader.see("It is in the album")
        assert get(f"{network.urls[0]}/v1/collections/{album}")["files"] == 5
        assert get(f"{network.urls[0]}/v1/files")["total"] == 6


def test_an_album_is_renamed_and_deleted_and_its_photos_stay(
    reader: Reader, network: Network, stored: list[str]
) -> None:
    """The page says what becomes of them before it deletes."""
    with make_album(network, "Nmae", stored[:3]) as album:
        reader.open(f"/?collection={album}")
        reader.press("Rename the album")
        reader.page.get_by_role("textbox", name="Name").fill("Name")
        reader.press("Rename")
        expect(reader.page.get_by_role("heading", level=1)).to_have_text("Name")
        reader.press("Delete the album")
        reader.see("The 3 photos in it stay among all photos")
        reader.save(SHOTS / "album-delete.png")
        reader.page.get_by_role("dialog").get_by_role("button", name="Delete the album").click()
        reader.page.wait_for_url("**/albums")
        expect(card(reader, "Name")).to_have_count(0)
        assert get(f"{network.urls[0]}/v1/files")["total"] == 6
        reader.open(f"/?collection={album}")
        reader.see("there is no collection")


def test_an_album_is_a_filter_among_others(reader: Reader, network: Network, stored: list[str]) -> None:
    """With its name on the chip, together with words, by the keyboard alone."""
    with make_album(network, "Harbour", stored[:4]):
        reader.open()
        filters = reader.page.get_by_role("button", name="Filters")
        filters.focus()
        reader.page.keyboard.press("Enter")
        chip = reader.page.get_by_role("button", name="Harbour 4")
        chip.focus()
        reader.page.keyboard.press("Space")
        wait_until(lambda: reader.tiles() == 4, "the album's photos show")
        reader.page.keyboard.press("/")
        reader.page.keyboard.type("surelynowhere")
        reader.see("Nothing matches")
        reader.page.get_by_role("searchbox", name="Search photos").fill("")
        away = reader.page.get_by_role("button", name="Take away the filter Album Harbour")
        away.focus()
        reader.page.keyboard.press("Enter")
        wait_until(lambda: reader.tiles() == 6, "all photos show again")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_stands_in_the_way_of_albums(
    browser: Browser, network: Network, stored: list[str], scheme: str, width: int
) -> None:
    """Axe finds nothing serious, wide and narrow, light and dark."""
    size = {"width": width, "height": 860}
    with (
        Reader(browser, network.urls[0], viewport=size, color_scheme=scheme) as reader,
        make_album(network, "A name that is longer than there is room for on a phone", stored[:5]) as album,
    ):
        for path in ("/albums", f"/?collection={album}"):
            reader.open(path)
            reader.settle()
            assert reader.faults() == [], path
            reader.save(SHOTS / f"{scheme}-{width}-{path[1:7].strip('?')}.png")
        choose(reader, 0, 1)
        assert reader.faults() == []
        reader.save(SHOTS / f"{scheme}-{width}-chosen.png")
        for name in ("Add to album", "Rename the album", "Delete the album"):
            reader.press(name)
            assert reader.faults() == [], name
            reader.save(SHOTS / f"{scheme}-{width}-{name.split()[0].lower()}.png")
            reader.page.keyboard.press("Escape")
