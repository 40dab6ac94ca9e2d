"""Carries out the core's Fetch effects: asks one member, admits what comes, ends with one Answered.

That an attachment was erased is believed when members of weight > f say so, signed
(`docs/protocol/consensus.md` section 2): then it counts as here.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from weft.consensus.messages import Answered, Arrived, Fetch, Found, Input
from weft.model import message
from weft.model.committee import Committee
from weft.model.digest import Digest
from weft.model.errors import VertexError
from weft.model.vertex import Reference
from weft.node.admit import Door
from weft.node.ports import AttachmentStore, Peers, Workers

CLAIMS_MAX = 10_000
"""Attachments that somebody called erased, kept until enough members agree; the oldest go first."""
PIECES_AT_ONCE = 256
SEEKS_MAX = 32
"""Readers that look for content among the other members at the same time."""
SEEK_S = 5.0


class Fetcher:
    """Requests to members. Those of the core are bounded by the core, those of readers here."""

    def __init__(
        self,
        me: int,
        committee: Committee,
        door: Door,
        attachments: AttachmentStore,
        peers: Peers,
        workers: Workers,
        feed: Callable[[Input], None],
    ) -> None:
        self._others = [member for member in range(committee.size) if member != me]
        self._committee = committee
        self._door = door
        self._attachments = attachments
        self._peers = peers
        self._workers = workers
        self._feed = feed
        self._claims: OrderedDict[Digest, dict[int, int]] = OrderedDict()
        self._seekers = 0

    async def fetch(self, effect: Fetch) -> None:
        """Carry out what the core asks for."""
        forgotten: tuple[Reference, ...] = ()
        try:
            if effect.references:
                forgotten = await self._fetch_vertices(effect)
            if effect.commitments:
                found = await self.find_attachments(effect.commitments, effect.member)
                if found:
                    self._feed(Found(found))
        finally:
            self._feed(Answered(effect.member, effect.references, effect.commitments, forgotten))

    async def find_attachments(self, commitments: Sequence[Digest], member: int) -> tuple[Digest, ...]:
        """Ask one member; the commitments that are here, or known to be erased, after that."""
        answer = await self._peers.ask(member, message.FetchAttachments(tuple(commitments)))
        if not isinstance(answer, message.Attachments):
            return ()
        wished = set(commitments)
        here = [item for item in answer.attachments if item.commitment in wished]
        self._attachments.put(here)
        return (*(item.commitment for item in here), *await self._believe(member, answer, wished))

    async def seek(self, commitments: Sequence[Digest]) -> None:
        """Content that a reader misses: ask each member once, as long as something is missing. A member that
        does not answer soon goes on being asked while the next one is: it must not use up the time."""
        if self._seekers >= SEEKS_MAX:
            return
        self._seekers += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(SEEK_S):
                    await self._seek(commitments)
        finally:
            self._seekers -= 1

    async def _seek(self, commitments: Sequence[Digest]) -> None:
        connected = [member for member in self._others if self._peers.is_connected(member)]
        asks: list[asyncio.Future[tuple[Digest, ...]]] = []
        try:
            while missing := self._attachments.missing(commitments)[:PIECES_AT_ONCE]:
                if connected:
                    asks.append(asyncio.ensure_future(self.find_attachments(missing, connected.pop(0))))
                waiting = [ask for ask in asks if not ask.done()]
                if not waiting:
                    break
                pause_s = SEEK_S / (len(self._others) + 1)
                await asyncio.wait(waiting, timeout=pause_s, return_when=asyncio.FIRST_COMPLETED)
            for ask in [ask for ask in asks if ask.done()]:
                ask.result()
        finally:
            for ask in asks:
                ask.cancel()
            await asyncio.gather(*asks, return_exceptions=True)

    async def _fetch_vertices(self, effect: Fetch) -> tuple[Reference, ...]:
        answer = await self._peers.ask(effect.member, message.FetchVertices(effect.references))
        if not isinstance(answer, message.Vertices):
            return ()
        wished = set(effect.references)
        if len(answer.vertices) > len(wished):
            self._peers.cut_off(effect.member, "more vertices than were asked for")
            return ()
        for raw in answer.vertices:
            try:
                admitted = await self._door.vertex(raw, ())
            except VertexError as error:
                self._peers.cut_off(effect.member, str(error))
                return ()
            if admitted.vertex.reference not in wished:
                self._peers.cut_off(effect.member, "an answer that nobody asked for")
                return ()
            missing = tuple(self._attachments.missing(admitted.commitments))
            self._feed(Arrived(admitted.vertex, effect.member, missing, True))
        return tuple(reference for reference in answer.forgotten if reference in wished)

    async def _believe(self, member: int, answer: message.Attachments, wished: set[Digest]) -> list[Digest]:
        """Commitments that enough members now say were erased at the same height; each leaves its
        tombstone."""
        if answer.member != member or not self._door.is_signed(
            self._committee.members[member].public, answer.erased_digest, answer.signature
        ):
            return []
        believed: dict[int, list[Digest]] = {}
        for commitment, height in answer.erased:
            if commitment in wished and self._is_agreed(commitment, member, height):
                believed.setdefault(height, []).append(commitment)
        for height, commitments in sorted(believed.items()):
            await self._workers.run("apply", partial(self._attachments.erase, commitments, height))
        return [commitment for commitments in believed.values() for commitment in commitments]

    def _is_agreed(self, commitment: Digest, member: int, height: int) -> bool:
        """Whether members of weight > f have now named this height."""
        claims = self._claims.setdefault(commitment, {})
        claims[member] = height
        self._claims.move_to_end(commitment)
        if len(self._claims) > CLAIMS_MAX:
            self._claims.popitem(last=False)
        agreed = [one for one, claimed in claims.items() if claimed == height]
        if self._committee.weigh(agreed) <= self._committee.faulty:
            return False
        self._claims.pop(commitment, None)
        return True
