"""A whole ledger in memory, without nodes: what execution, sealing and proofs are tested on.

Everything in it follows from names and numbers, so two chains built alike are equal byte for byte.
"""

from bisect import bisect_right
from hashlib import sha256

from weft.apps.collections import contract as collections
from weft.apps.files import contract as files
from weft.execution.builtin import members, records
from weft.execution.executor import Outcome, execute, found
from weft.ledger.seal import opens_window, seal, seal_genesis
from weft.ledger.state_tree import update
from weft.model.block import Block, Checkpoint, Header, Sealed, Statement
from weft.model.call import PutRecords, RecordItem, RemoveRecord
from weft.model.commit import Commit, next_order_hash
from weft.model.committee import FaultModel, Member
from weft.model.digest import Digest
from weft.model.encoding import Record, encode
from weft.model.genesis import Account, Genesis, Role
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import Limits
from weft.model.receipt import Receipt, decode_receipt
from weft.model.transaction import Attachment, Commitment, Idempotency, Transaction, sign_transaction

BEGIN_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
CONTRACTS = {one.CONTRACT.name: one.CONTRACT for one in (records, members, files, collections)}


def key(name: str, curve: int = ED25519) -> PrivateKey:
    """The key of whoever is called so."""
    return PrivateKey(curve, sha256(name.encode()).digest())


def attachment(content: bytes, salt: str = "salt") -> Attachment:
    return Attachment(sha256(salt.encode() + content).digest(), content)


def make_genesis(
    is_open: bool = True,
    members: int = 4,
    fault_model: FaultModel = "byzantine",
    limits: Limits | None = None,
    **roles: Role,
) -> Genesis:
    """A genesis with members node0, node1, … and accounts by name."""
    return Genesis(
        version=1,
        name="test",
        created_ms=BEGIN_MS,
        fault_model=fault_model,
        members=tuple(Member(f"node{place}", key(f"node{place}").public.key, 1) for place in range(members)),
        limits=limits or Limits(),
        is_open=is_open,
        accounts=tuple(Account(key(name).public, role) for name, role in roles.items()),
    )


class MemoryState:
    """Keys and values, as a store has them."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        return self.values.get(key)

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        keys = sorted(key for key in self.values if key.startswith(prefix))
        first = bisect_right(keys, after)
        return [(key, self.values[key]) for key in keys[first : first + limit]]

    def apply(self, writes: "tuple[tuple[bytes, bytes | None], ...]") -> None:
        for key, value in writes:
            if value is None:
                self.values.pop(key, None)
            else:
                self.values[key] = value


class Chain:
    """Commits come in, blocks and state are there."""

    def __init__(self, genesis: Genesis | None = None) -> None:
        self.genesis = genesis or make_genesis()
        self.state = MemoryState()
        self.nodes: dict[bytes, bytes] = {}
        self.blocks: list[Block] = []
        self.roots: list[Digest] = []
        """The state root after each height."""
        self.erased: list[Digest] = []
        self.used: set[Digest] = set()
        """Commitments that executed transactions state."""
        self._window = 0
        self._nonce = 0
        self._round = 0
        self._add(seal_genesis(self.genesis, found(self.genesis, CONTRACTS))[0])

    @property
    def head(self) -> Header:
        return self.blocks[-1].header

    @property
    def time_ms(self) -> int:
        return self.head.time_ms

    def sign(
        self,
        signer: str,
        contract: str,
        call: str,
        arguments: Record | bytes,
        *contents: bytes | Attachment,
        wish: tuple[str, str] | None = None,
        expires_ms: int | None = None,
        curve: int = ED25519,
    ) -> bytes:
        """A raw transaction; `wish` is (Idempotency-Key, meaning)."""
        self._nonce += 1
        nonce = sha256(self._nonce.to_bytes(8, "big")).digest()[:16]
        given = [attachment(one, str(self._nonce)) if isinstance(one, bytes) else one for one in contents]
        private = key(signer, curve)
        return sign_transaction(
            private,
            Transaction(
                version=1,
                chain=self.genesis.chain,
                signer=private.public,
                nonce=nonce,
                expires_ms=self.time_ms + HOUR_MS if expires_ms is None else expires_ms,
                contract=contract,
                call=call,
                arguments=arguments if isinstance(arguments, bytes) else encode(arguments),
                attachments=tuple(Commitment(one.commitment, len(one.content)) for one in given),
                idempotency=None if wish is None else Idempotency(*(_hash(part) for part in wish)),
                signature=bytes(64),
            ),
        )

    def put(
        self,
        signer: str,
        key: str,
        content: bytes | Attachment = b"{}",
        expected: int | None = None,
        collection: str = "notes",
        wish: tuple[str, str] | None = None,
        expires_ms: int | None = None,
    ) -> bytes:
        """A transaction that writes one record."""
        arguments = PutRecords((RecordItem(collection, key, 0, expected),))
        return self.sign(signer, "records", "put", arguments, content, wish=wish, expires_ms=expires_ms)

    def remove(self, signer: str, call: str, key: str, expected: int | None = None) -> bytes:
        """A transaction that deletes or erases a record of the collection `notes`."""
        return self.sign(signer, "records", call, RemoveRecord("notes", key, expected))

    def commit(self, *transactions: bytes, after_ms: int = 10, rounds: int = 1) -> Outcome:
        """Execute and seal the next commit."""
        self._round += rounds
        time_ms = self.time_ms + after_ms
        order_hash = next_order_hash(self.head.order_hash, self._round, (), (), time_ms)
        commit = Commit(self._round, time_ms, (), (), order_hash)
        height = self.head.height + 1
        outcome = execute(
            self.genesis,
            CONTRACTS,
            self.state,
            self.is_known,
            self.used.__contains__,
            height,
            time_ms,
            transactions,
        )
        rooted = (self._window, self.roots[self._window])
        sealed = seal(self.genesis, self.head, self.head.hash, rooted, commit, outcome)
        if sealed is not None:
            self._add(sealed)
        return outcome

    def run(self, *transactions: bytes, after_ms: int = 10) -> list[Receipt]:
        """The receipts of the next commit."""
        return [decode_receipt(raw) for raw in self.commit(*transactions, after_ms=after_ms).receipts]

    def is_known(self, identity: Digest) -> bool:
        return any(
            decode_receipt(raw).transaction == identity for block in self.blocks for raw in block.receipts
        )

    def checkpoint(self, height: int, signers: tuple[int, ...] = (0, 1, 2)) -> Checkpoint:
        """A block's checkpoint, signed by these members."""
        header = self.blocks[height].header
        statement = Statement(header.chain, header.epoch, height, header.hash, self.roots[height])
        return Checkpoint(
            statement, tuple((place, key(f"node{place}").sign(statement.digest)) for place in signers)
        )

    def _add(self, sealed: Sealed) -> None:
        parent = self.blocks[-1].header if self.blocks else None
        self.blocks.append(sealed.block)
        self.state.apply(sealed.writes)
        self.erased += sealed.erased
        self.used.update(sealed.commitments)
        root, nodes = update(self.nodes.get, sealed.writes)
        self.roots.append(root)
        for path, content in nodes:
            self.nodes[path] = content
            if not content:
                del self.nodes[path]
        if opens_window(sealed.block.header, parent, self.genesis.limits):
            self._window = sealed.block.header.height


def _hash(text: str) -> Digest:
    return sha256(text.encode()).digest()
