"""Blocks, receipts, state and commits in LMDB: one atomic, durable write for each `append`.

Tables (numbers are 8 bytes, big-endian, so that keys rise as the ledger grows):

    headers      height                  header
    blocks       height, piece (4)       the encoded block and the commit that it was made of, cut in pieces
    identities   identity                height, position (4)
    commitments  commitment              height of the executed transaction that states it
    state        key                     state.py
    history      digest of key, height   state.py
    tree         path                    node of the state tree
    commits      round                   commit record
    checkpoints  height                  checkpoint
    facts        name                    a fact of this node
    meta         "rooted"                height, root
"""

from collections.abc import Sequence
from pathlib import Path

from weft.model.block import Block, Checkpoint, Header, Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.encoding import Record, decode, encode
from weft.model.errors import EncodingError, StoreError
from weft.model.stored import Place
from weft.storage import state
from weft.storage.rows import MAP_BYTES, Reading
from weft.storage.state import StoredState
from weft.storage.tables import Changing, Tables

TABLES = (
    "headers", "blocks", "identities", "commitments", *state.TABLES,
    "tree", "commits", "checkpoints", "facts", "meta",
)  # fmt: skip
PIECE_BYTES_MAX = (1 << 20) - 20
"""With LMDB's head and the CRC, a piece fills whole pages."""

Nodes = Sequence[tuple[bytes, bytes]]


class Origin(Record, frozen=True):
    """A block with the commit that it was made of, as they are kept."""

    block: Block
    order: bytes


class LmdbStore:
    """One node's store. `genesis` begins an empty one and must be what any other one began with."""

    def __init__(
        self,
        folder: Path,
        genesis: Sealed,
        tree: Nodes,
        root: Digest,
        map_bytes: int = MAP_BYTES,
    ) -> None:
        self._folder = folder
        self._rows = Tables(folder, TABLES, map_bytes)
        self.state = StoredState(self._rows)
        with self._rows.read() as reading:
            first = find_header(reading, 0)
        if first is None:
            self._head, self._head_hash = genesis.block.header, genesis.hash
            self._rooted = (0, root)
            self._rows.write(lambda writing: _put_all(writing, [genesis], [], tree, self._rooted))
        elif first.hash != genesis.hash:
            raise StoreError(
                f"{folder} began with block {first.hash.hex()}, this chain with {genesis.hash.hex()}",
                fix="Put the genesis.json back with which this data was made, or name another data folder.",
            )
        with self._rows.read() as reading:
            self._head = newest_header(reading)
            self._rooted = find_rooted(reading)
        self._head_hash = self._head.hash

    @property
    def head(self) -> Header:
        return self._head

    @property
    def head_hash(self) -> Digest:
        return self._head_hash

    @property
    def rooted(self) -> tuple[int, Digest]:
        return self._rooted

    def append(
        self,
        sealed: Sequence[Sealed],
        commits: Sequence[Commit],
        tree: Nodes,
        rooted: tuple[int, Digest] | None,
    ) -> None:
        """Raises DiskFullError or StoreError; then nothing of it is stored."""
        heights = [item.block.header.height for item in sealed]
        assert heights == list(range(self._head.height + 1, self._head.height + 1 + len(sealed)))
        if not (sealed or commits or tree or rooted):
            return
        self._rows.write(lambda writing: _put_all(writing, sealed, commits, tree, rooted))
        if sealed:
            self._head, self._head_hash = sealed[-1].block.header, sealed[-1].hash
        if rooted is not None:
            self._rooted = rooted

    def find_block(self, height: int) -> Block | None:
        with self._rows.read() as reading:
            origin = find_origin(reading, height)
        return None if origin is None else origin.block

    def find_header(self, height: int) -> Header | None:
        with self._rows.read() as reading:
            return find_header(reading, height)

    def find_transaction(self, identity: Digest) -> Place | None:
        row = self._rows.get("identities", identity)
        return None if row is None else Place(_number(row[:8]), _number(row[8:]))

    def find_commitment(self, commitment: Digest) -> int | None:
        row = self._rows.get("commitments", commitment)
        return None if row is None else _number(row)

    def find_commit(self, round_: int) -> bytes | None:
        return self._rows.get("commits", _key(round_))

    def commits_before(self, round_: int, limit: int) -> list[bytes]:
        with self._rows.read() as reading:
            rows = reading.falling("commits", _key(round_ + 1))
            return [raw for (_, raw), _ in zip(rows, range(limit), strict=False)]

    def prune_commits(self, round_: int) -> None:
        with self._rows.read() as reading:
            first = next(reading.rising("commits"), None)
        if first is not None and _number(first[0]) < round_:
            self._rows.write(lambda writing: _prune_commits(writing, round_))

    def tree_node(self, path: bytes) -> bytes | None:
        return self._rows.get("tree", b"/" + path)

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        key, raw = _key(checkpoint.statement.height), encode(checkpoint)
        # Members have it too, so it need not be durable before the next block is.
        self._rows.write(lambda writing: writing.put("checkpoints", key, raw), must_sync=False)

    def find_checkpoint(self, height: int) -> Checkpoint | None:
        with self._rows.read() as reading:
            return _checkpoint(next(reading.rising("checkpoints", _key(height)), None))

    @property
    def newest_checkpoint(self) -> Checkpoint | None:
        with self._rows.read() as reading:
            return _checkpoint(next(reading.falling("checkpoints"), None))

    def put_fact(self, name: str, value: bytes) -> None:
        self._rows.write(lambda writing: writing.put("facts", name.encode(), value))

    def find_fact(self, name: str) -> bytes | None:
        return self._rows.get("facts", name.encode())

    def close(self) -> None:
        self._rows.close()


