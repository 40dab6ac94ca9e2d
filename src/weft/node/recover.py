"""Start-up: replay the journal through the same core.

Promise: after `recover` the core knows everything that was on disk, and will never speak in a round in which
this validator may have spoken; an own vertex found behind a torn tail may have been said or not, so in its
round nothing else may ever be said, unless something that it names is gone: what makes a vertex durable has
made its past durable, so that one was never said. Sending effects are dropped; commits are kept, and applied
again as far as the store has not got them (they are passed over by their round). What the journal cannot
vouch for is not guessed: a journal that is damaged before its last durable mark, or that is not there
although it should be, is not trusted, and the node then asks the others what it may have said
(`node/rejoin.py`). Until they have answered it stays untrusted, through any number of restarts. A store that
lacks what the journal does not tell any more is not filled up from the middle: the node then follows blocks.

Never put here: anything that decides differently from how the core decided while it ran.
"""

from dataclasses import dataclass

import msgspec

from weft.consensus.core import Core, first_base
from weft.consensus.messages import Base, Deliver, Heard
from weft.model.block import SignedStatement
from weft.model.commit import Commit
from weft.model.encoding import decode, encode
from weft.model.errors import EncodingError, HomeError, JournalError
from weft.model.genesis import Genesis
from weft.model.limits import LocalLimits
from weft.model.vertex import Reference, decode_vertex
from weft.node.driver import SPOKEN_UNKNOWN
from weft.node.ports import BASE, BOUND, OTHER, OWN, SPOKEN, WORD, Journal, Signer, Store


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a node starts with."""

    core: Core
    delivered: tuple[Deliver, ...]
    """Commits, to be applied unless the store has them."""
    round_first: int
    """The first round in which this validator may speak."""
    unsaid: tuple[bytes, ...]
    """Own vertices below it, found behind a torn tail with all their past, and in no journal since: to be
    said, if anything is, as they are."""
    is_trusted: bool
    """Whether the journal tells all that was said."""
    is_behind: bool
    """Whether the store lacks commits that the journal does not tell: they must come as blocks."""


def found(journal: Journal, genesis: Genesis) -> None:
    """Begin the journal of a validator that has never said anything. Done once, when a home is made."""
    journal.roll(0, encode(first_base(genesis)))
    journal.sync()


def recover(
    genesis: Genesis, me: int, signer: Signer, journal: Journal, store: Store, local: LocalLimits
) -> Recovered:
    """Replay everything the journal has; raises HomeError when another member wrote it."""
    replay = _Replay(genesis, me, signer, local, store.head.round)
    try:
        for kind, round_, payload in journal.replay():
            replay.take(kind, round_, payload)
    except JournalError:
        replay = _Replay(genesis, me, signer, local, store.head.round)
    is_behind = not _is_stored(replay.base, store)
    delivered = () if is_behind else tuple(replay.delivered)
    unsaid = tuple(replay.unsaid)
    return Recovered(replay.core, delivered, replay.round_first, unsaid, replay.is_trusted, is_behind)


def _is_stored(base: Base, store: Store) -> bool:
    """Whether the store has everything that was ordered up to the base."""
    newest = [decode(Commit, raw).order_hash for raw in store.commits_before(base.round, 1)]
    return store.head.round >= base.round or base.order_hash in (*newest, store.head.order_hash)


class _Replay:
    def __init__(
        self, genesis: Genesis, me: int, signer: Signer, local: LocalLimits, stored_round: int
    ) -> None:
        self._genesis = genesis
        self._me = me
        self._signer = signer
        self._local = local
        self._stored_round = stored_round
        self.base = first_base(genesis)
        self.core = Core(genesis, me, signer, self.base, local)
        self.delivered: list[Deliver] = []
        self.round_first = 1
        self.unsaid: dict[bytes, None] = {}
        self._behind: set[Reference] = set()
        """Own vertices found behind a torn tail with all their past."""
        self.is_trusted = False
        self._is_begun = False

    def take(self, kind: int, round_: int, payload: bytes) -> None:
        if kind == BASE:
            self._rebase(decode(Base, payload))
        elif kind in (OWN, OTHER):
            vertex = decode_vertex(payload)
            if (kind == OWN) != (vertex.author == self._me):
                name = self._genesis.members[self._me].name
                raise HomeError(
                    f"this key is {name}'s, and another member wrote the journal",
                    fix="Put this member's key and data together again, or start with an empty data folder.",
                )
            delivered = self.core.restore(vertex, kind == OWN)
            self.delivered += (
                effect
                for effect in delivered
                if isinstance(effect, Deliver) and effect.commit.round > self._stored_round
            )
            if kind == OWN:
                self.round_first = max(self.round_first, round_ + 1)
                self.unsaid.pop(payload, None)
        elif kind == WORD:
            self.core.handle(Heard(decode(SignedStatement, payload)))
        elif kind == BOUND:
            self.round_first = max(self.round_first, round_ + 2)
            self.is_trusted = True
        elif kind == SPOKEN and self._has_past(payload):
            self.round_first = max(self.round_first, round_ + 1)
            self.unsaid[payload] = None
        self._is_begun = True

    def _has_past(self, payload: bytes) -> bool:
        """Whether all that a vertex names was on disk before it, or is an own one that may have been said."""
        try:
            vertex = decode_vertex(payload)
        except EncodingError:
            return True  # nobody knows what it names
        has_past = all(
            parent in self._behind
            or self.core.find_vertex(parent) is not None
            or self.core.is_forgotten(parent)
            for parent in vertex.parents
        )
        if has_past:
            self._behind.add(vertex.reference)
        return has_past

    def _rebase(self, base: Base) -> None:
        """The first base, or one further on: the node had caught up by following blocks."""
        self.is_trusted = base.spoken != SPOKEN_UNKNOWN
        if not self.is_trusted:
            base = msgspec.structs.replace(base, spoken=0)
            # Whoever wrote this base had been told of more than is here: of another vertex in the same slot,
            # if this is an old copy of the disk.
            self.unsaid.clear()
        self.round_first = max(self.round_first, base.spoken + 1)
        if not self._is_begun or base.round > self.core.last_final:
            self.base = base
            self.core = Core(self._genesis, self._me, self._signer, base, self._local)
            self.delivered.clear()
