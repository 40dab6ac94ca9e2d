"""The network that a browser saw first at an address is the one that it believes there."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.reader import Reader
from tests.browser.test_photos import SHOTS
from tests.functional.network import PATIENCE_S, wait_until
from weft.local import Network, free_port_base

WORDS = "This address shows another network"


def test_an_address_that_serves_another_network_is_noticed(browser: Browser, tmp_path: Path) -> None:
    """At once, in words and without a look at any proof; whoever knows why forgets the old one, for good."""
    base = free_port_base(1)
    first = Network(tmp_path / "first", 1, port_base=base)
    with Reader(browser, first.urls[0], viewport={"width": 390, "height": 860}) as reader:
        with first:
            reader.open()
            reader.see("Nothing here yet")
            kept = "localStorage.getItem('weft.genesis')"
            wait_until(lambda: reader.page.evaluate(kept) is not None, "the genesis is kept")
            reader.page.reload()
            reader.settle()
            expect(reader.page.get_by_text(WORDS)).to_have_count(0)
        with Network(tmp_path / "second", 1, port_base=base):
            reader.page.get_by_text(WORDS).wait_for(timeout=PATIENCE_S * 1000)
            reader.page.reload()
            reader.see(WORDS)
            assert reader.faults() == []
            reader.save(SHOTS / "another-network.png")
            reader.press("Forget the old network")
            expect(reader.page.get_by_text(WORDS)).to_have_count(0)
            reader.page.reload()
            reader.settle()
            expect(reader.page.get_by_text(WORDS)).to_have_count(0)
