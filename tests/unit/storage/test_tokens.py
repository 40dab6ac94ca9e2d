"""Bearer tokens: only digests on disk, one account each, revocable at once."""

import stat
from pathlib import Path

import pytest

from weft.model.errors import KeyFileError, TokenError
from weft.storage.keyfile import create_key
from weft.storage.tokens import Tokens


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_key(tmp_path / "alice.json")
    create_key(tmp_path / "bob.json")
    return tmp_path


def test_a_token_stands_for_its_account(folder: Path) -> None:
    """Two tokens of two accounts are told apart, by a node that reads them afresh."""
    issued = {name: Tokens(folder).issue(f"{name}.json") for name in ("alice", "bob")}
    tokens = Tokens(folder)
    found = {name: tokens.find_key(token) for name, token in issued.items()}
    assert found["alice"]
    assert found["bob"]
    assert found["alice"].public != found["bob"].public


def test_no_part_of_the_secret_is_on_disk(folder: Path) -> None:
    """Whoever steals the file cannot use it."""
    secret = Tokens(folder).issue("alice.json").split("_")[2]
    content = (folder / "tokens.json").read_text()
    assert all(secret[start : start + 12] not in content for start in range(0, 52, 4))
    assert stat.S_IMODE((folder / "tokens.json").stat().st_mode) == 0o600


def test_what_is_not_exactly_a_token_stands_for_nobody(folder: Path) -> None:
    """A changed, shortened, empty or made-up token is refused like an unknown one."""
    tokens = Tokens(folder)
    token = tokens.issue("alice.json")
    for wrong in (
        "",
        "weft",
        "weft__",
        "weft_" + "0" * 12 + "_" + "0" * 64,
        token[:-1],
        token + "0",
        token.upper(),
        token.replace("weft", "waft"),
        token.rpartition("_")[0] + "_",
        "Ω" + token,
    ):
        assert tokens.find_key(wrong) is None, wrong


def test_a_running_node_sees_a_new_token_and_forgets_a_revoked_one(folder: Path) -> None:
    """Two objects stand for the node and the command line."""
    node, command = Tokens(folder), Tokens(folder)
    assert node.entries() == []
    token = command.issue("alice.json")
    assert node.find_key(token)
    command.revoke(token.split("_")[1])
    assert node.find_key(token) is None


def test_revoking_what_is_not_there_is_said(folder: Path) -> None:
    """A typing mistake must not look like success."""
    with pytest.raises(TokenError, match="abcdef"):
        Tokens(folder).revoke("abcdef")


def test_a_token_needs_an_account_that_is_there(folder: Path) -> None:
    """No token is made for a key file that does not exist."""
    with pytest.raises(KeyFileError):
        Tokens(folder).issue("carol.json")
    assert not (folder / "tokens.json").exists()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[{}]",
        '[{"name":"a","salt":"zz","digest":"00","key":"alice.json"}]',
        '[{"name":"a","salt":"000","digest":"0","key":"alice.json"}]',
    ],
)
def test_a_damaged_token_file_is_named(folder: Path, content: str) -> None:
    """The node says which file rather than let anybody, or nobody, in."""
    (folder / "tokens.json").write_text(content)
    (folder / "tokens.json").chmod(0o600)
    with pytest.raises(TokenError, match=r"tokens\.json"):
        Tokens(folder).find_key("weft_a_b")
