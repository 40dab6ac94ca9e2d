"""A closed network as its people set it up: tokens let in, roles decide who writes."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.unit.cli.conftest import Done, Run
from weft.local import free_port_base


def facts(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def home(weft: Run, tmp_path: Path) -> Path:
    """The home of a network of one node that only accounts with a role may use, as docs/start.md makes it."""
    home, base = tmp_path / "home", free_port_base(1)
    ports = ("--api-port", base, "--peer-port", base + 100, "--address", f"127.0.0.1:{base + 100}")
    made = facts(weft("init", "--home", home, "--name", "alone", *ports, "--json"))
    admin = facts(weft("keys", "new", tmp_path / "admin.json", "--json"))
    words = ("--member", f"alone={made['validator']}", "--gateway", made["gateway"])
    people = ("--administrator", admin["signer"], "--out", home / "genesis.json")
    assert weft("genesis", "make", "--name", "closed", *words, *people).returncode == 0
    (tmp_path / "token").write_text(weft("keys", "token", "--home", home).stdout)
    return home


@pytest.fixture
def url(home: Path) -> Iterator[str]:
    """Its address, while it runs."""
    from weft.config import load_config

    address = load_config(home).url
    with subprocess.Popen((sys.executable, "-m", "weft", "start", "--home", str(home))) as node:
        try:
            for _ in range(600):
                if _is_ready(address):
                    break
                time.sleep(0.1)
            yield address
        finally:
            node.terminate()


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def test_an_administrator_decides_who_writes(weft: Run, url: str, tmp_path: Path) -> None:
    """A role that is granted lets an account write by its own key, one that is taken no longer."""
    own = facts(weft("keys", "new", tmp_path / "own.json", "--json"))
    account, own_key = own["signer"], ("--key", tmp_path / "own.json", "--url", url)
    admin_key = ("--key", tmp_path / "admin.json", "--url", url)
    put = ("records", "put", "notes", "a", "1", *own_key)

    assert "access.forbidden" in weft(*put).stderr
    assert "access.forbidden" in weft("members", "grant", account, "writer", *own_key).stderr
    granted = facts(weft("members", "grant", account, "writer", *admin_key, "--json"))
    assert (granted["account"], granted["role"]) == (own["address"], "writer")
    assert weft(*put).returncode == 0
    assert weft("members", "revoke", account, *admin_key).returncode == 0
    assert "access.forbidden" in weft(*put).stderr


def test_a_token_reads_and_lets_the_node_write(weft: Run, url: str, tmp_path: Path) -> None:
    """From a file, or from the environment; without one nothing is shown."""
    place = ("notes", "b", "--url", url)
    assert "access.unauthorized" in weft("records", "get", *place).stderr
    assert (
        weft("--token", tmp_path / "token", "records", "put", "notes", "b", "1", "--url", url).returncode == 0
    )
    secret = (tmp_path / "token").read_text().strip()
    assert facts(weft("records", "get", *place, "--json", WEFT_TOKEN=secret))["value"] == 1
    assert weft("config", "show", "--home", tmp_path / "home", WEFT_TOKEN=secret).returncode == 0
