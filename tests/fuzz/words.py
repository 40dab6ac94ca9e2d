"""What members and clients send: every message and what it carries, the frames and certificates around."""

import asyncio
from base64 import encodebytes
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from google.protobuf.message import DecodeError

from tests.chain import BEGIN_MS, HOUR_MS, Chain, attachment, key, make_genesis
from tests.fuzz.target import Target
from weft.consensus.messages import Base
from weft.ledger.proof import prove_state, prove_transaction
from weft.model import message
from weft.model.block import Block, Checkpoint, Header, SignedStatement
from weft.model.call import (
    ChangeCollection,
    CreateCollection,
    CreateFile,
    DeleteCollection,
    EraseFile,
    PutRecords,
    RecordItem,
    RemoveRecord,
    SetRole,
    ShareCollection,
    ShareFile,
    TagFile,
    UpdateCollection,
    UpdateFile,
)
from weft.model.commit import Commit, next_order_hash
from weft.model.digest import digest
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError, PeerError, VertexError, WeftError
from weft.model.genesis import Genesis
from weft.model.limits import Limits
from weft.model.proof import (
    FileProof,
    StateProof,
    TransactionProof,
    is_proved,
    verify_file,
    verify_state,
    verify_transaction,
)
from weft.model.receipt import Receipt, decode_receipt
from weft.model.transaction import Attachment, Transaction, decode_transaction, identity_of
from weft.model.vertex import Vertex, Wire, decode_vertex, implied_reference, sign_vertex
from weft.network.bounds import BOUNDS
from weft.network.generated import peer_pb2
from weft.network.tls import Tls, authority
from weft.network.wire import find_opening, pack, pack_opening, unpack
from weft.node.admit import Door

LIMITS = Limits(transaction_bytes_max=2048, attachment_bytes_max=4096, depth=4, rounds_without_block_max=2)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID, DIGEST = bytes(16), digest("attachment", b"any")


@cache
def chain() -> Chain:
    """A small ledger with records, a failure and a checkpoint to prove things with."""
    ledger = Chain(make_genesis(limits=LIMITS, gateway="gateway", ann="administrator"))
    ledger.commit(ledger.put("ann", "a"), ledger.put("ann", "b", b'{"b":1}', expected=7))
    ledger.commit(ledger.put("ann", "a", b"[2]"), ledger.remove("ann", "erase", "a"))
    return ledger


@cache
def vertices() -> tuple[Vertex, ...]:
    """The first round of all members, each with a transaction."""
    genesis = chain().genesis
    before = [implied_reference(genesis.chain, 0, author) for author in range(4)]
    return tuple(
        sign_vertex(
            key(f"node{author}"), genesis.chain, 0, author, 1, BEGIN_MS,
            (before[author], *(one for one in before if one.author != author)),
            (chain().put("ann", f"k{author}", attachment(b"{}"), expires_ms=BEGIN_MS + HOUR_MS),),
        )
        for author in range(4)
    )  # fmt: skip


@cache
def commit() -> Commit:
    references = tuple(vertex.reference for vertex in vertices())
    order_hash = next_order_hash(DIGEST, 1, references, references, BEGIN_MS)
    return Commit(1, BEGIN_MS, references, references, order_hash)


@cache
def items() -> tuple[message.Item, ...]:
    """One of each kind that is pushed along a stream."""
    ledger, (_, first, second, *_) = chain(), vertices()
    checkpoint = ledger.checkpoint(2)
    word = SignedStatement(checkpoint.statement, *checkpoint.signatures[0])
    return (
        message.Opening(ledger.genesis.chain, 0, (1, 2, 3, 4), 2, "http://127.0.0.1:8700"),
        message.Resumed((1, 2, 3, 4)),
        message.Stated(2, ledger.head.hash, ledger.roots[2]),
        message.Announced(first.raw, (attachment(b"{}"),)),
        message.Signed(word),
        message.Certified(checkpoint),
        message.Evidence(*sorted((first.raw, second.raw))),
    )


@cache
def requests() -> tuple[message.Request, ...]:
    return (
        message.FetchVertices(commit().ordered),
        message.FetchAttachments((DIGEST, bytes(32))),
        message.FetchBlocks(1),
        message.FetchPiece(1, 100),
        message.FetchCommits(2),
        message.FetchCheckpoint(0),
        message.FetchTree(2, b"0a"),
        message.AskNewest(0, bytes(32)),
        message.ProveBlob(DIGEST, bytes(32)),
    )


