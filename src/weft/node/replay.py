"""Every block executed again, and what a store holds compared with what comes out (part of `weft verify`)."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from itertools import zip_longest

from weft.execution.contract import Contract
from weft.execution.executor import execute, found
from weft.ledger.seal import opens_window, seal, seal_genesis
from weft.ledger.state_tree import update
from weft.model.block import Block, Checkpoint, Header, Sealed, Statement
from weft.model.commit import Commit, next_order_hash
from weft.model.digest import Digest
from weft.model.encoding import decode
from weft.model.errors import StoreError, WeftError
from weft.model.genesis import Genesis
from weft.model.keys import are_signed
from weft.model.receipt import decode_receipt
from weft.model.stored import Erased, Finding, Note
from weft.model.transaction import Transaction, decode_transaction, identity_of
from weft.node.holdings import Holdings, Progress


class Replay:
    """One pass over all blocks, from the genesis on."""

    def __init__(
        self, genesis: Genesis, contracts: Mapping[str, Contract], holdings: Holdings, progress: Progress
    ) -> None:
        self._genesis = genesis
        self._contracts = contracts
        self._ledger = holdings.ledger
        self._contents = holdings.contents
        self._progress = progress
        self._first, nodes = seal_genesis(genesis, found(genesis, contracts))
        self._header, self._hash = self._first.block.header, self._first.hash
        self._scratch = holdings.scratch
        for path, content in nodes:
            self._scratch.write_node(path, content)
        self._root = self._header.state_root
        self._window = (0, self._root)
        self._changes: dict[bytes, bytes | None] = {}
        """Since the tree was brought up to date."""
        self._order = Order(self._header.order_hash, self._ledger.commits())
        self._erased: dict[Digest, int] = {}

    def run(self) -> Iterator[Finding | Note]:
        """Ends at the first block that comes out differently, or that cannot be read."""
        try:
            yield from self._run()
        except StoreError as error:
            yield Finding("store", str(error))

    def _run(self) -> Iterator[Finding | Note]:
        head = self._ledger.head
        origin = self._ledger.find_origin(0)
        if origin is None or origin[0] != self._first.block:
            chain = origin[0].header.chain.hex() if origin else "nothing"
            yield Finding("block 0", "is not that of this genesis", self._genesis.chain.hex(), chain)
            return
        yield from self._take(self._first)
        for height in range(1, head + 1):
            self._progress("blocks", height - 1, head)
            sealed = yield from self._execute(height)
            if sealed is None:
                return
            yield from self._take(sealed)
        yield from self._order.finish()
        yield from self._finish(head)
        self._progress("blocks", head, head)

    def _execute(self, height: int) -> Generator[Finding | Note, None, Sealed | None]:
        """What the block comes out as, or None when it comes out differently from what is stored."""
        where = f"block {height}"
        try:
            origin = self._ledger.find_origin(height)
            if origin is None:
                raise StoreError("there is no such block, although there are later ones")
            block, commit = origin[0], decode(Commit, origin[1])
            transactions = [self._decode(raw) for raw in block.transactions]
        except WeftError as error:
            yield Finding(where, str(error))
            return None
        yield from self._check_signatures(where, block, transactions)
        outcome = execute(
            self._genesis,
            self._contracts,
            self._scratch,
            lambda identity: self._ledger.is_known_below(identity, height),
            lambda commitment: self._ledger.is_used_below(commitment, height),
            height,
            commit.time_ms,
            block.transactions,
        )
        sealed = seal(self._genesis, self._header, self._hash, self._window, commit, outcome)
        differences = list(_differences(where, sealed, block))
        yield from differences
        if sealed is None or differences:
            return None
        yield from self._order.follow(commit)
        yield from self._check_attachments(where, block, transactions)
        return sealed

    def _decode(self, raw: bytes) -> Transaction:
        return decode_transaction(raw, self._genesis.chain, self._genesis.limits)

    def _check_signatures(
        self, where: str, block: Block, transactions: Sequence[Transaction]
    ) -> Iterator[Finding]:
        identities = [identity_of(raw) for raw in block.transactions]
        signed = zip(transactions, identities, strict=True)
        verdicts = are_signed((item.signer, identity, item.signature) for item, identity in signed)
        for position, (identity, is_valid) in enumerate(zip(identities, verdicts, strict=True)):
            if not is_valid:
                yield Finding(
                    f"{where}, transaction {position}",
                    f"the signature of {identity.hex()} is not its signer's",
                )

    def _check_attachments(
        self, where: str, block: Block, transactions: Sequence[Transaction]
    ) -> Iterator[Finding | Note]:
        """An executed transaction's attachments are here, or were erased."""
        if not self._contents.is_sound:
            return
        for position, (transaction, raw) in enumerate(zip(transactions, block.receipts, strict=True)):
            if decode_receipt(raw).status != "executed":
                continue
            for commitment in transaction.attachments:
                fate = self._contents.find(commitment.digest)
                place = f"{where}, transaction {position}, attachment {commitment.digest.hex()}"
                if isinstance(fate, Erased):
                    yield Note(place, f"erased at height {fate.height}")
                elif fate is None:
                    yield Finding(place, "is not here, and no tombstone says that it was erased")
                elif fate != commitment.size:
                    yield Finding(place, "has another size", str(commitment.size), str(fate))

    def _take(self, sealed: Sealed) -> Iterator[Finding]:
        """Go on behind a block that came out as it is stored."""
        header = sealed.block.header
        parent = None if header.height == 0 else self._header
        yield from self._ledger.compare_block(sealed, self._scratch.find)
        for key, value in sealed.writes:
            self._scratch.write(header.height, key, value)
            self._changes[key] = value
        for commitment in sealed.erased:
            self._erased.setdefault(commitment, header.height)
        self._header, self._hash = header, sealed.hash
        if opens_window(header, parent, self._genesis.limits):
            self._window = (header.height, self._update_root())
        checkpoint = self._ledger.find_checkpoint(header.height)
        if checkpoint is not None:
            expected = Statement(header.chain, header.epoch, header.height, sealed.hash, self._update_root())
            yield from self._check_checkpoint(header.height, checkpoint, expected)

    def _update_root(self) -> Digest:
        if self._changes:
            self._root, nodes = update(self._scratch.find_node, self._changes.items())
            self._changes = {}
            for path, content in nodes:
                self._scratch.write_node(path, content)
        return self._root

    def _check_checkpoint(
        self, height: int, checkpoint: Checkpoint, expected: Statement | None
    ) -> Iterator[Finding]:
        where, committee = f"checkpoint {height}", self._genesis.committee
        statement = checkpoint.statement
        if expected is not None and statement != expected:
            yield Finding(where, "is not of the block at its height", str(expected), str(statement))
        members = [member for member, _ in checkpoint.signatures]
        known = [member for member in members if member < committee.size]
        verdicts = are_signed(
            (committee.members[member].public, statement.digest, signature)
            for member, signature in checkpoint.signatures
            if member < committee.size
        )
        if members != sorted(set(known)) or not all(verdicts):
            yield Finding(where, "a signature is not that of a member of the committee")
        elif committee.weigh(members) < committee.quorum:
            yield Finding(where, "too few signed", str(committee.quorum), str(committee.weigh(members)))

    def _finish(self, head: int) -> Iterator[Finding]:
        for height, checkpoint in self._ledger.checkpoints(head):
            yield from self._check_checkpoint(height, checkpoint, None)
        rooted = (head, self._update_root())
        yield from self._ledger.compare_rest(self._scratch.entries(), self._scratch.nodes(), rooted)
        if self._contents.is_sound:
            yield from self._check_tombstones(head)

    def _check_tombstones(self, head: int) -> Iterator[Finding]:
        """One for each erasure. Those above the head come from members that are further on, or from a block
        that was not stored any more when this node was killed."""
        for commitment, height in sorted(self._erased.items()):
            fate = self._contents.find(commitment)
            if not isinstance(fate, Erased):
                yield Finding(
                    f"attachment {commitment.hex()}", f"was erased at height {height} and has no tombstone"
                )
        for commitment, height in self._contents.tombstones():
            erased = self._erased.get(commitment)
            if erased != height and (erased is not None or height <= head):
                yield Finding(
                    f"tombstone of attachment {commitment.hex()}",
                    "is not what the blocks say",
                    "none" if erased is None else f"height {erased}",
                    f"height {height}",
                )


