"""The contract `members`."""

import pytest

from tests.chain import Chain, key, make_genesis
from weft.execution.builtin.members import find_role, list_accounts, may_read
from weft.model.call import SetRole
from weft.model.genesis import Role
from weft.model.keys import SECP256K1, PublicKey


def set_role(chain: Chain, signer: str, name: str, role: Role | None) -> str:
    return chain.run(chain.sign(signer, "members", "set", SetRole(key(name).public, role)))[0].code


def role_of(chain: Chain, name: str) -> Role | None:
    return find_role(chain.state, key(name).public.address)


def test_the_genesis_says_who_has_which_role() -> None:
    """Before the first transaction."""
    chain = Chain(make_genesis(False, ann="administrator", gate="gateway"))
    assert (role_of(chain, "ann"), role_of(chain, "gate"), role_of(chain, "bob")) == (
        "administrator",
        "gateway",
        None,
    )
    assert {account.role for account in list_accounts(chain.state)} == {"administrator", "gateway"}


@pytest.mark.parametrize("is_open", [True, False])
def test_only_administrators_give_roles(is_open: bool) -> None:
    """In an open network too."""
    chain = Chain(make_genesis(is_open, ann="administrator", bob="writer", gate="gateway"))
    assert [set_role(chain, name, "eve", "reader") for name in ("bob", "gate", "eve", "ann")] == [
        *(3 * ["access.forbidden"]),
        "",
    ]
    assert role_of(chain, "eve") == "reader"


def test_a_role_counts_from_the_next_transaction_on() -> None:
    """Given and taken within one commit."""
    chain = Chain(make_genesis(False, ann="administrator"))
    give, take = (
        chain.sign("ann", "members", "set", SetRole(key("bob").public, role)) for role in ("writer", None)
    )
    receipts = chain.run(chain.put("bob", "a"), give, chain.put("bob", "a"), take, chain.put("bob", "a"))
    forbidden = "access.forbidden"
    assert [receipt.code for receipt in receipts] == [forbidden, "", "", "", forbidden]


def test_the_last_administrator_stays() -> None:
    """Neither demoted nor removed, until there is another."""
    chain = Chain(make_genesis(False, ann="administrator"))
    assert set_role(chain, "ann", "ann", None) == "members.last"
    assert set_role(chain, "ann", "ann", "writer") == "members.last"
    assert set_role(chain, "ann", "ann", "administrator") == ""
    assert set_role(chain, "ann", "bob", "administrator") == ""
    assert set_role(chain, "bob", "ann", None) == ""
    assert set_role(chain, "bob", "bob", None) == "members.last"


def test_a_role_that_nobody_has_cannot_be_taken() -> None:
    """A slip of the pen is told."""
    assert set_role(Chain(make_genesis(False, ann="administrator")), "ann", "bob", None) == "members.missing"


def test_a_key_of_the_wrong_length_gets_no_role() -> None:
    """It could never sign anything."""
    chain = Chain(make_genesis(False, ann="administrator"))
    bad = SetRole(PublicKey(SECP256K1, bytes(32)), "writer")
    assert chain.run(chain.sign("ann", "members", "set", bad))[0].code == "members.key"


def test_a_secp256k1_account_may_have_a_role() -> None:
    """Its address is its own, though the seed is another's."""
    chain = Chain(make_genesis(False, ann="administrator"))
    public = key("ann", SECP256K1).public
    assert chain.run(chain.sign("ann", "members", "set", SetRole(public, "reader")))[0].code == ""
    assert (find_role(chain.state, public.address), role_of(chain, "ann")) == ("reader", "administrator")


def test_reading_needs_a_role_in_a_closed_network() -> None:
    """Any role; in an open network none."""
    assert may_read(None, True)
    assert not may_read(None, False)
    assert may_read("auditor", False)
