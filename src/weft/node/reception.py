"""What members push: admitted, then given to the core. Who sends what no honest member sends is cut off."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from weft.consensus.messages import Arrived, Found, Heard, Repeat, Vouched
from weft.model import message
from weft.model.block import Checkpoint, SignedStatement
from weft.model.encoding import decode
from weft.model.errors import EncodingError, VertexError
from weft.model.vertex import Vertex, Wire
from weft.node.admit import Admitted, Door, is_small
from weft.node.ports import AttachmentStore, Peers
from weft.node.watch import Watch


class Reception:
    """One node's door to its peers."""

    def __init__(
        self,
        door: Door,
        attachments: AttachmentStore,
        peers: Peers,
        watch: Watch,
        feed: Callable[..., None],
    ) -> None:
        self._door = door
        self._attachments = attachments
        self._peers = peers
        self._watch = watch
        self._feed = feed

    def vertex(self, member: int, item: message.Announced) -> Awaitable[None] | None:
        """A vertex with the attachments that came along; what is left to wait for, if it is a large one."""
        if not is_small(item.vertex, item.attachments):
            return self._large_vertex(member, item)
        try:
            admitted = self._door.check_vertex(item.vertex, item.attachments)
        except VertexError as error:
            self.refuse(member, str(error))
        else:
            self._take(member, admitted)
        return None

    async def _large_vertex(self, member: int, item: message.Announced) -> None:
        try:
            admitted = await self._door.vertex(item.vertex, item.attachments)
        except VertexError as error:
            self.refuse(member, str(error))
        else:
            self._take(member, admitted)

    def _take(self, member: int, admitted: Admitted) -> None:
        if not admitted.commitments:
            self._feed(Arrived(admitted.vertex, member, (), False))
            return
        if admitted.attachments:
            self._attachments.put(admitted.attachments)
        is_whole = admitted.found == admitted.commitments
        missing = () if is_whole else tuple(self._attachments.missing(admitted.commitments))
        arrived = Arrived(admitted.vertex, member, missing, False)
        self._feed(*((Found(admitted.found),) if admitted.found else ()), arrived)

    async def repeats(self, unsaid: Sequence[bytes]) -> tuple[Repeat, ...]:
        """Own vertices that may be said again: those that are whole. The others stay merely spoken."""
        repeats = []
        for raw in unsaid:
            with suppress(VertexError):
                admitted = await self._door.vertex(raw, ())
                repeats.append(
                    Repeat(admitted.vertex, tuple(self._attachments.missing(admitted.commitments)))
                )
        return tuple(repeats)

    def word(self, member: int, word: SignedStatement) -> None:
        """A validator's word on a header."""
        if self._door.word(word):
            self._feed(Heard(word))
        else:
            self.refuse(member, "a statement that is not signed by its member")

    def checkpoint(self, member: int, checkpoint: Checkpoint) -> None:
        """A quorum's word."""
        if self._door.checkpoint(checkpoint):
            self._feed(Vouched(checkpoint))
        else:
            self.refuse(member, "a checkpoint without a quorum of signatures")

    async def evidence(
        self, member: int, item: message.Evidence, wants: Callable[[int, int], bool]
    ) -> tuple[Vertex, Vertex] | None:
        """Two different vertices of one slot, if that is what the evidence shows. What is not wanted is not
        looked into: that may cost thousands of signatures."""
        try:
            claimed = decode(Wire, item.first)
            if not wants(claimed.author, claimed.round):
                return None
            first = (await self._door.vertex(item.first, ())).vertex
            second = (await self._door.vertex(item.second, ())).vertex
        except (EncodingError, VertexError) as error:
            self.refuse(member, str(error))
            return None
        is_slot = (first.author, first.round) == (second.author, second.round)
        is_proof = is_slot and first.reference != second.reference
        return (first, second) if is_proof else None

    def refuse(self, member: int, reason: str) -> None:
        """Cut off a member for what it sent."""
        self._watch.refused(member, reason)
        self._peers.cut_off(member, reason)
