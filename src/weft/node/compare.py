"""Whether this node's state is what the others' is, and where it first differs (`docs/protocol/consensus.md`
9).

At start a node holds every stored value against its state tree. Whenever a stream opens, and whenever members
sign another header, two nodes compare roots and go down both trees together until they stand at a key. A node
that knows its own state to be wrong, or that sees a quorum sign otherwise, stops serving; it goes on
answering questions about its tree, so that the others can name the key too.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import structlog

from weft.consensus.messages import Alarm
from weft.execution.contract import Contract, show_key
from weft.ledger import state_tree
from weft.model.digest import Digest, digest
from weft.model.errors import DivergedError, StoreError
from weft.model.genesis import Genesis
from weft.model.message import FetchTree, Refused, Stated, Tree
from weft.node.ports import Peers, Store, Workers

log = structlog.get_logger("weft.compare")

ROWS_MAX = 300_000
"""States larger than this are not rebuilt at an older height just to name a key."""

HEIGHTS_MAX = 64
"""Heights at which a member's state is looked into, each run of the process: a liar can name any number."""
WRONG_MAX = 1_000
"""Wrong values after which the own state is looked at no further: one is enough to stop serving."""
LOOK_BACK = 1_000
"""Blocks below the head whose checkpoints are held against them at the start."""

DAMAGED = b"damaged"
"""Stands for a stored value that cannot be read."""

Nodes = Callable[[bytes], bytes | None]


