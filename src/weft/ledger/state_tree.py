"""A Merkle tree over the whole state, whose shape depends on nothing but the state.

A set of entries (state key, digest of value) is a *bucket* while it has at most 16; a larger one is a
*branch* of sixteen sets, by the next hex digit of SHA-256(key). A node's path is the hex digits that lead to
it, the root's is empty. So two states that are equal have equal trees, however they came about, and two
that differ lead to the keys that do.

Nodes are read through a callable and given back as (path, content), empty content where one is gone: the tree
keeps nothing. It is updated for the changed keys of many blocks at once.
"""

from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from hashlib import sha256

import msgspec

from weft.model.digest import ZERO, Digest
from weft.model.encoding import encode
from weft.model.message import Tree
from weft.model.proof import BRANCH, BUCKET, node_children, node_digest, node_entries, tree_path

BUCKET_MAX = 16

Read = Callable[[bytes], bytes | None]
"""The stored content of the node at a path."""

# What follows is paid for every changed key, so digests are taken in place and buckets, which this module
# wrote itself, are decoded without the check for their one encoding.
_NODE_DOMAIN, _VALUE_DOMAIN = b"weft:state\0", b"weft:value\0"
_DIGITS = b"0123456789abcdef"
_OFFSETS = {digit: 32 * place + 1 for place, digit in enumerate(_DIGITS)}
"""Where in a branch the child of a digit stands."""
_decode_entries = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode

_Entry = tuple[bytes, bytes]
_Item = tuple[bytes, bytes, Digest | None]
"""Path of the key in full, the key, digest of its new value."""


def update(
    read: Read, changes: Iterable[tuple[bytes, bytes | None]]
) -> tuple[Digest, list[tuple[bytes, bytes]]]:
    """The root after `changes` (state key, new value or None), and the nodes that are new or gone."""
    items: list[_Item] = [
        (
            sha256(key).hexdigest().encode(),
            key,
            None if value is None else sha256(_VALUE_DOMAIN + value).digest(),
        )
        for key, value in changes
    ]
    items.sort()
    growth = _Growth(read, any(value is None for _, _, value in items))
    root = growth.grow(b"", items) if items else node_digest(read(b"") or b"")
    return root, list(growth.nodes.items())


class _Growth:
    """One update, and the nodes that it has written so far."""

    def __init__(self, read: Read, has_deletions: bool) -> None:
        self._read = read
        self._has_deletions = has_deletions
        self.nodes: dict[bytes, bytes] = {}

    def grow(self, path: bytes, items: Sequence[_Item]) -> Digest:
        """Apply items that all belong below `path`; the new digest of the node there."""
        if len(items) == 1 and items[0][2] is not None:
            return self._grow_one(path, items[0])
        content = self._read(path)
        if not content or content[0] == 0:
            entries = dict(_decode_entries(content[1:])) if content else {}
            for _, key, value in items:
                if value is not None:
                    entries[key] = value
                else:
                    entries.pop(key, None)
            return self._place(path, sorted(entries.items()))
        return self._grow_branch(path, content, items)

    def _grow_one(self, path: bytes, item: _Item) -> Digest:
        """`grow` for one value that is set: most nodes near the leaves have only one change below them."""
        full, key, value = item
        depth, above, read, nodes = len(path), [], self._read, self.nodes
        while (content := read(full[:depth])) and content[0] == 1:
            above.append(content)
            depth += 1
        entries = _decode_entries(content[1:]) if content else []
        place = bisect_left(entries, (key,))
        is_there = place < len(entries) and entries[place][0] == key
        entries[place : place + is_there] = [(key, value)]  # type: ignore[list-item]
        if len(entries) <= BUCKET_MAX:
            nodes[full[:depth]] = content = BUCKET + encode(entries)
            node = sha256(_NODE_DOMAIN + content).digest()
        else:
            node = self._place(full[:depth], entries)
        while above:
            content = above.pop()
            depth -= 1
            offset = _OFFSETS[full[depth]]
            nodes[full[:depth]] = content = content[:offset] + node + content[offset + 32 :]
            node = sha256(_NODE_DOMAIN + content).digest()
        return node

    def _grow_branch(self, path: bytes, content: bytes, items: Sequence[_Item]) -> Digest:
        depth, node, first, count = len(path) + 1, bytearray(content), 0, len(items)
        while first < count:
            child, end = items[first][0][:depth], first + 1
            while end < count and items[end][0].startswith(child):
                end += 1
            offset = _OFFSETS[child[-1]]
            node[offset : offset + 32] = self.grow(child, items[first:end])
            first = end
        if self._has_deletions and any(value is None for _, _, value in items):
            few = self._take_few(path, node)
            if few is not None:
                return self._place(path, few)
        return self._write(path, bytes(node))

    def _take_few(self, path: bytes, node: bytearray) -> list[_Entry] | None:
        """All entries below a branch if they fit in one bucket; the nodes that held them are then gone."""
        entries: list[_Entry] = []
        children = [path + bytes((digit,)) for digit, at in _OFFSETS.items() if node[at : at + 32] != ZERO]
        for child in children:
            content = self.nodes.get(child) or self._read(child) or b""
            if content[:1] == BRANCH:
                return None
            entries += _decode_entries(content[1:])
            if len(entries) > BUCKET_MAX:
                return None
        self.nodes.update(dict.fromkeys(children, b""))
        return sorted(entries)

    def _place(self, path: bytes, entries: list[_Entry]) -> Digest:
        """Write the set of entries, sorted, that belongs at `path`."""
        if len(entries) <= BUCKET_MAX:
            return self._write(path, BUCKET + encode(entries) if entries else b"")
        depth, below = len(path), {digit: list[_Entry]() for digit in _DIGITS}
        for entry in entries:
            below[tree_path(entry[0])[depth]].append(entry)
        digests = [
            self._place(path + bytes((digit,)), part) if part else ZERO for digit, part in below.items()
        ]
        return self._write(path, BRANCH + b"".join(digests))

    def _write(self, path: bytes, content: bytes) -> Digest:
        self.nodes[path] = content
        return sha256(_NODE_DOMAIN + content).digest() if content else ZERO


