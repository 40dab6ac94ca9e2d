"""What those who wait are told."""

from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.model.commit import Commit
from weft.model.committee import Member
from weft.model.digest import digest
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import Limits
from weft.node.apply import Applied
from weft.node.fate import Fates
from weft.storage.memory import MemoryStore

MEMBERS = (Member("a", PrivateKey(ED25519, bytes(32)).public.key, 1),)
GENESIS = Genesis(1, "n", 0, "crash", MEMBERS, Limits(), True, ())


async def test_what_lay_too_far_ahead_is_not_told_to_have_expired() -> None:
    """Another member may propose it a moment later, when ledger time has come near enough."""
    sealed, nodes = seal_genesis(GENESIS, found(GENESIS, {}))
    fates = Fates(MemoryStore(sealed, nodes, sealed.block.header.state_root), lambda: 0)
    early, late = digest("transaction", b"1"), digest("transaction", b"2")
    told = {identity: fates.expect(identity) for identity in (early, late)}
    commit = Commit(1, 1, (), (), bytes(32))
    fates.settle(Applied(commit, None, ((early, "too-far"), (late, "expired")), ()))
    assert told[early].result().status == "pending"
    assert fates.find(early) is None
    assert told[late].result().status == "expired"
    found_late = fates.find(late)
    assert found_late is not None
    assert found_late.status == "expired"
