"""The command as a user meets it: facts on stdout, the rest on stderr, exit codes 0, 1, 2."""

import json
import os
import select
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run
from weft.local import Network, free_port_base


def test_the_package_is_the_command() -> None:
    """`python -m weft` in a process of its own, as the supervisor starts nodes."""
    done = subprocess.run((sys.executable, "-m", "weft", "keys"), capture_output=True, text=True)
    assert done.returncode == 2
    assert "token" in done.stdout + done.stderr


def test_help_is_done_and_wrong_use_is_two(weft: Run) -> None:
    """Scripts tell a mistake of theirs from a failure of ours."""
    assert weft("--help").returncode == 0
    for words in (("upp",), ("up", "--nodes", "0"), ("keys", "new"), ("simulate", "vectors", "nowhere.json")):
        assert weft(*words).returncode == 2, words


def test_the_version_is_told(weft: Run) -> None:
    """As packages are numbered, whatever else is asked for."""
    assert weft("--version").stdout.strip() == version("weft")


def test_a_failure_is_one_sentence_with_code_and_fix(weft: Run, tmp_path: Path) -> None:
    """No traceback, nothing on stdout, exit code 1."""
    failed = weft("config", "show", "--home", tmp_path)
    assert (failed.returncode, failed.stdout) == (1, "")
    first, second = failed.stderr.splitlines()
    assert str(tmp_path) in first
    assert first.endswith("[home.invalid]")
    assert second.strip().startswith("fix: ")


def test_a_key_is_made_once_and_only_its_public_half_is_shown(weft: Run, tmp_path: Path) -> None:
    """`keys show` makes the user's own key at first use, where the platform keeps such files."""
    first, second = (weft("keys", "show", "--json", XDG_CONFIG_HOME=str(tmp_path)) for _ in range(2))
    assert first.stdout == second.stdout
    path = tmp_path / "weft" / "key.json"
    assert json.loads(first.stdout)["file"] == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["seed"] not in first.stdout + first.stderr
    assert weft("keys", "new", path).returncode == 1


def test_members_make_a_genesis_of_what_init_printed(weft: Run, tmp_path: Path) -> None:
    """init on every machine, one genesis from what it printed, and each home is ready to start."""
    printed = []
    for place in range(3):
        addresses = [word for port in (1, 2, 3) for word in ("--address", f"127.0.0.1:{port}")]
        made = weft("init", "--home", tmp_path / str(place), "--name", f"m{place}", "--json", *addresses)
        printed.append(json.loads(made.stdout))
    path = tmp_path / "genesis.json"
    words = ["genesis", "make", "--name", "n", "--fault-model", "crash", "--out", path]
    for one in printed:
        words += ["--member", f"{one['name']}={one['validator']}", "--gateway", one["gateway"]]
    assert weft(*words).returncode == 0
    assert weft(*words).returncode == 1, "a genesis is never overwritten"
    shown = json.loads(weft("genesis", "show", path, "--json").stdout)
    assert (shown["quorum_weight"], shown["is_open"], len(shown["accounts"])) == (2, False, 3)
    assert weft("genesis", "check", path).stdout.strip() == shown["chain"]
    for place in range(3):
        (tmp_path / str(place) / "genesis.json").write_bytes(path.read_bytes())
        valid = weft("config", "validate", "--home", tmp_path / str(place))
        assert valid.stdout == f"member {place} (m{place}) of n\n"


@pytest.mark.parametrize("member", ["x", "x=zz", "x=00", "x=00:y", "=" + "00" * 32])
def test_a_member_that_is_no_member_is_wrong_use(weft: Run, member: str) -> None:
    """The message shows how it is written."""
    refused = weft("genesis", "make", "--name", "n", "--member", member)
    assert refused.returncode == 2
    assert "NAME=KEY" in refused.stderr


@pytest.mark.parametrize("account", ["ed25519:zz", "ed25519:00", "secp256k1:" + "02" * 32, "02" * 32])
def test_an_account_that_is_none_is_wrong_use(weft: Run, account: str) -> None:
    """And where one comes from."""
    refused = weft("genesis", "make", "--name", "n", "--member", "x=" + "00" * 32, "--administrator", account)
    assert refused.returncode == 2
    assert "CURVE:KEY" in refused.stderr
    assert "weft keys new" in " ".join(refused.stderr.replace("│", " ").split())


def test_what_to_do_fits_what_is_wrong(weft: Run, tmp_path: Path) -> None:
    """Nobody who mistyped a name or a folder is told to replace files."""
    network = tmp_path / "network"
    home = Network(network, nodes=1, port_base=free_port_base(1)).configs[0].home
    assert weft("keys", "token", "--home", home).returncode == 0
    made = tmp_path / "made"
    assert weft("init", "--home", made, "--name", "n").returncode == 0
    for words, fix in (
        (("config", "validate", "--home", made), "weft genesis make"),
        (("keys", "revoke", "zz", "--home", home), "weft keys tokens"),
        (("keys", "new", home / "keys" / "gateway.json"), "another file"),
        (("up", "--nodes", 5, "--home", network), "Leave the option out"),
        (("up", "--home", made), "a new folder"),
        (("up", "--port-base", 9999, "--home", network), "Leave the option out"),
        (("init", "--home", home, "--name", "n"), "another folder"),
        (("down", "--home", tmp_path / "none"), "weft up"),
    ):
        failed = weft(*words)
        assert failed.returncode == 1
        assert fix in failed.stderr.splitlines()[-1], failed.stderr


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"sesame\nopen\n", b"sesame open", b"\xff\xfe", b"gr\xc3\xbcn"]
)
def test_a_file_that_holds_no_token_is_said_and_not_shown(weft: Run, tmp_path: Path, content: bytes) -> None:
    """No traceback, no blame on a node, nothing of the token."""
    path = tmp_path / "token"
    path.write_bytes(content)
    refused = weft("--token", path, "records", "get", "c", "k", "--url", "http://127.0.0.1:1")
    assert refused.returncode == 1
    assert "[client.token]" in refused.stderr
    assert "sesame" not in refused.stderr


