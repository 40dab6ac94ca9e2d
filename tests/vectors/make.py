"""Writes the vectors for other languages: `python -m tests.vectors.make`.

Each file is a list of cases; bytes are lower-case hex. A case names its inputs and what must come out, so
that an implementation can be checked one noun at a time: first encodings, then digests, and so on to a block
with its receipts and the checkpoint over it.
"""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tests.chain import HOUR_MS, Chain, attachment, key, make_genesis
from weft.ledger.proof import prove_state, prove_transaction
from weft.ledger.state_tree import update
from weft.model import merkle
from weft.model.call import CreateFile, PutRecords, RecordItem, RemoveRecord, SetRole, ShareFile
from weft.model.commit import next_order_hash
from weft.model.digest import digest
from weft.model.encoding import Record, encode
from weft.model.keys import ED25519, SECP256K1, is_signed
from weft.model.proof import verify_state, verify_transaction
from weft.model.receipt import decode_receipt, digest_writes
from weft.model.transaction import Idempotency, Transaction, identity_of
from weft.model.vertex import Reference, implied_reference, sign_vertex

FOLDER = Path(__file__).parent
Cases = list[dict[str, Any]]

CHAIN_ID = digest("genesis", b"vectors")
REFUSED = {
    "an integer in a longer form": "92cc01a161",
    "a string in a longer form": "9201d90161",
    "an array in a longer form": "dc000201a161",
    "a byte too many": "9201a16100",
    "a byte too few": "9201a1",
    "a field too many": "9301a161c0",
    "a field too few": "9101",
    "a map": "82000101a161",
    "a float": "92cb3ff0000000000000a161",
    "text that is not UTF-8": "9201a1ff",
    "bytes in the place of text": "9201c40161",
    "a negative number": "92ffa161",
}


def encodings() -> Cases:
    """Values and their one encoding; then bytes that are no encoding of (natural number, text)."""
    values: list[Record] = [
        Reference(0, 1, bytes(32)),
        Reference(127, 128, bytes(32)),
        Reference(1, 2**32, bytes(32)),
        Idempotency(bytes(32), b"\xff" * 32),
        PutRecords((RecordItem("notes", "Grüße", 0, None), RecordItem("notes", "b" * 32, 1, 7))),
        RemoveRecord("notes", "a", 0),
        CreateFile(bytes(range(16)), 2**31, "image/jpeg", 0, 1, 2, None),
        CreateFile(bytes(range(16)), 0, "image/jpeg", 0, 1, 2, 3, ("ab" * 16, "cd" * 20)),
        ShareFile(bytes(range(16)), ()),
        SetRole(key("ann").public, "reader"),
        SetRole(key("ann", SECP256K1).public, None),
    ]
    taken = [{"value": plain(value), "bytes": encode(value).hex()} for value in values]
    return taken + [{"refused": why, "bytes": raw} for why, raw in REFUSED.items()]


def digests() -> Cases:
    """SHA-256 over `weft:`, the domain, a zero byte and the data."""
    domains = ("genesis", "transaction", "attachment", "vertex", "order", "header", "checkpoint", "state")
    data = [("transaction", b""), *((domain, b"data") for domain in domains)]
    return [
        {"domain": domain, "data": raw.hex(), "digest": digest(domain, raw).hex()} for domain, raw in data
    ]


def addresses() -> Cases:
    """The first 20 bytes of the digest of curve and key, domain `address`."""
    return [
        {
            "seed": sha256(name.encode()).hexdigest(),
            "curve": curve,
            "key": key(name, curve).public.key.hex(),
            "address": key(name, curve).public.address.hex(),
        }
        for name in ("ann", "bob")
        for curve in (ED25519, SECP256K1)
    ]


def signatures() -> Cases:
    """Over 32-byte digests; with those that must be refused."""
    found: Cases = []
    for curve, order, byte_order in (
        (ED25519, 2**252 + 27742317777372353535851937790883648493, "little"),
        (SECP256K1, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141, "big"),
    ):
        private, message = key("ann", curve), sha256(b"message").digest()
        good = private.sign(message)
        s = int.from_bytes(good[32:], byte_order)  # type: ignore[arg-type]
        other = (order + s if curve == ED25519 else order - s).to_bytes(32, byte_order)  # type: ignore[arg-type]
        for note, signature in (
            ("good", good),
            ("s in its other form", good[:32] + other),
            ("another message's", private.sign(sha256(b"other").digest())),
            ("zeros", bytes(64)),
        ):
            found.append(
                {
                    "note": note,
                    "curve": curve,
                    "key": private.public.key.hex(),
                    "message": message.hex(),
                    "signature": signature.hex(),
                    "is_signed": is_signed(private.public, message, signature),
                }
            )
    return found


def merkle_lists() -> Cases:
    """Roots of lists of every interesting length, with the proof of the last item."""
    found: Cases = []
    for count in (0, 1, 2, 15, 16, 17, 256, 257):
        items = [b"item %d" % place for place in range(count)]
        case: dict[str, Any] = {"domain": "transactions", "items": [item.hex() for item in items]}
        case["root"] = merkle.root("transactions", items).hex()
        if items:
            case["proof_of_last"] = plain(merkle.prove(items, count - 1))
        found.append(case)
    return found