class Comparison:
    """One node's state against the others'."""

    def __init__(
        self,
        genesis: Genesis,
        contracts: Mapping[str, Contract],
        store: Store,
        peers: Peers,
        workers: Workers,
    ) -> None:
        self._genesis = genesis
        self._contracts = contracts
        self._store = store
        self._peers = peers
        self._workers = workers
        self._altered: dict[bytes, bytes] = {}
        self._investigated: list[set[int]] = [set() for _ in genesis.members]
        self._early: dict[int, Stated] = {}
        """What members said before they could be asked."""
        self.divergence: str | None = None
        """Why this node must not serve, if it must not."""
        self._names_key = False
        """Whether that says where the states differ: then there is nothing left to look for."""

    @property
    def stated(self) -> Stated:
        """What this node says of its state, true to what is stored."""
        height, root = self._store.rooted
        if self._altered:
            root = state_tree.update(self._node, ())[0]
        return Stated(height, self._store.head_hash, root)

    def check_own(self) -> None:
        """Hold every stored value against the tree, and the newest blocks against what a quorum signed; a
        difference is kept as this node's divergence."""
        if (height := self._find_contradicted()) is not None:
            self.diverged(height, None)
        wrong = dict(islice(self._find_wrong(), WRONG_MAX))
        if wrong:
            _, nodes = state_tree.update(self._store.tree_node, wrong.items())
            self._altered = dict(nodes)
            self.diverged(self._store.rooted[0], min(wrong))

    def answer(self, request: FetchTree) -> Tree | Refused:
        """A node of the tree, if it is asked for at the height that it is of."""
        height = self._store.rooted[0]
        if request.height != height:
            # A tree without entries would look like a state in which every key is missing.
            return Refused(f"the tree is that of height {height}, not {request.height}")
        return state_tree.open_node(self._node(request.path) or b"")

    async def hear(self, member: int, stated: Stated) -> None:
        """Another member says what its state is; if ours at that height is known to differ, find the key.

        Its stream to us may be open before ours to it, over which it is asked.
        """
        if not self._peers.is_connected(member):
            self._early[member] = stated
            return
        own = await self._workers.run("apply", lambda: self._root_at(stated.height))
        if own is not None and own != stated.state_root:
            await self.investigate(member, stated.height)

    async def connected(self, member: int) -> None:
        """Our stream to a member is open: hear what it said before."""
        if member in self._early:
            await self.hear(member, self._early.pop(member))

    async def investigate(self, member: int, height: int) -> bytes | None:
        """The first key in which a member's state differs from ours at a height, looked for once."""
        heights = self._investigated[member]
        if height in heights or len(heights) >= HEIGHTS_MAX or not self._peers.is_connected(member):
            return None
        heights.add(height)
        nodes = await self._workers.run("compare", lambda: self._nodes_at(height))
        key = await self._first_difference(member, height, nodes) if nodes is not None else None
        if self.divergence is None:
            name = self._genesis.members[member].name
            place = {} if key is None else {"key": show_key(self._contracts, key)}
            log.error("state.differs", member=name, height=height, **place)
        return key

    def is_against_us(self, alarm: Alarm) -> bool:
        """Whether a quorum signed otherwise; then this node is the one that is wrong."""
        is_quorum = alarm.weight >= self._genesis.committee.quorum
        if is_quorum:
            self.diverged(alarm.height, None)
        return is_quorum

    async def compare_with(self, alarm: Alarm) -> None:
        """Look into the states of those who signed otherwise."""
        for member in alarm.members:
            key = None if self._names_key else await self.investigate(member, alarm.height)
            if key is not None and self.divergence is not None:
                self.diverged(alarm.height, key)

    def diverged(self, height: int, key: bytes | None) -> None:
        """This node is the one that is wrong. The first height stands, until one comes with a key."""
        place = "" if key is None else f", first at key {show_key(self._contracts, key)}"
        if self.divergence is None or (key is not None and not self._names_key):
            self._names_key = key is not None
            self.must_not_serve(f"this node's state differs from the quorum's at height {height}{place}")

    def must_not_serve(self, reason: str) -> None:
        """Remember why, and tell the operator."""
        self.divergence = reason
        log.error("node.diverged", reason=reason, fix=DivergedError.fix)

    def _node(self, path: bytes) -> bytes | None:
        return self._altered[path] if path in self._altered else self._store.tree_node(path)

    def _find_contradicted(self) -> int | None:
        """The first of the newest heights at which a quorum signed another header than is stored here."""
        head = self._store.head.height
        height = max(1, head - LOOK_BACK)
        while (checkpoint := self._store.find_checkpoint(height)) is not None:
            height = checkpoint.statement.height
            header = self._store.find_header(height)
            if header is None:
                return None
            if header.hash != checkpoint.statement.header:
                return height
            height += 1
        return None

    def _find_wrong(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Keys whose stored value is not what the tree says, with what is there instead."""
        for key, expected in self._tree_entries(b""):
            try:
                value = self._store.state.get(key)
            except StoreError:
                value = DAMAGED
            if value is None or digest("value", value) != expected:
                yield key, value

    def _tree_entries(self, path: bytes) -> Iterator[tuple[bytes, Digest]]:
        node = state_tree.open_node(self._store.tree_node(path) or b"")
        yield from node.entries
        for place in range(len(node.children)):
            yield from self._tree_entries(path + b"%x" % place)

    def _root_at(self, height: int) -> Digest | None:
        """Our root after a height: the tree's own, a checkpoint's, or one that a later header repeats."""
        if height == self._store.rooted[0]:
            return self._store.rooted[1]
        checkpoint = self._store.find_checkpoint(height)
        if checkpoint is not None and checkpoint.statement.height == height:
            return checkpoint.statement.state_root
        for above in range(height + 1, min(height + 64, self._store.head.height) + 1):
            header = self._store.find_header(above)
            if header is not None and header.state_height >= height:
                return header.state_root if header.state_height == height else None
        return None

    def _nodes_at(self, height: int) -> Nodes | None:
        """Our tree after a height: the stored one, or one made anew from the history of the keys."""
        if height == self._store.rooted[0]:
            return self._node
        if height > self._store.head.height:
            return None
        state, after = self._store.state, b""
        values: list[tuple[bytes, bytes | None]] = []
        while rows := state.scan(b"", after):
            values += ((key, state.get_at(key, height)) for key, _ in rows)
            after = rows[-1][0]
            if len(values) > ROWS_MAX:
                return None
        return dict(state_tree.update(lambda path: None, values)[1]).get

    async def _first_difference(self, member: int, height: int, nodes: Nodes) -> bytes | None:
        """Go down both trees, to the first key that differs."""
        search = state_tree.find_difference(nodes)
        try:
            path = next(search)
            while isinstance(answer := await self._peers.ask(member, FetchTree(height, path)), Tree):
                path = search.send(answer)
        except StopIteration as found:
            key: bytes | None = found.value
            return key
        return None
