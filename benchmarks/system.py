"""What a system under load is to the benchmark: how it is started, loaded, measured and stopped.

Each system has a file of its own. What it is asked to carry is the same for all: a `Load`. What it does not
do stands beside its figures (`lacks`).
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from weft.cli.bench import Figures

Kind = Literal["saturate", "paced"]


class MissingError(Exception):
    """A system cannot be measured here; the text says what it needs."""


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` is in records a second; 0 means as many as are answered, `in_flight` at a time."""

    size_bytes: int
    rate: int
    seconds: float
    in_flight: int

    @property
    def kind(self) -> Kind:
        return "paced" if self.rate else "saturate"


@dataclass(frozen=True, slots=True)
class Costs:
    """What one record cannot do without in a system, at the least: the ground for its bounds."""

    is_signed: bool
    """Whether every member verifies a signature of the client's."""
    fsyncs: int
    """One after another, before the answer."""
    message_delays: int
    """Between members, from the one that hears the client to its answer."""


class Running(Protocol):
    """A system that has been started."""

    @property
    def pids(self) -> Sequence[int]:
        """The processes that are its members, in order; what they have started counts to them."""

    @property
    def folders(self) -> Sequence[Path]:
        """Where each member keeps what it must not lose."""

    def measure(self, load: Load) -> Figures:
        """Carry a load from another process."""


class System(Protocol):
    """One way to run and use one system."""

    name: str
    members: int
    kinds: frozenset[Kind]
    """The loads that this way is meant for."""
    costs: Costs
    interface: str
    durability: str
    lacks: str

    def version(self) -> str:
        """What would be measured; raises MissingError when it cannot be had here."""

    def start(self, folder: Path) -> AbstractContextManager[Running]:
        """Started, and answering; everything has ended when the context has."""


def parse_figures(raw: bytes, route: str) -> Figures:
    """What a load generator prints: the fields of Figures, but for the route."""
    return Figures(**({"route": route} | msgspec.json.decode(raw)))