def state_trees() -> Cases:
    """Roots of states, from nothing to one that is four levels deep."""
    found: Cases = []
    for count in (0, 1, 16, 17, 400):
        values = {b"key %d" % place: b"value %d" % place for place in range(count)}
        root, nodes = update(lambda path: None, values.items())
        case: dict[str, Any] = {"keys": f"'key 0' to 'key {count - 1}', value 'value N'" if count else "none"}
        case["root"] = root.hex()
        if count <= 17:
            case["nodes"] = {path.decode(): content.hex() for path, content in nodes}
        found.append(case)
    return found


def transactions() -> Cases:
    """Signed transactions of both curves, with identity and attachments."""
    chain, found = Chain(), list[dict[str, Any]]()
    for curve in (ED25519, SECP256K1):
        given = attachment(b'{"n":1}')
        arguments = PutRecords((RecordItem("notes", "a", 0, 0),))
        raw = chain.sign("ann", "records", "put", arguments, given, wish=("key", "meaning"), curve=curve)
        found.append(
            {
                "seed": sha256(b"ann").hexdigest(),
                "fields": plain(msgspec.msgpack.decode(raw, type=Transaction)),
                "attachments": [{"salt": given.salt.hex(), "content": given.content.hex()}],
                "raw": raw.hex(),
                "identity": identity_of(raw).hex(),
            }
        )
    return found


def vertices() -> Cases:
    """A signed vertex, the implied ones that it names, and the order hash of a commit of it."""
    parents = tuple(implied_reference(CHAIN_ID, 0, author) for author in range(4))
    made = sign_vertex(key("node0"), CHAIN_ID, 0, 0, 1, 1_700_000_000_000, parents, (b"one", b"two"))
    ordered = (made.reference,)
    return [
        {
            "chain": CHAIN_ID.hex(),
            "seed": sha256(b"node0").hexdigest(),
            "implied": [parent.digest.hex() for parent in parents],
            "batch_root": merkle.root("batch", made.batch).hex(),
            "digest": made.digest.hex(),
            "raw": made.raw.hex(),
            "next_order_hash": next_order_hash(CHAIN_ID, 1, ordered, ordered, made.time_ms).hex(),
        }
    ]


def blocks() -> Cases:
    """A chain of three blocks: headers, receipts, state, a checkpoint, and two proofs from it."""
    chain = Chain(make_genesis(gate="gateway", ann="administrator"))
    photo = attachment(sha256(b"photo").digest())
    made = CreateFile(bytes(range(16)), 5, "image/jpeg", 0, 1, 2, None)
    chain.commit(
        chain.put("ann", "a", attachment(b'{"n":1}'), wish=("key", "meaning")),
        chain.sign("gate", "files", "create", made, photo, b"photo.jpg", b"{}"),
        chain.put("gate", "a", attachment(b'{"n":2}'), expected=7),
    )
    chain.commit(
        chain.put("gate", "a", attachment(b'{"n":3}')),
        chain.remove("gate", "erase", "a"),
        after_ms=HOUR_MS // 60,
    )
    checkpoint = chain.checkpoint(2)
    proof = prove_transaction(chain.blocks[1], 1, (chain.head,), checkpoint)
    some_key = max(chain.state.values)
    state_proof = prove_state(chain.nodes.get, some_key, chain.state.values[some_key], checkpoint)
    assert all(step.holds for step in verify_transaction(chain.genesis, proof))
    assert all(step.holds for step in verify_state(chain.genesis, state_proof))
    found: Cases = [{"genesis": encode(chain.genesis).hex(), "chain": chain.genesis.chain.hex()}]
    for block, root in zip(chain.blocks, chain.roots, strict=True):
        found.append(
            {
                "header": plain(block.header),
                "header_bytes": encode(block.header).hex(),
                "hash": block.header.hash.hex(),
                "transactions": [raw.hex() for raw in block.transactions],
                "receipts": [raw.hex() for raw in block.receipts],
                "receipts_shown": [plain(decode_receipt(raw)) for raw in block.receipts],
                "state_root_after": root.hex(),
            }
        )
    state = sorted(chain.state.values.items())
    found.append(
        {
            "state": [[place.hex(), value.hex()] for place, value in state],
            "digest_of_all_as_writes": digest_writes(tuple(state)).hex(),
            "checkpoint": encode(checkpoint).hex(),
            "checkpoint_digest": checkpoint.statement.digest.hex(),
            "transaction_proof": encode(proof).hex(),
            "state_proof": encode(state_proof).hex(),
        }
    )
    return found


def plain(value: Any) -> Any:
    """A record as JSON shows it: an object by field, bytes as hex."""
    match value:
        case bytes():
            return value.hex()
        case tuple() | list():
            return [plain(one) for one in value]
        case Record():
            return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    return value


FILES: dict[str, Callable[[], Cases]] = {
    "encodings": encodings,
    "digests": digests,
    "addresses": addresses,
    "signatures": signatures,
    "merkle": merkle_lists,
    "state_trees": state_trees,
    "transactions": transactions,
    "vertices": vertices,
    "blocks": blocks,
}


def written(name: str) -> str:
    """The text of a file of vectors."""
    make = FILES[name]
    document = {"about": (make.__doc__ or "").strip(), "cases": make()}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in FILES:
        (FOLDER / f"{name}.json").write_text(written(name), encoding="utf-8")