class Order:
    """The chain of order hashes through commit records and blocks.

    Old records are forgotten, and a node that followed blocks has none for them: behind such a gap the chain
    begins anew at the next block or record.
    """

    def __init__(self, first: Digest, records: Iterator[tuple[int, Commit]]) -> None:
        self._hash = first
        self._may_be_gap = True
        self._records = records
        self._next = next(records, None)

    def follow(self, commit: Commit) -> Iterator[Finding]:
        """A block's commit, and all records up to it."""
        newest = yield from self._read_to(commit.round)
        if newest == commit.round and self._hash != commit.order_hash:
            yield Finding(f"commit of round {newest}", "is not that of the block of its round")
        self._hash = commit.order_hash
        self._may_be_gap = newest != commit.round or not commit.ordered

    def finish(self) -> Iterator[Finding]:
        """The records behind the last block."""
        yield from self._read_to(2**63)

    def _read_to(self, round_: int) -> Generator[Finding, None, int | None]:
        """Check records up to a round; the round of the last one."""
        newest = None
        while self._next is not None and self._next[0] <= round_:
            newest, commit = self._next
            order_hash = next_order_hash(
                self._hash, commit.round, commit.slots, commit.ordered, commit.time_ms
            )
            if commit.round != newest or (order_hash != commit.order_hash and not self._may_be_gap):
                yield Finding(
                    f"commit of round {newest}", "does not follow from the one before it", order_hash.hex(),
                    commit.order_hash.hex(),
                )  # fmt: skip
            self._hash, self._may_be_gap = commit.order_hash, False
            self._next = next(self._records, None)
        return newest


def _differences(where: str, sealed: Sealed | None, block: Block) -> Iterator[Finding]:
    """Where executing a block again gives something else than what is stored."""
    if sealed is None:
        yield Finding(where, "its commit makes no block")
        return
    for name in Header.__struct_fields__:
        expected, stored = getattr(sealed.block.header, name), getattr(block.header, name)
        if expected != stored:
            yield Finding(f"{where}, header", f"{name} differs", _show(expected), _show(stored))
    for name in ("transactions", "receipts"):
        pairs = zip_longest(getattr(sealed.block, name), getattr(block, name))
        for position, (expected, stored) in enumerate(pairs):
            if expected != stored:
                yield Finding(f"{where}, {name} {position}", "differs", _show(expected), _show(stored))


def _show(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
