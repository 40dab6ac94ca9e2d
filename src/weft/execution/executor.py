"""Runs the transactions of a commit, in order (`docs/protocol/ledger.md` sections 2 and 6).

Promise: the same transactions in the same order over the same state give the same Outcome, in any process.
A transaction that fails leaves its receipt and the memory of its wish; what is passed over leaves nothing.
Nothing here may depend on the node: what it stores, which attachments it has, what time it is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from weft.execution.builtin.members import NAME as MEMBERS
from weft.execution.builtin.members import find_role, is_allowed
from weft.execution.context import Context, state_key
from weft.execution.contract import Call, Contract
from weft.execution.idempotency import Tags
from weft.execution.view import Reader, View
from weft.model.digest import Digest
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError
from weft.model.failure import Failure
from weft.model.genesis import Genesis, Role
from weft.model.keys import Address, PublicKey
from weft.model.receipt import Event, Named, Receipt, Writes, digest_writes
from weft.model.transaction import Idempotency, Transaction, identity_of

Reason = Literal["known", "expired", "too-far"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What executing a commit did."""

    transactions: tuple[bytes, ...]
    """Raw, in order: those that left a receipt."""
    identities: tuple[Digest, ...]
    receipts: tuple[bytes, ...]
    """Encoded, one a transaction."""
    writes: Writes
    """The net effect, keys rising."""
    commitments: tuple[Digest, ...]
    """Stated by transactions that were executed."""
    void: tuple[Digest, ...]
    """Stated by transactions that failed, expired or were too far ahead."""
    erased: tuple[Digest, ...]
    """Commitments whose content must now be destroyed."""
    passed_over: tuple[tuple[Digest, Reason], ...]
    """Transactions that left nothing, and why."""
    state: View
    """The state after the commit, for the next one to be executed on."""


def execute(
    genesis: Genesis,
    contracts: Mapping[str, Contract],
    state: Reader,
    is_known: Callable[[Digest], bool],
    is_used: Callable[[Digest], bool],
    height: int,
    time_ms: int,
    transactions: Iterable[bytes],
) -> Outcome:
    """Execute a commit into block `height`.

    `is_known` says whether a block below, stored or not yet, holds the identity; `is_used` whether a
    transaction executed there states the commitment. The transactions are valid: admission decoded them and
    verified their signatures.
    """
    run = _Run(genesis, contracts, state, is_used, height, time_ms)
    seen: set[Digest] = set()
    passed_over: list[tuple[Digest, Reason]] = []
    kept: list[bytes] = []
    identities: list[Digest] = []
    receipts: list[bytes] = []
    furthest = time_ms + genesis.limits.lifetime_ms_max
    for raw in transactions:
        identity, transaction = identity_of(raw), decode(Transaction, raw)
        if identity in seen or is_known(identity):
            passed_over.append((identity, "known"))
        elif not time_ms < transaction.expires_ms <= furthest:
            passed_over.append((identity, "expired" if transaction.expires_ms <= time_ms else "too-far"))
            run.void += (item.digest for item in transaction.attachments)
        else:
            seen.add(identity)
            kept.append(raw)
            identities.append(identity)
            receipts.append(encode(run.perform(identity, transaction)))
    return Outcome(
        tuple(kept),
        tuple(identities),
        tuple(receipts),
        run.view.writes(),
        tuple(run.used),
        tuple(run.void),
        tuple(run.erased),
        tuple(passed_over),
        run.view,
    )


def found(genesis: Genesis, contracts: Mapping[str, Contract]) -> Writes:
    """The state that the genesis begins with, keys rising."""
    return tuple(
        sorted(
            (state_key(contract.name, key), value)
            for contract in contracts.values()
            for key, value in contract.found(genesis).items()
        )
    )


