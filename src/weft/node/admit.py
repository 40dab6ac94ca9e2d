"""The door: what arrives is decoded, bounded and signature-checked here, once, off the main path.

What comes out of here is valid by its own bytes (`docs/protocol/consensus.md` section 2, rules 1 and 4), so
nobody further in looks at a signature again. One signature (about 50 µs) is verified on the spot; a batch or
a large vertex goes to a worker as a whole, because the event loop gives way every 2 ms.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from weft.mempool.pool import Candidate
from weft.model.block import Checkpoint, SignedStatement
from weft.model.committee import Committee
from weft.model.digest import Digest
from weft.model.errors import ExpiredError, SignatureError, VertexError, WeftError
from weft.model.genesis import Genesis
from weft.model.keys import PublicKey, Signed, is_signed
from weft.model.transaction import (
    Attachment,
    Transaction,
    check_attachments,
    decode_transaction,
    decode_transactions,
    identity_of,
)
from weft.model.vertex import Vertex, decode_vertex
from weft.node.ports import Workers

ON_THE_SPOT_BYTES = 3_000
"""A vertex up to this size, a few transactions, is checked on the event loop."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A vertex valid by its own bytes, with what its transactions commit to."""

    vertex: Vertex
    commitments: tuple[Digest, ...]
    attachments: tuple[Attachment, ...]
    """Those that came along and match."""
    found: tuple[Digest, ...]
    """Their commitments."""


def is_small(raw: bytes, attachments: tuple[Attachment, ...]) -> bool:
    """Whether a vertex is checked on the event loop."""
    return len(raw) + sum([len(item.content) for item in attachments]) <= ON_THE_SPOT_BYTES


