"""Twins of the stores without a disk: same promises while the process lives, nothing after it."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from itertools import islice

from weft.model.block import Block, Checkpoint, Header, Sealed
from weft.model.commit import Commit
from weft.model.digest import Digest
from weft.model.encoding import encode
from weft.model.stored import BASE, Change, Erased, Place
from weft.model.transaction import Attachment

Record = tuple[int, int, bytes]
Nodes = Sequence[tuple[bytes, bytes]]


class MemoryJournal:
    """The twin of `journal.Journal`."""

    def __init__(self) -> None:
        self._segments: list[list[Record]] = [[]]

    def append(self, kind: int, round_: int, payload: bytes) -> None:
        self._segments[-1].append((kind, round_, payload))

    def sync(self) -> None:
        """Nothing waits."""

    def roll(self, round_: int, base: bytes) -> None:
        self._segments.append([(BASE, round_, base)])

    def drop(self, round_: int) -> None:
        while len(self._segments) > 1:
            oldest, (kind, base, _) = self._segments[0], self._segments[1][0]
            if kind != BASE or base > round_ or any(record[1] >= round_ for record in oldest):
                break
            del self._segments[0]

    def replay(self) -> Iterator[Record]:
        for segment in self._segments:
            yield from segment

    @property
    def size(self) -> int:
        return sum(len(payload) for _, _, payload in self._segments[-1])


class MemoryState:
    """The twin of `state.StoredState`."""

    def __init__(self) -> None:
        self._changes: dict[bytes, list[Change]] = {}
        self._keys: list[bytes] = []
        """Keys that have a value, rising."""

    def get(self, key: bytes) -> bytes | None:
        changes = self._changes.get(key)
        return changes[-1].value if changes else None

    def scan(self, prefix: bytes, after: bytes = b"", limit: int = 1000) -> list[tuple[bytes, bytes]]:
        place = bisect_left(self._keys, prefix) if prefix > after else bisect_right(self._keys, after)
        found = []
        for key in islice(self._keys, place, place + limit):
            value = self.get(key)
            if not key.startswith(prefix) or value is None:
                break
            found.append((key, value))
        return found

    def get_at(self, key: bytes, height: int) -> bytes | None:
        changes = self.history(key, height + 1, 1)
        return changes[0].value if changes else None

    def history(self, key: bytes, before: int | None = None, limit: int = 1000) -> list[Change]:
        changes = reversed(self._changes.get(key, []))
        return list(islice((item for item in changes if before is None or item.height < before), limit))

    def write(self, height: int, key: bytes, value: bytes | None) -> None:
        """Let `key` have `value` after block `height`, or none."""
        was_there = self.get(key) is not None
        if value is None and not was_there:
            return
        self._changes.setdefault(key, []).append(Change(height, value))
        if value is None:
            del self._keys[bisect_left(self._keys, key)]
        elif not was_there:
            insort(self._keys, key)


class MemoryStore:
    """The twin of `store.LmdbStore`."""

    def __init__(self, genesis: Sealed, tree: Nodes, root: Digest) -> None:
        self.state = MemoryState()
        self._sealed: list[Sealed] = []
        self._places: dict[Digest, Place] = {}
        self._commitments: dict[Digest, int] = {}
        self._commits: dict[int, bytes] = {}
        self._nodes: dict[bytes, bytes] = {}
        self._checkpoints: dict[int, Checkpoint] = {}
        self._facts: dict[str, bytes] = {}
        self._rooted = (0, root)
        self.append([genesis], [], tree, self._rooted)

    @property
    def head(self) -> Header:
        return self._sealed[-1].block.header

    @property
    def head_hash(self) -> Digest:
        return self._sealed[-1].hash

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
        for item in sealed:
            height = item.block.header.height
            assert height == len(self._sealed)
            self._sealed.append(item)
            self._places |= {identity: Place(height, at) for at, identity in enumerate(item.identities)}
            self._commitments |= dict.fromkeys(item.commitments, height)
            for key, value in item.writes:
                self.state.write(height, key, value)
        self._commits |= {commit.round: encode(commit) for commit in commits}
        self._nodes.update(tree)
        self._rooted = rooted or self._rooted

    def find_block(self, height: int) -> Block | None:
        return self._sealed[height].block if 0 <= height < len(self._sealed) else None

    def find_header(self, height: int) -> Header | None:
        block = self.find_block(height)
        return None if block is None else block.header

    def find_transaction(self, identity: Digest) -> Place | None:
        return self._places.get(identity)

    def find_commitment(self, commitment: Digest) -> int | None:
        return self._commitments.get(commitment)

    def find_commit(self, round_: int) -> bytes | None:
        return self._commits.get(round_)

    def commits_before(self, round_: int, limit: int) -> list[bytes]:
        rounds = sorted((kept for kept in self._commits if kept <= round_), reverse=True)
        return [self._commits[kept] for kept in rounds[:limit]]

    def prune_commits(self, round_: int) -> None:
        self._commits = {kept: raw for kept, raw in self._commits.items() if kept >= round_}

    def tree_node(self, path: bytes) -> bytes | None:
        return self._nodes.get(path) or None

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        self._checkpoints[checkpoint.statement.height] = checkpoint

    def find_checkpoint(self, height: int) -> Checkpoint | None:
        return self._checkpoints.get(min((kept for kept in self._checkpoints if kept >= height), default=-1))

    @property
    def newest_checkpoint(self) -> Checkpoint | None:
        return self._checkpoints.get(max(self._checkpoints, default=-1))

    def put_fact(self, name: str, value: bytes) -> None:
        self._facts[name] = value

    def find_fact(self, name: str) -> bytes | None:
        return self._facts.get(name)


class MemoryAttachments:
    """The twin of `attachments.Attachments`."""

    def __init__(self) -> None:
        self._kept: dict[Digest, Attachment | Erased] = {}
        self._suspects: set[Digest] = set()

    def put(self, attachments: Sequence[Attachment]) -> None:
        for attachment in attachments:
            self._suspects.discard(attachment.commitment)
            self._kept.setdefault(attachment.commitment, attachment)

    def sync(self) -> None:
        """Nothing waits."""

    def find(self, commitment: Digest) -> Attachment | Erased | None:
        return self._kept.get(commitment)

    def find_many(self, commitments: Sequence[Digest]) -> dict[Digest, Attachment | Erased | None]:
        return {commitment: self._kept.get(commitment) for commitment in commitments}

    def missing(self, commitments: Sequence[Digest]) -> list[Digest]:
        self._suspects.difference_update(commitments)
        return [commitment for commitment in commitments if commitment not in self._kept]

    def erase(self, commitments: Sequence[Digest], height: int) -> None:
        for commitment in commitments:
            kept = self._kept.get(commitment)
            first = min(kept.height, height) if isinstance(kept, Erased) else height
            self._kept[commitment] = Erased(first)

    def suspect(self, commitments: Sequence[Digest]) -> None:
        self._suspects = set(commitments)

    def commitments(self, after: bytes, limit: int) -> list[Digest]:
        here = [one for one, kept in self._kept.items() if one > after and isinstance(kept, Attachment)]
        return sorted(here)[:limit]

    def discard(self, commitments: Sequence[Digest]) -> None:
        for commitment in commitments:
            if commitment in self._suspects and isinstance(self._kept.get(commitment), Attachment):
                del self._kept[commitment]
