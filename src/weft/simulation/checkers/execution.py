"""What executing the order did, held against the shortest description of what it should do."""

from dataclasses import dataclass

from weft.execution.builtin.records import ITEMS_MAX
from weft.execution.idempotency import MEMORY_MS
from weft.model.block import Header, Sealed
from weft.model.call import PutRecords, RemoveRecord, is_collection, is_record_key
from weft.model.digest import Digest
from weft.model.encoding import decode
from weft.model.receipt import Receipt, decode_receipt
from weft.model.transaction import Transaction
from weft.simulation.checkers.first import BlockChecker


class ExecutedOnce(BlockChecker):
    """An identity is in the chain once, a commitment takes effect once, and nothing after it expired (14)."""

    promise = "Executed at most once"

    def __init__(self) -> None:
        super().__init__()
        self._identities: dict[Digest, int] = {}
        self._commitments: dict[Digest, int] = {}

    def executed(self, place: int, sealed: Sealed) -> None:
        header, block = sealed.block.header, sealed.block
        for identity in sealed.identities:
            if identity in self._identities:
                self.fail(
                    f"transaction {identity.hex()[:16]} is in block {self._identities[identity]} and again "
                    f"in block {header.height}"
                )
            self._identities[identity] = header.height
        for raw, receipt in zip(block.transactions, map(decode_receipt, block.receipts), strict=True):
            transaction = decode(Transaction, raw)
            if header.time_ms >= transaction.expires_ms:
                self.fail(f"block {header.height} holds a transaction that had expired before it")
            if receipt.status == "executed":
                self._use(header, transaction)

    def _use(self, header: Header, transaction: Transaction) -> None:
        for stated in transaction.attachments:
            if stated.digest in self._commitments:
                self.fail(
                    f"commitment {stated.digest.hex()[:16]} takes effect in block "
                    f"{self._commitments[stated.digest]} and again in block {header.height}"
                )
            self._commitments[stated.digest] = header.height


NOT_ASKED = ("access.", "contract.unknown", "call.unknown")
"""Refusals of whoever may not ask, or asks for nothing: they use up no tag."""


class OneWish(BlockChecker):
    """A tag takes effect or is refused once in 24 hours, and those that come later name the first (15)."""

    promise = "One wish, one answer"

    def __init__(self) -> None:
        super().__init__()
        self._first: dict[tuple[bytes, Digest], tuple[int, Digest]] = {}
        """By space and tag: time and identity."""

    def executed(self, place: int, sealed: Sealed) -> None:
        gateways = {one.key.address for one in self.scene.genesis.accounts if one.role == "gateway"}
        header, block = sealed.block.header, sealed.block
        for raw, receipt in zip(block.transactions, map(decode_receipt, block.receipts), strict=True):
            transaction = decode(Transaction, raw)
            if transaction.idempotency is not None:
                signer = transaction.signer.address
                space = b"" if signer in gateways else bytes(signer)
                self._take(header, (space, transaction.idempotency.tag), receipt)

    def _take(self, header: Header, tag: tuple[bytes, Digest], receipt: Receipt) -> None:
        first = self._first.get(tag)
        if first is not None and header.time_ms - first[0] >= MEMORY_MS:
            first = None
        is_named = receipt.code.startswith("idempotency.")
        if receipt.code.startswith(NOT_ASKED):
            return
        if not is_named:
            if first is not None:
                self.fail(
                    f"in block {header.height} a wish is decided again: {first[1].hex()[:16]} was first"
                )
            self._first[tag] = header.time_ms, receipt.transaction
        elif first is None or dict(receipt.result)["first"] != first[1]:
            self.fail(f"in block {header.height} a wish is told to be a repetition of another one")


@dataclass(slots=True)
class _Record:
    number: int = 0
    is_there: bool = False
    is_erased: bool = False


class Conditions(BlockChecker):
    """Versions count, and a conditional write has effect on that version only (16 and 17).

    Every call of the contract `records` in the chain is done again in the plainest way; receipts must say the
    same.
    """

    promise = "Conditions are decided by the order"

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[tuple[str, str], _Record] = {}

    def executed(self, place: int, sealed: Sealed) -> None:
        block = sealed.block
        for raw, receipt in zip(block.transactions, map(decode_receipt, block.receipts), strict=True):
            transaction = decode(Transaction, raw)
            is_ours = transaction.contract == "records" and (
                receipt.status == "executed" or receipt.code.startswith("records.")
            )
            if is_ours:
                said = receipt.code or dict(receipt.result).get("version", 0)
                expected = self._do(transaction)
                if said != expected:
                    self.fail(
                        f"a {transaction.call} in block {block.header.height} came out as {said!r}; by all "
                        f"before it, it is {expected!r}"
                    )

    def _do(self, transaction: Transaction) -> int | str:
        """The new version, 0 for several at once, or the code of the failure, which changes nothing."""
        if transaction.call != "put":
            arguments = decode(RemoveRecord, transaction.arguments)
            return self._remove(arguments, transaction.call == "erase")
        before = {
            place: _Record(one.number, one.is_there, one.is_erased) for place, one in self._records.items()
        }
        items = decode(PutRecords, transaction.arguments).items
        if not 1 <= len(items) <= ITEMS_MAX:
            return "records.count"
        for item in items:
            if not (is_collection(item.collection) and is_record_key(item.key)):
                self._records = before
                return "records.name"
            record = self._records.setdefault((item.collection, item.key), _Record())
            if not _is_expected(record, item.expected):
                self._records = before
                return "records.version"
            record.number += 1
            record.is_there, record.is_erased = True, False
        return record.number if len(items) == 1 else 0

    def _remove(self, arguments: RemoveRecord, is_erased: bool) -> int | str:
        record = self._records.get((arguments.collection, arguments.key), _Record())
        if not _is_expected(record, arguments.expected):
            return "records.version"
        is_missing = not record.number or record.is_erased if is_erased else not record.is_there
        if is_missing:
            return "records.missing"
        record.is_there, record.is_erased = False, is_erased
        return record.number


def _is_expected(record: _Record, expected: int | None) -> bool:
    return expected is None or expected == (record.number if record.is_there else 0)
