"""Key files: private to their owner, whole, never replaced."""

import stat
from pathlib import Path

import pytest

from weft.model.errors import KeyFileError
from weft.model.keys import ED25519, SECP256K1, is_signed
from weft.storage.keyfile import create_key, load_key, load_or_create_key


@pytest.mark.parametrize("curve", [ED25519, SECP256K1])
def test_a_key_comes_back_as_it_was_made(tmp_path: Path, curve: int) -> None:
    """What the made key signs, the loaded key's public half verifies."""
    made = create_key(tmp_path / "deep" / "key.json", curve)
    loaded = load_key(tmp_path / "deep" / "key.json")
    assert is_signed(loaded.public, bytes(32), made.sign(bytes(32)))


def test_only_the_owner_can_read_a_new_key(tmp_path: Path) -> None:
    """Mode 0600 from the first byte on, and nothing else is left in the folder."""
    create_key(tmp_path / "key.json")
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    """The message names the file and its mode."""
    path = tmp_path / "key.json"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"{mode:04o}"):
        load_key(path)


def test_a_key_is_never_replaced(tmp_path: Path) -> None:
    """A validator that got a new key would be another validator."""
    path = tmp_path / "key.json"
    create_key(path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="never overwritten"):
        create_key(path)
    assert path.read_bytes() == before
    assert load_or_create_key(path).public == load_key(path).public


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"ed25519"', '"ed448"'),
        ('"seed"', '"sead"'),
        ('"seed": "', '"seed": "zz'),
        ('"public": "', '"public": "00'),
        ("{", "["),
    ],
)
def test_a_damaged_key_is_refused_without_showing_it(tmp_path: Path, old: str, new: str) -> None:
    """The secret does not stand in the message."""
    path = tmp_path / "key.json"
    create_key(path)
    text = path.read_text()
    secret = text.split('"seed": "')[1][:64]
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(KeyFileError) as caught:
        load_key(path)
    assert secret not in str(caught.value)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(KeyFileError, match=r"nothing\.json"):
        load_key(tmp_path / "nothing.json")


def test_the_first_use_makes_the_key_and_the_second_finds_it(tmp_path: Path) -> None:
    """One user has one account."""
    path = tmp_path / "weft" / "key.json"
    assert load_or_create_key(path).public == load_or_create_key(path).public