def prove(read: Read, key: bytes) -> tuple[bytes, ...]:
    """The nodes' contents from the root to where the key stands or would stand (for `StateProof`)."""
    path, nodes = tree_path(key), list[bytes]()
    while content := read(path[: len(nodes)]):
        nodes.append(content)
        if content[:1] == BUCKET:
            break
    return tuple(nodes)


def open_node(content: bytes | None) -> Tree:
    """What a node says to a peer who looks for a difference."""
    if not content:
        return Tree((), ())
    return Tree(node_children(content), ()) if content[:1] == BRANCH else Tree((), node_entries(content))


def find_difference(read: Read) -> Generator[bytes, Tree, bytes | None]:
    """The first key, in the tree's order, in which a peer's state differs; None if there is none.

    Yields the path of a node to ask the peer for and is sent the answer. At most 64 questions are asked,
    whatever is answered.
    """
    path, held = b"", read(b"") or b""
    while len(path) < 64:
        theirs = yield path
        if len(theirs.children) != len(_DIGITS):
            return _find_unequal(read, path, held, dict(theirs.entries))
        is_branch = held[:1] == BRANCH
        parts = () if is_branch else _split(held, len(path))
        mine = node_children(held) if is_branch else tuple(node_digest(part) for part in parts)
        place = next((at for at, child in enumerate(theirs.children) if child != mine[at]), None)
        if place is None:
            return None
        path += _DIGITS[place : place + 1]
        held = (read(path) or b"") if is_branch else parts[place]
    return None


def _split(bucket: bytes, depth: int) -> tuple[bytes, ...]:
    """The buckets that would stand below, were this bucket a branch."""
    entries = _decode_entries(bucket[1:]) if bucket else []
    parts = ([e for e in entries if tree_path(e[0])[depth] == digit] for digit in _DIGITS)
    return tuple(BUCKET + encode(part) if part else b"" for part in parts)


def _find_unequal(read: Read, path: bytes, held: bytes, theirs: dict[bytes, Digest]) -> bytes | None:
    """The first key below `path` that is not the same in their bucket."""
    for key, value in _entries_below(read, path, held):
        if theirs.pop(key, None) != value:
            return key
    return min(theirs, default=None)


def _entries_below(read: Read, path: bytes, content: bytes) -> Iterator[_Entry]:
    if content[:1] == BRANCH:
        for place in range(len(_DIGITS)):
            child = path + _DIGITS[place : place + 1]
            yield from _entries_below(read, child, read(child) or b"")
    elif content:
        yield from _decode_entries(content[1:])
