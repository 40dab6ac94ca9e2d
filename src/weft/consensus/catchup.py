"""What to ask of whom, until it is here.

Promise: what one honest validator has completed every other can complete (`docs/protocol/consensus.md`
section 2): a missing piece is asked for first of who sent what needs it, then of those who named it, then of
anyone, with pauses that grow to 10 s, begin anew when a connection does, and never end. Who does not answer
soon is not waited for, and asked last from then on: a liar that gives a vertex to few and names it to all
would else hold up whoever asks it first. Bounded in rate: a few requests at a time for each member, so many
pieces in each.
"""

from collections import OrderedDict
from collections.abc import Iterator
from heapq import heappop, heappush
from itertools import count, islice

from weft.consensus.dag import Dag
from weft.consensus.debts import Debts
from weft.consensus.messages import Behind, Effect, Fetch
from weft.consensus.waiting import Piece, Waiting
from weft.consensus.weight import bits_of, members_in
from weft.model.digest import Digest
from weft.model.vertex import Reference

PIECES_PER_FETCH = 256
FETCHES_PER_MEMBER = 4
PAUSE_US_FIRST = 50_000
PAUSE_US_MAX = 10_000_000
BEHIND_PAUSE_US = 2_000_000
ANSWER_US = 1_000_000
"""After which others are asked too."""
LATE_US_FIRST = 10_000_000
LATE_US_MAX = 600_000_000
"""How long a member that did not answer in time is asked last; doubled each time, unless long ago."""
_NEVER_US = 2**62
_GRACE_US_MIN = 10_000
_GRACE_US_UNKNOWN = 20_000
_GRACE_US_MAX = 50_000
GRACE_US_BEHIND = 3_000_000
GRACES_BEHIND = 5
"""Who is far behind is sent everything by its author. What one author has not come to yet would be asked of
another, and come again: so it gets longer, and once more each time that the author's stream has gone on. All
that waits for an author waits at once, and who was waited for in vain is not a second time, so a liar that is
slow on purpose takes these seconds once and not for ever."""
FAR_ROUNDS = 32
"""Above what is complete here."""


class Wish:
    """A missing piece and how asking for it goes."""

    __slots__ = ("asked", "due_us", "forgotten", "graces", "pause_us", "payer", "seen", "tried", "wishers")

    def __init__(self, due_us: int) -> None:
        self.due_us = due_us
        self.pause_us = PAUSE_US_FIRST
        self.asked: int | None = None
        """The member whose answer is awaited."""
        self.tried = 0
        """Members asked in vain since the last pause."""
        self.forgotten = 0
        """Members that keep it no longer."""
        self.wishers = 0
        """Members that sent what lacks it."""
        self.payer: int | None = None
        """The one among them that is charged for this round of asking."""
        self.graces = 0
        """How often its author may be given another moment."""
        self.seen: int | None = None
        """Where the author's stream was at the last one; None where it is not waited for."""


