"""What goes out to other members: own vertices with their attachments, in order, no faster than they read.

Promise: items reach a member's queue in the order given, from the Opening of its stream on, and never more
than the queue takes: all that a returning member lacks may be far more than that, and a queue that overflows
begins the stream anew. What does not fit yet waits here bare, as vertices that the core keeps anyway; its
attachments are looked up when its turn comes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from weft.mempool.pool import Candidate
from weft.model import message
from weft.model.encoding import decode, decode_many
from weft.model.limits import MIB, LocalLimits
from weft.model.transaction import Attachment, Transaction
from weft.model.vertex import Vertex, Wire
from weft.node.ports import AttachmentStore, Peers, Workers

FRESH_BYTES_MAX = 32 * MIB
FRESH_MAX = 100_000
"""Attachments of admitted transactions at hand until their vertex goes out, and how many transactions."""
PAUSE_S = 0.02
"""Between two looks at a queue that is half full."""
WAITING_MAX = 10_000
"""Items that wait for one member. Who asks for more makes its stream begin again and again; it learns of what
is left out from the vertices that name it."""


class Outgoing:
    """One node's way out."""

    def __init__(
        self,
        me: int,
        size: int,
        attachments: AttachmentStore,
        peers: Peers,
        workers: Workers,
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        limits: LocalLimits,
    ) -> None:
        self._others = [member for member in range(size) if member != me]
        self._attachments = attachments
        self._peers = peers
        self._workers = workers
        self._spawn = spawn
        self._queue_bytes = limits.peer_queue_bytes_max // 2
        self._own: Vertex | None = None
        self._fresh: dict[bytes, tuple[Attachment, ...]] = {}
        self._fresh_bytes = 0
        self._waiting: list[deque[message.Item]] = [deque() for _ in range(size)]
        self._emptying: set[int] = set()

    def expect(self, taken: Sequence[Candidate]) -> None:
        """Transactions that this node will propose."""
        self._fresh.update([(one.raw, one.attachments) for one in taken])
        self._fresh_bytes += sum([one.attachment_bytes for one in taken])
        while self._fresh_bytes > FRESH_BYTES_MAX or len(self._fresh) > FRESH_MAX:
            self._take(next(iter(self._fresh)))

    def persisted(self, own: Vertex) -> None:
        """An own vertex is on disk; it goes out next."""
        self._own = own

    def broadcast(self, item: message.Item) -> None:
        """To every other member, now or behind what waits for it."""
        complete = self._complete_own(item)
        if not any(self._waiting):
            self._peers.broadcast(complete)
            return
        for member in self._others:
            if self._waiting[member]:
                self._put(member, item)
            else:
                self._peers.send(member, complete)

    def send(self, member: int, item: message.Item) -> None:
        """To one member."""
        if self._waiting[member] or isinstance(item, message.Announced):
            self._put(member, item)
        else:
            self._peers.send(member, item)

    def lost(self, member: int) -> None:
        """Its stream broke: the next Opening says what it lacks."""
        self._waiting[member].clear()

    def _put(self, member: int, item: message.Item) -> None:
        waiting = self._waiting[member]
        if len(waiting) < WAITING_MAX:
            waiting.append(item)
        if member not in self._emptying:
            self._emptying.add(member)
            self._spawn(self._empty(member))

    async def _empty(self, member: int) -> None:
        waiting = self._waiting[member]
        while waiting:
            if self._peers.tallies[member].queue_bytes > self._queue_bytes:
                await asyncio.sleep(PAUSE_S)
                continue
            item = waiting[0]
            complete = await self._workers.run("send", partial(self._complete, item))
            if waiting and waiting[0] is item:
                waiting.popleft()
                self._peers.send(member, complete)
        self._emptying.discard(member)

    def _complete_own(self, item: message.Item) -> message.Item:
        """A new own vertex, from what is at hand: on the event loop nothing is decoded that is known."""
        own = self._own
        if not isinstance(item, message.Announced) or own is None or own.raw is not item.vertex:
            return self._complete(item)
        attachments: list[Attachment] = []
        for raw in own.batch:
            known = self._take(raw)
            attachments += self._find([raw]) if known is None else known
        return message.Announced(item.vertex, tuple(attachments))

    def _complete(self, item: message.Item) -> message.Item:
        """An own vertex goes out with its attachments; one that was erased stays behind."""
        if not isinstance(item, message.Announced):
            return item
        return message.Announced(item.vertex, tuple(self._find(decode(Wire, item.vertex).batch)))

    def _find(self, batch: Sequence[bytes]) -> list[Attachment]:
        """What these transactions state, as far as it is here, in their order."""
        stated = [
            one.digest for transaction in decode_many(Transaction, batch) for one in transaction.attachments
        ]
        found = self._attachments.find_many(stated)
        return [one for digest in stated if isinstance(one := found[digest], Attachment)]

    def _take(self, raw: bytes) -> tuple[Attachment, ...] | None:
        attachments = self._fresh.pop(raw, None)
        if attachments is not None:
            self._fresh_bytes -= _size(attachments)
        return attachments


def _size(attachments: tuple[Attachment, ...]) -> int:
    return sum([len(attachment.content) for attachment in attachments])
