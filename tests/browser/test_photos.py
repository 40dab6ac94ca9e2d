"""A first hour with the page: photos dropped on it, looked at, found again, changed, and proved."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.reader import Reader
from tests.functional.network import PATIENCE_S, PHOTOS, get, wait_until
from tests.tidy.tree import ROOT
from weft.client import Client
from weft.local import Network

PAGE_BYTES_MAX = 350_000
SHOTS = ROOT / "build" / "shots"
PLACE = (43.466, 11.884, 9) if PHOTOS else (38.6916, -9.216, 1)
"""Somewhere, and how many of the photos were taken there: Arezzo, or Belém."""
TOWN = ("arezz", 9) if PHOTOS else ("lisb", 1)
TAKEN = ("2008-10-22", "2008-10-22", 9) if PHOTOS else ("2021-06-01", "2021-12-31", 2)


@pytest.fixture(scope="module", autouse=True)
def dropped(browser: Browser, network: Network, photos: list[Path]) -> None:
    """All photos, put in by dropping them on the page of an empty network."""
    expect.set_options(timeout=PATIENCE_S * 1000)
    with Reader(browser, network.urls[0]) as reader:
        reader.open()
        reader.see("Nothing here yet")
        reader.save(SHOTS / "empty.png")
        reader.drop(photos)
        reader.see(f"{len(photos)} files added")
        reader.see(f"{len(photos)} files")
        wait_until(lambda: reader.tiles() > 5, "photos show in the gallery")
        reader.save(SHOTS / "gallery.png")


def test_every_node_has_what_was_dropped(network: Network, photos: list[Path]) -> None:
    """And the same photos dropped again are recognised."""
    for url in network.urls:
        wait_until(lambda url=url: get(f"{url}/v1/files")["total"] == len(photos), f"{url} has all")  # type: ignore[misc]


def test_what_is_there_already_is_not_stored_twice(reader: Reader, photos: list[Path]) -> None:
    """The page says so."""
    reader.open()
    reader.see(f"{len(photos)} files")
    reader.drop(photos[:3])
    reader.see("3 already there")


def test_the_first_load_is_light_and_stays_here(reader: Reader) -> None:
    """With all its parts, which are fetched once the first page stands."""
    reader.open()
    reader.settle()
    assert 0 < reader.bytes <= PAGE_BYTES_MAX


def test_a_photo_on_the_map_is_two_clicks_away(reader: Reader) -> None:
    """The map, a photo on it."""
    reader.open()
    reader.go("Map")
    reader.page.locator(".leaflet-marker-icon .pin").first.wait_for()
    wait_until(lambda: reader.page.locator("path.land").count() > 50, "the outlines of land are drawn")
    reader.save(SHOTS / "map.png")
    single = reader.page.locator(".leaflet-marker-icon:not(:has(b)) .pin")
    single.first.click()
    reader.page.wait_for_url("**/photo/*")
    reader.page.locator("weft-minimap path.land").first.wait_for(state="attached")


def test_photos_stand_on_the_map_where_they_were_taken(reader: Reader) -> None:
    """Moving the map finds what lies in it; the gallery shows the same part of the world."""
    lat, lon, count = PLACE
    reader.page.add_init_script(f"sessionStorage.setItem('weft.map', '[{lat},{lon},12]')")
    reader.open("/map")
    words = f"{count} photos here" if count > 1 else "1 photo here"
    reader.see(words)
    canvas = reader.page.locator(".map-canvas").bounding_box()
    pin = reader.page.locator(".leaflet-marker-icon .pin").first.bounding_box()
    assert canvas
    assert pin
    for start, size in (("x", "width"), ("y", "height")):
        middle = canvas[start] + canvas[size] / 2
        assert abs(pin[start] + pin[size] / 2 - middle) < canvas[size] / 4
    reader.save(SHOTS / "place.png")
    reader.page.get_by_role("link", name="Show all").click()
    reader.see(f"{count} file")
    wait_until(lambda: reader.tiles() == count, "the gallery shows them")


def test_photos_are_found_by_the_name_of_the_town(reader: Reader) -> None:
    """The page knows the towns of the world by itself, and says when it does not know one."""
    name, count = TOWN
    reader.open("/map")
    field = reader.page.get_by_role("searchbox", name="Go to a town")
    field.fill("xyzzyx")
    field.press("Enter")
    reader.see("No town of ten thousand people")
    field.fill(name)
    field.press("Enter")
    reader.see(f"{count} photos here" if count > 1 else "1 photo here")
    reader.page.locator(".town").first.wait_for(state="attached")
    reader.save(SHOTS / "town.png")


def test_photos_are_found_by_the_time_at_which_they_were_taken(reader: Reader) -> None:
    """From a day to a day, by the filters."""
    first, last, count = TAKEN
    reader.open()
    reader.press("Filters")
    reader.page.get_by_label("from", exact=True).fill(first)
    reader.page.get_by_label("to", exact=True).fill(last)
    reader.see(f"{count} files")
    wait_until(lambda: reader.tiles() == count, "those photos alone show")
    reader.save(SHOTS / "filters.png")


def test_what_is_changed_is_found_by_it_and_has_a_history(reader: Reader) -> None:
    """Title and tags, by the form; then by a word, and by the tag's chip."""
    reader.open()
    reader.page.locator("a.open").nth(1).click()
    reader.press("Edit")
    reader.page.get_by_label("Title").fill("Vespers in the old town")
    reader.page.get_by_label("Tags").fill("quiet, evening light")
    reader.save(SHOTS / "edit.png")
    reader.press("Save")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text("Vespers in the old town")
    reader.see("Changed")
    reader.page.get_by_role("link", name="evening light").click()
    reader.see("1 file")
    wait_until(lambda: reader.tiles() == 1, "that photo alone shows")
    reader.page.get_by_role("button", name="Take away the filter evening light").click()
    reader.page.get_by_role("searchbox", name="Search photos").fill("vesp")
    reader.see("1 file")
    expect(reader.page.get_by_role("link", name="Vespers in the old town")).to_be_visible()


