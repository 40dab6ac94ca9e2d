"""Proofs: what the ledger builds holds, and nothing else does."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chain import Chain, attachment, key, make_genesis
from weft.execution.builtin.records import record_key
from weft.ledger.proof import prove_state, prove_transaction
from weft.model.block import Checkpoint, Statement
from weft.model.call import CreateFile
from weft.model.digest import ZERO
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError
from weft.model.merkle import Proof
from weft.model.proof import (
    FileProof,
    StateProof,
    Step,
    TransactionProof,
    is_proved,
    verify_file,
    verify_state,
    verify_transaction,
)

CONTENT = b"the bytes of a photo"
ID = bytes(16)


def failing(steps: list[Step]) -> list[str]:
    return [step.name for step in steps if not step.holds]


def make_chain() -> Chain:
    """Four blocks; a file is created in the second, between records."""
    chain = Chain(make_genesis(gate="gateway"))
    chain.commit(chain.put("ann", "a"))
    arguments = CreateFile(ID, len(CONTENT), "image/jpeg", 0, 1, 2, None)
    made = chain.sign("gate", "files", "create", arguments, photo_digest(), b"name", b"{}")
    chain.commit(*(chain.put("ann", f"{n}") for n in range(20)), made, after_ms=60)
    chain.commit(chain.put("ann", "b"))
    chain.commit(chain.put("ann", "c"))
    return chain


def photo_digest() -> Any:
    return attachment(sha256(CONTENT).digest(), "a photo's salt")


def transaction_proof(chain: Chain, height: int = 2, position: int = 20) -> TransactionProof:
    after = [block.header for block in chain.blocks[height + 1 : 5]]
    return prove_transaction(chain.blocks[height], position, after, chain.checkpoint(4))


CHAIN = make_chain()
PROOF = transaction_proof(CHAIN)
FILE = FileProof(photo_digest(), PROOF)
DIGEST = sha256(CONTENT).digest()
RECORD = record_key("notes", "7")
STATE = prove_state(CHAIN.nodes.get, RECORD, CHAIN.state.get(RECORD), CHAIN.checkpoint(4))


def test_a_file_is_proved_from_its_digest_to_the_committee() -> None:
    """Every step on the way is shown, and holds."""
    steps = verify_file(CHAIN.genesis, ID, DIGEST, FILE)
    assert is_proved(steps)
    assert [step.name for step in steps] == [
        "content",
        "commitment",
        "transaction",
        "receipt",
        "block",
        "chain",
        "signatures",
        "committee",
    ]


def test_another_content_is_not_proved() -> None:
    """The first step says so."""
    assert failing(verify_file(CHAIN.genesis, ID, sha256(b"another photo").digest(), FILE)) == ["content"]


def test_another_salt_is_not_proved() -> None:
    """The commitment is not the transaction's."""
    other = FileProof(attachment(DIGEST, "another salt"), PROOF)
    assert failing(verify_file(CHAIN.genesis, ID, DIGEST, other)) == ["commitment"]


def test_what_is_on_the_ledger_otherwise_proves_no_file() -> None:
    """Another file's proof, a digest that was put as a record's document or as a file's name: all of it is
    signed by a quorum, and the node that shows it for this file lies."""
    assert failing(verify_file(CHAIN.genesis, bytes(15) + b"x", DIGEST, FILE)) == ["commitment"]
    forged = [attachment(sha256(b"forged").digest(), salt) for salt in ("one", "two")]
    named = CreateFile(ID, 5, "image/jpeg", 1, 0, 2, None)
    chain = Chain(make_genesis(gate="gateway"))
    chain.commit(
        chain.put("ann", "a", forged[0]),
        chain.sign("gate", "files", "create", named, forged[1], photo_digest(), b"{}"),
    )
    for position, liar in enumerate(forged):
        proof = prove_transaction(chain.blocks[1], position, [], chain.checkpoint(1))
        assert is_proved(verify_transaction(chain.genesis, proof))
        steps = verify_file(chain.genesis, ID, liar.content, FileProof(liar, proof))
        assert failing(steps) == ["commitment"]


