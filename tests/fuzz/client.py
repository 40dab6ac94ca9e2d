"""What a node answers to a client that trusts it in nothing: HTTP, streams of events, blocks to check."""

import asyncio
import json
import socket
import threading
from base64 import b64encode
from contextlib import suppress
from functools import cache
from typing import Any

import msgspec

from tests.chain import Chain
from tests.fuzz.target import Target
from tests.fuzz.words import chain, proofs
from weft.api.routes.blocks import _show_block
from weft.client.follow import follow
from weft.client.nodes import Nodes
from weft.client.verify import check_file, check_transaction
from weft.model.encoding import encode
from weft.model.errors import WeftError
from weft.model.receipt import decode_receipt

EVENTS_MAX = 5


class Answerer:
    """A server that says the same to whatever it is asked, and then hangs up."""

    def __init__(self) -> None:
        self.says = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            with connection, suppress(OSError):
                connection.recv(1 << 16)
                connection.sendall(self.says)


@cache
def _answerer() -> Answerer:
    return Answerer()


def check_answer(raw: bytes) -> None:
    """JSON that a verb can look at, events, or an error of ours."""
    _answerer().says = raw
    asyncio.run(_ask())


async def _ask() -> None:
    nodes = Nodes([_answerer().url], None, 0.01, 0.01)
    try:
        with suppress(WeftError):
            assert isinstance(await nodes.ask_json("GET", "/v1/status"), dict)
        with suppress(WeftError, TimeoutError):
            await _follow(nodes)
    finally:
        await nodes.close()


async def _follow(nodes: Nodes) -> None:
    count = 0
    async with asyncio.timeout(0.2):
        async for event in follow(nodes, "0"):
            assert isinstance(event["cursor"], str)
            count += 1
            if count == EVENTS_MAX:
                return


def check_blocks(data: bytes) -> None:
    """What a node shows of blocks proves a transaction to the committee's signatures, or UnprovedError."""
    try:
        id_, position, blocks = json.loads(data)
    except (ValueError, TypeError, RecursionError):
        return
    if isinstance(id_, str) and isinstance(position, int) and isinstance(blocks, list):
        with suppress(WeftError):
            check_transaction(chain().genesis, id_, position, blocks)
            assert id_ in _identities(chain()), "only what is there is proved"
    with suppress(WeftError):
        check_file(chain().genesis, bytes(16), bytes(32), str(id_))


def _identities(ledger: Chain) -> set[str]:
    return {decode_receipt(raw).transaction.hex() for block in ledger.blocks for raw in block.receipts}


def _shown() -> bytes:
    """The first block and the one after it, with a checkpoint, as a node shows them."""
    ledger = chain()
    blocks: list[Any] = [
        msgspec.to_builtins(_show_block(block, ledger.checkpoint(2))) for block in ledger.blocks[1:3]
    ]
    id_ = decode_receipt(ledger.blocks[1].receipts[0]).transaction.hex()
    return json.dumps([id_, 0, blocks]).encode()


def _answers() -> list[bytes]:
    ok, json_ = b"HTTP/1.1 200 OK\r\n", b"Content-Type: application/json\r\n"
    date = b"Date: Sat, 21 Nov 2026 06:00:00 GMT\r\n"
    status = b'{"chain_id":"00","height":1}'
    problem = b'{"status":503,"code":"node.behind","detail":"x","fix":"y"}'
    events = b'id: 1-0\nevent: block\ndata: {"cursor":"1-0","height":1}\n\n: still here\n\n'
    ended = b"event: problem\ndata: " + problem + b"\n\n"
    return [
        ok + json_ + date + b"Content-Length: 28\r\n\r\n" + status,
        ok + b"Transfer-Encoding: chunked\r\n\r\n1c\r\n" + status + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 503 Service Unavailable\r\n" + json_ + b"Content-Length: 58\r\n\r\n" + problem,
        ok + b"Content-Type: text/event-stream\r\n\r\n" + events + events + ended,
        ok + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
    ]


def _proofs() -> list[bytes]:
    return [_shown(), json.dumps([b64encode(encode(proofs()[1])).decode(), 0, []]).encode()]


TARGETS = (
    Target("answer", _answers, check_answer, examples=30),
    Target("blocks", _proofs, check_blocks, size_max=16384),
)