def find_header(reading: Reading, height: int) -> Header | None:
    raw = reading.get("headers", _key(height))
    return None if raw is None else decode(Header, raw)


def newest_header(reading: Reading) -> Header:
    """The head; a store is never without one."""
    return decode(Header, next(reading.falling("headers"))[1])


def find_rooted(reading: Reading) -> tuple[int, Digest]:
    row = reading.get("meta", b"rooted") or b""
    return _number(row[:8]), row[8:]


def find_origin(reading: Reading, height: int) -> Origin | None:
    """The block at `height` and what it was made of; raises StoreError when a piece of it is missing."""
    pieces: list[bytes] = []
    for key, piece in reading.rising("blocks", _key(height)):
        if key != _key(height) + len(pieces).to_bytes(4, "big"):
            break
        pieces.append(piece)
    try:
        return decode(Origin, b"".join(pieces)) if pieces else None
    except EncodingError as error:
        raise StoreError(
            f"block {height} in table blocks is not whole, {len(pieces)} pieces: {error}"
        ) from error


def _put_all(
    writing: Changing,
    sealed: Sequence[Sealed],
    commits: Sequence[Commit],
    tree: Nodes,
    rooted: tuple[int, Digest] | None,
) -> None:
    for item in sealed:
        for table, row, value in rows_of_block(item):
            writing.put(table, row, value)
        for key, content in item.writes:
            state.write(writing, item.block.header.height, key, content)
        for identity, place in rows_of_identities(item):
            writing.put("identities", identity, place)
        for commitment, place in rows_of_commitments(item):
            writing.put("commitments", commitment, place)
    for commit in commits:
        writing.put("commits", _key(commit.round), encode(commit))
    for path, content in tree:
        table, key, value = row_of_node(path, content)
        if content:
            writing.put(table, key, value)
        else:
            writing.delete(table, key)
    if rooted is not None:
        writing.put(*row_of_root(rooted))


def rows_of_block(sealed: Sealed) -> list[tuple[str, bytes, bytes]]:
    """Tables, keys and values of a block; in each table behind all rows of the blocks before."""
    height = _key(sealed.block.header.height)
    raw = encode(Origin(sealed.block, sealed.order))
    pieces = [raw[start : start + PIECE_BYTES_MAX] for start in range(0, len(raw), PIECE_BYTES_MAX)]
    return [
        ("headers", height, encode(sealed.block.header)),
        *(("blocks", height + number.to_bytes(4, "big"), piece) for number, piece in enumerate(pieces)),
    ]


def rows_of_identities(sealed: Sealed) -> list[tuple[Digest, bytes]]:
    """Where the block's transactions are found."""
    height = _key(sealed.block.header.height)
    return [
        (identity, height + position.to_bytes(4, "big"))
        for position, identity in enumerate(sealed.identities)
    ]


def rows_of_commitments(sealed: Sealed) -> list[tuple[Digest, bytes]]:
    """Which commitments the block's executed transactions state."""
    height = _key(sealed.block.header.height)
    return [(commitment, height) for commitment in sealed.commitments]


def row_of_node(path: bytes, content: bytes) -> tuple[str, bytes, bytes]:
    """A node of the state tree; LMDB takes no empty key, and the root's path is empty."""
    return "tree", b"/" + path, content


def row_of_root(rooted: tuple[int, Digest]) -> tuple[str, bytes, bytes]:
    """Which height the tree is of, and its root."""
    return "meta", b"rooted", _key(rooted[0]) + rooted[1]


def _prune_commits(writing: Changing, round_: int) -> None:
    old = []
    for key, _ in writing.rising("commits"):
        if _number(key) >= round_:
            break
        old.append(key)
    for key in old:
        writing.delete("commits", key)


def _checkpoint(row: tuple[bytes, bytes] | None) -> Checkpoint | None:
    return None if row is None else decode(Checkpoint, row[1])


def _key(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _number(key: bytes) -> int:
    return int.from_bytes(key, "big")
