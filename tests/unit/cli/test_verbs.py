"""The verbs that talk to a node, against a real one: what is written is read, followed, verified."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from weft.local import Network, free_port_base

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verbs")


@pytest.fixture(scope="module")
def network(folder: Path) -> Iterator[Network]:
    with Network(folder / "network", nodes=1, port_base=free_port_base(1)) as network:
        yield network


@pytest.fixture(scope="module")
def weft(network: Network) -> Run:
    """The command, with the network's address and a user's configuration of its own."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
    settings["XDG_CONFIG_HOME"] = str(network.home.parent / "user")

    def run(*words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (sys.executable, "-m", "weft", *map(str, words), "--url", network.urls[0]),
            input=stdin,
            capture_output=True,
            text=True,
            env=settings,
        )

    return run


def facts(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_record_is_written_read_and_forgotten(weft: Run) -> None:
    """Versions count, a condition that does not hold is refused, an erased record is gone."""
    assert facts(weft("records", "put", "c", "k", '{"a": 1}', "--json"))["version"] == 1
    assert facts(weft("records", "put", "c", "k", "-", "--json", stdin='{"a": 2}'))["version"] == 2
    refused = weft("records", "put", "c", "k", "3", "--if-version", 1)
    assert refused.returncode == 1
    assert "records.version" in refused.stderr
    assert facts(weft("records", "get", "c", "k", "--json"))["value"] == {"a": 2}
    assert [one["version"] for one in facts(weft("records", "history", "c", "k", "--json"))] == [2, 1]
    assert [one["key"] for one in facts(weft("records", "list", "c", "--json"))] == ["k"]
    assert weft("records", "delete", "c", "k").returncode == 0
    assert weft("records", "erase", "c", "k").returncode == 0
    gone = weft("records", "get", "c", "k")
    assert (gone.returncode, gone.stdout) == (1, "")


def test_what_is_no_json_is_wrong_use(weft: Run) -> None:
    """It is noticed before anything is signed."""
    assert weft("records", "put", "c", "bad", "{a").returncode == 2


def test_a_folder_is_uploaded_once_and_found_again(weft: Run, folder: Path) -> None:
    """Recursively, hidden files left out; the second time everything is there already; bytes come back."""
    photos = folder / "photos"
    assert weft("files", "samples", photos / "deep").returncode == 2, "samples talks to no node"
    (photos / "deep").mkdir(parents=True)
    (photos / "deep" / "notes.txt").write_text("remember the milk")
    (photos / ".hidden").write_text("not this")
    first = facts(weft("files", "put", photos, "--json"))
    assert [(row["state"], Path(row["path"]).name) for row in first] == [("new", "notes.txt")]
    second = facts(weft("files", "put", photos, "--json"))
    assert [(row["id"], row["state"]) for row in second] == [(first[0]["id"], "already there")]

    id_ = first[0]["id"]
    found = facts(weft("files", "search", "notes", "--media-type", "text/plain", "--json"))
    assert [item["id"] for item in found["items"]] == [id_]
    assert facts(weft("files", "show", id_, "--json"))["name"] == "notes.txt"
    assert weft("files", "get", id_).stdout == "remember the milk"
    out = folder / "out.txt"
    assert weft("files", "get", id_, "--out", out).returncode == 0
    assert out.read_text() == "remember the milk"

    assert weft("files", "erase", id_).returncode == 0
    erased = weft("files", "show", id_)
    assert erased.returncode == 1
    assert "content.erased" in erased.stderr


def test_blocks_and_transactions_are_shown(weft: Run) -> None:
    """From the newest header to what became of one transaction in it."""
    written = facts(weft("records", "put", "c", "shown", "1", "--json"))["transaction"]
    headers = facts(weft("blocks", "--json"))
    assert headers[0]["height"] == written["height"]
    block = facts(weft("blocks", written["height"], "--json"))
    assert [one["id"] for one in block["transactions"]] == [written["id"]]
    state = facts(weft("tx", "show", written["id"], "--json"))
    assert (state["status"], state["height"]) == ("executed", written["height"])
    assert weft("tx", "show", "0" * 64).returncode == 1
    assert written["id"] in weft("blocks", written["height"]).stdout


def test_a_signed_transaction_from_a_file_has_one_effect(weft: Run, network: Network, folder: Path) -> None:
    """Sent twice, the same answer."""
    from base64 import b64encode

    from weft.client.signing import Call, sign
    from weft.model.call import PutRecords, RecordItem
    from weft.model.keys import ED25519, PrivateKey

    call = Call("records", "put", PutRecords((RecordItem("c", "signed", 0, None),)), (b"7",))
    signed = sign(PrivateKey(ED25519, b"\7" * 32), network.genesis.chain, call)
    parts = [b64encode(one.salt + one.content).decode() for one in signed.attachments]
    path = folder / "signed.json"
    path.write_text(json.dumps({"transaction": b64encode(signed.raw).decode(), "attachments": parts}))
    first, second = (facts(weft("tx", "submit", path, "--json")) for _ in range(2))
    assert first == second
    assert first["id"] == signed.id
    assert facts(weft("records", "get", "c", "signed", "--json"))["value"] == 7
    path.write_text('{"transaction": 1}')
    assert weft("tx", "submit", path).returncode == 2


def test_following_shows_every_event_and_ends_with_an_interrupt(weft: Run, network: Network) -> None:
    """From the genesis on, a line each; Ctrl-C is no failure."""
    facts(weft("records", "put", "c", "followed", "1", "--json"))
    process = subprocess.Popen(
        (sys.executable, "-m", "weft", "follow", "--cursor", "0", "--json", "--url", network.urls[0]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        for line in process.stdout:
            event = json.loads(line)
            if event["type"] == "record.put" and event["data"]["key"] == "followed":
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (0, "")


def test_status_shows_a_row_a_node(weft: Run, network: Network) -> None:
    """Facts as JSON, and as a table that people read."""
    row = facts(weft("status", "--json"))[0]
    assert (row["name"], row["role"], row["peers"], row["url"]) == (
        "node0",
        "validator",
        "0/0",
        network.urls[0],
    )
    assert row["head"][:12] in weft("status").stdout


def test_a_running_node_is_not_verified_and_a_stopped_one_is(weft: Run, network: Network) -> None:
    """All verifies after writes and an erasure; one flipped byte of a blob is named."""
    (network.home.parent / "kept.txt").write_text("to be kept")
    facts(weft("files", "put", network.home.parent / "kept.txt", "--json"))
    home = network.configs[0].home
    words = (sys.executable, "-m", "weft", "verify", "--home", str(home))

    def verify() -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, capture_output=True, text=True)

    assert "node.launch" in verify().stderr
    network.stop()
    sound = verify()
    assert (sound.returncode, sound.stdout.splitlines()[-1]) == (0, "all verifies")
    blob = next(path for path in (home / "data" / "blobs").glob("??/*"))
    blob.write_bytes(blob.read_bytes().replace(b"kept", b"kepT"))
    damaged = verify()
    assert damaged.returncode == 1
    assert str(blob) in damaged.stdout
