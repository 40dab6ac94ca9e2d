"""Commits become blocks: execute, seal, destroy what must be forgotten, store. Never two at a time.

Runs in one worker lane. All commits that wait are applied together and stored in one atomic write, so that a
loaded node pays for the disk and the state tree once for many rounds. What is erased is destroyed before the
block that erases it is stored: a commit is final, so a crash in between only means that it is executed again.
The state tree is always stored at the height of the newest block.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from weft.consensus.messages import Deliver
from weft.execution.contract import Contract
from weft.execution.executor import execute
from weft.execution.view import View
from weft.ledger import state_tree
from weft.ledger.seal import is_due, opens_window, seal
from weft.model.block import Block, Header, Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.errors import DivergedError
from weft.model.genesis import Genesis
from weft.node.ports import AttachmentStore, Store

ROOTS_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of one commit."""

    commit: Commit
    sealed: Sealed | None
    """None when it left no receipt and made no block."""
    passed_over: tuple[tuple[Digest, str], ...]
    """(identity, reason) of transactions that left nothing."""
    void: tuple[Digest, ...]
    """Commitments stated by transactions that failed, expired or were too far ahead."""


class Applier:
    """The only writer of blocks."""

    def __init__(
        self,
        genesis: Genesis,
        contracts: Mapping[str, Contract],
        store: Store,
        attachments: AttachmentStore,
    ) -> None:
        self._genesis = genesis
        self._contracts = contracts
        self._store = store
        self._attachments = attachments
        self._window = self._last_window()
        self._roots: dict[int, Digest] = {store.rooted[0]: store.rooted[1]}

    def root_at(self, height: int) -> Digest | None:
        """The state root after a recent height: the newest one, or one that opened a checkpoint window."""
        return self._roots.get(height)

    def is_due(self, round_: int) -> bool:
        """Whether a commit of this round makes a block, whatever is in it."""
        return is_due(round_, self._store.head, self._genesis.limits)

    def apply(self, delivered: Sequence[Deliver]) -> list[Applied]:
        """Apply commits in order; those that are in the store already are passed over."""
        group = self._begin()
        for item in delivered:
            if item.commit.round > self._store.head.round:
                group.add(item.commit, chain.from_iterable(vertex.batch for vertex in item.vertices))
        self._finish(group, [item.commit for item in group.applied])
        return group.applied

    def apply_blocks(self, blocks: Sequence[Block]) -> list[Applied]:
        """Execute blocks made by others, certified by a checkpoint; raises DivergedError at the first that
        comes out differently here."""
        group = self._begin()
        for block in blocks:
            header = block.header
            if header.height <= self._store.head.height:
                continue  # ordered here meanwhile
            commit = Commit(header.round, header.time_ms, (), (), header.order_hash)
            applied = group.add(commit, block.transactions)
            if applied.sealed is None or applied.sealed.block != block:
                raise DivergedError(f"block {header.height} comes out differently when it is executed here")
        self._finish(group, [])
        return group.applied

    def _begin(self) -> "_Group":
        return _Group(self._genesis, self._contracts, self._store, self._window)

    def _finish(self, group: "_Group", commits: Sequence[Commit]) -> None:
        """Make it all durable, in one write."""
        if not group.applied:
            return
        group.update_tree()
        blocks = [item.sealed for item in group.applied if item.sealed is not None]
        for sealed in blocks:
            if sealed.erased:
                self._attachments.erase(sealed.erased, sealed.block.header.height)
        rooted = (group.head.height, group.roots[group.head.height]) if blocks else None
        self._store.append(blocks, commits, sorted(group.nodes.items()), rooted)
        self._window = group.window
        oldest = group.head.height - ROOTS_REMEMBERED
        roots = self._roots | group.roots
        self._roots = {height: root for height, root in roots.items() if height > oldest}

    def _last_window(self) -> tuple[int, Digest]:
        """The newest height that opened a checkpoint window, and the state root after it."""
        head = self._store.head
        parent = self._store.find_header(head.height - 1) if head.height else None
        if parent is None or opens_window(head, parent, self._genesis.limits):
            return self._store.rooted
        return head.state_height, head.state_root


class _Group:
    """Commits that are stored in one write. Nothing outside of it changes."""

    def __init__(
        self,
        genesis: Genesis,
        contracts: Mapping[str, Contract],
        store: Store,
        window: tuple[int, Digest],
    ) -> None:
        self._genesis = genesis
        self._contracts = contracts
        self._store = store
        self._view = View(store.state)
        self._known: set[Digest] = set()
        self._used: set[Digest] = set()
        self._changes: dict[bytes, bytes | None] = {}
        self._hash = store.head_hash
        self.head: Header = store.head
        self.window = window
        self.nodes: dict[bytes, bytes] = {}
        self.roots: dict[int, Digest] = {}
        self.applied: list[Applied] = []

    def add(self, commit: Commit, transactions: Iterable[bytes]) -> Applied:
        """Execute one commit on top of those added before."""
        height = self.head.height + 1
        outcome = execute(
            self._genesis,
            self._contracts,
            self._view,
            self._is_known,
            self._is_used,
            height,
            commit.time_ms,
            transactions,
        )
        sealed = seal(self._genesis, self.head, self._hash, self.window, commit, outcome)
        if sealed is not None:
            self._advance(sealed)
        applied = Applied(commit, sealed, outcome.passed_over, outcome.void)
        self.applied.append(applied)
        return applied

    def update_tree(self) -> None:
        """The state tree, and its root, after the newest block."""
        root, nodes = state_tree.update(self._read_node, self._changes.items())
        self.nodes.update(nodes)
        self._changes = {}
        self.roots[self.head.height] = root

    def _is_known(self, identity: Digest) -> bool:
        return identity in self._known or self._store.find_transaction(identity) is not None

    def _is_used(self, commitment: Digest) -> bool:
        return commitment in self._used or self._store.find_commitment(commitment) is not None

    def _read_node(self, path: bytes) -> bytes | None:
        return self.nodes[path] if path in self.nodes else self._store.tree_node(path)

    def _advance(self, sealed: Sealed) -> None:
        parent, self.head, self._hash = self.head, sealed.block.header, sealed.hash
        self._known.update(sealed.identities)
        self._used.update(sealed.commitments)
        for key, value in sealed.writes:
            self._view.put(key, value)
            self._changes[key] = value
        if opens_window(self.head, parent, self._genesis.limits):
            self.update_tree()
            self.window = (self.head.height, self.roots[self.head.height])