def test_what_two_change_at_once_is_told_to_the_second(browser: Browser, network: Network) -> None:
    """What the second wrote stays in the form, and nothing of the first is written over unseen."""
    file = get(f"{network.urls[0]}/v1/files", sort="name", limit=1)["items"][0]
    with Reader(browser, network.urls[0]) as first, Reader(browser, network.urls[1]) as second:
        for one in (first, second):
            one.open(f"/photo/{file['id']}")
            one.press("Edit")
            one.page.get_by_label("Title").fill(f"by {'first' if one is first else 'second'}")
        first.press("Save")
        first.see("Changed")
        expect(second.page.get_by_role("heading", level=1)).to_have_text("by first")
        expect(second.page.get_by_label("Title")).to_have_value("by second")
        second.press("Save")
        second.see("decide anew")
        second.save(SHOTS / "conflict.png")
        assert get(f"{network.urls[0]}/v1/files/{file['id']}")["metadata"]["title"] == "by first"


def test_several_photos_are_chosen_and_changed_together(reader: Reader) -> None:
    """Their tags are added to, and what else is known of them stays."""
    reader.open()
    checks = reader.page.get_by_role("checkbox")
    checks.nth(0).click(force=True)
    checks.nth(2).click(force=True, modifiers=["Shift"])
    reader.see("3 photos chosen")
    reader.press("Edit")
    reader.page.get_by_label("Add tags").fill("three of them")
    reader.press("Save")
    wait_until(
        lambda: get(f"{reader.url}/v1/files", tag="three of them")["total"] == 3, "all three are tagged"
    )


def test_long_tags_fit_a_phone(browser: Browser, network: Network) -> None:
    """Beside a photo and among the filters, with their counts."""
    file = get(f"{network.urls[0]}/v1/files", sort="-name", limit=1)["items"][0]
    with Client(network.urls[:1]) as client:
        client.files.update(file["id"], {"tags": ["x" * 100]})
    with Reader(browser, network.urls[0], viewport={"width": 390, "height": 860}) as reader:
        reader.open(f"/photo/{file['id']}")
        place = reader.see("xxxxx").bounding_box()
        reader.open("/")
        reader.press("Filters")
        chip = reader.page.locator(".chip", has_text="xxxxx").first
        chip.wait_for()
        for box in (place, chip.bounding_box(), chip.locator("small").bounding_box()):
            assert box
            assert box["x"] + box["width"] <= 390
        reader.save(SHOTS / "long-tag.png")


