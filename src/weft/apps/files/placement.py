"""Which members hold a blob: all compute it alike from digest and committee, without talk.

Rendezvous hashing (Thaler and Ravishankar 1998): each member has a rank for each blob, and the first
`copies` of them hold it. A member that comes or goes moves only the blobs that it holds. While a holder is
away for long, the next in rank holds a copy in its place; as each node judges that for itself, too many
copies may be made for a while, never too few. Nodes that are set to different numbers of copies agree on
the order all the same.
"""

from collections.abc import Collection
from dataclasses import dataclass

from weft.model.digest import digest
from weft.model.genesis import Genesis


@dataclass(frozen=True, slots=True)
class Placement:
    """The rule, as one node applies it."""

    keys: tuple[bytes, ...]
    """The members' public keys, in committee order."""
    member: int | None
    """This node's place among them; None of a replica, which holds nothing unless all do."""
    copies: int
    """How many members hold a blob; 0: all."""

    @classmethod
    def of(cls, genesis: Genesis, member: int | None, copies: int) -> "Placement":
        """The rule for this chain; as many copies as there are members are a copy at each."""
        keys = tuple(one.key for one in genesis.members)
        return cls(keys, member, copies if copies < len(keys) else 0)

    @property
    def is_everywhere(self) -> bool:
        return self.copies == 0

    def ranking(self, name: str) -> list[int]:
        """All members, the first holder of this blob first."""
        blob = bytes.fromhex(name)
        return sorted(range(len(self.keys)), key=lambda member: digest("holder", blob + self.keys[member]))

    def holders(self, name: str, away: Collection[int] = ()) -> list[int]:
        """The members that hold this blob while those are away."""
        if self.is_everywhere:
            return list(range(len(self.keys)))
        return [member for member in self.ranking(name) if member not in away][: self.copies]

    def is_holder(self, name: str, away: Collection[int] = ()) -> bool:
        """Whether this node holds this blob while those are away."""
        return self.is_everywhere or self.member in self.holders(name, away)
