"""One step of the total order: a final round and the vertices it orders."""

from weft.model.digest import Digest, digest
from weft.model.encoding import Natural, Record, encode
from weft.model.vertex import Reference


class Commit(Record, frozen=True):
    """The record of a final round that ordered something (`docs/protocol/consensus.md` section 7)."""

    round: Natural
    time_ms: Natural
    """Ledger time: never falls, and cannot be pushed by members of weight ≤ f."""
    slots: tuple[Reference, ...]
    """The round's committed slots, in slot order."""
    ordered: tuple[Reference, ...]
    """Every vertex that this commit orders, in order."""
    order_hash: Digest
    """Chains every commit to all before it."""


def first_order_hash(chain: Digest) -> Digest:
    """What stands before the first commit."""
    return digest("order", chain)


def next_order_hash(
    previous: Digest, round_: int, slots: tuple[Reference, ...], ordered: tuple[Reference, ...], time_ms: int
) -> Digest:
    """H(previous, round, committed slots, ordered references, time)."""
    return digest("order", encode((previous, round_, slots, ordered, time_ms)))
