"""What a chain starts from: who agrees, under which bounds, and who may write. Its digest names the chain."""

from typing import Literal

from weft.model.committee import Committee, FaultModel, Member
from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, Record, encode
from weft.model.errors import GenesisError
from weft.model.keys import PublicKey
from weft.model.limits import Limits

Role = Literal["administrator", "writer", "reader", "auditor", "gateway"]
"""`gateway` is a node's own account, with which it signs for REST callers."""


class Account(Record, frozen=True):
    """An account that the genesis gives a role."""

    key: PublicKey
    role: Role


class Genesis(Record, frozen=True):
    """Height 0 in one value."""

    version: Natural
    name: str
    created_ms: Natural
    fault_model: FaultModel
    members: tuple[Member, ...]
    limits: Limits
    is_open: bool
    """Open: any account may write, and all gateway accounts count as one owner, `local`."""
    accounts: tuple[Account, ...]

    @property
    def chain(self) -> Digest:
        """The chain's identity."""
        return digest("genesis", encode(self))

    @property
    def committee(self) -> Committee:
        """The founding committee, epoch 0."""
        return Committee(self.members, self.fault_model)

    @property
    def slots_per_round(self) -> int:
        return self.limits.slots_per_round or len(self.members)

    def check(self) -> None:
        """Raise GenesisError unless every part is well-formed and the parts agree."""
        if self.version != 1:
            raise GenesisError(f"genesis version {self.version} is not known; this is version 1")
        self.limits.check(len(self.members))
        assert self.committee.quorum
        for account in self.accounts:
            if not account.key.is_well_formed():
                raise GenesisError(f"the key {account.key.key.hex()} is not one of curve {account.key.curve}")
        if len({account.key for account in self.accounts}) != len(self.accounts):
            raise GenesisError("two accounts of the genesis have the same key")
