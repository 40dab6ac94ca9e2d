"""Carries out the core's Fetch effects: asks one member, admits what comes, ends with one Answered.

That an attachment was erased is believed when members of weight > f say so, signed
(`docs/protocol/consensus.md` section 2): then it counts as here.
"""

import asyncio
from collections.abc import Callable

from weft.consensus.messages import Answered, Arrived, Fetch, Found, Input
from weft.model import message
from weft.model.committee import Committee
from weft.model.digest import Digest
from weft.model.errors import VertexError
from weft.model.keys import is_signed
from weft.model.vertex import Reference
from weft.node.admit import Door
from weft.node.ports import AttachmentStore, Peers

CLAIMS_MAX = 10_000
"""Attachments that somebody called erased, kept until enough members agree."""


class Fetcher:
    """Requests under way for one core. The core itself bounds how many it has."""

    def __init__(
        self,
        committee: Committee,
        door: Door,
        attachments: AttachmentStore,
        peers: Peers,
        feed: Callable[[Input], None],
    ) -> None:
        self._committee = committee
        self._door = door
        self._attachments = attachments
        self._peers = peers
        self._feed = feed
        self._claims: dict[Digest, dict[int, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, effect: Fetch) -> None:
        """Ask in the background."""
        task = asyncio.create_task(self._fetch(effect))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up all requests."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def find_attachments(self, commitments: tuple[Digest, ...], member: int) -> tuple[Digest, ...]:
        """Ask one member; the commitments that are here, or known to be erased, after that."""
        answer = await self._peers.ask(member, message.FetchAttachments(commitments))
        if not isinstance(answer, message.Attachments):
            return ()
        wished = set(commitments)
        here = [item for item in answer.attachments if item.commitment in wished]
        self._attachments.put(here)
        return (*(item.commitment for item in here), *self._believe(member, answer, wished))

    async def _fetch(self, effect: Fetch) -> None:
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

    async def _fetch_vertices(self, effect: Fetch) -> tuple[Reference, ...]:
        answer = await self._peers.ask(effect.member, message.FetchVertices(effect.references))
        if not isinstance(answer, message.Vertices):
            return ()
        wished = set(effect.references)
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

    def _believe(self, member: int, answer: message.Attachments, wished: set[Digest]) -> list[Digest]:
        """Commitments that enough members have now called erased; each leaves its tombstone."""
        if answer.member != member or not is_signed(
            self._committee.members[member].public, answer.erased_digest, answer.signature
        ):
            return []
        believed = []
        for commitment, height in answer.erased:
            if commitment not in wished or len(self._claims) >= CLAIMS_MAX:
                continue
            claims = self._claims.setdefault(commitment, {})
            claims[member] = height
            if self._committee.weigh(claims) > self._committee.faulty:
                self._attachments.erase([commitment], max(claims.values()))
                del self._claims[commitment]
                believed.append(commitment)
        return believed