class _Run:
    """A commit being executed."""

    def __init__(
        self,
        genesis: Genesis,
        contracts: Mapping[str, Contract],
        state: Reader,
        is_used: Callable[[Digest], bool],
        height: int,
        time_ms: int,
    ) -> None:
        self._is_open = genesis.is_open
        self._contracts = contracts
        self._is_used = is_used
        self._height = height
        self._time_ms = time_ms
        self.view = View(state)
        self.used: dict[Digest, None] = {}
        """Commitments that executed transactions state, in order."""
        self.void: list[Digest] = []
        self.erased: list[Digest] = []
        self._signers: dict[PublicKey, tuple[Address, Role | None]] = {}
        self._tags = Tags(self.view, time_ms)
        self._wish: tuple[bytes, Idempotency] | None = None
        """The wish of the transaction being executed, once it is known to be the first."""

    def perform(self, identity: Digest, transaction: Transaction) -> Receipt:
        """The receipt of one transaction; its writes are in the view unless it failed."""
        view = self.view
        view.begin()
        self._wish = None
        try:
            result, context = self._call(identity, transaction)
        except Failure as failure:
            view.undo()
            self.void += (item.digest for item in transaction.attachments)
            if self._wish is not None:
                # Asked again anywhere, or tried before and ordered late, it stays refused.
                self._tags.add(*self._wish, identity)
            return Receipt(
                identity, "failed", failure.code, failure.values, digest_writes(view.written()), ()
            )
        for item in transaction.attachments:
            self.used[item.digest] = None
        self.erased += context.erased
        events: tuple[Event, ...] = tuple(context.events)
        return Receipt(identity, "executed", "", result, digest_writes(view.written()), events)

    def _call(self, identity: Digest, transaction: Transaction) -> tuple[Named, Context]:
        signer, role = self._find_signer(transaction)
        context = Context(
            self.view,
            transaction.contract,
            signer,
            role,
            self._is_open,
            self._height,
            self._time_ms,
            identity,
            transaction.attachments,
        )
        call = self._find_call(context, transaction)
        wish = transaction.idempotency
        if wish is None:
            self._check_fresh(transaction)
            return call.run(context, _arguments(call, transaction)), context
        space = b"" if role == "gateway" else signer
        self._tags.check(space, wish)
        self._wish = space, wish
        self._check_fresh(transaction)
        result = call.run(context, _arguments(call, transaction))
        self._tags.add(space, wish, identity)
        return result, context

    def _find_signer(self, transaction: Transaction) -> tuple[Address, Role | None]:
        """Address and role, looked up once as long as nobody changes roles."""
        known = self._signers.get(transaction.signer)
        if known is None:
            address = transaction.signer.address
            known = self._signers[transaction.signer] = (address, find_role(self.view, address))
        if transaction.contract == MEMBERS:
            self._signers = {}
        return known

    def _check_fresh(self, transaction: Transaction) -> None:
        """Each commitment is new to the ledger: else erasing one's own would destroy somebody else's."""
        stated: set[Digest] = set()
        for item in transaction.attachments:
            commitment = item.digest
            if commitment in stated or commitment in self.used or self._is_used(commitment):
                raise Failure("attachments.used", (("commitment", commitment),))
            stated.add(commitment)

    def _find_call(self, context: Context, transaction: Transaction) -> Call:
        contract = self._contracts.get(transaction.contract)
        if contract is None:
            raise Failure("contract.unknown", (("contract", transaction.contract),))
        call = contract.calls.get(transaction.call)
        if call is None:
            raise Failure("call.unknown", (("contract", transaction.contract), ("call", transaction.call)))
        if not is_allowed(context.role, call.roles, self._is_open):
            raise Failure(
                "access.forbidden",
                (
                    ("account", context.signer),
                    ("contract", transaction.contract),
                    ("call", transaction.call),
                ),
            )
        return call


def _arguments(call: Call, transaction: Transaction) -> object:
    try:
        return decode(call.arguments, transaction.arguments)
    except EncodingError:
        # The decoder's own words may differ between its versions; a receipt may not.
        raise Failure(
            "arguments.invalid", (("contract", transaction.contract), ("call", transaction.call))
        ) from None