@cache
def answers() -> tuple[message.Answer, ...]:
    ledger, vertex = chain(), vertices()[0]
    checkpoint = ledger.checkpoint(2)
    return (
        message.Vertices(tuple(one.raw for one in vertices()), (vertex.reference,)),
        message.Attachments((attachment(b"{}"),), ((DIGEST, 2),), 1, bytes(64)),
        message.Blocks(tuple(ledger.blocks[1:])),
        message.Piece(1000, bytes(20)),
        message.Commits((encode(commit()),)),
        message.Newest(checkpoint, SignedStatement(checkpoint.statement, *checkpoint.signatures[0])),
        message.Tree((bytes(32),) * 16, ((b"key", DIGEST),)),
        message.Told(0, bytes(32), 1, 1, vertex.raw, bytes(64)),
        message.BlobProof(DIGEST),
        message.Refused("busy"),
    )


@cache
def proofs() -> tuple[TransactionProof | FileProof | StateProof, ...]:
    ledger = chain()
    checkpoint = ledger.checkpoint(2)
    proved = prove_transaction(ledger.blocks[1], 0, [ledger.blocks[2].header], checkpoint)
    name, value = next(iter(ledger.state.values.items()))
    return (
        proved,
        FileProof(Attachment(bytes(32), DIGEST), proved),
        prove_state(ledger.nodes.get, name, value, checkpoint),
        prove_state(ledger.nodes.get, b"nothing", None, checkpoint),
    )


CALLS = (
    PutRecords((RecordItem("notes", "a", 0, None), RecordItem("notes", "b", 1, 7))),
    RemoveRecord("notes", "a", 1),
    CreateFile(bytes(16), 1000, "image/jpeg", 0, 1, 2, 3),
    UpdateFile(bytes(16), 0, 1, None, 2),
    EraseFile(bytes(16), None),
    ShareFile(bytes(16), ("ab" * 16, "cd" * 20)),
    TagFile(bytes(16), "eyes-1", 0),
    CreateCollection(bytes(16), 0, True),
    UpdateCollection(bytes(16), 0, None, 1),
    ChangeCollection(bytes(16), (bytes(16),), ()),
    ShareCollection(bytes(16), "cd" * 20, "read"),
    DeleteCollection(bytes(16), None),
    SetRole(key("ann").public, "writer"),
)


def _values() -> tuple[Any, ...]:
    ledger = chain()
    base = Base(0, 1, DIGEST, BEGIN_MS, commit().ordered, 3, 2)
    return (
        *(commit(), base, ledger.genesis, ledger.blocks[1], ledger.head, ledger.checkpoint(1), *CALLS),
        *(decode_receipt(raw) for raw in ledger.blocks[1].receipts),
        *proofs(),
    )


VALUES = (
    *(Commit, Base, Genesis, Block, Header, Checkpoint, Receipt),
    *(type(call) for call in CALLS),
    *(TransactionProof, FileProof, StateProof),
)
"""Records that come from disks, in arguments of calls, or with proofs; each of the others has a target."""


def check_value(raw: bytes) -> None:
    """What decodes as any record encodes back to these bytes."""
    for kind in VALUES:
        try:
            value = decode(kind, raw)
        except EncodingError:
            continue
        assert encode(value) == raw


def check_message(raw: bytes) -> None:
    """The three kinds of messages do not overlap."""
    found = []
    for read in (message.decode_item, message.decode_request, message.decode_answer):
        try:
            found.append(read(raw))
        except EncodingError:
            continue
    assert len(found) <= 1
    assert all(encode(value) == raw for value in found)


def check_vertex(raw: bytes) -> None:
    """Its digest is what its author signs, whatever the batch holds."""
    try:
        vertex = decode_vertex(raw)
    except EncodingError:
        return
    wire = Wire(
        vertex.chain, vertex.epoch, vertex.author, vertex.round, vertex.time_ms,
        vertex.parents, vertex.batch, vertex.signature,
    )  # fmt: skip
    assert encode(wire) == raw == vertex.raw


def check_transaction(raw: bytes) -> None:
    """Its identity is the digest of all fields but the signature, read off the bytes as they came."""
    genesis = chain().genesis
    try:
        transaction = decode_transaction(raw, genesis.chain, genesis.limits)
    except WeftError:
        return
    assert encode(transaction) == raw
    fields = [getattr(transaction, name) for name in Transaction.__struct_fields__[:-1]]
    assert identity_of(raw) == digest("transaction", encode(tuple(fields)))


class _Here:
    """Work is done where it is asked for."""

    async def run(self, _: str, call: Any) -> Any:
        return call()


@cache
def _door() -> tuple[Door, asyncio.AbstractEventLoop]:
    return Door(chain().genesis, _Here()), asyncio.new_event_loop()  # type: ignore[arg-type]


