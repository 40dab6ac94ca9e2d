"""A node keeps to what /openapi.json says of it, whatever is sent to it: drawn from that very description.

Schemathesis draws requests with right and wrong values for every route and method, and stories in which one
answer leads to the next request. `WEFT_LONG=1` draws many more.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functional.network import (
    IS_LONG,
    PATIENCE_S,
    close_network,
    get,
    log_events,
    memory_of,
    metric,
    wait_for_agreement,
    wait_until,
)
from weft.local import Network, free_port_base
from weft.model.genesis import Role

EXAMPLES = 300 if IS_LONG else 4
STREAM = "/v1/events"
"""Never ends, so it is looked at by itself."""
GROWTH_MAX_BYTES = 256 << 20
"""Of a node's memory over a run: far less than what was sent to it in a long one."""
ASK_NOBODY = {
    *(("get", "/v1/status"), ("get", "/v1/head")),
    *(("post", "/v1/transactions"), ("post", "/v1/transactions:batch")),
}
"""What a closed network tells anybody, and takes because it is signed."""
QUESTIONS = {("post", "/v1/files:known")}
"""What is asked with a body, and changes nothing."""
CLOSED: tuple[Role, ...] = ("reader", "writer", "administrator")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """One network hears all of it, and is well afterwards."""
    with Network(tmp_path_factory.mktemp("open") / "network", 4, "byzantine", free_port_base(4)) as network:
        yield network
        check_well(network)
        wait_for_agreement(network)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Network, dict[str, str]]]:
    """A network whose members know their callers, and the first node's token for an account of each role."""
    made = Network(tmp_path_factory.mktemp("closed") / "network", 4, "byzantine", free_port_base(4))
    tokens = close_network(made, [(0, role) for role in CLOSED])
    with Network(made.home) as network:
        yield network, dict(zip(CLOSED, tokens, strict=True))
        check_well(network)


def check_well(network: Network) -> None:
    """All nodes serve and have come equally far, and none has made a mistake."""
    wait_until(lambda: len({metric(url, "weft_height") for url in network.urls}) == 1, "equal heights")
    for node, url in enumerate(network.urls):
        assert get(f"{url}/readyz")["ready"]
        assert not [event for event in log_events(network, node) if event["level"] == "error"]


def draw(url: str, folder: Path, *options: str) -> str:
    """Let Schemathesis speak to a node; what it said of it. Fails with what it found."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", "tests/functional/schemathesis.toml"),
        *("run", f"{url}/openapi.json", "--url", url, "--exclude-path", STREAM, "--checks", "all"),
        *("--exclude-checks", "positive_data_acceptance"),
        *("--max-examples", str(EXAMPLES), "--request-timeout", str(PATIENCE_S), "--continue-on-failure"),
        *("--no-shrink", "--warnings", "off", "--report-dir", str(folder), *options),
    ]
    if not IS_LONG:
        command += ["--seed", "1"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_request_that_can_be_drawn_finds_a_mistake(network: Network, tmp_path: Path) -> None:
    """No unhandled error, no answer that is not described, none that does not come; bounded memory."""
    before = memory_of(network, 0)
    said = draw(network.urls[0], tmp_path)
    grown = memory_of(network, 0) - before
    sys.stdout.write(f"{said}\nmemory: {before >> 20} MiB before, {(before + grown) >> 20} MiB after\n")
    assert grown < GROWTH_MAX_BYTES
    described = get(f"{network.urls[0]}/openapi.json")
    count = sum(len(path) for path in described["paths"].values())
    assert f"Tested: {count - 1}" in said, "every route but the stream was sent something"
    assert "Stateful" in said


TEXTS = st.one_of(
    st.sampled_from(
        ["0", "0-0", "1-0", "0-999999999999999999", "00-0", "-1", "1-", "-", "0-0-0", "1.0", "٣-٣"]
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs"]), max_size=30),
)


@settings(max_examples=EXAMPLES * 5, deadline=None, suppress_health_check=list(HealthCheck))
@given(TEXTS, st.one_of(st.none(), TEXTS), st.sampled_from(["GET", "HEAD", "POST"]))
def test_the_stream_begins_or_says_why_not(
    network: Network, cursor: str, last: str | None, method: str
) -> None:
    """Whatever place it is to begin at; it ends when its reader goes."""
    headers = {} if last is None else {"Last-Event-ID": last.encode()}
    url = f"{network.urls[1]}{STREAM}"
    with httpx.stream(method, url, params={"cursor": cursor}, headers=headers, timeout=PATIENCE_S) as answer:
        assert answer.status_code in (200, 400, 405, 503)
        if answer.status_code == 200:
            assert answer.headers["content-type"].startswith("text/event-stream")
        else:
            answer.read()
            assert method == "HEAD" or {"code", "fix", "detail"} <= answer.json().keys()


def ask(url: str, method: str, path: str, token: str | None) -> httpx.Response:
    """A request to a described path with some name in it, and as little as can be beside it."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    named = {"height": "0", "collection": "a", "key": "b", "account": "ab" * 20}
    named["id"] = "0" * (64 if "transactions" in path else 32)
    return httpx.request(method.upper(), url + path.format(**named), headers=headers, timeout=PATIENCE_S)


def test_a_closed_network_hears_nobody_whom_it_does_not_know(closed: tuple[Network, dict[str, str]]) -> None:
    """At every path and method of the ledger: 401 without a token that is known, 403 beyond its role."""
    network, tokens = closed
    url = network.urls[0]
    paths: dict[str, dict[str, Any]] = get(f"{url}/openapi.json")["paths"]
    ways = [
        (method, path) for path, methods in paths.items() for method in methods if path.startswith("/v1/")
    ]
    assert len(ways) > 20
    for method, path in ways:
        for token in (None, "weft_0123456789ab_" + "0" * 64, tokens["reader"][:-1], "x" * 5000):
            is_refused = ask(url, method, path, token).status_code == 401
            assert is_refused == ((method, path) not in ASK_NOBODY), (method, path, token)
    for method, path in ways:
        if path != STREAM and (method, path) not in ASK_NOBODY:
            status = ask(url, method, path, tokens["reader"]).status_code
            is_write = method != "get" and (method, path) not in QUESTIONS
            assert (status == 403) == is_write, (method, path, status)
    for role in ("writer", "administrator"):
        assert ask(url, "put", "/v1/records/{collection}/{key}", tokens[role]).status_code == 400


def test_a_known_caller_finds_no_mistake_either(
    closed: tuple[Network, dict[str, str]], tmp_path: Path
) -> None:
    """The same requests, made for an account."""
    network, tokens = closed
    authorization = f"Authorization: Bearer {tokens['writer']}"
    said = draw(network.urls[0], tmp_path, "--phases", "fuzzing,stateful", "--header", authorization)
    sys.stdout.write(said)
    httpx.get(
        f"{network.urls[0]}/v1/head",
        headers={"Authorization": f"Bearer {tokens['reader']}"},
        timeout=PATIENCE_S,
    ).raise_for_status()
