"""What a node's memory answers with, and the kinds of records that its journal keeps."""

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
