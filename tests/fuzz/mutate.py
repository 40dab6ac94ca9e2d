"""Changes to valid bytes that get past the first checks of a decoder: what a bored liar would try."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec

NUMBERS = (
    *(0, 1, 2, 15, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 65535, 65536),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1),
    *(-1, -32, -33, -128, -(2**31), -(2**63), 10**400, 1e308, float("inf"), float("nan"), -0.0),
)
TEXTS = (
    *("", "0", "-1", "a" * 300, "é" * 130, "9" * 5000, "\0", "\n", "\t", " ", "\x7f", "\u202e", "\U0010ffff"),
    *("ß", "\u0663", "../..", "a/b", "null", "NaN", "1e999", "%", '"', "'", "\\", "*"),
)
DEPTHS = (1, 40, 64, 65, 700, 5000)
Tree = Any


def mutate(data: bytes, seeds: Sequence[bytes], chance: Random, size_max: int) -> bytes:
    """The data after one to four changes."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(_CHANGES)(data, seeds, chance)[:size_max]
    return data


def _cut(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    return data[: chance.randint(0, len(data))]


def _flip(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    if not data:
        return b"\0"
    place = chance.randrange(len(data))
    return data[:place] + bytes((data[place] ^ 1 << chance.randrange(8),)) + data[place + 1 :]


def _drop(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    first, last = sorted(chance.randint(0, len(data)) for _ in range(2))
    return data[:first] + data[min(last, first + 40) :]


def _repeat(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    first, last = sorted(chance.randint(0, len(data)) for _ in range(2))
    return data[:last] + data[first:last] * chance.choice((1, 1, 2, 50)) + data[last:]


def _splice(data: bytes, seeds: Sequence[bytes], chance: Random) -> bytes:
    other = chance.choice(seeds)
    return data[: chance.randint(0, len(data))] + other[chance.randint(0, len(other)) :]


def _overwrite(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    """A number of some width, as large or small as it can be, where a length may stand."""
    width = chance.choice((1, 1, 2, 4, 8))
    number = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80"))[:1] + chance.choice((b"\0", b"\xff")) * 7
    place = chance.randint(0, len(data))
    return data[:place] + number[:width] + data[place + width :]


def _insert(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    """A head of MessagePack that claims more than there is, a bracket, or noise."""
    heads = (b"\xdd\xff\xff\xff\xff", b"\xc6\x7f\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xdc\xff\xff")
    nested = chance.choice((b"\x91", b"[", b'{"a":', b"(")) * chance.choice(DEPTHS)
    new = chance.choice((*heads, nested, chance.choice(TEXTS).encode(), chance.randbytes(5)))
    place = chance.randint(0, len(data))
    return data[:place] + new + data[place:]


def _change_packed(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    """Another value of the same form, encoded as it should be."""
    try:
        return msgspec.msgpack.encode(_change(msgspec.msgpack.decode(data), chance))
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError, TypeError):
        return _overwrite(data, (), chance)


def _change_json(data: bytes, _: Sequence[bytes], chance: Random) -> bytes:
    try:
        return json.dumps(_change(json.loads(data), chance), ensure_ascii=chance.random() < 0.5).encode()
    except (ValueError, RecursionError, TypeError):
        return _flip(data, (), chance)


def _change(tree: Tree, chance: Random) -> Tree:
    """The value with one part changed."""
    if isinstance(tree, list | tuple) and tree and chance.random() < 0.85:
        return _change_list(list(tree), chance)
    if isinstance(tree, dict) and tree and chance.random() < 0.85:
        name = chance.choice(list(tree))
        return tree | {name if chance.random() < 0.8 else chance.choice(TEXTS): _change(tree[name], chance)}
    if isinstance(tree, bytes) and chance.random() < 0.8:
        # Bytes may hold an encoding themselves: a vertex in a message, a document in a request.
        inner = chance.choice((_change_packed, _change_json))(tree, (), chance)
        return chance.choice((tree[:-1], tree + b"\0", b"", _flip(tree, (), chance), tree * 2, inner, inner))
    if isinstance(tree, str) and chance.random() < 0.8:
        return chance.choice((*TEXTS, tree + chance.choice(TEXTS)))
    if isinstance(tree, int) and chance.random() < 0.8:
        return chance.choice((*NUMBERS, tree + 1, tree - 1))
    return chance.choice((None, True, 0, 2**64 - 1, "", b"", [], [[]], bytes(32), bytes(64), _nest(chance)))


def _change_list(items: list[Tree], chance: Random) -> Tree:
    place = chance.randrange(len(items))
    match chance.randrange(8):
        case 0:
            return items[:place] + items[place + 1 :]
        case 1:
            return [*items, items[place]] * chance.choice((1, 1, 1, 40))
        case 2:
            chance.shuffle(items)
            return items
        case _:
            return [*items[:place], _change(items[place], chance), *items[place + 1 :]]


def _nest(chance: Random) -> Tree:
    tree: Tree = []
    for _ in range(chance.choice(DEPTHS[:4])):
        tree = [tree]
    return tree


_CHANGES: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    *(_cut, _flip, _flip, _drop, _repeat, _splice, _overwrite, _insert),
    *(_change_packed, _change_packed, _change_packed, _change_json, _change_json),
)
