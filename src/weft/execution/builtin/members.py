"""The contract `members`: which account has which role, and the committee (`docs/protocol/ledger.md` 9).

In an open network every account is at least a writer. In a closed one an account has the role it was given
and nothing else; a gateway's account writes there under its own name, like a writer.
"""

from weft.execution.context import Context, state_key
from weft.execution.contract import ADMINISTRATORS, Call, Contract, Failure
from weft.execution.view import Reader
from weft.model.call import SetRole
from weft.model.committee import FaultModel, Member
from weft.model.encoding import Natural, Record, decode, encode
from weft.model.genesis import Account, Genesis, Role
from weft.model.keys import Address
from weft.model.receipt import Named

NAME = "members"
_COMMITTEE = b"committee"
_ADMINISTRATORS = b"number of administrators"
_ACCOUNTS = state_key(NAME, b"a")


class CommitteeState(Record, frozen=True):
    """Who takes part in agreement."""

    epoch: Natural
    fault_model: FaultModel
    members: tuple[Member, ...]


def find_account(state: Reader, address: Address) -> Account | None:
    """The account, if it was given a role."""
    value = state.get(_ACCOUNTS + address)
    return None if value is None else decode(Account, value)


def find_role(state: Reader, address: Address) -> Role | None:
    """The role that an account was given."""
    account = find_account(state, address)
    return None if account is None else account.role


def list_accounts(state: Reader, after: bytes = b"", limit: int = 1000) -> list[Account]:
    """Accounts that have a role, addresses rising from the one after `after`."""
    return [decode(Account, value) for _, value in state.scan(_ACCOUNTS, _ACCOUNTS + after, limit)]


def is_allowed(role: Role | None, roles: tuple[Role, ...], is_open: bool) -> bool:
    """Whether an account may make a call that these roles may make."""
    return role in roles or (is_open and "writer" in roles)


def may_read(role: Role | None, is_open: bool) -> bool:
    """Whether an account may read and search: in a closed network it needs a role, any role."""
    return is_open or role is not None


def _found(genesis: Genesis) -> dict[bytes, bytes]:
    committee = CommitteeState(genesis.committee.epoch, genesis.fault_model, genesis.members)
    administrators = sum(account.role == "administrator" for account in genesis.accounts)
    accounts = {b"a" + account.key.address: encode(account) for account in genesis.accounts}
    return {_COMMITTEE: encode(committee), _ADMINISTRATORS: encode(administrators), **accounts}


def _set(context: Context, arguments: SetRole) -> Named:
    if not arguments.key.is_well_formed():
        raise Failure("members.key")
    address = arguments.key.address
    place = b"a" + address
    held = context.get(place)
    role = None if held is None else decode(Account, held).role
    if role is None and arguments.role is None:
        raise Failure("members.missing", (("account", address),))
    counted = context.get(_ADMINISTRATORS)
    assert counted is not None, "written at genesis"
    before = decode(int, counted)
    administrators = before - (role == "administrator") + (arguments.role == "administrator")
    if not administrators:
        raise Failure("members.last", (("account", address),))
    if administrators != before:
        context.put(_ADMINISTRATORS, encode(administrators))
    if arguments.role is None:
        context.delete(place)
    else:
        context.put(place, encode(Account(arguments.key, arguments.role)))
    context.emit("member.set", (("account", address), ("role", arguments.role)))
    return (("account", address), ("role", arguments.role))


def _show(place: bytes) -> str:
    """What is kept there, or an account's address."""
    return place.decode() if place in (_COMMITTEE, _ADMINISTRATORS) else place[1:].hex()


CONTRACT = Contract(NAME, {"set": Call(SetRole, ADMINISTRATORS, _set)}, _found, _show)
