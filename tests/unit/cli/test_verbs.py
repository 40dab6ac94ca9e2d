"""The verbs that talk to a node, against a real one: what is written is read, followed, verified."""

import json
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Done, Run
from weft.client.signing import Call, sign
from weft.local import Network, free_port_base
from weft.model.call import PutRecords, RecordItem
from weft.model.keys import ED25519, PrivateKey


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verbs")


@pytest.fixture(scope="module")
def network(folder: Path) -> Iterator[Network]:
    with Network(folder / "network", nodes=1, port_base=free_port_base(1)) as network:
        yield network


@pytest.fixture
def ask(weft: Run, network: Network) -> Run:
    """The command with the network's address."""
    return lambda *words, **more: weft(*words, "--url", network.urls[0], **more)


def facts(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_record_is_written_read_and_forgotten(ask: Run) -> None:
    """Versions count, a condition that does not hold is refused, an erased record is gone."""
    assert facts(ask("records", "put", "c", "k", '{"a": 1}', "--json"))["version"] == 1
    assert facts(ask("records", "put", "c", "k", "-", "--json", stdin='{"a": 2}'))["version"] == 2
    refused = ask("records", "put", "c", "k", "3", "--if-version", 1)
    assert refused.returncode == 1
    assert "records.version" in refused.stderr
    assert facts(ask("records", "get", "c", "k", "--json"))["value"] == {"a": 2}
    assert [one["version"] for one in facts(ask("records", "history", "c", "k", "--json"))] == [2, 1]
    assert [one["key"] for one in facts(ask("records", "list", "c", "--json"))] == ["k"]
    assert ask("records", "delete", "c", "k").returncode == 0
    assert ask("records", "erase", "c", "k").returncode == 0
    gone = ask("records", "get", "c", "k")
    assert (gone.returncode, gone.stdout) == (1, "")


def test_with_a_token_alone_the_node_signs(ask: Run, weft: Run, network: Network, folder: Path) -> None:
    """With the account that the token stands for, here its own; the user's key only when it is named."""
    home = network.configs[0].home
    path = folder / "token"
    path.write_text(weft("keys", "token", "--home", home).stdout)
    url = network.urls[0]
    assert weft("--token", path, "records", "put", "c", "byte", "1", "--url", url).returncode == 0
    assert facts(ask("records", "get", "c", "byte", "--json"))["author"] == "local"
    own = facts(weft("keys", "show", "--json"))
    key = own["file"]
    assert (
        weft("--token", path, "records", "put", "c", "own", "1", "--url", url, "--key", key).returncode == 0
    )
    assert facts(ask("records", "get", "c", "own", "--json"))["author"] == own["address"]


def test_a_cursor_that_is_none_is_said_with_how_it_is_written(ask: Run) -> None:
    """Not as the cursor of a list."""
    refused = ask("follow", "--cursor", "foo")
    assert refused.returncode == 1
    assert "0 to begin at the genesis" in refused.stderr


def test_what_is_wrong_with_an_argument_is_told_in_a_line(ask: Run, tmp_path: Path) -> None:
    """No id is wrong use; a place that cannot be written to is an error with a code."""
    for words in (("erase", "notanid"), ("get", "../../v1/status"), ("show", "A" * 32)):
        refused = ask("files", *words)
        assert (refused.returncode, "Traceback" in refused.stderr) == (2, False), refused.stderr
    note = tmp_path / "note.txt"
    note.write_text("remember the bread")
    (row,) = facts(ask("files", "put", note, "--json"))
    failed = ask("files", "get", row["id"], "--out", tmp_path / "nowhere" / "x")
    assert (failed.returncode, "client.file" in failed.stderr) == (1, True), failed.stderr
    long = tmp_path / ("x" * 250)
    assert ask("files", "get", row["id"], "--out", long).returncode == 0
    assert long.read_text() == "remember the bread"


def test_what_is_no_json_is_wrong_use(ask: Run) -> None:
    """It is noticed before anything is signed."""
    for text in ("{a", '{"a":1,"a":2}', "[" * 65 + "]" * 65):
        refused = ask("records", "put", "c", "bad", text)
        assert refused.returncode == 2
        assert "the document is not one" in refused.stderr
    assert ask("records", "history", "c", "bad").returncode == 1


def test_a_folder_is_uploaded_once_and_found_again(ask: Run, folder: Path) -> None:
    """Recursively, hidden files left out; the second time everything is there already; bytes come back."""
    photos = folder / "photos"
    assert ask("files", "samples", photos / "deep").returncode == 2, "samples talks to no node"
    (photos / "deep").mkdir(parents=True)
    (photos / "deep" / "notes.txt").write_text("remember the milk")
    (photos / ".hidden").write_text("not this")
    first = facts(ask("files", "put", photos, "--json"))
    assert [(row["state"], Path(row["path"]).name) for row in first] == [("stored", "notes.txt")]
    second = facts(ask("files", "put", photos, "--json"))
    assert [(row["id"], row["state"]) for row in second] == [(first[0]["id"], "already there")]

    id_ = first[0]["id"]
    found = facts(ask("files", "search", "notes", "--media-type", "text/plain", "--json"))
    assert [item["id"] for item in found["items"]] == [id_]
    assert facts(ask("files", "show", id_, "--json"))["name"] == "notes.txt"
    assert ask("files", "get", id_).stdout == "remember the milk"
    out = folder / "out.txt"
    assert ask("files", "get", id_, "--out", out).returncode == 0
    assert out.read_text() == "remember the milk"

    assert ask("files", "erase", id_).returncode == 0
    erased = ask("files", "show", id_)
    assert erased.returncode == 1
    assert "content.erased" in erased.stderr


def test_files_are_shared_and_collections_too(ask: Run, folder: Path) -> None:
    """A private file and an album with readers, which another key does not see; what makes no sense is wrong
    use."""
    diary, account, other = folder / "diary.txt", "ab" * 20, ("--key", folder / "other.json")
    diary.write_text("dear diary")
    (stored,) = facts(ask("files", "put", diary, "--private", "--json"))
    id_ = stored["id"]
    assert facts(ask("files", "show", id_, "--json"))["readers"] == []
    assert facts(ask("files", "put", diary, "--private", "--json"))[0]["state"] == "already there"
    assert ask("files", "get", id_).stdout == "dear diary"
    album = facts(ask("collections", "create", "Summer", "--private", *other, "--json"))["id"]
    assert "collection.private" in ask("collections", "show", album).stderr
    assert facts(ask("collections", "show", album, *other, "--json"))["name"] == "Summer"
    assert ask("collections", "share", album, account, "--read", *other).returncode == 0
    assert facts(ask("collections", "show", album, *other, "--json"))["readers"] == [account]
    assert ask("collections", "share", album, account, "--stop", *other).returncode == 0
    assert ask("collections", "hide", album, "--stop", *other).returncode == 0
    assert facts(ask("collections", "show", album, "--json"))["private"] is False
    assert "file.private" in ask("files", "show", id_, *other).stderr
    (shared,) = facts(ask("files", "share", id_, "--share", album, "--share", account, "--json"))
    assert shared["readers"] == sorted([album, account])
    assert ask("files", "show", id_, *other).returncode == 0
    refused = ask("files", "put", diary, "--share", account, "--json")
    assert (refused.returncode, json.loads(refused.stdout)[0]["code"]) == (1, "file.readers")
    assert facts(ask("files", "share", id_, "--everybody", "--json"))[0]["readers"] is None
    for wrong in ((), ("--private", "--everybody"), ("--share", "bob")):
        assert ask("files", "share", id_, *wrong).returncode == 2
    assert ask("files", "erase", id_).returncode == 0


def test_blocks_and_transactions_are_shown(ask: Run) -> None:
    """From the newest header to what became of one transaction in it."""
    written = facts(ask("records", "put", "c", "shown", "1", "--json"))["transaction"]
    headers = facts(ask("blocks", "--json"))
    assert headers[0]["height"] == written["height"]
    block = facts(ask("blocks", written["height"], "--json"))
    assert [one["id"] for one in block["transactions"]] == [written["id"]]
    state = facts(ask("tx", "show", written["id"], "--json"))
    assert (state["status"], state["height"]) == ("executed", written["height"])
    assert ask("tx", "show", "0" * 64).returncode == 1
    assert written["id"] in ask("blocks", written["height"]).stdout


def test_a_signed_transaction_from_a_file_has_one_effect(ask: Run, network: Network, folder: Path) -> None:
    """Sent twice, the same answer."""
    call = Call("records", "put", PutRecords((RecordItem("c", "signed", 0, None),)), (b"7",))
    signed = sign(PrivateKey(ED25519, b"\7" * 32), network.genesis.chain, call)
    parts = [b64encode(one.salt + one.content).decode() for one in signed.attachments]
    path = folder / "signed.json"
    path.write_text(json.dumps({"transaction": b64encode(signed.raw).decode(), "attachments": parts}))
    first, second = (facts(ask("tx", "submit", path, "--json")) for _ in range(2))
    place = [signed.id, "executed", first["height"], first["position"]]
    for answer in (first, second):
        assert [answer[name] for name in ("id", "status", "height", "position")] == place
    assert facts(ask("records", "get", "c", "signed", "--json"))["value"] == 7
    path.write_text('{"transaction": 1}')
    assert ask("tx", "submit", path).returncode == 2


def test_following_shows_every_event_and_ends_with_an_interrupt(ask: Run, network: Network) -> None:
    """From the genesis on, a line each; Ctrl-C is no failure."""
    facts(ask("records", "put", "c", "followed", "1", "--json"))
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


def test_status_shows_a_row_a_node(ask: Run, network: Network) -> None:
    """Facts as JSON, and as a table that people read."""
    row = facts(ask("status", "--json"))[0]
    assert (row["name"], row["role"], row["peers"], row["url"]) == (
        "node0",
        "validator",
        "0/0",
        network.urls[0],
    )
    assert row["head"][:12] in ask("status").stdout


def test_a_running_node_is_not_verified_and_a_stopped_one_is(ask: Run, weft: Run, network: Network) -> None:
    """All verifies after writes and an erasure; one flipped byte of a blob is named."""
    (network.home.parent / "kept.txt").write_text("to be kept")
    facts(ask("files", "put", network.home.parent / "kept.txt", "--json"))
    home = network.configs[0].home
    refused = weft("verify", "--home", home)
    assert "node.launch" in refused.stderr
    assert "weft down" in refused.stderr.splitlines()[-1]
    network.stop()
    sound = weft("verify", "--home", home)
    assert (sound.returncode, sound.stdout.splitlines()[-1]) == (0, "all verifies")
    blob = next(path for path in (home / "data" / "blobs").glob("??/*"))
    blob.write_bytes(blob.read_bytes().replace(b"kept", b"kepT"))
    damaged = weft("verify", "--home", home)
    assert damaged.returncode == 1
    assert str(blob) in damaged.stdout
    blob.unlink()
    gone = weft("verify", "--home", home)
    assert gone.returncode == 1
    assert "its content is not here" in gone.stdout
