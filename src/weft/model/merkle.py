"""A Merkle tree over a list, sixteen children wide.

Promise: the root binds every item, their order and their number; a leaf can never be read as an inner node
(RFC 6962 section 2.1 hashes the two apart in the same way). Wide nodes cost one hash call for sixteen
children, which in Python is what a tree costs; a proof carries up to fifteen siblings a level.
"""

from collections.abc import Sequence
from functools import cache
from hashlib import sha256

from weft.model.digest import ZERO, Digest, digest
from weft.model.encoding import Natural, Record

WIDTH = 16


class Proof(Record, frozen=True):
    """The way from one item to the root: its place, the number of items, its siblings level by level."""

    index: Natural
    count: Natural
    levels: tuple[tuple[Digest, ...], ...]


def root(domain: str, items: Sequence[bytes]) -> Digest:
    """The root of a list of byte strings."""
    if not items:
        return _empty_root(domain)
    return _seal(domain, len(items), _top(_leaves(items)))


def prove(items: Sequence[bytes], index: int) -> Proof:
    """The proof that `items[index]` stands at `index`; IndexError when there is no such item."""
    if not 0 <= index < len(items):
        raise IndexError(index)
    levels, nodes, place = [], _leaves(items), index
    while len(nodes) > 1:
        first = place - place % WIDTH
        group = nodes[first : first + WIDTH]
        levels.append(tuple(group[: place - first] + group[place - first + 1 :]))
        nodes, place = _parents(nodes), place // WIDTH
    return Proof(index, len(items), tuple(levels))


def verify(domain: str, expected: Digest, item: bytes, proof: Proof) -> bool:
    """Whether `proof` leads from `item` to the root `expected`."""
    if not 0 <= proof.index < proof.count:
        return False
    node, place, width = sha256(b"\0" + item).digest(), proof.index, proof.count
    for siblings in proof.levels:
        first = place - place % WIDTH
        if width <= 1 or len(siblings) != min(WIDTH, width - first) - 1:
            return False
        inside = place - first
        node = sha256(b"\1" + b"".join((*siblings[:inside], node, *siblings[inside:]))).digest()
        place, width = place // WIDTH, -(-width // WIDTH)
    return width == 1 and _seal(domain, proof.count, node) == expected


@cache
def _empty_root(domain: str) -> Digest:
    """Most vertices carry nothing."""
    return _seal(domain, 0, ZERO)


def _leaves(items: Sequence[bytes]) -> list[Digest]:
    return [sha256(b"\0" + item).digest() for item in items]


def _parents(nodes: list[Digest]) -> list[Digest]:
    return [
        sha256(b"\1" + b"".join(nodes[first : first + WIDTH])).digest()
        for first in range(0, len(nodes), WIDTH)
    ]


def _top(nodes: list[Digest]) -> Digest:
    while len(nodes) > 1:
        nodes = _parents(nodes)
    return nodes[0]


def _seal(domain: str, count: int, top: Digest) -> Digest:
    return digest(domain, count.to_bytes(8, "big") + top)
