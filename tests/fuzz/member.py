"""Everything that members may say to a node, rightly signed: items, questions, answers, rounds, checkpoints.

The node is whole and real, with memory for disk and made-up time; all the others are liars who hold their
keys. More of them lie than a committee survives, so nothing is asked of the order: only that the node goes
on, cutting off whom it must.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from tests.chain import BEGIN_MS, attachment, key
from tests.fuzz.disk import folder
from tests.fuzz.target import Target
from tests.fuzz.words import answers, chain, items, requests, vertices
from tests.unit.node.together import World, play, receive
from weft.model import message
from weft.model.block import Checkpoint, SignedStatement, Statement
from weft.model.commit import Commit
from weft.model.encoding import encode
from weft.model.errors import EncodingError, WeftError
from weft.model.vertex import Reference, Vertex, decode_vertex, implied_reference, sign_vertex
from weft.network.wire import ANSWERED_BY

STEPS_MAX = 40
LIARS = (1, 2, 3)
BAD_PARTS = (TypeError, ValueError, OverflowError, IndexError, EncodingError, msgspec.MsgspecError)
"""What parts of a step raise that mean nothing."""


class Liar:
    """A member as the world sees it: it answers what it was told to."""

    def __init__(self, story: "Story", me: int) -> None:
        self._story = story
        self._me = me
        self._streams: dict[int, None] = {}
        self.inbox = self

    def begin(self, other: int) -> None:
        self._streams[other] = None

    def lose(self, other: int) -> None:
        self._streams.pop(other, None)

    def opening(self) -> message.Opening:
        return self._story.opening

    async def receive(self, member: int, item: message.Item, size: int) -> None:
        """Nothing impresses it."""

    async def answer(self, member: int, request: message.Request) -> message.Answer:
        return self._story.answer(request)


class Story:
    """One input: a node, and the steps that liars take."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.opening = message.Opening(world.genesis.chain, 0, (0, 0, 0, 0), 0, "")
        self._answers: list[message.Answer] = []
        self._asked = 0
        self._made: list[Vertex] = []
        self._steps = {
            "answer": self._prepare,
            "item": self._push,
            "request": self._ask,
            "vertex": self._announce,
            "word": self._sign,
            "checkpoint": self._certify,
            "wait": self._wait,
            "open": self._open,
            "write": self._write,
        }

    async def play(self, steps: list[Any]) -> None:
        """From the start of the node to a while after the last step."""
        for liar in LIARS:
            self.world.up[liar] = Liar(self, liar)  # type: ignore[assignment]
        node = self.world.start(0)
        await self.world.until(lambda: node.is_speaking)
        for step in steps[:STEPS_MAX]:
            if not self.world.runs[0].done():
                await self._take(step)
        await asyncio.sleep(5)
        # A key used elsewhere, or a quorum that lies, stops a node with an error of ours.
        with suppress(WeftError):
            self.world.check()

    def answer(self, request: message.Request) -> message.Answer:
        """The next that was prepared, of the right kind if there is one; of vertices those wished."""
        known = {vertex.reference: vertex.raw for vertex in self._made}
        if isinstance(request, message.FetchVertices) and (found := known.keys() & set(request.references)):
            return message.Vertices(tuple(known[one] for one in request.references if one in found), ())
        self._asked += 1
        kind = ANSWERED_BY[type(request)]
        fitting = [one for one in self._answers if isinstance(one, kind)] or self._answers
        return fitting[self._asked % len(fitting)] if fitting else message.Refused("")

    async def _take(self, step: Any) -> None:
        try:
            name, liar, *parts = step
            act = self._steps[name](LIARS[liar % 3], *parts)
        except (KeyError, *BAD_PARTS):
            return
        if act is not None:
            await act

    def _prepare(self, _: int, raw: bytes) -> None:
        self._answers.append(message.decode_answer(raw))

    def _push(self, liar: int, raw: bytes) -> Coroutine[Any, Any, Any]:
        return self._receive(liar, message.decode_item(raw))

    def _ask(self, liar: int, raw: bytes) -> Coroutine[Any, Any, Any]:
        return self.world.up[0].inbox.answer(liar, message.decode_request(raw))  # type: ignore[no-any-return]

    def _announce(
        self, liar: int, round_: int, ahead_ms: int, parents: list[Any], batch: list[bytes]
    ) -> Coroutine[Any, Any, Any]:
        """Signed by the liar. A parent is a number of what was made before, a whole reference, or implied."""
        chain_ = self.world.genesis.chain
        named = tuple(self._parent(liar, parent) for parent in parents)
        signed = sign_vertex(
            key(f"node{liar}"), chain_, 0, liar, round_, BEGIN_MS + ahead_ms, named, tuple(batch)
        )
        vertex = decode_vertex(signed.raw)
        self._made.append(vertex)
        return self._receive(liar, message.Announced(vertex.raw, (attachment(b"{}"),)))

    def _sign(self, liar: int, height: int, header: bytes, root: bytes) -> Coroutine[Any, Any, Any]:
        return self._receive(liar, message.Signed(self._word(liar, self._statement(height, header, root))))

    def _certify(self, liar: int, height: int, header: bytes, root: bytes) -> Coroutine[Any, Any, Any]:
        """By all liars, which is a quorum."""
        statement = self._statement(height, header, root)
        signatures = tuple((one, self._word(one, statement).signature) for one in LIARS)
        return self._receive(liar, message.Certified(Checkpoint(statement, signatures)))

    def _wait(self, _: int, ms: int) -> Coroutine[Any, Any, Any]:
        return asyncio.sleep(min(max(ms, 0), 30_000) / 1000)

    def _open(self, liar: int, raw: bytes) -> None:
        opening = message.decode_item(raw)
        if isinstance(opening, message.Opening):
            self.opening = opening
            self.world.up[0].lose(liar)
            self.world.connect(0, liar)

    def _write(self, _: int, name: str) -> Coroutine[Any, Any, Any]:
        return self.world.put(0, str(name), b"{}", "none")

    async def _receive(self, liar: int, item: message.Item) -> None:
        """As it would come: whatever encodes to what cannot be decoded never does."""
        with suppress(EncodingError):
            item = message.decode_item(encode(item))
            await receive(self.world.up[0].inbox, liar, item, 100)

    def _parent(self, liar: int, parent: Any) -> Reference:
        if isinstance(parent, list):
            return Reference(*parent)
        if parent < 0:
            return implied_reference(self.world.genesis.chain, 0, (liar - parent - 1) % 4)
        return self._made[parent].reference

    def _statement(self, height: int, header: bytes, root: bytes) -> Statement:
        return Statement(self.world.genesis.chain, 0, height, header, root)

    def _word(self, member: int, statement: Statement) -> SignedStatement:
        return SignedStatement(statement, member, key(f"node{member}").sign(statement.digest))


