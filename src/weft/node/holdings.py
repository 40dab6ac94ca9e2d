"""What verification needs of a stopped node's data folder, said by the node: its stores, read only."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from weft.model.block import Block, Checkpoint, Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.stored import Erased, Finding

Progress = Callable[[str, int, int], None]
"""Told what is being looked at, how much of it is done, and how much there is."""

Record = tuple[str, int, int, bytes]
"""Of the journal: where it stands, kind, round, payload."""


class Records(Protocol):
    """A journal that is only read."""

    def check(self, progress: Progress) -> Iterator[Finding | Record]:
        """Every intact record, and what is damaged."""


class Ledger(Protocol):
    """A store that is only read. After `check` found nothing the rest may be called.

    What cannot be decoded, although its checksum is right, is a StoreError.
    """

    def check(self, progress: Progress) -> Iterator[Finding]:
        """Structure and checksums of all rows."""

    @property
    def is_sound(self) -> bool:
        """Whether `check` found nothing."""

    @property
    def head(self) -> int: ...

    def find_origin(self, height: int) -> tuple[Block, bytes] | None:
        """The block at a height and the commit that it was made of; raises StoreError when not whole."""

    def is_known_below(self, identity: Digest, height: int) -> bool:
        """Whether a block below `height` is said to hold the transaction."""

    def is_used_below(self, commitment: Digest, height: int) -> bool:
        """Whether a transaction executed below `height` is said to state the commitment."""

    def find_checkpoint(self, height: int) -> Checkpoint | None:
        """The one at this very height."""

    def checkpoints(self, above: int) -> Iterator[tuple[int, Checkpoint]]:
        """Those above a height, with the height that they are kept under."""

    def commits(self) -> Iterator[tuple[int, Commit]]:
        """Commit records with the round that they are kept under, rising."""

    def compare_block(
        self, sealed: Sealed, before: Callable[[bytes], tuple[int, bytes] | None]
    ) -> Iterator[Finding]:
        """Rows of a block, of its transactions, of their commitments, and of what its writes made past."""

    def compare_rest(
        self,
        entries: Iterable[tuple[bytes, tuple[int, bytes]]],
        tree: Iterable[tuple[bytes, bytes]],
        rooted: tuple[int, Digest],
    ) -> Iterator[Finding]:
        """The state and its tree; then rows that nothing explained."""


class Contents(Protocol):
    """Attachments that are only read. Only while `is_sound` may they be asked for."""

    def check(self, progress: Progress) -> Iterator[Finding]:
        """The index, the files, each against the other."""

    @property
    def is_sound(self) -> bool: ...

    def find(self, commitment: Digest) -> int | Erased | None:
        """The size of what is here, or since when it is erased."""

    def tombstones(self) -> Iterator[tuple[Digest, int]]:
        """Commitments and the heights that erased them."""


class Scratch(Protocol):
    """A state and its tree while blocks are executed again: outside of memory, and gone afterwards."""

    def get(self, key: bytes) -> bytes | None: ...

    def find(self, key: bytes) -> tuple[int, bytes] | None:
        """The height that set the key, and its value."""

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        """Keys that begin with `prefix` and are greater than `after`, rising."""

    def write(self, height: int, key: bytes, value: bytes | None) -> None:
        """Let `key` have `value` after block `height`, or none."""

    def entries(self) -> Iterator[tuple[bytes, tuple[int, bytes]]]:
        """All keys, rising, each with its height and value."""

    def find_node(self, path: bytes) -> bytes | None:
        """The content of the tree's node at a path."""

    def write_node(self, path: bytes, content: bytes) -> None:
        """Empty content deletes."""

    def nodes(self) -> Iterator[tuple[bytes, bytes]]:
        """All nodes of the tree, paths rising."""


class Holdings(Protocol):
    """A stopped node's data folder, and room beside it."""

    @property
    def records(self) -> Records: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def contents(self) -> Contents: ...
    @property
    def scratch(self) -> Scratch: ...
