"""docs/operate/running.md as it stands: nodes are upgraded one by one, looked at, get over a wrong clock."""

import warnings
from pathlib import Path

import httpx
import pytest

from tests.fire.clock import Clock, build_clock
from tests.functional.network import (
    PATIENCE_S,
    Load,
    check_acknowledged,
    data_of,
    do_under,
    metric,
    wait_for_agreement,
)
from tests.functional.page import Page
from weft.local import Network

WRONG = 1
"""The node whose clock the page sets right."""
HOUR_S = 3600.0


@pytest.fixture
def page(network: Network, tmp_path: Path) -> Page:
    return Page("running.md", tmp_path, network.configs[0].api.port)


def put(url: str, key: str, **parameters: int) -> int:
    return httpx.put(
        f"{url}/v1/records/clock/{key}", params=parameters, json=key, timeout=PATIENCE_S
    ).status_code


def test_nodes_are_upgraded_one_after_the_other(network: Network, page: Page) -> None:
    """Every process is another one afterwards; clients get answers all the time, and nothing is lost."""
    before = [network.find_process(node) for node in range(4)]
    load = Load(network)
    do_under(load, lambda: page.run("Upgrade"))
    after = [network.find_process(node) for node in range(4)]
    assert None not in after
    assert not set(before) & set(after)
    wait_for_agreement(network)
    check_acknowledged(network, load)


def test_a_node_is_stopped_started_and_looked_at(network: Network, page: Page) -> None:
    """As the page says it."""
    page.run("Start and stop")
    told = page.run("How a node is")
    assert "weft_height 0.0" in told
    assert '"ready":true' in told


def test_a_clock_that_was_ahead_leaves_nothing_behind(
    network: Network, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writes through the node wait for its time, also when it was set right; begun anew it takes them.
    What it signs while it is behind has expired, and that is all."""
    if build_clock() is None:
        warnings.warn("NO C COMPILER: wrong clocks are not tested", stacklevel=1)
        pytest.skip("no C compiler makes the library that sets clocks wrong")
    clock, url = Clock(tmp_path / "clock"), network.urls[WRONG]

    def start_with(ahead_s: float) -> None:
        network.kill(WRONG)
        clock.put(ahead_s)
        with monkeypatch.context() as patched:
            for name, value in clock.environment.items():
                patched.setenv(name, value)
            network.start([WRONG])
        network.wait_ready([WRONG])

    start_with(-HOUR_S)
    assert put(url, "behind") == 422
    start_with(0)
    assert put(url, "right") == 201
    start_with(HOUR_S)
    assert put(url, "ahead", timeout_ms=3000) == 504
    start_with(0)
    assert put(url, "right again", timeout_ms=3000) == 504
    journal = (data_of(network, WRONG) / "journal").stat().st_ino
    page.run("A clock that was ahead")
    assert (data_of(network, WRONG) / "journal").stat().st_ino != journal
    assert put(url, "begun anew") == 201
    assert put(network.urls[0], "elsewhere") == 201
    wait_for_agreement(network)
    assert [metric(url, "weft_equivocations_total") for url in network.urls] == [0] * 4
