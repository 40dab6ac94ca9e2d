"""A node's home: one folder with all that a node is and keeps.

    HOME/config.toml            settings (docs/reference/config.md)
         genesis.json           what the chain starts from; the same file on every member
         keys/validator.json    Ed25519, speaks in the committee; mode 0600
         keys/gateway.json      signs for REST callers; mode 0600
         keys/tokens.json       salted digests of bearer tokens; mode 0600
         data/                  all that the node must keep
         data/fresh             until the first start: this validator has never said anything
         logs/                  what a supervisor writes of its output
         node.pid               held locked by the running node

Promise: two processes never run one home at once, and a process id read here is that of the lock's holder.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from weft.config import FILE_NAME, Config, check_settings, load_config
from weft.model.errors import ConfigError, HomeError, LaunchError
from weft.model.genesis import Genesis, parse_genesis
from weft.model.keys import ED25519, PrivateKey
from weft.storage.disk import sync_folder
from weft.storage.keyfile import create_key, load_key

VALIDATOR_KEY, GATEWAY_KEY = "validator.json", "gateway.json"
PID_FILE = "node.pid"
FRESH_FILE = "fresh"
LOG_FILE = Path("logs") / "node.log"
RUNS_FIX = "Stop it first, if it is to stop: `weft down` for a local network, else a signal to that process."


@dataclass(frozen=True, slots=True)
class Home:
    """A home that was read whole: everything that a node needs to start."""

    config: Config
    genesis: Genesis
    validator: PrivateKey
    gateway: PrivateKey
    member: int
    """The node's place in the committee."""


def load_home(
    path: Path, environment: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Home:
    """Read and check a home; raises HomeError, ConfigError, GenesisError or KeyFileError."""
    config = load_config(path, environment or {}, flags)
    genesis = load_genesis(config.genesis_path)
    validator = load_key(config.keys_path / VALIDATOR_KEY)
    gateway = load_key(config.keys_path / GATEWAY_KEY)
    member = genesis.committee.find(validator.public.key)
    if member is None:
        raise HomeError(
            f"the validator {validator.public.key.hex()} of {path} is not in the committee of {genesis.name}"
        )
    if len(config.peer.addresses) != len(genesis.members):
        raise ConfigError(
            f"peer.addresses names {len(config.peer.addresses)} members, "
            f"the genesis has {len(genesis.members)}: one HOST:PORT for each, in its order"
        )
    return Home(config, genesis, validator, gateway, member)


def load_genesis(path: Path) -> Genesis:
    """The checked genesis in a file; raises HomeError or GenesisError."""
    try:
        return parse_genesis(path.read_bytes())
    except OSError as error:
        raise HomeError(
            f"the genesis {path} cannot be read: {error.strerror}",
            fix="Copy the other members' genesis.json there; `weft genesis make` makes a first one.",
        ) from None


def create_home(path: Path, settings: Mapping[str, Mapping[str, Any]]) -> tuple[PrivateKey, PrivateKey]:
    """Make folders, keys and config.toml in a folder that is no home yet; the validator's and gateway's keys.

    A wrong setting is found before anything is made.
    """
    check_settings(settings)
    config_path = path / FILE_NAME
    if config_path.exists():
        raise HomeError(
            f"{path} is a node's home already",
            fix="Name another folder, or start the node that is there: `weft start --home HOME`.",
        )
    for folder in ("keys", "data", "logs"):
        (path / folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    config_path.write_text(_format_settings(settings), encoding="utf-8")
    (path / "data" / FRESH_FILE).touch()
    keys = path / "keys"
    return create_key(keys / VALIDATOR_KEY, ED25519), create_key(keys / GATEWAY_KEY, ED25519)


def is_fresh(data: Path) -> bool:
    """Whether this validator has never been started, so that an empty journal is the truth."""
    return (data / FRESH_FILE).exists()


def end_freshness(data: Path) -> None:
    """From now on an empty journal is a lost one. Durable when this returns."""
    (data / FRESH_FILE).unlink(missing_ok=True)
    sync_folder(data)


@contextlib.contextmanager
def hold_home(path: Path) -> Iterator[None]:
    """Run as the only node of this home; raises LaunchError when another process does."""
    with _open_pid_file(path) as file:
        if not _try_lock(file):
            raise LaunchError(
                f"the node of {path} already runs as process {find_running(path)}", fix=RUNS_FIX
            )
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def find_running(path: Path) -> int | None:
    """The process that runs the node of this home."""
    try:
        with (path / PID_FILE).open("r", encoding="ascii") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read() or 0) or None
            return None
    except (FileNotFoundError, ValueError):
        return None


def _open_pid_file(path: Path) -> TextIO:
    try:
        return (path / PID_FILE).open("a", encoding="ascii")
    except OSError as error:
        raise HomeError(f"{path / PID_FILE} cannot be written: {error.strerror}") from None


def _try_lock(file: TextIO) -> bool:
    """Take the lock. `find_running` of another process may hold it for an instant, hence some tries."""
    for _ in range(20):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


def _format_settings(settings: Mapping[str, Mapping[str, Any]]) -> str:
    sections = [
        "\n".join((f"[{name}]", *(f"{key} = {_format_value(value)}" for key, value in section.items())))
        for name, section in settings.items()
    ]
    return (
        "# All settings: docs/reference/config.md, or `weft config show --home .`\n\n"
        + "\n\n".join(sections)
        + "\n"
    )


def _format_value(value: str | int | Sequence[str]) -> str:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "[" + ", ".join(_format_value(item) for item in value) + "]"
