"""Words on executed headers, and the checkpoints they become.

Promise (`docs/protocol/consensus.md` section 9): this validator never signs two headers for one height, on
any disk that it trusts; signatures that weigh a quorum become a checkpoint; and as soon as members that weigh
more than f signed something else at a height executed here, an alarm says so. Words travel directly, not in
the DAG, so nothing in here can change the order.
"""

from weft.consensus.messages import Alarm, Broadcast, Certify, Effect, PersistStatement, Root, Send
from weft.consensus.propose import Signer
from weft.consensus.weight import Scale, bits_of
from weft.model.block import Checkpoint, Header, SignedStatement, Statement
from weft.model.committee import Committee
from weft.model.digest import Digest
from weft.model.message import Certified, Signed

HEADERS_KEPT = 1024
WORDS_KEPT = 256
PAUSE_US_FIRST = 250_000
PAUSE_US_MAX = 10_000_000
WORD_US_MAX = 10_000
"""How long a word may wait for the own vertex with which it goes to the disk and to the others."""


class Witness:
    """One validator's part in checkpoints."""

    def __init__(
        self,
        chain: Digest,
        committee: Committee,
        scale: Scale,
        me: int,
        signer: Signer,
        window_ms: int,
        round_: int,
        height: int,
    ) -> None:
        self._chain = chain
        self._committee = committee
        self._scale = scale
        self._me = me
        self._signer = signer
        self._window_ms = window_ms
        self.round = round_
        """Of the newest header that is executed here and that a checkpoint vouches for."""
        self.signed = height
        """The last height this validator signed a word for."""
        self.newest: Checkpoint | None = None
        self.own_word: SignedStatement | None = None
        self._is_speaking = False
        self._headers: dict[int, tuple[Digest, int]] = {}
        """(hash, round) of the newest headers executed here, by height."""
        self._last: Header | None = None
        self._roots: dict[int, Digest] = {}
        """State roots of the newest heights signed here."""
        self._words: dict[int, dict[int, SignedStatement]] = {}
        """Words above the newest checkpoint, by height and member."""
        self._heights: list[dict[int, None]] = [{} for _ in range(committee.size)]
        """The heights among them, by member."""
        self._heard: dict[int, Statement] = {}
        """What each member said last: saying it again is asking."""
        self._alarmed: dict[tuple[int, Digest, Digest], int] = {}
        self._quiet_us: int | None = None
        self._ask_us: int | None = None
        self._rooted: tuple[int, Digest, int] | None = None
        """Height and state root of the word that is to be given, and when they were told."""
        self._pause_us = PAUSE_US_FIRST

    def speak(self, now_us: int) -> list[Effect]:
        """From now on words may be given."""
        self._is_speaking = True
        self._ask_later(now_us)
        return self._want_root(self._last.height) if self._last else []

    def hush(self) -> None:
        """No more words."""
        self._is_speaking, self._quiet_us, self._ask_us = False, None, None

    def note_executed(self, header: Header, hash_: Digest, now_us: int) -> list[Effect]:
        """A header was executed here."""
        opens_window = self._opens_window(header)
        self._last = header
        self._headers[header.height] = hash_, header.round
        self._headers.pop(header.height - HEADERS_KEPT, None)
        if self.newest is not None and header.height <= self.newest.statement.height:
            self.round = header.round
        effects = self._compare(header.height)
        if opens_window:
            return effects + self._want_root(header.height)
        self._quiet_us = now_us + 1000 * self._window_ms if self._is_speaking else None
        return effects

    def note_root(self, height: int, state_root: Digest, now_us: int) -> list[Effect]:
        """The state root after `height`: now a word can be given on it. It waits a moment for `give_word`."""
        effects = self.give_word()
        self._rooted = height, state_root, now_us
        return effects

    def give_word(self) -> list[Effect]:
        """An own vertex goes to the disk and to the others, and a word with it; or none will soon."""
        if self._rooted is None:
            return []
        (height, state_root, now_us), self._rooted = self._rooted, None
        if not self._is_speaking or height <= self.signed or height not in self._headers:
            return []
        statement = Statement(
            self._chain, self._committee.epoch, height, self._headers[height][0], state_root
        )
        word = SignedStatement(statement, self._me, self._signer.sign(statement.digest))
        effects = [PersistStatement(word), Broadcast(Signed(word)), *self._take_own(word)]
        self._ask_later(now_us)
        return effects

    def hear(self, word: SignedStatement) -> list[Effect]:
        """A member's word whose signature is right. An own one comes from the journal.

        Who says a word twice lacks a quorum for it.
        """
        statement, member = word.statement, word.member
        if not self._is_ours(statement):
            return []
        if member == self._me:
            return self._take_own(word) if not self._is_speaking else []
        is_asking = self._heard.get(member) == statement
        self._heard[member] = statement
        if is_asking and self.newest is not None and self.newest.statement.height >= statement.height:
            return [Send(member, Certified(self.newest))]
        return self._collect(word)

    def vouch(self, checkpoint: Checkpoint) -> list[Effect]:
        """A checkpoint whose signatures are right."""
        statement = checkpoint.statement
        is_new = self.newest is None or statement.height > self.newest.statement.height
        return self._adopt(checkpoint) if is_new and self._is_ours(statement) else []

    def opening(self, member: int) -> list[Effect]:
        """What a member hears when a stream to it begins (section 3)."""
        effects: list[Effect] = []
        if self.newest is not None:
            effects.append(Send(member, Certified(self.newest)))
        if self.own_word is not None:
            effects.append(Send(member, Signed(self.own_word)))
        return effects

    def tick(self, now_us: int) -> list[Effect]:
        """Time went on: a header that stayed the newest is signed; an own word without a quorum is said
        again."""
        effects: list[Effect] = []
        if self._quiet_us is not None and now_us >= self._quiet_us and self._last is not None:
            effects += self._want_root(self._last.height)
        if self._rooted is not None and now_us >= self._rooted[2] + WORD_US_MAX:
            effects += self.give_word()
        if self._ask_us is not None and now_us >= self._ask_us and self.own_word is not None:
            effects.append(Broadcast(Signed(self.own_word)))
            self._pause_us = min(PAUSE_US_MAX, 2 * self._pause_us)
            self._ask_us = now_us + self._pause_us
        return effects

    @property
    def next_us(self) -> int | None:
        """When `tick` has something to do."""
        word_us = self._rooted[2] + WORD_US_MAX if self._rooted is not None else None
        times = [time for time in (self._quiet_us, self._ask_us, word_us) if time is not None]
        return min(times, default=None)

    def _ask_later(self, now_us: int) -> None:
        """While the own newest word lacks a quorum it is said again, with growing pauses."""
        self._pause_us = PAUSE_US_FIRST
        self._ask_us = now_us + PAUSE_US_FIRST if self._is_speaking and self._lacks_quorum else None

    @property
    def _lacks_quorum(self) -> bool:
        if self.own_word is None:
            return False
        return self.newest is None or self.newest.statement.height < self.own_word.statement.height

    def _is_ours(self, statement: Statement) -> bool:
        return statement.chain == self._chain and statement.epoch == self._committee.epoch

    def _opens_window(self, header: Header) -> bool:
        """Whether the header is the first of its window of ledger time; without its parent, it may be."""
        last = self._last
        if last is None or last.height + 1 != header.height:
            return True
        return header.time_ms // self._window_ms != last.time_ms // self._window_ms

    def _want_root(self, height: int) -> list[Effect]:
        self._quiet_us = None
        return [Root(height)] if self._is_speaking and height > self.signed else []

    def _take_own(self, word: SignedStatement) -> list[Effect]:
        height = word.statement.height
        if self.own_word is None or height > self.own_word.statement.height:
            self.own_word = word
        self.signed = max(self.signed, height)
        self._roots[height] = word.statement.state_root
        while len(self._roots) > WORDS_KEPT:
            del self._roots[min(self._roots)]
        return self._collect(word) + self._compare(height)

    def _collect(self, word: SignedStatement) -> list[Effect]:
        """Keep the word, unless a checkpoint covers it; a quorum of equal words is a checkpoint."""
        height, member = word.statement.height, word.member
        if self.newest is not None and height <= self.newest.statement.height:
            return []
        words = self._words.setdefault(height, {})
        if member in words:
            return []
        words[member] = word
        self._heights[member][height] = None
        while len(self._heights[member]) > WORDS_KEPT:
            self._drop(min(self._heights[member]), member)
        return self._compare(height) + self._certify(word.statement)

    def _drop(self, height: int, member: int) -> None:
        del self._heights[member][height]
        words = self._words[height]
        del words[member]
        if not words:
            del self._words[height]

    def _certify(self, statement: Statement) -> list[Effect]:
        words = self._words.get(statement.height, {})
        equal = sorted(member for member, word in words.items() if word.statement == statement)
        if self._scale.weigh(bits_of(equal)) < self._committee.quorum:
            return []
        signatures = tuple((member, words[member].signature) for member in equal)
        return self._adopt(Checkpoint(statement, signatures))

    def _adopt(self, checkpoint: Checkpoint) -> list[Effect]:
        self.newest = checkpoint
        height = checkpoint.statement.height
        for covered in sorted(known for known in self._words if known <= height):
            for member in tuple(self._words[covered]):
                self._drop(covered, member)
        self._alarmed = {key: weight for key, weight in self._alarmed.items() if key[0] >= height}
        if self._last is not None:
            executed = min(height, self._last.height)
            self.round = max(self.round, self._headers.get(executed, (b"", 0))[1])
        if not self._lacks_quorum:
            self._ask_us = None
        return [Certify(checkpoint), *self._compare(height)]

    def _compare(self, height: int) -> list[Effect]:
        """Alarm where members that weigh more than f signed something else than was executed here."""
        if height not in self._headers:
            return []
        against: dict[tuple[Digest, Digest], list[int]] = {}
        for member, word in self._words.get(height, {}).items():
            self._note_against(word.statement, member, against)
        if self.newest is not None and self.newest.statement.height == height:
            for member, _ in self.newest.signatures:
                self._note_against(self.newest.statement, member, against)
        return [alarm for key in sorted(against) for alarm in self._alarm(height, key, against[key])]

    def _note_against(
        self, statement: Statement, member: int, against: dict[tuple[Digest, Digest], list[int]]
    ) -> None:
        own_hash, own_root = self._headers[statement.height][0], self._roots.get(statement.height)
        if statement.header != own_hash or own_root not in (None, statement.state_root):
            against.setdefault((statement.header, statement.state_root), []).append(member)

    def _alarm(self, height: int, key: tuple[Digest, Digest], members: list[int]) -> list[Effect]:
        """Once when the weight exceeds f, and once more when it is a quorum."""
        weight = self._scale.weigh(bits_of(members))
        said = self._alarmed.get((height, *key), 0)
        is_quorum = said < self._committee.quorum <= weight
        if not is_quorum and not (said <= self._committee.faulty < weight):
            return []
        self._alarmed[height, *key] = weight
        return [Alarm(height, key[0], weight, tuple(sorted(members)))]