class Catchup:
    """All that is wished for."""

    def __init__(self, me: int, faulty: int, depth: int, dag: Dag, waiting: Waiting) -> None:
        self._me = me
        self._faulty = faulty
        self._depth = depth
        self._claims = [0] * dag.size
        """The newest own round that each member was seen to have spoken in."""
        self._streamed = [0] * dag.size
        """Up to where each member has sent its own vertices; a stream begins above what is here."""
        self._in_vain = 0
        """Members whose streams were waited for and did not come to it."""
        self._behind_us = -BEHIND_PAUSE_US
        self._dag = dag
        self._waiting = waiting
        self._connected = 0
        self._busy = [0] * dag.size
        """Requests under way, by member."""
        self._wishes: dict[Piece, Wish] = {}
        self._ready: OrderedDict[Piece, None] = OrderedDict()
        """To be asked for, if a member is free."""
        self._blocked: OrderedDict[Piece, None] = OrderedDict()
        """Who may be asked for these had no room: some are looked at again when a request ends. A liar can
        make others wish for thousands of pieces that never were; looking at all of them each time is work
        without end."""
        self._debts = Debts(dag.size)
        self._late_until_us = [0] * dag.size
        self._late_us = [0] * dag.size
        """Who is asked last, until when and for how long."""
        self._has_news = False
        """Whether asking again may lead further than it did the last time."""
        self._clock: list[tuple[int, int, Piece]] = []
        self._number = count()
        self._asleep: dict[Reference, None] = {}
        """Wanted by a known liar's own chain alone: not asked for until somebody else builds on it."""
        self._dropped: dict[Reference, int] = {}
        """Vertices let go for want of room, and who has them: nobody here names them."""

    def is_far_behind(self, complete: int) -> bool:
        """Whether somebody honest has spoken far above the newest round that is complete here."""
        return self._are_ahead(complete + FAR_ROUNDS)

    def wish(
        self, piece: Piece, now_us: int, rtt_us: int | None, wishers: int, is_far_behind: bool = False
    ) -> None:
        """What these members sent lacks a piece. What its author is about to send anyway gets a moment."""
        wish = self._wishes.get(piece)
        if isinstance(piece, Reference):
            self._asleep.pop(piece, None)
            is_far_behind &= not self._in_vain >> piece.author & 1
        if wish is None:
            self._wishes[piece] = wish = Wish(now_us + self._grace_us(piece, rtt_us, is_far_behind))
            wish.wishers = wishers
            if is_far_behind and isinstance(piece, Reference):
                wish.graces, wish.seen = GRACES_BEHIND, self._streamed[piece.author]
        elif wish.asked is not None or wish.due_us <= now_us:
            if wishers & ~wish.wishers:
                wish.wishers |= wishers
                self._ready[piece] = None
                self._has_news = True
            return
        else:
            wish.wishers |= wishers
            wish.due_us = min(wish.due_us, now_us + self._grace_us(piece, rtt_us, is_far_behind))
        self._schedule(piece, wish)

    def wish_again(self, reference: Reference, peer: int, now_us: int) -> None:
        """A vertex that came from `peer` was dropped for want of room; now there is some."""
        self._dropped[reference] = peer
        self.wish(reference, now_us, None, 1 << peer)

    def connect(self, member: int, now_us: int) -> None:
        """A stream began: everything may be asked for anew, and without a pause."""
        self._connected |= 1 << member
        self._streamed[member] = self._dag.newest[member]
        self._asleep.clear()
        for piece, wish in self._wishes.items():
            if wish.asked is None:
                wish.tried, wish.pause_us, wish.due_us, wish.payer = 0, PAUSE_US_FIRST, now_us, None
                self._ready[piece] = None
        self._blocked.clear()
        self._has_news = True

    def disconnect(self, member: int) -> None:
        """A stream broke: ask others."""
        self._connected &= ~(1 << member)

    def answer(
        self,
        member: int,
        references: tuple[Reference, ...],
        commitments: tuple[Digest, ...],
        forgotten: tuple[Reference, ...],
    ) -> None:
        """A Fetch ended. What did not come is asked for again: there if something came, else elsewhere."""
        self._busy[member] = max(0, self._busy[member] - 1)
        self._has_news = True
        self._unblock()
        pieces: tuple[Piece, ...] = (*references, *commitments)
        left = [piece for piece in pieces if self._is_wished(piece)]
        has_progress = len(left) < len(pieces)
        for piece in left:
            wish = self._wishes[piece]
            if wish.asked == member:
                wish.asked = None
                wish.forgotten |= (piece in forgotten) << member
                if piece in forgotten or not has_progress:
                    wish.tried |= 1 << member
                self._ready[piece] = None

    def note_pushed(self, member: int, round_: int) -> None:
        """A member's own vertex came on its stream, new or not."""
        self._streamed[member] = max(self._streamed[member], round_)

    def note_claim(self, member: int, round_: int, complete: int, now_us: int) -> list[Effect]:
        """A member spoke in `round_`. Members of more than f that are far above what is complete here have
        forgotten what is missing (section 10)."""
        if round_ <= self._claims[member]:
            return []
        self._claims[member] = round_
        is_far = round_ > complete + 2 * self._depth and self._are_ahead(complete + 2 * self._depth)
        if not is_far or now_us < self._behind_us + BEHIND_PAUSE_US:
            return []
        self._behind_us = now_us
        return [Behind(round_)]

    def wake(self, claimed: list[Reference], now_us: int, wishers: int) -> None:
        """Another author's vertex waits for these: what was not to be asked for is, from now on."""
        for reference in claimed:
            if reference in self._asleep:
                self.wish(reference, now_us, None, wishers)

    def tidy(self) -> None:
        """Let go of what nobody waits for any more."""
        for reference in tuple(self._asleep):
            if not self._is_wished(reference):
                del self._asleep[reference]

    def ask(self, now_us: int, complete: int) -> list[Effect]:
        """The requests to make now, and how far others have forgotten."""
        while self._clock and self._clock[0][0] <= now_us:
            due_us, _, piece = heappop(self._clock)
            wish = self._wishes.get(piece)
            if wish is None or wish.due_us != due_us:
                continue
            if self._is_coming(piece, wish):
                wish.due_us = now_us + GRACE_US_BEHIND
                self._schedule(piece, wish)
                continue
            self._give_up(wish, now_us)
            self._ready[piece] = None
            self._has_news = True
        for piece in self._debts.take_due(now_us):
            self._ready[piece] = None
            self._has_news = True
        if not self._has_news:
            return []
        self._has_news = False
        effects = self._ask_ready(now_us, complete)
        while self._blocked and not any(self._busy):
            self._unblock()
            effects += self._ask_ready(now_us, complete)
        return effects

    @property
    def next_us(self) -> int | None:
        """When to ask next, if nothing happens before."""
        put_off_us = self._debts.next_us
        while self._clock:
            due_us, _, piece = self._clock[0]
            wish = self._wishes.get(piece)
            if wish is not None and wish.due_us == due_us and self._is_wished(piece):
                return due_us if put_off_us is None else min(due_us, put_off_us)
            heappop(self._clock)
        return put_off_us

    def _are_ahead(self, round_: int) -> bool:
        """Whether members of more than f spoke above `round_`."""
        ahead = bits_of(author for author, claimed in enumerate(self._claims) if claimed > round_)
        return self._dag.scale.weigh(ahead) > self._faulty

    def _give_up(self, wish: Wish, now_us: int) -> None:
        """Ask others, if somebody was asked and has not answered."""
        member, wish.asked = wish.asked, None
        if member is None:
            return
        wish.tried |= 1 << member
        if self._late_until_us[member] <= now_us:
            is_forgiven = now_us > self._late_until_us[member] + LATE_US_MAX
            pause_us = LATE_US_FIRST if is_forgiven else 2 * self._late_us[member]
            self._late_us[member] = max(LATE_US_FIRST, min(LATE_US_MAX, pause_us))
            self._late_until_us[member] = now_us + self._late_us[member]

    def _is_coming(self, piece: Piece, wish: Wish) -> bool:
        """Whether nobody was asked for the piece because its author's stream goes on and comes to it."""
        if wish.seen is None or wish.asked is not None or not isinstance(piece, Reference):
            return False
        streamed = self._streamed[piece.author]
        if not self._connected >> piece.author & 1 or streamed >= piece.round:
            return False
        if not wish.graces or wish.seen == streamed:
            self._in_vain |= 1 << piece.author
            return False
        wish.graces, wish.seen = wish.graces - 1, streamed
        return True

    def _unblock(self) -> None:
        """As many as one request carries."""
        for _ in range(min(PIECES_PER_FETCH, len(self._blocked))):
            self._ready[self._blocked.popitem(last=False)[0]] = None

    def _ask_ready(self, now_us: int, complete: int) -> list[Effect]:
        room = {
            member: (FETCHES_PER_MEMBER - self._busy[member]) * PIECES_PER_FETCH
            for member in members_in(self._connected)
        }
        left = sum(room.values())
        asks: dict[int, list[Piece]] = {}
        effects: list[Effect] = []
        while self._ready and (left or not room):
            piece = self._ready.popitem(last=False)[0]
            if not self._is_wished(piece):
                continue
            wish = self._wishes[piece]
            if wish.asked is not None:
                continue
            if isinstance(piece, Reference) and self._is_idle_chain(piece):
                self._asleep[piece] = None
                wish.due_us = _NEVER_US
                continue
            payer = self._debts.find_payer(wish.wishers) if wish.payer is None else wish.payer
            if payer is None:
                self._debts.put_off(wish.wishers, piece, self._is_wished)
                continue
            untried = [member for member in self._sources(piece, now_us) if not wish.tried >> member & 1]
            member = next((member for member in untried if room[member]), None)
            if member is not None:
                if wish.payer is None:
                    wish.payer = payer
                    self._debts.charge(payer)
                wish.asked, wish.due_us = member, now_us + ANSWER_US
                self._schedule(piece, wish)
                room[member] -= 1
                left -= 1
                asks.setdefault(member, []).append(piece)
            elif untried:
                self._blocked[piece] = None
            else:
                wish.payer = None
                effects += self._pause(piece, wish, now_us, complete)
        for member, pieces in asks.items():
            for first in range(0, len(pieces), PIECES_PER_FETCH):
                effects.append(self._fetch(member, pieces[first : first + PIECES_PER_FETCH]))
        return effects

    def _fetch(self, member: int, pieces: list[Piece]) -> Fetch:
        self._busy[member] += 1
        references = tuple(piece for piece in pieces if isinstance(piece, Reference))
        commitments = tuple(piece for piece in pieces if isinstance(piece, bytes))
        return Fetch(member, references, commitments)

    def _pause(self, piece: Piece, wish: Wish, now_us: int, complete: int) -> list[Effect]:
        """Everybody connected was asked in vain.

        That members forgot a piece means something only if others are far ahead: a liar can name a vertex
        that never was, of a round just below the others' floor. Content that took no effect they destroy once
        their floor has passed it, without remembering, and keep the vertex that needs it (`ledger.md` 3).
        """
        gone = wish.forgotten if isinstance(piece, Reference) else wish.tried
        wish.tried, wish.due_us = 0, now_us + wish.pause_us
        wish.pause_us = min(PAUSE_US_MAX, 2 * wish.pause_us)
        self._schedule(piece, wish)
        if self._dag.scale.weigh(gone) > self._faulty and self._are_ahead(complete + self._depth):
            return [Behind(piece.round if isinstance(piece, Reference) else complete)]
        return []

    def _schedule(self, piece: Piece, wish: Wish) -> None:
        heappush(self._clock, (wish.due_us, next(self._number), piece))

    def _is_wished(self, piece: Piece) -> bool:
        """Whether the piece is still missing; the wish goes when it is not."""
        if piece in self._wishes and (self._waiting.is_missing(piece) or self._is_dropped(piece)):
            return True
        wish = self._wishes.pop(piece, None)
        if wish is not None and wish.payer is not None:
            self._debts.refund(wish.payer)
        self._ready.pop(piece, None)
        self._blocked.pop(piece, None)
        return False

    def _is_dropped(self, piece: Piece) -> bool:
        if not isinstance(piece, Reference) or piece not in self._dropped:
            return False
        is_here = piece in self._waiting.pending or piece in self._dag.known or self._dag.is_settled(piece)
        if is_here:
            del self._dropped[piece]
        return not is_here

    def _sources(self, piece: Piece, now_us: int) -> Iterator[int]:
        """Whom to ask, each member once, the likeliest first, and last who was late."""
        seen, late = 1 << self._me, list[int]()
        for member in self._likeliest(piece):
            if not seen >> member & 1 and self._connected >> member & 1:
                seen |= 1 << member
                if self._late_until_us[member] > now_us:
                    late.append(member)
                else:
                    yield member
        yield from late

    def _is_idle_chain(self, reference: Reference) -> bool:
        """Section 2: a chain of twins is fetched only when another author's vertex names it."""
        return (
            reference.author in self._dag.twins
            and reference not in self._dropped
            and reference not in self._waiting.claimed
        )

    def _likeliest(self, piece: Piece) -> Iterator[int]:
        names = islice(self._waiting.children.get(piece, ()), self._dag.size)
        children = [self._waiting.pending[child] for child in names]
        yield from (child.sender for child in children)
        yield from (child.vertex.author for child in children)
        if isinstance(piece, Reference):
            yield piece.author
            if piece in self._dropped:
                yield self._dropped[piece]
        yield from members_in(self._connected)

    def _grace_us(self, piece: Piece, rtt_us: int | None, is_far_behind: bool) -> int:
        """An author's vertices come to each member in order: what its newest has overtaken was lost."""
        if not isinstance(piece, Reference) or not self._connected >> piece.author & 1:
            return 0
        if self._streamed[piece.author] >= piece.round:
            return 0
        if is_far_behind:
            return GRACE_US_BEHIND
        return _GRACE_US_UNKNOWN if rtt_us is None else min(max(rtt_us, _GRACE_US_MIN), _GRACE_US_MAX)