def test_a_transaction_in_the_checkpointed_block_itself_is_proved() -> None:
    """Then one header is enough."""
    proof = transaction_proof(CHAIN, 4, 0)
    assert len(proof.headers) == 1
    assert is_proved(verify_transaction(CHAIN.genesis, proof))


def replaced(**fields: Any) -> TransactionProof:
    return msgspec.structs.replace(PROOF, **fields)


def tampered() -> dict[str, tuple[TransactionProof, list[str]]]:
    block, statement = CHAIN.blocks[2], PROOF.checkpoint.statement
    elsewhere = CHAIN.checkpoint(3)
    lifted = Checkpoint(elsewhere.statement, PROOF.checkpoint.signatures)
    twice = PROOF.checkpoint.signatures[:1] * 3
    refused = Chain(make_genesis(gate="gateway"))
    refused.commit(refused.put("ann", "a", expected=9))
    failed = prove_transaction(refused.blocks[1], 0, (), refused.checkpoint(1))
    forged = (*PROOF.checkpoint.signatures[:2], (2, bytes(64)))
    return {
        "another transaction": (replaced(transaction=block.transactions[0]), ["receipt", "block"]),
        "another receipt": (replaced(receipt=block.receipts[0]), ["receipt", "block"]),
        "another place": (
            replaced(receipt_path=msgspec.structs.replace(PROOF.receipt_path, index=19)),
            ["block"],
        ),
        "a header left out": (replaced(headers=PROOF.headers[:1] + PROOF.headers[2:]), ["chain"]),
        "no headers": (replaced(headers=()), ["block", "chain"]),
        "the last header left out": (replaced(headers=PROOF.headers[:-1]), ["chain"]),
        "too few signatures": (replaced(checkpoint=CHAIN.checkpoint(4, (0, 1))), ["signatures"]),
        "one signature thrice": (replaced(checkpoint=Checkpoint(statement, twice)), ["signatures"]),
        "a forged signature": (replaced(checkpoint=Checkpoint(statement, forged)), ["signatures"]),
        "signatures of another height": (replaced(checkpoint=lifted), ["chain", "signatures"]),
        "a member that is none": (
            replaced(checkpoint=Checkpoint(statement, ((9, bytes(64)),))),
            ["signatures"],
        ),
        "a failed transaction": (failed, ["receipt"]),
        "bytes that are nothing": (replaced(transaction=b"?", receipt=b""), ["transaction", "block"]),
        "a receipt that is nothing": (replaced(receipt=b"?"), ["receipt", "block"]),
    }


@pytest.mark.parametrize("name", list(tampered()))
def test_a_tampered_proof_fails_at_the_step_that_was_tampered_with(name: str) -> None:
    """And at no other that does not depend on it."""
    proof, expected = tampered()[name]
    assert failing(verify_transaction(CHAIN.genesis, proof)) == expected


def test_a_proof_of_another_ledger_is_none() -> None:
    """Its chain is another, and its members' signatures are not over this statement."""
    other = make_genesis(ann="writer")
    assert failing(verify_transaction(other, PROOF)) == ["transaction", "committee"]


def test_signatures_of_strangers_prove_nothing() -> None:
    """A committee of the same size with other keys."""
    members = tuple(
        msgspec.structs.replace(member, key=key(f"stranger{n}").public.key)
        for n, member in enumerate(CHAIN.genesis.members)
    )
    strange = msgspec.structs.replace(CHAIN.genesis, members=members)
    assert "signatures" in failing(verify_transaction(strange, PROOF))


def test_a_value_of_the_state_is_proved_against_a_checkpoint() -> None:
    """Its key, its value, the way up the tree, the signatures."""
    assert is_proved(verify_state(CHAIN.genesis, STATE))
    assert [step.name for step in verify_state(CHAIN.genesis, STATE)] == [
        "value",
        "tree",
        "signatures",
        "committee",
    ]


