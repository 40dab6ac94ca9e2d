"""How a contract is declared; the only module of `execution` that an app may import.

A contract is a name and calls; a call is an arguments' record, who may make it, and a function of a Context.
Each function goes the same way: check rights, read, decide, write, announce. It refuses with a Failure; any
other exception is a bug and stops the node, for a node that guesses on would diverge.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.execution.context import LOCAL, Context, state_key
from weft.execution.version import drop_pages, keep_version, read_versions, show_page
from weft.execution.view import Reader
from weft.model.encoding import Record
from weft.model.failure import Failure
from weft.model.genesis import Genesis, Role
from weft.model.receipt import Named

__all__ = [
    "ADMINISTRATORS",
    "LOCAL",
    "WRITERS",
    "Call",
    "Context",
    "Contract",
    "Failure",
    "Reader",
    "drop_pages",
    "keep_version",
    "read_versions",
    "show_key",
    "show_page",
    "state_key",
]

WRITERS: tuple[Role, ...] = ("administrator", "writer", "gateway")
ADMINISTRATORS: tuple[Role, ...] = ("administrator",)


def _found_nothing(genesis: Genesis) -> dict[bytes, bytes]:
    return {}


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that a contract can be asked to do."""

    arguments: type[Record]
    """Decoded strictly; bytes that are not its one encoding fail with `arguments.invalid`."""
    roles: tuple[Role, ...]
    """Who may make the call. In an open network every account is at least a writer."""
    run: Callable[[Context, Any], Named]
    """Returns what the receipt will say."""


@dataclass(frozen=True, slots=True)
class Contract:
    """A name, its calls, and what it writes into the genesis state."""

    name: str
    calls: Mapping[str, Call]
    found: Callable[[Genesis], dict[bytes, bytes]] = field(default=_found_nothing)
    show: Callable[[bytes], str] = field(default=bytes.hex)
    """One of its own keys, for people."""


def show_key(contracts: Mapping[str, Contract], key: bytes) -> str:
    """A state key for people: the contract that keeps it, and what that calls it."""
    name, _, own = key.partition(b"\0")
    contract = contracts.get(name.decode("utf-8", "backslashreplace"))
    return f"{name.decode('utf-8', 'backslashreplace')}/{contract.show(own) if contract else own.hex()}"
