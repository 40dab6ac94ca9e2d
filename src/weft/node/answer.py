"""What this node tells other members when they ask (`docs/protocol/peers.md`).

Each answer is bounded in bytes; who asks for more asks again. Nothing here changes the node.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar, assert_never

import msgspec

from weft.model import message
from weft.model.block import Block
from weft.model.digest import Digest
from weft.model.encoding import encode
from weft.model.limits import LocalLimits
from weft.model.transaction import Attachment
from weft.node.compare import Comparison
from weft.node.driver import Driver
from weft.node.ports import AttachmentStore, Erased, Signer, Store

T = TypeVar("T")

PIECES_AT_ONCE = 1_000
"""Vertices or attachments looked up for one request: an honest member asks for fewer."""


class Answers:
    """The answering side of a node."""

    def __init__(
        self,
        me: int,
        signer: Signer,
        driver: Driver,
        store: Store,
        attachments: AttachmentStore,
        tree: Comparison,
        limits: LocalLimits,
    ) -> None:
        self._me = me
        self._signer = signer
        self._driver = driver
        self._store = store
        self._attachments = attachments
        self._tree = tree
        self._bytes_max = limits.answer_bytes_max

    def answer(self, request: message.Request) -> message.Answer:
        """One answer to one request."""
        match request:
            case message.FetchVertices():
                return self._vertices(request)
            case message.FetchAttachments():
                return self._attached(request)
            case message.FetchBlocks():
                return self._blocks(request)
            case message.FetchPiece():
                return self._piece(request)
            case message.FetchCommits():
                return message.Commits(tuple(self._fit(self._store.commits_before(request.round, 600), len)))
            case message.FetchCheckpoint():
                found = self._store.find_checkpoint(request.height) if request.height else None
                return message.Newest(found or self._store.newest_checkpoint, self._driver.core.own_word)
            case message.FetchTree():
                return self._tree.answer(request)
            case message.AskNewest():
                return self._told(request)
            case message.ProveBlob():
                raise AssertionError("whoever keeps blobs answers for them")
            case _:
                assert_never(request)

    def _vertices(self, request: message.FetchVertices) -> message.Vertices:
        core, references = self._driver.core, request.references[:PIECES_AT_ONCE]
        found = [core.find_vertex(reference) for reference in references]
        return message.Vertices(
            tuple(self._fit((vertex.raw for vertex in found if vertex is not None), len)),
            tuple(reference for reference in references if core.is_forgotten(reference)),
        )

    def _attached(self, request: message.FetchAttachments) -> message.Attachments:
        """Content is read no further than fits, whatever is asked for."""
        found: list[Attachment] = []
        erased: list[tuple[Digest, int]] = []
        left = self._bytes_max
        for commitment in request.commitments[:PIECES_AT_ONCE]:
            match self._attachments.find(commitment):
                case Attachment() as attachment:
                    left -= len(attachment.content) + 64
                    if left < 0 and found:
                        break
                    found.append(attachment)
                case Erased(height):
                    erased.append((commitment, height))
                case None:
                    pass
        answer = message.Attachments(tuple(found), tuple(erased), self._me, bytes(64))
        return msgspec.structs.replace(answer, signature=self._signer.sign(answer.erased_digest))

    def _blocks(self, request: message.FetchBlocks) -> message.Blocks:
        def stored() -> Iterable[Block]:
            for height in range(max(request.height, 1), self._store.head.height + 1):
                block = self._store.find_block(height)
                if block is None:
                    return
                yield block

        fitting = tuple(self._fit(stored(), _size))
        return message.Blocks(fitting if sum(map(_size, fitting)) <= self._bytes_max else ())

    def _piece(self, request: message.FetchPiece) -> message.Piece:
        block = self._store.find_block(request.height)
        raw = b"" if block is None else encode(block)
        return message.Piece(len(raw), raw[request.offset : request.offset + self._bytes_max])

    def _told(self, request: message.AskNewest) -> message.Answer:
        """The newest own vertex, or else the last round in which this validator may have spoken."""
        round_first, newest = self._driver.round_first, self._driver.core.own_newest
        if round_first is None:
            return message.Refused("this member waits for answers to the same question itself")
        bound, vertex = round_first - 1, b""
        if newest is not None and newest.round >= bound:
            bound, vertex = newest.round, newest.raw
        told = message.Told(request.epoch, request.nonce, self._me, bound, vertex, bytes(64))
        return msgspec.structs.replace(told, signature=self._signer.sign(told.digest))

    def _fit(self, items: Iterable[T], size: Callable[[T], int]) -> Iterable[T]:
        """The first items whose sizes fit in an answer together; always at least one."""
        left = self._bytes_max
        for place, item in enumerate(items):
            left -= size(item)
            if left < 0 and place > 0:
                return
            yield item


def _size(block: Block) -> int:
    """About the bytes of its encoding, and not less."""
    return 400 + sum(len(raw) + 5 for raw in block.transactions + block.receipts)