def test_every_verb_finds_the_network_in_its_usual_folder(
    weft: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --url and --home the addresses of ./weft-network are asked, not the default port."""
    monkeypatch.chdir(tmp_path)
    base = free_port_base(2)
    urls = Network(tmp_path / "weft-network", nodes=2, fault_model="crash", port_base=base).urls
    for words in (("blobs",), ("status",)):
        silent = weft(*words)
        assert all(url in silent.stderr for url in urls)
    for words in (("records", "get", "c", "k"), ("collections", "list"), ("blocks",), ("files", "search")):
        assert any(url in weft(*words).stderr for url in urls), words


def test_a_setting_is_shown_with_its_source_and_a_bad_one_named(weft: Run, tmp_path: Path) -> None:
    """The environment beats the file, and what is wrong in it is said."""
    home = Network(tmp_path / "network", nodes=1, port_base=free_port_base(1)).configs[0].home
    rows = json.loads(weft("config", "show", "--home", home, "--json", WEFT_LOG_LEVEL="debug").stdout)
    levels = [row for row in rows if row["key"] == "log.level"]
    assert levels == [{"key": "log.level", "value": "debug", "source": "WEFT_LOG_LEVEL"}]
    for variable in ("WEFT_API_PORT", "WEFT_API_PROT"):
        refused = weft("start", "--home", home, **{variable: "x"})
        assert refused.returncode == 1
        assert variable in refused.stderr


def test_a_token_is_shown_once_and_can_be_revoked(weft: Run, tmp_path: Path) -> None:
    """The list shows names, never what would let somebody in."""
    home = Network(tmp_path / "network", nodes=1, port_base=free_port_base(1)).configs[0].home
    token = weft("keys", "token", "--home", home).stdout.strip()
    name, secret = token.split("_")[1:]
    listed = weft("keys", "tokens", "--home", home).stdout
    assert name in listed
    assert secret not in listed
    assert weft("keys", "revoke", name, "--home", home).returncode == 0
    assert json.loads(weft("keys", "tokens", "--home", home, "--json").stdout) == []


def test_up_on_a_port_in_use_says_so_and_makes_nothing(weft: Run, tmp_path: Path) -> None:
    """A stranger listens where a node should."""
    base = free_port_base(1)
    with socket.create_server(("127.0.0.1", base)):
        refused = weft("up", "--nodes", 1, "--home", tmp_path / "network", "--port-base", base, "--detach")
    assert refused.returncode == 1
    assert f"127.0.0.1:{base}" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_status_of_nobody_fails_and_names_the_address(weft: Run) -> None:
    """Exit code 1, a row all the same, the reason on stderr."""
    url = f"http://127.0.0.1:{free_port_base(1)}"
    silent = weft("status", "--url", url, "--json")
    assert silent.returncode == 1
    assert json.loads(silent.stdout)[0]["url"] == url
    assert url in silent.stderr


def test_vectors_are_counted_and_a_differing_one_fails(weft: Run, tmp_path: Path) -> None:
    """The last line counts; a case with a wrong expectation is named with its slot."""
    source = Path(__file__).parents[2] / "vectors" / "consensus_vectors.json"
    case = json.loads(source.read_text())[0]
    path = tmp_path / "one.json"
    path.write_text(json.dumps([case]))
    right = weft("simulate", "vectors", path)
    assert (right.returncode, right.stdout) == (0, "1 passed, 0 failed\n")
    slot, decision = next(iter(case["slots"].items()))
    case["slots"][slot] = "undecided" if decision != "undecided" else "direct skip"
    path.write_text(json.dumps([case]))
    wrong = weft("simulate", "vectors", path)
    assert wrong.returncode == 1
    assert slot in wrong.stdout
    assert wrong.stdout.endswith("0 passed, 1 failed\n")


def test_a_verb_that_goes_on_is_read_through_a_pipe(tmp_path: Path) -> None:
    """Line by line: `weft up` and `files put --watch` do not end. No node is asked for a link."""
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    words = ("files", "put", str(tmp_path), "--watch", "--url", "http://127.0.0.1:1")
    own = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        (sys.executable, "-m", "weft", *words),
        env={**own, "XDG_STATE_HOME": str(tmp_path / "state")},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            is_there, _, _ = select.select([process.stdout], [], [], 30)
            assert is_there
            assert process.stdout.readline().startswith("skipped")
        finally:
            process.kill()


def test_whoever_interrupts_an_upload_at_its_beginning_sees_no_traceback(tmp_path: Path) -> None:
    """Before any node is asked, too; exit code 1."""
    program = (
        "import os, signal, weft.cli.files as files; widen = files.widen;"
        "files.widen = lambda urls: (os.kill(os.getpid(), signal.SIGINT), widen(urls))[1];"
        "from weft.cli import main; main()"
    )
    stopped = subprocess.run(
        (sys.executable, "-c", program, "files", "put", str(tmp_path), "--url", "http://127.0.0.1:1"),
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (stopped.returncode, "Traceback" in stopped.stderr) == (1, False), stopped.stderr
    assert "the same command goes on" in stopped.stderr
