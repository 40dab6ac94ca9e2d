"""Coming back from far behind, or without a memory (`docs/protocol/consensus.md` section 10).

`catch_up` follows blocks: every block is linked to a header that a quorum signed before it is executed here,
and must come out the same. Then it takes the commit records backwards from the newest one; each is verified
by the `order_hash` of the next, the first by the certified header. They say what is ordered already, and a
core that starts from there takes part in the graph again.

`ask_newest` is for a validator that cannot trust its journal: it stays silent until members of weight
> N − q + f have told it, signed over a fresh nonce, the newest round that they know it could have built on.

Never put here: believing a member because it answers. Whoever answers wrongly is cut off and another is
asked; whoever answers slowly is asked last and given up after a while, for a member that brings one block in
ten seconds lies about nothing and would keep this node away for ever.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf

from weft.consensus.core import Core
from weft.consensus.messages import Arrived, Base, Input
from weft.model import merkle, message
from weft.model.block import Block, Header
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.digest import Digest
from weft.model.encoding import decode
from weft.model.errors import DivergedError, EncodingError, VertexError
from weft.model.genesis import Genesis
from weft.model.limits import MIB
from weft.model.receipt import decode_receipt
from weft.model.transaction import Transaction
from weft.model.vertex import Vertex
from weft.node.admit import Door
from weft.node.fetch import PIECES_AT_ONCE, Fetcher
from weft.node.ports import AttachmentStore, Peers, Store, Workers

PAUSE_S = 0.2
HEARING_S = 1.0
"""For the heights of all members, if enough have told one by then."""
PATIENCE_S = 10.0
"""With one member, for all that is asked of it at a time; doubled while nobody brings anything."""
PATIENCE_S_MAX = 600.0
PAUSE_ROUNDS_S = 1.0
BLOCKS_AT_ONCE = 256
SEGMENT_BYTES_MAX = 256 * MIB
"""Blocks up to one checkpoint, which alone vouches for them, are held in memory together."""
BOUND_AHEAD_MAX = 16
"""How far above the complete rounds a member may be bound: two more for each loss of a disk."""


class Rejoin:
    """One node's way back."""

    def __init__(
        self,
        genesis: Genesis,
        me: int,
        door: Door,
        peers: Peers,
        store: Store,
        attachments: AttachmentStore,
        fetcher: Fetcher,
        apply: Callable[[Sequence[Block]], Awaitable[None]],
        workers: Workers,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._genesis = genesis
        self._me = me
        self._committee = genesis.committee
        self._door = door
        self._peers = peers
        self._store = store
        self._attachments = attachments
        self._fetcher = fetcher
        self._apply = apply
        self._workers = workers
        self._random_bytes = random_bytes
        self._slowness = [0.0] * self._committee.size
        """Seconds that a member last took for a block; 0 is not known."""
        self._patience_s = PATIENCE_S

    async def catch_up(self, core: Callable[[], Core]) -> Base:
        """Follow blocks to the newest checkpoint, however long it takes; the base for a new core, which says
        nothing again that the old one said. Raises DivergedError."""
        self._patience_s = PATIENCE_S
        while True:
            heights = await self._ask_heights()
            if max(heights, default=0) > self._store.head.height:
                await self._follow_to(max(heights))
                continue
            head = self._store.head
            commits = await self._commits_below(head) if head.height else []
            # Without a single answer nothing is known of the others: to go on from here would lead nowhere.
            if commits is not None and (heights or not self._others()):
                await self._keep(commits)
                return self._base(head, commits, core().base())
            await asyncio.sleep(PAUSE_S)

    async def ask_newest(self, core: Callable[[], Core], feed: Callable[[Input], None]) -> int:
        """The highest round that this validator may have built on; waits until enough members told theirs."""
        committee, nonce = self._committee, self._random_bytes(32)
        needed = committee.total - committee.quorum + committee.faulty
        told: dict[int, Word] = {}
        while True:
            silent = [member for member in self._others() if member not in told]
            answers = await asyncio.gather(*(self._ask_told(member, nonce) for member in silent))
            told |= {word.member: word for word in answers if word is not None}
            counted = [word for word in told.values() if word.counts(core())]
            if committee.weigh(word.member for word in counted) > needed:
                return max(word.bound for word in counted)
            for word in told.values():
                # Each time: another core may have taken over since.
                if word.vertex is not None and word not in counted:
                    missing = tuple(self._attachments.missing(word.commitments))
                    feed(Arrived(word.vertex, word.member, missing, True))
            await asyncio.sleep(PAUSE_S)

    async def pass_rounds(self, core: Callable[[], Core], round_first: int) -> None:
        """Ask until the rounds in which this validator may not speak are over. Who is asked has a reason to
        go on; without that an idle network would leave this validator mute, and the next loss of a disk
        would be one too many."""
        while core().round + 1 < round_first:
            await asyncio.gather(
                *(self._ask_told(member, self._random_bytes(32)) for member in self._others())
            )
            await asyncio.sleep(PAUSE_ROUNDS_S)

    async def _keep(self, commits: Sequence[Commit]) -> None:
        await self._workers.run("apply", lambda: self._store.append((), commits, (), None))

    def _others(self) -> list[int]:
        return [member for member in range(self._committee.size) if member != self._me]

    async def _ask_heights(self) -> list[int]:
        """The height of each answerer's newest checkpoint; 0 if it has none. Who is late is not waited for
        once members of weight > f have answered: while one waits the others go on."""
        asks = {
            member: asyncio.ensure_future(self._peers.ask(member, message.FetchCheckpoint(0)))
            for member in self._others()
        }
        deadline = asyncio.get_running_loop().time() + HEARING_S
        while late := [ask for ask in asks.values() if not ask.done()]:
            left_s = deadline - asyncio.get_running_loop().time()
            if left_s <= 0 and self._committee.weigh(_answered(asks)) > self._committee.faulty:
                break
            await asyncio.wait(
                late, timeout=left_s if left_s > 0 else None, return_when=asyncio.FIRST_COMPLETED
            )
        for ask in late:
            ask.cancel()
        found = [answer.checkpoint for answer in _answered(asks).values()]
        return [
            checkpoint.statement.height if checkpoint is not None and self._door.checkpoint(checkpoint) else 0
            for checkpoint in found
        ]

    async def _follow_to(self, height: int) -> None:
        """Ask the quickest member, and others when it brings nothing, until the head is at that height."""
        blocks_at_once = BLOCKS_AT_ONCE
        while self._store.head.height < height:
            wished = min(self._store.head.height + blocks_at_once, height)
            segment = await self._quickest_segment(wished)
            if segment:
                await self._apply(segment)
                await self._fetch_attachments(segment)
            else:
                blocks_at_once = max(1, blocks_at_once // 4)
                self._slowness = [0.0] * self._committee.size
                self._patience_s = min(PATIENCE_S_MAX, 2 * self._patience_s)
                await asyncio.sleep(PAUSE_S)

    async def _quickest_segment(self, wished: int) -> list[Block]:
        """From the first member that brings one; those that are not known are tried first."""
        clock = asyncio.get_running_loop().time
        for member in sorted(self._others(), key=self._slowness.__getitem__):
            begun, segment = clock(), list[Block]()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    segment = await self._segment(member, wished)
            self._slowness[member] = (clock() - begun) / len(segment) if segment else inf
            if segment:
                return segment
        return []

    async def _segment(self, member: int, wished: int) -> list[Block]:
        """Blocks from the head on to a checkpoint at or above `wished`, linked to it; empty when in vain.

        Raises DivergedError when a quorum's blocks do not follow the own head.
        """
        answer = await self._peers.ask(member, message.FetchCheckpoint(wished))
        if not isinstance(answer, message.Newest) or answer.checkpoint is None:
            return []
        checkpoint = answer.checkpoint
        if not self._door.checkpoint(checkpoint):
            self._peers.cut_off(member, "a checkpoint without a quorum of signatures")
            return []
        blocks: list[Block] = []
        head_hash, height, size = self._store.head_hash, self._store.head.height, 0
        parent: Digest | None = None
        while height < checkpoint.statement.height:
            more = await self._peers.ask(member, message.FetchBlocks(height + 1))
            if not isinstance(more, message.Blocks):
                return []
            wanted = more.blocks[: checkpoint.statement.height - height]
            if not wanted and (large := await self._large_block(member, height + 1)) is not None:
                wanted = (large,)
            if not wanted:
                return []
            size += sum(len(raw) for block in wanted for raw in block.transactions + block.receipts)
            if size > SEGMENT_BYTES_MAX:
                return []
            if not await self._workers.run("verify", partial(_is_chain, wanted, height, parent)):
                self._peers.cut_off(member, f"blocks that do not follow block {height}")
                return []
            parent, height = wanted[-1].header.hash, wanted[-1].header.height
            blocks += wanted
        if blocks and parent != checkpoint.statement.header:
            self._peers.cut_off(member, f"blocks that lead to another header than the checkpoint at {height}")
            return []
        if blocks and blocks[0].header.parent != head_hash:
            raise DivergedError(
                f"a quorum's block {blocks[0].header.height} does not follow the block before it here"
            )
        return blocks

    async def _large_block(self, member: int, height: int) -> Block | None:
        """A block that does not fit in an answer, in pieces."""
        raw = bytearray()
        while True:
            piece = await self._peers.ask(member, message.FetchPiece(height, len(raw)))
            if not isinstance(piece, message.Piece) or not piece.content or piece.size > SEGMENT_BYTES_MAX:
                return None
            raw += piece.content
            if len(raw) >= piece.size:
                break
        try:
            return await self._workers.run("verify", lambda: decode(Block, bytes(raw)))
        except EncodingError as error:
            self._peers.cut_off(member, str(error))
            return None

    async def _fetch_attachments(self, blocks: Sequence[Block]) -> None:
        """Content of what was executed, from whoever has it; what nobody has now is asked for on demand."""
        missing = await self._workers.run("read", lambda: self._attachments.missing(_stated(blocks)))
        clock = asyncio.get_running_loop().time
        for member in sorted(self._others(), key=self._slowness.__getitem__):
            begun = clock()
            while missing and clock() - begun < self._patience_s:
                found = set(await self._fetcher.find_attachments(missing[:PIECES_AT_ONCE], member))
                if not found:
                    break
                missing = [commitment for commitment in missing if commitment not in found]

    async def _commits_below(self, head: Header) -> list[Commit] | None:
        """The commit records of the last `depth` rounds, verified backwards from the head; None in vain."""
        depth = self._genesis.limits.depth
        kept = await self._workers.run("read", lambda: self._store.commits_before(head.round, depth + 1))
        own = self._chain_back(head, [], kept)
        if own is not None:
            return own
        for member in self._others():
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    commits = await self._commits_of(member, head)
                    if commits is not None:
                        return commits
        self._patience_s = min(PATIENCE_S_MAX, 2 * self._patience_s)
        return None

    async def _commits_of(self, member: int, head: Header) -> list[Commit] | None:
        """As one member has them, if they are what the head says."""
        commits: list[Commit] = []
        while True:
            round_ = commits[-1].round - 1 if commits else head.round
            answer = await self._peers.ask(member, message.FetchCommits(round_))
            raws = answer.commits if isinstance(answer, message.Commits) else ()
            before = len(commits)
            done = self._chain_back(head, commits, raws)
            if done is not None or len(commits) == before:
                return done

    def _chain_back(self, head: Header, commits: list[Commit], raws: Sequence[bytes]) -> list[Commit] | None:
        """Append records to `commits` as far as they chain; all of them once they reach far enough."""
        for raw in raws:
            try:
                commit = decode(Commit, raw)
            except EncodingError:
                return None
            if commits:
                newer = commits[-1]
                expected = next_order_hash(
                    commit.order_hash, newer.round, newer.slots, newer.ordered, newer.time_ms
                )
                is_next = expected == newer.order_hash and commit.round < newer.round
            else:
                is_next = (commit.round, commit.order_hash) == (head.round, head.order_hash)
            if not is_next:
                return None
            commits.append(commit)
            if self._reaches(head, commit):
                return commits
        return None

    def _reaches(self, head: Header, oldest: Commit) -> bool:
        first = next_order_hash(
            first_order_hash(self._genesis.chain),
            oldest.round,
            oldest.slots,
            oldest.ordered,
            oldest.time_ms,
        )
        return oldest.round <= head.round - self._genesis.limits.depth or first == oldest.order_hash

    def _base(self, head: Header, commits: list[Commit], old: Base) -> Base:
        floor = head.round - self._genesis.limits.depth
        ordered = tuple(
            reference for commit in commits for reference in commit.ordered if reference.round > floor
        )
        order_hash = head.order_hash if head.height else first_order_hash(self._genesis.chain)
        return Base(
            self._committee.epoch,
            head.round,
            order_hash,
            head.time_ms if head.height else 0,
            ordered,
            old.spoken,
            old.height,
        )

    async def _ask_told(self, member: int, nonce: bytes) -> "Word | None":
        answer = await self._peers.ask(member, message.AskNewest(self._committee.epoch, nonce))
        if not isinstance(answer, message.Told):
            return None
        is_good = (answer.epoch, answer.nonce, answer.member) == (self._committee.epoch, nonce, member)
        public = self._committee.members[member].public
        if not is_good or not self._door.is_signed(public, answer.digest, answer.signature):
            return None
        if not answer.vertex:
            return Word(member, answer.bound, None, ())
        try:
            admitted = await self._door.vertex(answer.vertex, ())
        except VertexError:
            return None
        vertex = admitted.vertex
        if (vertex.author, vertex.round) != (member, answer.bound):
            return None
        return Word(member, answer.bound, vertex, admitted.commitments)


@dataclass(frozen=True, slots=True)
class Word:
    """What a member has told: the last round in which it spoke, or may have spoken."""

    member: int
    bound: int
    vertex: Vertex | None
    """Its vertex of that round."""
    commitments: tuple[Digest, ...]

    def counts(self, core: Core) -> bool:
        """Whether it can be believed: the vertex is complete here or its round final; a bare number is not
        far above the rounds that are complete here, or a liar could silence this validator for ever."""
        if self.vertex is None:
            return self.bound <= core.round + BOUND_AHEAD_MAX
        return core.find_vertex(self.vertex.reference) is not None or self.bound <= core.last_final


def _answered(asks: "Mapping[int, asyncio.Future[message.Answer]]") -> dict[int, message.Newest]:
    """What members have answered so far."""
    done = {member: ask.result() for member, ask in asks.items() if ask.done()}
    return {member: answer for member, answer in done.items() if isinstance(answer, message.Newest)}


def _is_chain(blocks: Sequence[Block], height: int, parent: Digest | None) -> bool:
    """Whether each block is the one after the one before, and what its header says that it is."""
    for block in blocks:
        header = block.header
        if (
            header.height != height + 1
            or parent not in (None, header.parent)
            or merkle.root("transactions", block.transactions) != header.transaction_root
            or merkle.root("receipts", block.receipts) != header.receipt_root
        ):
            return False
        parent, height = header.hash, header.height
    return True


def _stated(blocks: Sequence[Block]) -> list[Digest]:
    """What the executed transactions of these blocks state. Content of one that failed never took effect, so
    the others destroyed it."""
    return [
        item.digest
        for block in blocks
        for raw, receipt in zip(block.transactions, block.receipts, strict=True)
        if decode_receipt(receipt).status == "executed"
        for item in decode(Transaction, raw).attachments
    ]
