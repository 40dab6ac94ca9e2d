"""Wrong answers."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from weft.model.block import Block, Checkpoint
from weft.model.message import (
    Answer,
    AskNewest,
    Attachments,
    Blocks,
    Commits,
    FetchAttachments,
    FetchBlocks,
    FetchCheckpoint,
    FetchCommits,
    FetchPiece,
    FetchTree,
    FetchVertices,
    Newest,
    Piece,
    Refused,
    Request,
    Told,
    Tree,
    Vertices,
)
from weft.model.transaction import Attachment
from weft.model.vertex import Reference
from weft.simulation.byzantine.lie import Lie
from weft.simulation.ports import Liar

WAYS = ("nothing", "refused", "never", "late", "another kind", "wrong", "wrong", "endless")
LATE_S = 9.0


class Mislead(Lie):
    """Answers questions with nothing, never, just in time, with another kind of answer, and wrongly: other
    vertices, forgotten ones that are kept, altered or too many blocks, pieces without end, numbers far too
    high or low, trees that are not.

    The asker believes nothing that it can check, asks somebody else, and is not held up for long.
    """

    def begin(self, liar: Liar) -> None:
        super().begin(liar)
        self._ways = liar.random.sample(WAYS, liar.random.randint(1, 4))
        self._chance = liar.random.choice((0.5, 1.0))

    async def answer(
        self, member: int, request: Request, honestly: Callable[[], Awaitable[Answer]]
    ) -> Answer | bytes:
        answer = await honestly()
        if self.liar.random.random() > self._chance:
            return answer
        way = self.liar.random.choice(self._ways)
        self.told[f"{way} {type(request).__name__}"] += 1
        match way:
            case "nothing":
                return _nothing(answer)
            case "refused":
                return Refused("x" * 10_000)
            case "never":
                await asyncio.sleep(1_000)
            case "late":
                await asyncio.sleep(LATE_S)
            case "another kind":
                return Piece(1, b"x") if not isinstance(request, FetchPiece) else Tree((), ())
            case "endless":
                await asyncio.sleep(LATE_S if self.liar.random.random() < 0.5 else 0)
                return self._trickle(request, answer)
            case _:
                return self._falsify(request, answer)
        return answer

    def _trickle(self, request: Request, answer: Answer) -> Answer:
        """As little as can be said to be something."""
        match request, answer:
            case FetchBlocks(), Blocks(blocks):
                return Blocks(blocks[: self.liar.random.randint(0, 1)])
            case FetchPiece(), Piece():
                return Piece(200 << 20, b"x")
            case FetchCommits(), Commits(commits):
                return Commits(commits[:1])
            case FetchTree(), Tree():
                return Tree(tuple(self.liar.random.randbytes(32) for _ in range(16)), ())
        return answer

    def _falsify(self, request: Request, answer: Answer) -> Answer:
        random = self.liar.random
        match request, answer:
            case FetchVertices(references), Vertices(vertices):
                return self._falsify_vertices(references, vertices)
            case FetchAttachments(commitments), Attachments():
                wrong = tuple(Attachment(one, b"x") for one in commitments[:5])
                lie = Attachments(
                    wrong,
                    tuple((one, random.choice((0, 1, 2**62))) for one in commitments),
                    self.liar.place,
                    bytes(64),
                )
                return msgspec.structs.replace(lie, signature=self.liar.signer.sign(lie.erased_digest))
            case FetchBlocks(), Blocks(blocks):
                return Blocks(tuple(self._alter(block) for block in blocks))
            case FetchPiece(), Piece(size, content):
                return random.choice((Piece(2**62, content), Piece(size, content[::-1]), Piece(0, content)))
            case FetchCommits(), Commits(commits):
                return Commits(random.choice((commits[::-1], commits[1:], (b"\x90", *commits))))
            case FetchCheckpoint(), Newest(checkpoint, word):
                return Newest(self._overstate(checkpoint), word)
            case FetchTree(), Tree(children, entries):
                return random.choice(
                    (Tree(children[::-1], entries[::-1]), Tree((), ((b"\xff" * 50, random.randbytes(32)),)))
                )
            case AskNewest(), Told() as told:
                return self._misremember(told)
        return answer

    def _falsify_vertices(self, references: tuple[Reference, ...], vertices: tuple[bytes, ...]) -> Answer:
        own = self.liar.core.own_newest
        other = (own.raw,) if own is not None else ()
        return self.liar.random.choice(
            (
                Vertices((), references),
                Vertices((*vertices, *other), ()),
                Vertices(other, ()),
                Vertices(vertices * 300, ()),
                Vertices(tuple(raw[:-1] for raw in vertices), ()),
                Vertices(vertices[1:], references),
            )
        )

    def _alter(self, block: Block) -> Block:
        header = self.liar.random.choice(
            (
                block.header,
                msgspec.structs.replace(block.header, height=block.header.height + 1),
                msgspec.structs.replace(block.header, state_root=bytes(32)),
            )
        )
        return Block(header, block.transactions[::-1], block.receipts[1:])

    def _overstate(self, checkpoint: Checkpoint | None) -> Checkpoint | None:
        if checkpoint is None:
            return None
        statement = msgspec.structs.replace(checkpoint.statement, height=checkpoint.statement.height + 1_000)
        return self.liar.random.choice((None, Checkpoint(statement, checkpoint.signatures)))

    def _misremember(self, told: Told) -> Told:
        """Too high or too low, well signed."""
        random = self.liar.random
        bound = random.choice((0, max(0, told.bound - 3), told.bound + 3, 2**62))
        lie = random.choice(
            (
                Told(told.epoch, told.nonce, told.member, bound, b"", bytes(64)),
                Told(told.epoch, told.nonce, told.member, bound, told.vertex, bytes(64)),
            )
        )
        return msgspec.structs.replace(lie, signature=self.liar.signer.sign(lie.digest))


def _nothing(answer: Answer) -> Answer:
    """The emptiest answer of its kind."""
    match answer:
        case Vertices():
            return Vertices((), ())
        case Blocks():
            return Blocks(())
        case Commits():
            return Commits(())
        case Piece():
            return Piece(0, b"")
        case Newest():
            return Newest(None, None)
        case Tree():
            return Tree((), ())
    return Refused("")
