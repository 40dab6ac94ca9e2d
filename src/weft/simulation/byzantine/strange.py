"""Transactions that nobody sane would propose."""

from collections.abc import Callable
from functools import partial

from weft.consensus.core import Core
from weft.model.call import PutRecords, RecordItem, RemoveRecord, SetRole
from weft.model.encoding import encode
from weft.model.genesis import Role
from weft.model.message import Announced, Item
from weft.model.transaction import Attachment, Commitment, Idempotency, Transaction, sign_transaction
from weft.model.vertex import Vertex, decode_vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

KEPT = 200
KINDS = (
    "again", "another's", "expired", "too far", "no contract", "no call", "bad arguments", "bad names",
    "nothing attached", "another's commitment", "one commitment twice", "content that is not", "tag",
    "erasure", "role",
)  # fmt: skip


class Strange(Lie):
    """Proposes transactions of its own and of others again and again, expired ones, ones that fail in every
    way, ones that state another's commitment, and ones whose content does not exist.

    All of them are valid in a vertex. Each takes effect at most once or fails with a receipt and nothing
    else; no contract may stumble.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._kinds = liar.random.sample(KINDS, liar.random.randint(1, 6))
        self._chance = liar.random.choice((0.1, 0.5, 1.0))
        self._seen: list[bytes] = []
        self._own: list[bytes] = []
        self._stated: list[Commitment] = []

    def bend(self, core: Core) -> None:
        proposer = core.__dict__["_proposer"]
        proposer.__dict__["propose"] = partial(self._propose, core, proposer.propose)

    def receives(self, member: int, item: Item) -> bool:
        if isinstance(item, Announced):
            self._seen += decode_vertex(item.vertex).batch
            del self._seen[:-KEPT]
            self._stated += (Commitment(one.commitment, len(one.content)) for one in item.attachments)
            del self._stated[:-KEPT]
        return True

    def _propose(
        self,
        core: Core,
        propose: Callable[[int, int, bool], Vertex | None],
        round_: int,
        time_ms: int,
        is_vote: bool,
    ) -> Vertex | None:
        if self.liar.random.random() < self._chance:
            for kind in self.liar.random.choices(self._kinds, k=self.liar.random.choice((1, 1, 3))):
                self._add(core, kind, time_ms)
        return propose(round_, time_ms, is_vote)

    def _add(self, core: Core, kind: str, time_ms: int) -> None:
        known = {"again": self._own, "another's": self._seen}.get(kind)
        raws = (
            [self._make(kind, time_ms)]
            if known is None
            else self.liar.random.choices(known, k=2 if known else 0)
        )
        room, proposer = core.room(), core.__dict__["_proposer"]
        for raw in raws:
            if room.transactions > len(raws) and room.bytes > len(raws) * len(raw):
                proposer.submit((raw,), 0)
                self.told[kind] += 1
        self._own = [*self._own, *raws][-KEPT:]

    def _make(self, kind: str, time_ms: int) -> bytes:
        random, hour = self.liar.random, 3_600_000
        content = Attachment(random.randbytes(32), b"{}")
        stated: tuple[Commitment, ...] = (Commitment(content.commitment, 2),)
        contract, call, expires_ms, tag = "records", "put", time_ms + hour, None
        arguments = encode(PutRecords((RecordItem("notes", "key0", 0, None),)))
        match kind:
            case "expired":
                stated, expires_ms = (), max(0, time_ms - random.choice((0, 1, hour)))
            case "too far":
                stated, expires_ms = (), time_ms + random.choice((25 * hour, 2**62))
            case "no contract":
                stated, contract = (), random.choice(("x", "idempotency", "Records", "записи"))
            case "no call":
                stated, call = (), random.choice(("x", "__init__", "putt"))
            case "bad arguments":
                stated, arguments = (), random.choice((b"", b"\xc1", random.randbytes(40), b"\x91" * 60_000))
            case "bad names":
                names = ("", "a/b", "\0", "x" * 300, "é" * 200, "..")
                items = tuple(RecordItem(random.choice(("notes", "No", "")), name, 0, None) for name in names)
                stated, arguments = (), encode(PutRecords(items))
            case "nothing attached":
                items = tuple(
                    RecordItem("notes", f"key{one}", one, None) for one in range(random.choice((1, 500, 501)))
                )
                stated, arguments = (), encode(PutRecords(items))
            case "another's commitment":
                stated = (random.choice(self._stated),) if self._stated else ()
            case "one commitment twice":
                stated = tuple(self._stated[-1:]) * 2
            case "tag":
                stated, tag = (), Idempotency(bytes(32), random.choice((bytes(32), random.randbytes(32))))
            case "erasure":
                stated, call = (), random.choice(("erase", "delete"))
                arguments = encode(
                    RemoveRecord("notes", f"key{random.randrange(8)}", random.choice((None, 1, 2**63 - 1)))
                )
            case "role":
                stated, contract, call = (), "members", "set"
                role: Role | None = random.choice((None, "administrator", "reader"))
                arguments = encode(SetRole(self.liar.signer.public, role))
        chain, signer, nonce = self.liar.genesis.chain, self.liar.signer, random.randbytes(16)
        transaction = Transaction(
            1, chain, signer.public, nonce, expires_ms, contract, call, arguments, stated, tag, bytes(64)
        )
        return sign_transaction(signer, transaction)
