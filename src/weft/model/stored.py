"""What a node's memory answers with, the kinds of records that its journal keeps, and what is wrong in it."""

from dataclasses import dataclass

BASE, OWN, OTHER, WORD, BOUND, SPOKEN = range(6)
"""Kinds of journal records: a core's base, an own vertex, another's vertex, an own signed statement, a round
below which this validator must not speak, and (found by replay only) an own vertex beyond a torn tail."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a transaction was executed."""

    height: int
    position: int


@dataclass(frozen=True, slots=True)
class Erased:
    """An attachment that was destroyed."""

    height: int


@dataclass(frozen=True, slots=True)
class Change:
    """One write to a key, from the history."""

    height: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong in what a node keeps, found by offline verification."""

    where: str
    """File and offset, table and key, height: as near as it can be told."""
    what: str
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        compared = f": expected {self.expected}, found {self.found}" if self.expected or self.found else ""
        return f"{self.where}: {self.what}{compared}"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that is as it should be and that people want to know: content that was erased."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"
