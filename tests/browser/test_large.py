"""A gallery of a hundred thousand photos. What nodes would answer is made up here; the page is real."""

import calendar
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route

from tests.browser.reader import Reader
from tests.functional.network import wait_until

MONTHS = [f"{year}-{month:02}" for year in range(2025, 2015, -1) for month in range(12, 0, -1)]
COUNT = 100_080 // len(MONTHS)
DRAWN_MAX = 400
PICTURE = bytes.fromhex(
    "47494638396101000100800000b0a99c00000021f90400000000002c00000000010001000002024401003b"
)


def make_file(month: str, place: int) -> dict[str, Any]:
    day = 1 + place % calendar.monthrange(*map(int, month.split("-")))[1]
    return {
        "id": f"{month.replace('-', '')}{place:026x}",
        "sha256": "ab" * 32,
        "size": 1000,
        "media_type": "image/jpeg",
        "name": f"{month} {place}.jpg",
        "metadata": {
            "width": 600 + 37 * (place % 19),
            "height": 600,
            "taken_at": f"{month}-{day:02}T12:00:00.000Z",
        },
        "version": 1,
        "owner": "local",
        "created_at": f"{month}-{day:02}T12:00:00.000Z",
        "updated_at": f"{month}-{day:02}T12:00:00.000Z",
        "transaction": {"id": "cd" * 32, "height": 1, "position": 0},
    }


def answer(route: Route) -> None:
    """What a node with so many photos would say."""
    parts = urlsplit(route.request.url)
    query = parse_qs(parts.query)
    if parts.path.endswith("/thumbnail"):
        route.fulfill(body=PICTURE, content_type="image/gif")
        return
    if parts.path.endswith(":timeline"):
        months = [{"month": month, "count": COUNT} for month in MONTHS]
        route.fulfill(body=json.dumps({"months": months, "undated": 0, "height": 1}))
        return
    month = query.get("taken_from", [f"{MONTHS[0]}-01"])[0][:7]
    first, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
    items = [make_file(month, place) for place in range(first, min(first + limit, COUNT))]
    cursor = str(first + limit) if first + limit < COUNT else None
    page = {"items": items, "next_cursor": cursor, "total": 10_000, "total_exact": False, "height": 1}
    route.fulfill(body=json.dumps(page | {"facets": {}}))


def looked_at(reader: Reader) -> str:
    """The link of a photo in the middle of what shows."""
    return reader.page.locator("a.open:has(img)").evaluate_all(
        """links => links.find(link => {
            const box = link.getBoundingClientRect();
            return box.top < innerHeight / 2 && box.bottom > innerHeight / 3;
        })?.getAttribute("href") ?? "" """
    )


def test_a_hundred_thousand_photos_cost_as_much_as_a_screenful(reader: Reader) -> None:
    """All are there from the beginning, however few are drawn; the oldest are one press away."""
    reader.page.route("**/v1/files**", answer)
    reader.open()
    reader.see(f"{COUNT * len(MONTHS):,} files")
    scroller = reader.page.locator(".scroller")
    height = scroller.evaluate("element => element.scrollHeight")
    assert height > 1_000_000
    seen: set[str] = set()
    for share in (0, 0.1, 0.35, 0.36, 0.8, 1):
        scroller.evaluate("(element, share) => element.scrollTo(0, element.scrollHeight * share)", share)
        wait_until(lambda: looked_at(reader) not in {"", *seen}, "photos come where one looks")
        assert reader.tiles() <= DRAWN_MAX
        seen.add(looked_at(reader))
    wait_until(
        lambda: reader.page.locator(f'a[href^="/photo/{MONTHS[-1].replace("-", "")}"]').count() > 0,
        "the oldest photos are at the end",
    )
    reader.page.get_by_role("navigation", name="Timeline").get_by_role("button", name="2020").click()
    wait_until(
        lambda: reader.page.locator('a[href^="/photo/202012"]').count() > 0,
        "a year begins where it is pressed",
    )
