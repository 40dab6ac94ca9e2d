"""Coming back from far behind, or without a memory (`docs/protocol/consensus.md` section 10).

`catch_up` follows blocks: every block is linked to a header that a quorum signed before it is executed here,
and must come out the same. Then it takes the commit records backwards from the newest one; each is verified
by the `order_hash` of the next, the first by the certified header. They say what is ordered already, and a
core that starts from there takes part in the graph again.

`ask_newest` is for a validator that cannot trust its journal: it stays silent until members of weight
> N − q + f have told it, signed over a fresh nonce, the newest round that they know it could have built on.

Never put here: believing a member because it answers. Whoever answers wrongly is cut off and another is
asked.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence

from weft.consensus.core import Core
from weft.consensus.messages import Arrived, Base, Input
from weft.model import message
from weft.model.block import Block, Checkpoint, Header
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.encoding import decode
from weft.model.errors import EncodingError, VertexError
from weft.model.genesis import Genesis
from weft.model.keys import is_signed
from weft.model.limits import MIB
from weft.model.transaction import Transaction
from weft.node.admit import Door
from weft.node.fetch import Fetcher
from weft.node.ports import AttachmentStore, Peers, Store, Workers

PAUSE_S = 0.2
BLOCKS_AT_ONCE = 256
SEGMENT_BYTES_MAX = 64 * MIB


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

    async def catch_up(self, spoken: int, signed: int) -> Base:
        """Follow blocks to the newest checkpoint, however long it takes; the base for a new core."""
        while True:
            target = await self._newest_checkpoint()
            if target is not None and target.statement.height > self._store.head.height:
                await self._follow_to(target.statement.height)
                continue
            head = self._store.head
            commits = await self._commits_below(head) if head.height else []
            if commits is not None:
                await self._keep(commits)
                return self._base(head, commits, spoken, signed)
            await asyncio.sleep(PAUSE_S)

    async def ask_newest(self, core: Callable[[], Core], feed: Callable[[Input], None]) -> int:
        """The highest round that this validator may have built on; waits until enough members told theirs."""
        committee, nonce = self._committee, os.urandom(32)
        needed = committee.total - committee.quorum + committee.faulty
        told: dict[int, message.Told] = {}
        while True:
            for member in self._others():
                if member not in told and (answer := await self._ask_told(member, nonce)) is not None:
                    told[member] = answer
                    await self._offer(answer, feed)
            counted = [member for member, answer in told.items() if await self._counts(answer, core())]
            if committee.weigh(counted) > needed:
                return max(told[member].bound for member in counted)
            await asyncio.sleep(PAUSE_S)

    async def _keep(self, commits: Sequence[Commit]) -> None:
        await self._workers.run("apply", lambda: self._store.append((), commits, (), None))

    def _others(self) -> list[int]:
        return [member for member in range(self._committee.size) if member != self._me]

    async def _newest_checkpoint(self) -> Checkpoint | None:
        newest: Checkpoint | None = None
        answers = await asyncio.gather(
            *(self._peers.ask(member, message.FetchCheckpoint(0)) for member in self._others())
        )
        for answer in answers:
            found = answer.checkpoint if isinstance(answer, message.Newest) else None
            if found is not None and self._door.checkpoint(found):
                newest = max(newest or found, found, key=lambda item: item.statement.height)
        return newest

    async def _follow_to(self, height: int) -> None:
        """Ask one member after another until the head is at that height."""
        blocks_at_once = BLOCKS_AT_ONCE
        while self._store.head.height < height:
            before = self._store.head.height
            for member in self._others():
                wished = min(self._store.head.height + blocks_at_once, height)
                segment = await self._segment(member, wished)
                if segment:
                    await self._apply(segment)
                    await self._fetch_attachments(segment)
            if self._store.head.height == before:
                blocks_at_once = max(1, blocks_at_once // 4)
                await asyncio.sleep(PAUSE_S)

    async def _segment(self, member: int, wished: int) -> list[Block]:
        """Blocks from the head on to a checkpoint at or above `wished`, linked to it; empty when in vain."""
        answer = await self._peers.ask(member, message.FetchCheckpoint(wished))
        if not isinstance(answer, message.Newest) or answer.checkpoint is None:
            return []
        checkpoint = answer.checkpoint
        if not self._door.checkpoint(checkpoint):
            self._peers.cut_off(member, "a checkpoint without a quorum of signatures")
            return []
        blocks: list[Block] = []
        parent, height, size = self._store.head_hash, self._store.head.height, 0
        while height < checkpoint.statement.height:
            more = await self._peers.ask(member, message.FetchBlocks(height + 1))
            if not isinstance(more, message.Blocks) or not more.blocks:
                return []
            for block in more.blocks[: checkpoint.statement.height - height]:
                header = block.header
                size += sum(map(len, block.transactions))
                if header.height != height + 1 or header.parent != parent or size > SEGMENT_BYTES_MAX:
                    return []
                parent, height = header.hash, header.height
                blocks.append(block)
        if blocks and parent != checkpoint.statement.header:
            self._peers.cut_off(member, f"blocks that lead to another header than the checkpoint at {height}")
            return []
        return blocks

    async def _fetch_attachments(self, blocks: Sequence[Block]) -> None:
        """Content of what was executed, from whoever has it; what nobody has now is asked for on demand."""
        stated = {
            item.digest
            for block in blocks
            for raw in block.transactions
            for item in decode(Transaction, raw).attachments
        }
        for member in self._others():
            missing = self._attachments.missing(sorted(stated))
            while missing:
                found = set(await self._fetcher.find_attachments(tuple(missing[:256]), member))
                left = [commitment for commitment in missing if commitment not in found]
                if not found:
                    break
                missing = left
            if not missing:
                return

    async def _commits_below(self, head: Header) -> list[Commit] | None:
        """The commit records of the last `depth` rounds, verified backwards from the head; None in vain."""
        own = self._chain_back(head, [], self._store.commits_before(head.round, 10_000))
        if own is not None:
            return own
        for member in self._others():
            commits: list[Commit] = []
            while True:
                round_ = commits[-1].round - 1 if commits else head.round
                answer = await self._peers.ask(member, message.FetchCommits(round_))
                raws = answer.commits if isinstance(answer, message.Commits) else ()
                done = self._chain_back(head, commits, raws)
                if done is not None:
                    return done
                if not raws or not commits:
                    break
        return None

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
        return commits if commits and self._reaches(head, commits[-1]) else None

    def _reaches(self, head: Header, oldest: Commit) -> bool:
        first = next_order_hash(
            first_order_hash(self._genesis.chain),
            oldest.round,
            oldest.slots,
            oldest.ordered,
            oldest.time_ms,
        )
        return oldest.round <= head.round - self._genesis.limits.depth or first == oldest.order_hash

    def _base(self, head: Header, commits: list[Commit], spoken: int, signed: int) -> Base:
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
            spoken,
            signed,
        )

    async def _ask_told(self, member: int, nonce: bytes) -> message.Told | None:
        answer = await self._peers.ask(member, message.AskNewest(self._committee.epoch, nonce))
        if not isinstance(answer, message.Told):
            return None
        is_good = (answer.epoch, answer.nonce, answer.member) == (self._committee.epoch, nonce, member)
        public = self._committee.members[member].public
        return answer if is_good and is_signed(public, answer.digest, answer.signature) else None

    async def _offer(self, answer: message.Told, feed: Callable[[Input], None]) -> None:
        if answer.vertex:
            try:
                admitted = await self._door.vertex(answer.vertex, ())
            except VertexError:
                return
            missing = tuple(self._attachments.missing(admitted.commitments))
            feed(Arrived(admitted.vertex, answer.member, missing, True))

    async def _counts(self, answer: message.Told, core: Core) -> bool:
        """An answer counts once the vertex it names is complete here, or its round is final here."""
        if not answer.vertex:
            return True
        try:
            vertex = (await self._door.vertex(answer.vertex, ())).vertex
        except VertexError:
            return False
        return (
            vertex.author == answer.member
            and vertex.round == answer.bound
            and (core.find_vertex(vertex.reference) is not None or vertex.round <= core.last_final)
        )
