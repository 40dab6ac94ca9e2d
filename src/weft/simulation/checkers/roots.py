"""The ledger made anew."""

from random import Random

from weft.execution.executor import found
from weft.ledger.seal import seal_genesis
from weft.ledger.state_tree import update
from weft.model.block import Block, Sealed
from weft.model.errors import DivergedError
from weft.node.apply import Applier
from weft.simulation.checkers.first import BlockChecker
from weft.simulation.ports import End, Kept
from weft.storage.memory import MemoryAttachments, MemoryStore

PAGE = 1_000
BLOCKS_AT_ONCE = 7
"""Another grouping than any member's: it must not matter."""


class Rebuilt(BlockChecker):
    """In the end every member's state has the root that it says, and the chain, executed anew from the
    genesis by somebody without any content, comes to the same blocks and the same root (13, 25)."""

    promise = "Equal roots at equal height"

    def __init__(self) -> None:
        super().__init__()
        self._blocks: list[Block] = []

    def executed(self, place: int, sealed: Sealed) -> None:
        self._blocks.append(sealed.block)

    def finished(self, end: End) -> None:
        for kept in end.members.values():
            self._check_tree(kept)
        store = self._replay()
        highest = max(end.members.values(), key=lambda kept: kept.store.head.height)
        if store.rooted != highest.store.rooted:
            self.fail(
                f"executed anew the chain has the root {_show(store.rooted)}, member {highest.place} has "
                f"{_show(highest.store.rooted)}"
            )

    def _check_tree(self, kept: Kept) -> None:
        store = kept.store
        entries: list[tuple[bytes, bytes]] = []
        while rows := store.state.scan(b"", entries[-1][0] if entries else b"", PAGE):
            entries += rows
        root = update(lambda path: None, entries)[0]
        if store.rooted != (store.head.height, root):
            self.fail(
                f"the state of member {kept.place} at height {store.head.height} has the root "
                f"{root.hex()[:16]}; its tree says {_show(store.rooted)}"
            )

    def _replay(self) -> MemoryStore:
        """Blocks in groups of other sizes than any member's."""
        genesis, contracts = self.scene.genesis, self.scene.contracts
        sealed, nodes = seal_genesis(genesis, found(genesis, contracts))
        store = MemoryStore(sealed, nodes, sealed.block.header.state_root)
        applier = Applier(genesis, contracts, store, MemoryAttachments())
        random, at = Random(f"{self.scene.seed}/rebuilt"), 0
        try:
            while at < len(self._blocks):
                count = random.randint(1, BLOCKS_AT_ONCE)
                applier.apply_blocks(self._blocks[at : at + count])
                at += count
        except DivergedError as error:
            self.fail(f"executed anew: {error}")
        return store


def _show(rooted: tuple[int, bytes]) -> str:
    return f"{rooted[1].hex()[:16]} at height {rooted[0]}"
