"""Start-up: replay the journal through the same core.

Promise: after `recover` the core knows everything that was on disk, and will never speak in a round in which
this validator may have spoken. Sending effects are dropped; commits are kept, and applied again as far as the
store has not got them (they are passed over by their round). What the journal cannot vouch for is not
guessed: a journal that is damaged before its last durable mark, or that is not there although it should be,
is not trusted, and the node then asks the others what it may have said (`node/rejoin.py`).

Never put here: anything that decides differently from how the core decided while it ran.
"""

from dataclasses import dataclass

from weft.consensus.core import Core, first_base
from weft.consensus.messages import Base, Deliver, Heard
from weft.model.block import SignedStatement
from weft.model.encoding import decode, encode
from weft.model.errors import JournalError
from weft.model.genesis import Genesis
from weft.model.limits import LocalLimits
from weft.model.vertex import decode_vertex
from weft.node.ports import BASE, BOUND, OTHER, OWN, SPOKEN, WORD, Journal, Signer, Store


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a node starts with."""

    core: Core
    delivered: tuple[Deliver, ...]
    """Commits, to be applied unless the store has them."""
    round_first: int
    """The first round in which this validator may speak."""
    is_trusted: bool
    """Whether the journal tells all that was said."""


def found(journal: Journal, genesis: Genesis) -> None:
    """Begin the journal of a validator that has never said anything. Done once, when a home is made."""
    journal.roll(0, encode(first_base(genesis)))
    journal.sync()


def recover(
    genesis: Genesis, me: int, signer: Signer, journal: Journal, store: Store, local: LocalLimits
) -> Recovered:
    """Replay everything the journal has."""
    replay = _Replay(genesis, me, signer, local, store.head.round)
    try:
        for kind, round_, payload in journal.replay():
            replay.take(kind, round_, payload)
        is_trusted = replay.has_base
    except JournalError:
        replay = _Replay(genesis, me, signer, local, store.head.round)
        is_trusted = False
    return Recovered(
        replay.core,
        tuple(replay.delivered),
        replay.round_first,
        is_trusted,
    )


class _Replay:
    def __init__(
        self, genesis: Genesis, me: int, signer: Signer, local: LocalLimits, stored_round: int
    ) -> None:
        self._genesis = genesis
        self._me = me
        self._signer = signer
        self._local = local
        self._stored_round = stored_round
        self.core = Core(genesis, me, signer, first_base(genesis), local)
        self.delivered: list[Deliver] = []
        self.round_first = 1
        self.has_base = False

    def take(self, kind: int, round_: int, payload: bytes) -> None:
        if kind == BASE:
            self._rebase(decode(Base, payload))
        elif kind in (OWN, OTHER):
            delivered = self.core.restore(decode_vertex(payload), kind == OWN)
            self.delivered += (
                effect
                for effect in delivered
                if isinstance(effect, Deliver) and effect.commit.round > self._stored_round
            )
            if kind == OWN:
                self.round_first = max(self.round_first, round_ + 1)
        elif kind == WORD:
            self.core.handle(Heard(decode(SignedStatement, payload)))
        elif kind == BOUND:
            self.round_first = max(self.round_first, round_ + 2)
        elif kind == SPOKEN:
            self.round_first = max(self.round_first, round_ + 1)

    def _rebase(self, base: Base) -> None:
        """The first base, or one further on: the node had caught up by following blocks."""
        self.round_first = max(self.round_first, base.spoken + 1)
        if not self.has_base or base.round > self.core.last_final:
            self.core = Core(self._genesis, self._me, self._signer, base, self._local)
            self.delivered.clear()
        self.has_base = True
