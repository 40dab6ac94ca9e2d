"""What those who wait are told."""

import asyncio

import pytest

from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.model.block import Block, Header, Sealed
from weft.model.commit import Commit
from weft.model.committee import Member
from weft.model.digest import digest
from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import Limits
from weft.model.receipt import Receipt, decode_receipt
from weft.node import fate
from weft.node.apply import Applied
from weft.node.fate import Fates
from weft.storage.memory import MemoryStore

MEMBERS = (Member("a", PrivateKey(ED25519, bytes(32)).public.key, 1),)
GENESIS = Genesis(1, "n", 0, "crash", MEMBERS, Limits(), True, ())


def make_fates() -> Fates:
    sealed, nodes = seal_genesis(GENESIS, found(GENESIS, {}))
    return Fates(MemoryStore(sealed, nodes, sealed.block.header.state_root), lambda: 0)


async def test_all_who_wait_are_told_and_who_gives_up_leaves_nothing() -> None:
    """One of two transactions is decided: whoever waits for it alone has it at once."""
    fates = make_fates()
    one, two = digest("transaction", b"1"), digest("transaction", b"2")
    waits = [((one,), 10.0), ((one, two), 0.01), ((two, one, two), 0.01), ((), 10.0)]
    waiting = [asyncio.create_task(fates.wait(names, timeout_s)) for names, timeout_s in waits]
    gone = asyncio.create_task(fates.wait((one, two), 10))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    fates.settle(Applied(Commit(1, 1, (), (), bytes(32)), None, ((one, "expired"),), ()))
    assert [list(told) for told in await asyncio.gather(*waiting)] == [[one], [one], [one], []]
    assert not fates._waiting


async def test_each_who_waits_reads_the_own_receipts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who settles reads none, and who reads many lets others go on in between: with the thousands that one
    commit may decide the loop would be busy for too long."""
    monkeypatch.setattr(fate, "AT_ONCE", 1)
    fates, read = make_fates(), list[bytes]()
    names = [digest("transaction", bytes((number,))) for number in range(4)]
    raws = tuple(encode(Receipt(name, "executed", "", (), bytes(32), ())) for name in names)
    header = Header(GENESIS.chain, 0, 1, bytes(32), 1, bytes(32), 1, bytes(32), bytes(32), bytes(32), 0)
    sealed = Sealed(Block(header, raws, raws), header.hash, tuple(names), (), (), (), b"")

    def noting(raw: bytes) -> Receipt:
        read.append(raw)
        return decode_receipt(raw)

    monkeypatch.setattr(fate, "decode_receipt", noting)
    waiting = [asyncio.create_task(fates.wait(part, 10)) for part in (names[:2], names[2:])]
    await asyncio.sleep(0)
    fates.settle(Applied(Commit(1, 1, (), (), bytes(32)), sealed, (), ()))
    assert read == []
    told = await asyncio.gather(*waiting)
    assert [[one.position for one in answers.values()] for answers in told] == [[0, 1], [2, 3]]
    assert read == [raws[0], raws[2], raws[1], raws[3]], "they take turns"


async def test_what_lay_too_far_ahead_is_not_told_to_have_expired() -> None:
    """Another member may propose it a moment later, when ledger time has come near enough."""
    fates = make_fates()
    early, late = digest("transaction", b"1"), digest("transaction", b"2")
    waiting = asyncio.create_task(fates.wait((early, late), 10))
    await asyncio.sleep(0)
    commit = Commit(1, 1, (), (), bytes(32))
    fates.settle(Applied(commit, None, ((early, "too-far"), (late, "expired")), ()))
    told = await waiting
    assert told[early].status == "pending"
    assert fates.find(early) is None
    assert told[late].status == "expired"
    found_late = fates.find(late)
    assert found_late is not None
    assert found_late.status == "expired"
