"""A node in one object: real execution and blocks over memory, no consensus and no disk.

It fits the Protocol that the REST interface asks for, and really stores: each write is a block of its own.
"""

import asyncio
import hmac
import time
from collections.abc import AsyncGenerator, Sequence
from hashlib import sha256
from typing import Literal

import msgspec

from tests.chain import Chain, key, make_genesis
from weft.execution.builtin import records
from weft.execution.builtin.members import find_role, may_read
from weft.model.block import Block, Checkpoint, Header
from weft.model.digest import Digest, digest
from weft.model.errors import (
    BehindError,
    ConflictError,
    ForbiddenError,
    PrunedError,
    SignatureError,
    UnauthorizedError,
    WeftError,
)
from weft.model.genesis import Genesis
from weft.model.keys import is_signed
from weft.model.receipt import decode_receipt
from weft.model.ticket import read_ticket
from weft.model.transaction import (
    Attachment,
    Commitment,
    Idempotency,
    Transaction,
    check_attachments,
    decode_transaction,
    identity_of,
    sign_transaction,
)
from weft.model.view import (
    Caller,
    EventRow,
    Fate,
    Health,
    Peer,
    RecordsView,
    RecordView,
    Status,
    VertexView,
    Wait,
    Wish,
)


class Twin:
    """`fault`, when set, is raised by every verb: a node that cannot serve."""

    def __init__(self, genesis: Genesis | None = None) -> None:
        self.ledger = Chain(genesis or make_genesis(gateway="gateway"))
        self.genesis = self.ledger.genesis
        self.chain = self.genesis.chain
        self.limits = self.genesis.limits
        self.url_peers: Sequence[str] = ["http://10.1.2.3:8701", "http://weft.example:8702"]
        self.tokens: dict[str, str] = {}
        """Bearer token → name of the account's key."""
        self.contents: dict[Digest, Attachment] = {}
        self.erased: dict[Digest, int] = {}
        self.is_stalled = False
        """Transactions are taken and never executed."""
        self.fault: WeftError | None = None
        self.health_now = Health(True, True, ())
        self.pruned_below = 0
        self._pending: set[Digest] = set()
        self._grown = asyncio.Event()

    # How it is.

    def status(self) -> Status:
        self._check()
        head, root = self.ledger.head, self.ledger.roots[-1]
        peers = (Peer(1, "node1", "http://10.1.2.3:8701", True, head.height),)
        return Status(
            0, "node0", "validator", self.chain, head, head.hash, root, head.height, head.height, False, peers
        )

    def health(self) -> Health:
        return self.health_now

    def vertices(self, rounds: int) -> list[VertexView]:
        """One author's chain of rounds, as long as the chain of blocks."""
        newest = self.ledger.head.height
        return [
            VertexView(0, round_, digest("vertex", bytes([round_])), 0, 1, True, ((0, round_ - 1),))
            for round_ in range(max(1, newest - rounds + 1), newest + 1)
        ]

    def authenticate(self, token: str | None, need: Literal["read", "write", "administer"]) -> Caller:
        if token is None and self.genesis.is_open:
            return Caller(key("gateway").public.address, "gateway")
        name = self.tokens.get(token or "")
        account = read_ticket(token or "", self.chain, int(time.time() * 1000)) if need == "read" else None
        if account is not None:
            return Caller(account, find_role(self.ledger.state, account))
        if name is None:
            raise UnauthorizedError("the request names no known caller")
        address = key(name).public.address
        role = find_role(self.ledger.state, address)
        if need == "read" and not may_read(role, self.genesis.is_open):
            raise ForbiddenError(f"the role {role} may not read")
        if need == "write" and role not in ("writer", "administrator") and not self.genesis.is_open:
            raise ForbiddenError(f"the role {role} may not write")
        return Caller(address, role)

    async def reach(self, min_height: int | None, is_linearizable: bool) -> int:
        self._check()
        head = self.ledger.head.height
        if min_height is not None and min_height > head:
            raise BehindError(f"this node is at height {head}, asked for {min_height}")
        return head

    # Writing.

    async def submit(
        self, raw: bytes, attachments: tuple[Attachment, ...], wait: Wait, timeout_ms: int
    ) -> Fate:
        self._check()
        known = self._fate(identity_of(raw)) if len(raw) > 100 else None
        if known is not None:
            return known
        transaction = decode_transaction(raw, self.chain, self.limits)
        check_attachments(transaction, attachments)
        identity = identity_of(raw)
        if not is_signed(transaction.signer, identity, transaction.signature):
            raise SignatureError("the signature is not the signer's")
        self.contents |= {item.commitment: item for item in attachments}
        if self.is_stalled:
            self._pending.add(identity)
            return _pending(identity)
        self._execute(raw)
        fate = self._fate(identity)
        if wait == "none":
            return _pending(identity)
        return fate or Fate(identity, "expired", None, None, "transaction.expired", (), False)

    async def submit_many(
        self, items: Sequence[tuple[bytes, tuple[Attachment, ...]]], wait: Wait, timeout_ms: int
    ) -> list[Fate | Exception]:
        self._check()
        fates: list[Fate | Exception] = []
        for raw, attachments in items:
            try:
                fates.append(await self.submit(raw, attachments, wait, timeout_ms))
            except WeftError as error:
                fates.append(error)
        return fates

    async def write(self, caller: Caller, wish: Wish, wait: Wait, timeout_ms: int) -> Fate:
        private = next(
            private
            for private in map(key, ("gateway", *self.tokens.values()))
            if private.public.address == caller.account
        )
        idempotency = None
        if wish.idempotency_key is not None:
            secret = wish.idempotency_key.encode()
            fingerprint = hmac.new(secret, wish.meaning, sha256).digest()
            idempotency = Idempotency(digest("idempotency", secret), fingerprint)
        self.ledger._nonce += 1
        transaction = Transaction(
            1,
            self.chain,
            private.public,
            sha256(b"twin%d" % self.ledger._nonce).digest()[:16],
            self.ledger.time_ms + 60_000,
            wish.contract,
            wish.call,
            wish.arguments,
            tuple(Commitment(item.commitment, len(item.content)) for item in wish.attachments),
            idempotency,
            bytes(64),
        )
        raw = sign_transaction(private, transaction)
        fate = await self.submit(raw, wish.attachments, wait, timeout_ms)
        if fate.code == "idempotency.repeated":
            first = dict(fate.result)["first"]
            assert isinstance(first, bytes)
            found = self._fate(first)
            assert found is not None
            return msgspec.structs.replace(found, is_repeated=True)
        if fate.code == "idempotency.conflict":
            raise ConflictError("the Idempotency-Key was used for something else")
        return fate

    def _execute(self, *transactions: bytes) -> None:
        before = len(self.ledger.erased)
        self.ledger.commit(*transactions)
        for commitment in self.ledger.erased[before:]:
            self.contents.pop(commitment, None)
            self.erased[commitment] = self.ledger.head.height
        self._grown.set()
        self._grown = asyncio.Event()

    def _fate(self, identity: Digest) -> Fate | None:
        for block in self.ledger.blocks:
            for position, receipt in enumerate(map(decode_receipt, block.receipts)):
                if receipt.transaction == identity:
                    return Fate(
                        identity,
                        receipt.status,
                        block.header.height,
                        position,
                        receipt.code,
                        receipt.result,
                        True,
                        time_ms=block.header.time_ms,
                        events=receipt.events,
                    )
        return None

    # Reading.

    async def find_fate(self, identity: Digest) -> Fate | None:
        self._check()
        return self._fate(identity) or (_pending(identity) if identity in self._pending else None)

    async def find_block(self, height: int) -> Block | None:
        self._check()
        return self.ledger.blocks[height] if height < len(self.ledger.blocks) else None

    async def headers(self, below: int | None, limit: int) -> list[tuple[Header, Digest]]:
        self._check()
        headers = [block.header for block in reversed(self.ledger.blocks)]
        wanted = [header for header in headers if below is None or header.height < below]
        return [(header, header.hash) for header in wanted[:limit]]

    async def find_checkpoint(self, height: int) -> Checkpoint | None:
        return self.ledger.checkpoint(height) if height < len(self.ledger.blocks) else None

    async def find_record(self, collection: str, key: str, at_height: int | None) -> RecordView | None:
        self._check()
        for version in self._versions(collection, key):
            if at_height is None or version.height <= at_height:
                return self._view(collection, key, version)
        return None

    async def record_history(
        self, collection: str, key: str, below: int | None, passed: int, limit: int
    ) -> RecordsView:
        self._check()
        versions = [
            self._view(collection, key, version)
            for version in self._versions(collection, key)
            if below is None or version.height < below
        ]
        return RecordsView(tuple(versions[passed : passed + limit]), len(versions) > passed + limit)

    async def list_records(self, collection: str, after: str | None, limit: int) -> RecordsView:
        self._check()
        held = records.list_records(self.ledger.state, collection, after, limit + 1)
        views = tuple(self._view(collection, name, one.newest) for name, one in held[:limit])
        return RecordsView(views, len(held) > limit)

    def follow(
        self, cursor: tuple[int, int] | None, contract: str | None = None
    ) -> AsyncGenerator[EventRow, None]:
        return self._follow((self.ledger.head.height, 1 << 60) if cursor is None else cursor, contract)

    async def _follow(self, cursor: tuple[int, int], contract: str | None) -> AsyncGenerator[EventRow, None]:
        self._check()
        if cursor[0] < self.pruned_below:
            raise PrunedError(f"events below {self.pruned_below}-0 are gone")
        height = max(cursor[0], 1)
        while True:
            while height >= len(self.ledger.blocks):
                await self._grown.wait()
            for row in self._rows(self.ledger.blocks[height]):
                is_wanted = contract is None or row.event is None or row.event.contract == contract
                if is_wanted and (row.height, row.position) > cursor:
                    yield row
            height += 1

    def _rows(self, block: Block) -> list[EventRow]:
        header = block.header
        found = [
            (receipt.transaction, event, header, place)
            for place, receipt in enumerate(map(decode_receipt, block.receipts))
            for event in receipt.events
        ]
        rows = [EventRow(header.height, number, *row) for number, row in enumerate(found)]
        return [*rows, EventRow(header.height, len(rows), None, None, header)]

    def _versions(self, collection: str, key: str) -> list[records.Version]:
        return list(records.read_history(self.ledger.state, collection, key))

    def _view(self, collection: str, key: str, version: records.Version) -> RecordView:
        attachment = None if version.commitment is None else self.contents.get(version.commitment)
        erased_height = version.height if version.kind == "erased" else None
        return RecordView(
            collection,
            key,
            version.number,
            version.height,
            version.time_ms,
            version.owner,
            version.size,
            version.kind != "put",
            None if attachment is None else attachment.content,
            erased_height,
        )

    def _check(self) -> None:
        if self.fault is not None:
            raise self.fault


def _pending(identity: Digest) -> Fate:
    return Fate(identity, "pending", None, None, "", (), False)
