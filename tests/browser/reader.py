"""Somebody before the page: what a person can do with it, and what the page must never do."""

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Request

from tests.functional.network import PATIENCE_S
from tests.tidy.tree import ROOT

AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS = ("serious", "critical")
ENDLESS = ("/v1/events", "/v1/status", "/v1/dag", "/v1/blobs")
"""What an open page asks for all the time."""
TURN_MS, QUIET_TURNS = 100, 5


class Reader:
    """A fresh browser profile with one page. Ends with the test, which fails if the page went elsewhere."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(PATIENCE_S * 1000)
        self.url = url
        self.mistakes: list[str] = []
        """What the page itself says went wrong."""
        self.hosts: set[str] = set()
        self.bytes = 0
        """Sent to the page, as packed as it came, without what nodes answer."""
        self.page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        self._waiting: set[Request] = set()
        self.page.on("request", self._note)
        self.page.on("requestfinished", lambda request: self._waiting.discard(request))
        self.page.on("requestfailed", lambda request: self._waiting.discard(request))
        wire = self._context.new_cdp_session(self.page)
        wire.send("Network.enable")
        self._wire = wire
        self._own: dict[str, bool] = {}
        wire.on("Network.responseReceived", self._received)
        wire.on("Network.loadingFinished", self._finished)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.close()
        if kind is None:
            assert self.hosts <= {"127.0.0.1"}, "a request left the machine"
            assert self.mistakes == []

    def open(self, path: str = "/") -> None:
        self.page.goto(self.url + path)

    def settle(self) -> None:
        """Return once the page has asked for nothing for a while, but for what it always asks for."""
        deadline, quiet = time.monotonic() + PATIENCE_S, 0
        while quiet < QUIET_TURNS:
            assert time.monotonic() < deadline, [request.url for request in self._waiting]
            self.page.wait_for_timeout(TURN_MS)
            quiet = 0 if self._waiting else quiet + 1

    def see(self, text: str) -> Locator:
        """Wait until the text shows."""
        found = self.page.get_by_text(text).first
        found.wait_for()
        return found

    def press(self, name: str, exact: bool = True) -> None:
        self.page.get_by_role("button", name=name, exact=exact).first.click()

    def go(self, name: str) -> None:
        """Follow a link of the bar."""
        self.page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()

    def drop(self, paths: Sequence[Path]) -> None:
        """Drag files from outside onto the page, as the system would."""
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self._wire.send("Input.dispatchDragEvent", {"type": kind, "x": 500, "y": 400, "data": data})

    def slow_down(self, bytes_per_s: int) -> None:
        """Let no more than that go out from now on."""
        none = {"offline": False, "latency": 0, "downloadThroughput": -1}
        self._wire.send("Network.emulateNetworkConditions", {**none, "uploadThroughput": bytes_per_s})

    def tiles(self) -> int:
        """Photos that are drawn now."""
        return self.page.locator("a.open").count()

    def faults(self) -> list[str]:
        """What axe finds serious on the page as it is now."""
        self.page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
        found = self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {node['html'][:160]} {node['any'][:1]}"
            for one in found["violations"]
            if one["impact"] in SERIOUS
            for node in one["nodes"]
        ]

    def save(self, path: Path) -> None:
        """A picture of the page, to look at."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=path)

    def _note(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss"):
            self.hosts.add(parts.hostname or "")
        if parts.path not in ENDLESS:
            self._waiting.add(request)

    def _received(self, event: dict[str, Any]) -> None:
        self._own[event["requestId"]] = not urlsplit(event["response"]["url"]).path.startswith("/v1/")

    def _finished(self, event: dict[str, Any]) -> None:
        if self._own.get(event["requestId"]):
            self.bytes += int(event["encodedDataLength"])