class Door:
    """Admission to one node."""

    def __init__(
        self,
        genesis: Genesis,
        workers: Workers,
        is_signed: Callable[[PublicKey, Digest, bytes], bool] = is_signed,
        are_signed: Callable[[Sequence[Signed]], list[bool]] | None = None,
    ) -> None:
        """`are_signed` is asked about many at a time, if it is given."""
        self._genesis = genesis
        self._chain = genesis.chain
        self._committee: Committee = genesis.committee
        self._workers = workers
        self.is_signed = is_signed
        self._are_signed = are_signed or (lambda items: [is_signed(*item) for item in items])

    def transactions(
        self, given: Sequence[tuple[Digest, bytes, tuple[Attachment, ...]]], wall_ms: int
    ) -> list[Candidate | WeftError]:
        """Clients' transactions, each given with its identity; or the errors that say why not."""
        decoded = [self._try_decode(raw, attachments, wall_ms) for _, raw, attachments in given]
        verdicts = iter(
            self._are_signed(
                [
                    (one.signer, identity, one.signature)
                    for (identity, _, _), one in zip(given, decoded, strict=True)
                    if isinstance(one, Transaction)
                ]
            )
        )
        return [
            _candidate(*item, one, next(verdicts)) if isinstance(one, Transaction) else one
            for item, one in zip(given, decoded, strict=True)
        ]

    async def vertex(self, raw: bytes, attachments: tuple[Attachment, ...]) -> Admitted:
        """A vertex from a peer; raises VertexError with what is wrong. Says nothing of its parents."""
        if is_small(raw, attachments):
            return self.check_vertex(raw, attachments)
        return await self._workers.run("verify", lambda: self.check_vertex(raw, attachments))

    def word(self, word: SignedStatement) -> bool:
        """Whether it is the word of a member of this chain's committee."""
        return (
            word.statement.chain == self._chain
            and word.statement.epoch == self._committee.epoch
            and word.member < self._committee.size
            and self.is_signed(
                self._committee.members[word.member].public, word.statement.digest, word.signature
            )
        )

    def checkpoint(self, checkpoint: Checkpoint) -> bool:
        """Whether members of a quorum's weight signed it."""
        members = [member for member, _ in checkpoint.signatures]
        return (
            all(first < second for first, second in pairwise(members))
            and all(member < self._committee.size for member in members)
            and self._committee.weigh(members) >= self._committee.quorum
            and all(
                self.word(SignedStatement(checkpoint.statement, member, signature))
                for member, signature in checkpoint.signatures
            )
        )

    def _try_decode(
        self, raw: bytes, attachments: tuple[Attachment, ...], wall_ms: int
    ) -> Transaction | WeftError:
        try:
            return self._decode(raw, attachments, wall_ms)
        except WeftError as error:
            return error

    def _decode(self, raw: bytes, attachments: tuple[Attachment, ...], wall_ms: int) -> Transaction:
        limits = self._genesis.limits
        transaction = decode_transaction(raw, self._chain, limits)
        check_attachments(transaction, attachments)
        ahead_ms = transaction.expires_ms - wall_ms
        if not 0 < ahead_ms <= limits.lifetime_ms_max:
            raise ExpiredError(
                f"the transaction expires {ahead_ms} ms from now; "
                f"it must be between 1 and {limits.lifetime_ms_max}"
            )
        return transaction

    def check_vertex(self, raw: bytes, attachments: tuple[Attachment, ...]) -> Admitted:
        """The same on the spot, for one that `is_small`."""
        if len(raw) > self._genesis.limits.vertex_bytes_max:
            raise VertexError(f"a vertex of {len(raw)} bytes")
        try:
            vertex = decode_vertex(raw)
            self._check_slot(vertex)
            if not vertex.batch:
                return Admitted(vertex, (), (), ())
            stated = self._check_batch(vertex)
        except WeftError as error:
            raise VertexError(str(error)) from None
        sizes = dict(stated)
        found = {item.commitment: item for item in attachments}
        matching = {name: item for name, item in found.items() if sizes.get(name) == len(item.content)}
        return Admitted(vertex, tuple(sizes), tuple(matching.values()), tuple(matching))

    def _check_slot(self, vertex: Vertex) -> None:
        committee = self._committee
        if vertex.chain != self._chain or vertex.epoch != committee.epoch:
            raise VertexError(f"of chain {vertex.chain.hex()}, epoch {vertex.epoch}")
        if vertex.author >= committee.size or vertex.round < 1:
            raise VertexError(f"of author {vertex.author} and round {vertex.round}")
        if not self.is_signed(committee.members[vertex.author].public, vertex.digest, vertex.signature):
            raise VertexError(f"not signed by its author {vertex.author}")

    def _check_batch(self, vertex: Vertex) -> list[tuple[Digest, int]]:
        """All (commitment, size) that the transactions state; raises on the first invalid transaction."""
        limits = self._genesis.limits
        if len(vertex.batch) > limits.batch_transactions_max:
            raise VertexError(f"a batch of {len(vertex.batch)} transactions")
        if sum(map(len, vertex.batch)) > limits.batch_bytes_max:
            raise VertexError(f"a batch of more than {limits.batch_bytes_max} bytes")
        transactions = decode_transactions(vertex.batch, self._chain, limits)
        stated = [(item.digest, item.size) for one in transactions for item in one.attachments]
        if sum([size for _, size in stated]) > limits.vertex_attachment_bytes_max:
            raise VertexError(f"attachments of more than {limits.vertex_attachment_bytes_max} bytes")
        if self._committee.fault_model == "byzantine" and not all(
            self._are_signed(
                [
                    (one.signer, identity_of(raw), one.signature)
                    for raw, one in zip(vertex.batch, transactions, strict=True)
                ]
            )
        ):
            raise VertexError("a transaction's signature is not its signer's")
        return stated


def _candidate(
    identity: Digest,
    raw: bytes,
    attachments: tuple[Attachment, ...],
    transaction: Transaction,
    is_signed: bool,
) -> Candidate | WeftError:
    if not is_signed:
        return SignatureError(f"the signature of transaction {identity.hex()} is not its signer's")
    return Candidate(identity, raw, attachments, transaction.attachment_bytes)
