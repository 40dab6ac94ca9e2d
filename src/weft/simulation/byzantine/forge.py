"""Signatures that are not what they should be."""

from collections.abc import Iterable, Sequence

import msgspec

from weft.model.block import Checkpoint, SignedStatement, Statement
from weft.model.encoding import decode, encode
from weft.model.message import Announced, Certified, Item, Signed
from weft.model.transaction import Transaction, sign_transaction
from weft.model.vertex import Vertex, Wire, sign_vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

KINDS = (
    "vertex", "another's vertex", "transaction", "other chain", "no transaction", "too large", "other epoch",
    "word", "another's word", "checkpoint", "stranger's checkpoint",
)  # fmt: skip


class Forge(Lie):
    """Sends vertices, words and checkpoints with signatures that are wrong or in another's name, and vertices
    whose batch is invalid.

    Whoever sends such a thing is cut off for a while, and nothing of it reaches the core.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._kinds = liar.random.sample(KINDS, liar.random.randint(1, 4))
        self._chance = liar.random.choice((0.02, 0.2))

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        if self.liar.random.random() > self._chance:
            return (item,)
        kind = self.liar.random.choice(self._kinds)
        self.told[kind] += 1
        return (self._lie(kind, vertex), item)

    def _lie(self, kind: str, vertex: Vertex) -> Item:
        victim = self.liar.random.choice([member for member in self.members if member != self.liar.place])
        match kind:
            case "word" | "another's word":
                signed = self._statement
                member = self.liar.place if kind == "word" else victim
                return Signed(SignedStatement(signed, member, self.liar.random.randbytes(64)))
            case "checkpoint" | "stranger's checkpoint":
                members = self.members if kind == "checkpoint" else range(len(self.members) + 1)
                signature = self.liar.signer.sign(self._statement.digest)
                return Certified(
                    Checkpoint(self._statement, tuple((member, signature) for member in members))
                )
            case "vertex":
                return Announced(vertex.raw[:-1] + bytes((vertex.raw[-1] ^ 1,)), ())
            case "another's vertex":
                return Announced(self._in_name_of(victim, vertex).raw, ())
            case "other epoch":
                wire = msgspec.structs.replace(decode(Wire, vertex.raw), epoch=1)
                return Announced(encode(wire), ())
            case _:
                return Announced(self.retell(vertex, batch=(*vertex.batch, *self._batch(kind))).raw, ())

    def _batch(self, kind: str) -> Sequence[bytes]:
        chain = self.liar.random.randbytes(32) if kind == "other chain" else self.liar.genesis.chain
        arguments = bytes(65_000) if kind == "too large" else b""
        signer, key = self.liar.signer, self.liar.signer.public
        raw = sign_transaction(
            signer,
            Transaction(1, chain, key, bytes(16), 2**62, "records", "put", arguments, (), None, bytes(64)),
        )
        match kind:
            case "no transaction":
                return (self.liar.random.choice((b"", raw[:-1], raw + b"\0", b"\xc1" * 100)),)
            case "transaction":
                return (raw[:-1] + bytes((raw[-1] ^ 1,)),)
            case "too large":
                return (raw,) * 20
            case _:
                return (raw,)

    def _in_name_of(self, victim: int, vertex: Vertex) -> Vertex:
        own, *others = vertex.parents
        parents = sorted((own, *others), key=lambda parent: parent.author != victim)
        return sign_vertex(
            self.liar.signer,
            vertex.chain,
            vertex.epoch,
            victim,
            vertex.round,
            vertex.time_ms,
            tuple(parents),
            (),
        )

    @property
    def _statement(self) -> Statement:
        height = self.liar.random.choice((1, 1_000))
        return Statement(
            self.liar.genesis.chain, 0, height, self.liar.random.randbytes(32), self.liar.random.randbytes(32)
        )