def test_an_absent_key_is_proved_to_be_absent() -> None:
    """Where it would stand is nothing, or a bucket without it."""
    for name in (f"nobody {n}" for n in range(20)):
        proof = prove_state(CHAIN.nodes.get, name.encode(), None, CHAIN.checkpoint(4))
        assert is_proved(verify_state(CHAIN.genesis, proof))


def test_everything_is_absent_from_an_empty_state() -> None:
    """No nodes lead to the root of nothing."""
    statement = msgspec.structs.replace(STATE.checkpoint.statement, state_root=ZERO)
    signatures = tuple((n, key(f"node{n}").sign(statement.digest)) for n in range(3))
    proof = StateProof(b"key", None, (), Checkpoint(statement, signatures))
    assert is_proved(verify_state(CHAIN.genesis, proof))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": b"another"}, ["value"]),
        ({"value": None}, ["value"]),
        ({"key": b"another"}, ["value", "tree"]),
        ({"nodes": STATE.nodes[:-1]}, ["value", "tree"]),
        ({"nodes": STATE.nodes[1:]}, ["value", "tree"]),
        ({"nodes": (*STATE.nodes, STATE.nodes[-1])}, ["value", "tree"]),
        ({"nodes": (b"", *STATE.nodes)}, ["value", "tree"]),
        ({"nodes": ()}, ["value", "tree"]),
    ],
)
def test_a_tampered_state_proof_fails(fields: dict[str, Any], expected: list[str]) -> None:
    """Another value, another key, nodes left out or added."""
    proof = msgspec.structs.replace(STATE, **fields)
    assert failing(verify_state(CHAIN.genesis, proof)) == expected


@pytest.mark.parametrize(
    "content", [b"\0", b"\0\xff", b"\1", b"\1" + bytes(511), b"\2" + bytes(512), b"\1" + bytes(513)]
)
def test_nodes_that_no_tree_has_prove_nothing(content: bytes) -> None:
    """Even if a quorum had signed their digest."""
    statement = msgspec.structs.replace(
        STATE.checkpoint.statement, state_root=sha256(b"weft:state\0" + content).digest()
    )
    proof = StateProof(b"key", None, (content,), Checkpoint(statement, ()))
    assert "tree" in failing(verify_state(CHAIN.genesis, proof))


Verify = Callable[[bytes], list[Step]]


def verifiers() -> list[tuple[bytes, Verify]]:
    genesis = CHAIN.genesis
    return [
        (encode(FILE), lambda raw: verify_file(genesis, ID, DIGEST, decode(FileProof, raw))),
        (encode(STATE), lambda raw: verify_state(genesis, decode(StateProof, raw))),
    ]


@pytest.mark.parametrize(("raw", "verify"), verifiers())
@given(st.data())
def test_a_proof_with_any_byte_changed_is_refused_and_raises_nothing(
    raw: bytes, verify: Verify, data: st.DataObject
) -> None:
    """Either it is no encoding of a proof any more, or a step of it fails."""
    place = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    changed = raw[:place] + bytes((byte,)) + raw[place + 1 :]
    try:
        steps = verify(changed)
    except EncodingError:
        return
    assert not is_proved(steps)


def test_a_proof_without_steps_proves_nothing() -> None:
    """Nothing shown is nothing proved."""
    assert not is_proved([])


def test_a_path_of_hostile_numbers_is_refused() -> None:
    """Counts that no list has, in memory or on the wire."""
    hostile = Proof(0, 2**63 - 1, ())
    assert "block" in failing(verify_transaction(CHAIN.genesis, replaced(transaction_path=hostile)))
    with pytest.raises(EncodingError):
        decode(Proof, encode(Proof(0, 2**64 - 1, ())))


def test_a_statement_says_the_height_it_is_of() -> None:
    """A quorum's word on another height does not vouch for this header."""
    wrong = Statement(CHAIN.genesis.chain, 0, 3, CHAIN.blocks[4].header.hash, CHAIN.roots[4])
    signatures = tuple((n, key(f"node{n}").sign(wrong.digest)) for n in range(3))
    assert failing(verify_transaction(CHAIN.genesis, replaced(checkpoint=Checkpoint(wrong, signatures)))) == [
        "chain"
    ]
