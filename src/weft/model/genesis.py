"""What a chain starts from: who agrees, under which bounds, and who may write. Its digest names the chain."""

from typing import Any, Literal

import msgspec

from weft.model.committee import Committee, FaultModel, Member
from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.errors import EncodingError, GenesisError
from weft.model.keys import CURVE_NAMES, PublicKey
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


class _MemberText(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    key: str
    weight: int


class _AccountText(msgspec.Struct, forbid_unknown_fields=True):
    curve: str
    key: str
    role: Role


class _GenesisText(msgspec.Struct, forbid_unknown_fields=True):
    """genesis.json: the same facts under their names, keys in hex. Nothing may be missing or unknown, for a
    default that changed later would make it another chain."""

    version: int
    name: str
    created_ms: int
    fault_model: FaultModel
    is_open: bool
    members: list[_MemberText]
    accounts: list[_AccountText]
    limits: dict[str, int]


def format_genesis(genesis: Genesis) -> str:
    """The text of genesis.json."""
    text = _GenesisText(
        genesis.version,
        genesis.name,
        genesis.created_ms,
        genesis.fault_model,
        genesis.is_open,
        [_MemberText(member.name, member.key.hex(), member.weight) for member in genesis.members],
        [_AccountText(CURVE_NAMES[one.key.curve], one.key.key.hex(), one.role) for one in genesis.accounts],
        msgspec.structs.asdict(genesis.limits),
    )
    return msgspec.json.format(msgspec.json.encode(text), indent=2).decode() + "\n"


def parse_genesis(text: str | bytes) -> Genesis:
    """The checked genesis that genesis.json holds; raises GenesisError."""
    try:
        genesis = _genesis_of(msgspec.json.decode(text, type=_GenesisText))
        # Built by hand, the value has not met the bounds of its fields yet; its decoder knows them all.
        genesis = decode(Genesis, encode(genesis))
    except (msgspec.MsgspecError, EncodingError, ValueError, OverflowError) as error:
        raise GenesisError(f"not a genesis: {error}") from None
    genesis.check()
    return genesis


def _genesis_of(text: _GenesisText) -> Genesis:
    curves = {name: curve for curve, name in CURVE_NAMES.items()}
    accounts = []
    for account in text.accounts:
        if account.curve not in curves:
            raise GenesisError(f"the curve {account.curve} is not known; known are {', '.join(curves)}")
        accounts.append(Account(PublicKey(curves[account.curve], bytes.fromhex(account.key)), account.role))
    return Genesis(
        text.version,
        text.name,
        text.created_ms,
        text.fault_model,
        tuple(Member(one.name, bytes.fromhex(one.key), one.weight) for one in text.members),
        _limits_of(text.limits),
        text.is_open,
        tuple(accounts),
    )


def _limits_of(given: dict[str, Any]) -> Limits:
    if set(given) != set(Limits.__struct_fields__):
        odd = sorted(set(given) ^ set(Limits.__struct_fields__))
        raise GenesisError(f"the limits miss, or do not know: {', '.join(odd)}")
    return Limits(**given)