def check_door(raw: bytes) -> None:
    """What admission lets through is of this chain, bounded and signed; else VertexError and nothing else."""
    door, loop = _door()
    given = (attachment(b"{}"),)
    try:
        admitted = loop.run_until_complete(door.vertex(raw, given))
    except VertexError:
        pass
    else:
        assert admitted.vertex.raw == raw
        assert admitted.vertex.author < 4
        assert set(admitted.found) <= set(admitted.commitments)
    door.transactions([(identity_of(raw), raw, given)], BEGIN_MS)
    try:
        heard = message.decode_item(raw)
    except EncodingError:
        return
    if isinstance(heard, message.Signed):
        door.word(heard.word)
    elif isinstance(heard, message.Certified):
        door.checkpoint(heard.checkpoint)


def check_frame(raw: bytes) -> None:
    """A frame within the bounds, or PeerError."""
    try:
        frame = unpack(raw, BOUNDS)
    except PeerError:
        return
    assert len(frame.items) <= BOUNDS.frame_items
    for item in frame.items:
        check_message(item)


def check_opening(raw: bytes) -> None:
    """The first frame of a stream is an Opening of this chain, or PeerError or EncodingError."""
    try:
        opening, size = find_opening(unpack(raw, BOUNDS), chain().genesis.chain)
    except (PeerError, EncodingError):
        return
    assert opening.chain == chain().genesis.chain
    assert size == len(encode(opening))


def check_call(raw: bytes) -> None:
    """A question or a wish for a blob, as the service reads it: what is not one is a DecodeError."""
    for kind in (peer_pb2.Request, peer_pb2.BlobRequest, peer_pb2.Answer, peer_pb2.Chunk):
        try:
            kind.FromString(raw)
        except DecodeError:
            continue


@cache
def _tls() -> Tls:
    return Tls(chain().genesis, key("node0"), lambda: NOW)


def check_certificate(raw: bytes) -> None:
    """Whoever shows it is a member or nobody; DER is wrapped as gRPC would hand it over."""
    assert _tls().find_member(_pem(raw)) in (None, 0)
    _tls().find_member(raw)


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + encodebytes(der) + b"-----END CERTIFICATE-----\n"


def _certificates() -> list[bytes]:
    shown, root = _tls().identity().certificate, authority(chain().genesis.chain, key("node1").public.key)
    return [load_pem_x509_certificate(pem).public_bytes(Encoding.DER) for pem in (shown, root)]


def check_proof(raw: bytes) -> None:
    """Verification answers step by step and never raises; nothing but the true thing is proved."""
    genesis, ledger = chain().genesis, chain()
    for kind, verify in (
        (TransactionProof, verify_transaction),
        (StateProof, verify_state),
        (FileProof, lambda of, proof: verify_file(of, ID, DIGEST, proof)),
    ):
        try:
            proof: Any = decode(kind, raw)
        except EncodingError:
            continue
        if is_proved(verify(genesis, proof)) and isinstance(proof, StateProof):
            assert ledger.state.get(proof.key) == proof.value
        elif is_proved(verify(genesis, proof)) and isinstance(proof, TransactionProof):
            assert any(proof.transaction in block.transactions for block in ledger.blocks)


TARGETS = (
    Target("vertex", lambda: [vertex.raw for vertex in vertices()], check_vertex),
    Target(
        "transaction",
        lambda: [raw for block in chain().blocks for raw in block.transactions],
        check_transaction,
        size_max=2100,
    ),
    Target(
        "door",
        lambda: [
            *(vertex.raw for vertex in vertices()),
            *chain().blocks[1].transactions,
            *(encode(item) for item in items()),
        ],
        check_door,
    ),
    Target(
        "message",
        lambda: [encode(one) for one in (*items(), *requests(), *answers())],
        check_message,
        size_max=8192,
    ),
    Target("value", lambda: [encode(value) for value in _values()], check_value),
    Target("proof", lambda: [encode(proof) for proof in proofs()], check_proof),
    Target(
        "frame",
        lambda: [pack([encode(item) for item in items()], ping=7), pack((), pong=7), pack((b"",))],
        check_frame,
        size_max=16384,
    ),
    Target(
        "opening",
        lambda: [pack_opening(items()[0]), pack((encode(items()[1]),))],  # type: ignore[arg-type]
        check_opening,
    ),
    Target(
        "call",
        lambda: [
            *(peer_pb2.Request(body=encode(one)).SerializeToString() for one in requests()),
            peer_pb2.BlobRequest(name="0" * 64, offset=2**63).SerializeToString(),
        ],
        check_call,
    ),
    Target("certificate", _certificates, check_certificate),
)
