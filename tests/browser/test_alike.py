"""Nodes that look at pictures: the page of a photo leads to those that look like it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, expect

from tests.browser.reader import Reader
from tests.browser.test_photos import SHOTS
from tests.functional.network import PATIENCE_S, get, wait_until
from weft.apps.files.samples import write_samples
from weft.client import Client
from weft.local import Network, free_port_base


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A node with machine tags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WEFT_FILES_MACHINE_TAGS", "true")
        with Network(
            tmp_path_factory.mktemp("looking") / "network", 1, "byzantine", free_port_base(1)
        ) as network:
            yield network


def test_a_photo_leads_to_those_that_look_like_it(browser: Browser, looking: Network, tmp_path: Path) -> None:
    """The same one smaller and in another format; another photo has none."""
    first, other = write_samples(tmp_path)[:2]
    small = tmp_path / "small.webp"
    with Image.open(first) as picture:
        picture.resize((400, 300)).save(small)
    with Client(looking.urls) as client:
        files = [client.files.put(path)["id"] for path in (first, other, small)]
    (url,) = looking.urls
    for id_ in files:
        wait_until(
            lambda id_=id_: "machine_tags" in get(f"{url}/v1/files/{id_}")["metadata"], "it is looked at"
        )  # type: ignore[misc]
    expect.set_options(timeout=PATIENCE_S * 1000)
    with Reader(browser, url) as reader:
        alike = reader.page.locator("weft-alike a")
        reader.open(f"/photo/{files[0]}")
        reader.see("Looks like this one").scroll_into_view_if_needed()
        expect(alike).to_have_count(1)
        expect(alike).to_have_accessible_name("small.webp")
        assert reader.faults() == []
        reader.save(SHOTS / "alike.png")
        alike.click()
        reader.page.wait_for_url(f"**/photo/{files[2]}")
        expect(alike).to_have_accessible_name(first.name)
        reader.open(f"/photo/{files[1]}")
        reader.see("History")
        reader.settle()
        expect(alike).to_have_count(0)