def check_member(data: bytes) -> None:
    """The node goes on, or stops with an error of ours."""
    try:
        steps = msgspec.msgpack.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return
    if isinstance(steps, list):
        with folder() as path:
            play(_tell(path, steps))


async def _tell(path: Path, steps: list[Any]) -> None:
    await Story(World(path, genesis=chain().genesis)).play(steps)


def _rounds(count: int) -> list[list[Any]]:
    """All liars speak in every round, each naming all the others; the first with a transaction."""
    steps: list[list[Any]] = []
    for round_ in range(1, count + 1):
        for place in range(len(LIARS)):
            own = -1 if round_ == 1 else 3 * (round_ - 2) + place
            before = [-1, -2, -3, -4] if round_ == 1 else [3 * (round_ - 2) + one for one in range(3)]
            named = before if round_ == 1 else [own, *(one for one in before if one != own)]
            batch = list(vertices()[1].batch) if round_ == 1 and place == 0 else []
            steps.append(["vertex", place, round_, 10 * round_, named, batch])
    return steps


def _history() -> list[message.Answer]:
    """What leads a node that is behind to the head of the ledger."""
    ledger = chain()
    headers = [block.header for block in ledger.blocks[:0:-1]]
    commits = [Commit(one.round, one.time_ms, (), (), one.order_hash) for one in headers]
    return [
        message.Newest(ledger.checkpoint(2), None),
        message.Blocks(tuple(ledger.blocks[1:])),
        message.Commits(tuple(encode(commit) for commit in commits)),
    ]


def _own_first(place: int) -> list[int]:
    return [LIARS[place], *(one for one in LIARS if one != LIARS[place])]


def _stories() -> list[bytes]:
    """Everything that can be said once, and a few rounds of agreement."""
    opening = encode(items()[0])
    far = [["vertex", one, 30, 0, [[two, 29, bytes(32)] for two in _own_first(one)], []] for one in range(3)]
    stories: list[list[list[Any]]] = [
        [["item", place, encode(item)] for place, item in enumerate(items())],
        [["request", place, encode(request)] for place, request in enumerate(requests())],
        [
            *(["answer", 0, encode(answer)] for answer in answers()),
            *far,
            ["open", 1, opening],
            ["wait", 0, 3000],
        ],
        *(
            [["answer", 0, encode(answer)], *far, ["open", 1, opening], ["wait", 0, 9000]]
            for answer in answers()
        ),
        [["write", 0, "a"], *_rounds(6), ["wait", 0, 100], ["request", 1, encode(requests()[2])]],
        [*_rounds(3), ["word", 0, 1, bytes(32), bytes(32)], ["checkpoint", 1, 1, bytes(32), bytes(32)]],
        [*(["answer", 0, encode(answer)] for answer in _history()), *far, ["wait", 0, 9000], *_rounds(2)],
        [*far, ["wait", 0, 9000]],
        [["vertex", 0, 1, 2**40, [-1, -2, -3, -4], []], ["wait", 0, 9000]],
    ]
    return [msgspec.msgpack.encode(story) for story in stories]


TARGETS = (Target("member", _stories, check_member, size_max=16384),)