def test_a_photo_is_proved_in_the_browser(reader: Reader) -> None:
    """Every step is green, against the genesis of the first visit, and the other nodes agree."""
    reader.open()
    reader.page.locator("a.open").first.click()
    reader.press("Verify")
    reader.see("Proved.")
    assert reader.page.locator("weft-verification li").count() == 9
    assert reader.page.locator("weft-verification li:not(.holds)").count() == 0
    reader.page.get_by_text("The other nodes name the same genesis").scroll_into_view_if_needed()
    reader.save(SHOTS / "verify.png")


def test_another_genesis_than_the_first_is_seen(reader: Reader) -> None:
    """A network that changed its past is not believed, whatever all its nodes say."""
    genesis = get(f"{reader.url}/v1/genesis")["encoded"]
    forged = genesis[:-4] + ("AAAA" if genesis[-4:] != "AAAA" else "BBBB")
    reader.page.add_init_script(
        f"localStorage.setItem('weft.genesis', JSON.stringify({{encoded: '{forged}', since: 0}}))"
    )
    reader.open()
    reader.see("This address shows another network")
    reader.page.locator("a.open").first.click()
    reader.press("Verify")
    reader.see("Not proved.")
    reader.see("All nodes name another genesis")
    reader.press("Forget the old genesis")
    reader.see("Proved.")
    expect(reader.page.get_by_text("This address shows another network")).to_have_count(0)


def test_the_ledger_is_followed_and_searched(reader: Reader, network: Network) -> None:
    """A block appears when it is made; a transaction, a digest and a record are found by their names."""
    reader.open("/ledger")
    wait_until(lambda: reader.page.locator("weft-graph circle").count() > 20, "the graph is drawn")
    reader.save(SHOTS / "ledger.png")
    with Client(network.urls[1]) as client:
        record = client.records.put("cities", "belém", {"tower": 1519})
    reader.page.get_by_role("link", name=f"{record['transaction']['height']}", exact=True).wait_for()
    file = get(f"{network.urls[1]}/v1/files", limit=1)["items"][0]
    field = reader.page.get_by_role("searchbox", name="Search the ledger")
    for text, place in (
        (file["transaction"]["id"], "/ledger/transactions/"),
        (file["sha256"], "/photo/"),
        (get(f"{network.urls[1]}/v1/blocks/2")["hash"], "/ledger/blocks/2"),
        ("1", "/ledger/blocks/1"),
        ("cities/belém", "/ledger/records/cities/"),
    ):
        field.fill(text)
        reader.press("Find")
        reader.page.wait_for_url(f"**{place}*")
        if "records" in place:
            reader.see("1519")
        reader.page.go_back()
    field.fill("ab" * 32)
    reader.press("Find")
    reader.see("Nothing here is named")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_nothing_stands_in_the_way_of_those_who_see_or_move_otherwise(
    browser: Browser, network: Network, scheme: str, width: int
) -> None:
    """Axe finds nothing serious on any page, wide and narrow, light and dark."""
    file = get(f"{network.urls[0]}/v1/files", bbox="-180,-90,180,90", limit=1)["items"][0]
    size = {"width": width, "height": 860}
    with Reader(browser, network.urls[0], viewport=size, color_scheme=scheme) as reader:
        for path in ("/", "/map", f"/photo/{file['id']}", "/ledger", "/ledger/blocks/2", "/network"):
            reader.open(path)
            reader.settle()
            assert reader.faults() == [], path
            reader.save(SHOTS / f"{scheme}-{width}-{path.replace('/', '-')[1:24] or 'gallery'}.png")
        for name in ("Edit", "Erase"):
            reader.open(f"/photo/{file['id']}")
            reader.press(name)
            assert reader.faults() == [], name
