"""Bytes that mean nothing."""

from collections.abc import Awaitable, Callable, Iterable

from weft.model.encoding import encode
from weft.model.message import Answer, Item, Opening, Request
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar


class Garbage(Lie):
    """Sends random bytes, halves of messages, other spellings of them, deep nesting, and names of messages
    that are none, on streams and as answers.

    Whoever does is cut off for a growing while, and nobody else notices.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._chance = liar.random.choice((0.01, 0.1, 0.5))

    def send(self, member: int, item: Item) -> Iterable[Item | bytes]:
        said = super().send(member, item)
        if isinstance(item, Opening) or self.liar.random.random() > self._chance:
            return said
        self.told["item"] += 1
        return (self._spoil(encode(item)), *said)

    async def answer(
        self, member: int, request: Request, honestly: Callable[[], Awaitable[Answer]]
    ) -> Answer | bytes:
        answer = await honestly()
        if self.liar.random.random() > self._chance:
            return answer
        self.told["answer"] += 1
        return self._spoil(encode(answer))

    def _spoil(self, raw: bytes) -> bytes:
        random = self.liar.random
        at = random.randrange(len(raw))
        return random.choice(
            (
                b"",
                random.randbytes(100),
                raw[:at],
                raw + b"\0",
                raw[:at] + bytes((raw[at] ^ 1 << random.randrange(8),)) + raw[at + 1 :],
                b"\xdc\x00" + raw,
                b"\x91" * 5_000,
                b"\x91\xa7Nothing",
                encode(("Announced", b"", ())),
                encode(("Signed", ((random.randbytes(32), 0, 1, bytes(32), bytes(32)), 2**63, bytes(64)))),
                b"\xdd\xff\xff\xff\xff",
            )
        )
