"""Vertices whose content is missing."""

from collections.abc import Awaitable, Callable, Iterable

import msgspec

from weft.model.message import Announced, Answer, Attachments, FetchAttachments, Item, Request
from weft.model.transaction import Attachment
from weft.model.vertex import Vertex
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar


class Starve(Lie):
    """Announces vertices without their attachments, or with content that is not what was committed to, to
    all or to some; whoever asks gets nothing, the wrong thing, or a signed word that all of it was erased.

    Nobody may name such a vertex before its content is there: from whoever got it, or never. Content counts
    as erased only when more than f say so.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._mask = liar.random.choice((0, 0, liar.random.getrandbits(len(self.members))))
        """Members that get the content."""
        self._way = liar.random.choice(("none", "wrong", "swapped", "erased"))

    def say(self, member: int, vertex: Vertex, item: Item) -> Iterable[Item | bytes]:
        assert isinstance(item, Announced)
        if not item.attachments or self._mask >> member & 1:
            return (item,)
        self.told[f"announced {self._way}"] += 1
        return (Announced(item.vertex, self._spoil(item.attachments)),)

    async def answer(
        self, member: int, request: Request, honestly: Callable[[], Awaitable[Answer]]
    ) -> Answer | bytes:
        answer = await honestly()
        if not isinstance(request, FetchAttachments) or not isinstance(answer, Attachments):
            return answer
        self.told[f"answered {self._way}"] += 1
        erased = tuple((one, 1) for one in request.commitments) if self._way == "erased" else ()
        lie = Attachments(self._spoil(answer.attachments), erased, self.liar.place, bytes(64))
        return msgspec.structs.replace(lie, signature=self.liar.signer.sign(lie.erased_digest))

    def _spoil(self, attachments: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
        match self._way:
            case "wrong":
                return tuple(Attachment(one.salt, one.content[:-1] + b"!") for one in attachments)
            case "swapped":
                return tuple(Attachment(self.liar.random.randbytes(32), one.content) for one in attachments)
            case _:
                return ()
