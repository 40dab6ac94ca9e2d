"""A real browser before a real network. Both end with their tests."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.reader import Reader
from tests.functional.network import PHOTOS
from tests.tidy.tree import PACKAGE
from weft.apps.files.samples import write_samples
from weft.local import Network, free_port_base

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window. It ends with its tests, because while Playwright is there its event loop
    counts as running, and no other test may run one."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here; make machine installs it")
    if not (PACKAGE / "ui_dist" / "index.html").exists():
        pytest.skip("the web application is not built; make ui builds it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """Four nodes without a photo."""
    with Network(tmp_path_factory.mktemp("browser") / "network", 4, "byzantine", free_port_base(4)) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The photos of WEFT_PHOTOS, else the project's own drawn ones."""
    if PHOTOS:
        return sorted(path for path in Path(PHOTOS).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    return write_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def reader(browser: Browser, network: Network) -> Iterator[Reader]:
    """Somebody who has never been here, before the first node's page."""
    with ExitStack() as stack:
        yield stack.enter_context(Reader(browser, network.urls[0]))
