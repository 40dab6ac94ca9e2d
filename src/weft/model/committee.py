"""Who takes part in agreement, with what weight, and how many may fail.

`total` is N, `faulty` is f, `quorum` is q of `docs/protocol/consensus.md` section 1. Two facts carry every
safety argument and are asserted here: two quorums share more than f (an honest member), and the honest
members are a quorum.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import msgspec

from weft.model.digest import Digest
from weft.model.encoding import Record
from weft.model.errors import GenesisError
from weft.model.keys import ED25519, PublicKey

FaultModel = Literal["byzantine", "crash"]


class Member(Record, frozen=True):
    """A validator as the genesis names it."""

    name: str
    """Unique in the committee, for people: log lines, certificates, tables."""
    key: Digest
    """Its Ed25519 public key."""
    weight: Annotated[int, msgspec.Meta(ge=1, le=2**31)]
    """Its share of the say."""

    @property
    def public(self) -> PublicKey:
        return PublicKey(ED25519, self.key)


@dataclass(frozen=True, slots=True)
class Committee:
    """An ordered list of members; a member is known by its place in it."""

    members: tuple[Member, ...]
    fault_model: FaultModel
    epoch: int = 0
    total: int = field(init=False)
    faulty: int = field(init=False)
    quorum: int = field(init=False)
    weights: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        check_members(self.members)
        total = sum(member.weight for member in self.members)
        faulty = (total - 1) // 3 if self.fault_model == "byzantine" else 0
        quorum = (total + faulty) // 2 + 1
        assert 2 * quorum - total > faulty, "two quorums must share an honest member"
        assert quorum <= total - faulty, "the honest members must be a quorum"
        for name, value in (("total", total), ("faulty", faulty), ("quorum", quorum)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "weights", tuple(member.weight for member in self.members))

    @property
    def size(self) -> int:
        return len(self.members)

    def weigh(self, authors: Iterable[int]) -> int:
        """The weight of different members together."""
        return sum(self.weights[author] for author in authors)

    def find(self, key: bytes) -> int | None:
        """The place of the member with this Ed25519 key."""
        return next((place for place, member in enumerate(self.members) if member.key == key), None)


def check_members(members: tuple[Member, ...]) -> None:
    """Raise GenesisError unless there is someone and all names and keys differ."""
    if not members:
        raise GenesisError("a committee needs at least one member")
    if len({member.key for member in members}) != len(members):
        raise GenesisError("two members of the committee have the same key")
    if len({member.name for member in members}) != len(members):
        raise GenesisError("two members of the committee have the same name")
