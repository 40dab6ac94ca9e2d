"""The same wish twice."""

from tests.chain import HOUR_MS, Chain, make_genesis
from weft.execution.context import state_key
from weft.model.receipt import Receipt
from weft.model.transaction import identity_of

DAY_MS = 24 * HOUR_MS


def code_and_first(receipt: Receipt) -> tuple[str, object]:
    return receipt.code, dict(receipt.result).get("first")


def tags(chain: Chain) -> int:
    return len(chain.state.scan(state_key("idempotency", b"")))


def test_the_same_wish_again_names_the_first_transaction() -> None:
    """In the same commit and in a later one; it takes effect once."""
    chain = Chain()
    first, second, third = (chain.put("ann", "a", wish=("key", "body")) for _ in range(3))
    receipts = chain.run(first, second) + chain.run(third)
    repeated = ("idempotency.repeated", identity_of(first))
    assert [code_and_first(receipt) for receipt in receipts[1:]] == [repeated, repeated]
    assert chain.run(chain.put("ann", "a"))[0].result == (("version", 2),)


def test_a_key_used_for_something_else_is_a_conflict() -> None:
    """The answer names what it was used for first."""
    chain = Chain()
    first, other = (chain.put("ann", "a", wish=("key", body)) for body in ("one", "other"))
    assert code_and_first(chain.run(first, other)[1]) == ("idempotency.conflict", identity_of(first))


def test_accounts_have_their_own_spaces_and_gateways_share_one() -> None:
    """Two clients may have the same key by chance; two nodes hear the same client."""
    for is_open in (True, False):
        chain = Chain(make_genesis(is_open, ann="writer", bob="writer", g0="gateway", g1="gateway"))
        receipts = chain.run(
            *(chain.put(name, "a", wish=("key", "body")) for name in ("ann", "bob", "g0", "g1"))
        )
        assert [receipt.code for receipt in receipts] == ["", "", "", "idempotency.repeated"]


def test_a_wish_that_was_refused_stays_refused() -> None:
    """A client was told so; its first try, ordered late, may not take effect although it could by now."""
    chain = Chain()
    late, told = (chain.put("ann", "a", expected=1, wish=("key", "body")) for _ in range(2))
    refused = chain.run(told)[0]
    chain.run(chain.put("ann", "a"))
    assert refused.code == "records.version"
    assert code_and_first(chain.run(late)[0]) == ("idempotency.repeated", identity_of(told))
    assert chain.run(chain.put("ann", "a"))[0].result == (("version", 2),)


def test_who_may_not_ask_has_not_asked() -> None:
    """Somebody without the right to a call uses up no key."""
    chain = Chain(make_genesis(False, ann="reader", root="administrator"))
    refused = chain.run(chain.put("ann", "a", wish=("key", "body")))[0]
    assert refused.code == "access.forbidden"
    assert tags(chain) == 0


def test_a_wish_is_remembered_for_exactly_a_day() -> None:
    """Up to the last millisecond before 24 hours, across a change of the day."""
    for after_ms, code in ((DAY_MS - 1, "idempotency.repeated"), (DAY_MS, "")):
        chain = Chain()
        first = chain.put("ann", "a", wish=("key", "body"), expires_ms=chain.time_ms + DAY_MS)
        chain.commit(first, after_ms=DAY_MS // 2)
        again = chain.put("ann", "a", wish=("key", "body"), expires_ms=chain.time_ms + DAY_MS + 1)
        assert chain.run(again, after_ms=after_ms)[0].code == code


def test_old_wishes_are_forgotten_two_for_each_new_one() -> None:
    """So no commit pays for more than its own transactions, and the state does not grow for ever."""
    chain = Chain()
    chain.commit(*(chain.put("ann", "a", wish=(f"old{n}", "")) for n in range(9)))
    chain.commit(after_ms=2 * DAY_MS, rounds=200)
    assert tags(chain) == 9
    chain.commit(*(chain.put("ann", "a", wish=(f"new{n}", "")) for n in range(3)))
    assert tags(chain) == 9 + 3 - 6
    chain.commit(*(chain.put("ann", "a", wish=(f"newer{n}", "")) for n in range(3)))
    assert tags(chain) == 6


def test_yesterdays_wishes_are_kept() -> None:
    """They may still count, so a new wish forgets none of them."""
    chain = Chain()
    chain.commit(*(chain.put("ann", "a", wish=(f"old{n}", "")) for n in range(5)))
    chain.commit(after_ms=DAY_MS, rounds=200)
    chain.commit(chain.put("ann", "a", wish=("new", "")))
    assert tags(chain) == 6


def test_a_transaction_that_fails_is_remembered_and_lets_old_ones_go() -> None:
    """As any other that adds a tag: what is kept stays bounded."""
    chain = Chain()
    chain.commit(chain.put("ann", "a", wish=("old", "")))
    chain.commit(after_ms=2 * DAY_MS, rounds=200)
    chain.commit(chain.put("ann", "a", expected=9, wish=("new", "")))
    assert tags(chain) == 1
    assert chain.run(chain.put("ann", "a", wish=("new", "")))[0].code == "idempotency.repeated"
