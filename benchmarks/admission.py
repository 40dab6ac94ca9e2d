"""What a transaction costs on its way in, in processor time, thread by thread, without a network.

    python -m benchmarks.admission [--batches 40] [--profile loop|verify|sync]

One process, real stores on disk, records of 128 bytes signed with secp256k1. First the node that a client
sends batches of 250 to (`POST /v1/transactions:batch?wait=executed`; it is the only member of its network, so
its blocks are executed here too, in lane `apply`); then a node that receives such records in vertices of 500
with their attachments, up to the sync of the journal. `signatures` is what verifying takes of lane `verify`.
"""

import argparse
import asyncio
import base64
import cProfile
import gc
import os
import pstats
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import msgspec

from weft.api.app import create_app
from weft.assembly import CONTRACTS, GARBAGE_OBJECTS, open_store
from weft.model import message
from weft.model.call import PutRecords, RecordItem
from weft.model.committee import Member
from weft.model.encoding import decode, encode
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, SECP256K1, PrivateKey, is_signed
from weft.model.limits import LOCAL, Limits
from weft.model.stored import OTHER
from weft.model.transaction import Attachment, Commitment, Transaction, identity_of, sign_transaction
from weft.model.vertex import sign_vertex
from weft.node.admit import Door
from weft.node.gateway import Gateway
from weft.node.loop import LoopClock, Threads
from weft.node.node import Node
from weft.node.reception import Reception
from weft.node.recover import found, recover
from weft.node.service import NodeService
from weft.node.watch import Watch
from weft.storage.attachments import Attachments
from weft.storage.journal import Journal

BATCH, VERTEX, DOCUMENT_BYTES = 250, 500, 128
WARM_UP = 3
"""Batches before the clock starts."""
LIFETIME_MS = 3_600_000

T = TypeVar("T")
Item = tuple[bytes, Attachment]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--batches", type=int, default=40)
    options.add_argument("--profile", choices=("loop", "verify", "sync"))
    chosen = options.parse_args()
    with TemporaryDirectory(prefix="weft-admission-") as folder:
        gc.freeze()
        gc.set_threshold(GARBAGE_OBJECTS)
        for name, story in (("taken", measure_taking), ("received", measure_receiving)):
            meter = Meter(chosen.profile)
            (Path(folder) / name).mkdir()
            asyncio.run(story(Path(folder) / name, chosen.batches, meter))
            meter.show(name)


class Meter:
    """Processor time of the threads of one process; its lanes are a node's workers."""

    def __init__(self, profiled: str | None) -> None:
        self._threads = Threads()
        self._profiled = profiled
        self._profile = cProfile.Profile()
        self._spent: dict[str, float] = defaultdict(float)
        self._begun = (0.0, 0.0)
        self._count = 0
        self._signatures = 0.0

    async def run(self, lane: str, call: Callable[[], T]) -> T:
        """As `Workers` do."""

        def metered() -> T:
            begin = time.thread_time()
            try:
                return self._profile.runcall(call) if lane == self._profiled else call()
            finally:
                self._spent[lane] += time.thread_time() - begin

        return await self._threads.run(lane, metered)

    def begin(self) -> None:
        self._spent.clear()
        self._begun = (time.process_time(), time.thread_time())
        if self._profiled == "loop":
            self._profile.enable()

    def end(self, items: list[Item]) -> None:
        """All is done for these."""
        self._profile.disable()
        whole, loop = (now - then for now, then in zip(_times(), self._begun, strict=True))
        self._spent["loop"] = loop
        self._spent["elsewhere"] = whole - sum(self._spent.values())
        self._count = len(items)
        self._signatures = _time_signatures(items)
        self._threads.stop()

    def show(self, name: str) -> None:
        parts = {lane: spent * 1e6 / self._count for lane, spent in sorted(self._spent.items())}
        own = sum(parts.values()) - parts.get("apply", 0.0) - self._signatures
        told = "  ".join(f"{lane} {micros:.1f}" for lane, micros in parts.items())
        print(f"{name}: {told}  | signatures {self._signatures:.1f} | without them and apply {own:.1f} µs")  # noqa: T201
        if self._profiled is not None:
            pstats.Stats(self._profile).sort_stats("tottime").print_stats(30)


async def measure_taking(folder: Path, batches: int, meter: Meter) -> None:
    """A node that clients send batches to."""
    keys = [PrivateKey(ED25519, os.urandom(32))]
    genesis = _make_genesis(keys)
    with (
        closing(Journal(folder / "journal")) as journal,
        closing(open_store(genesis, folder / "store")) as store,
        closing(Attachments(folder / "attachments")) as attachments,
    ):
        found(journal, genesis)
        recovered = recover(genesis, 0, keys[0], journal, store, LOCAL)
        node = Node(
            genesis, 0, "http://127.0.0.1:1", keys[0], CONTRACTS, recovered, LoopClock(), meter, journal,
            store, attachments, folder, lambda _: _Nobody(), _read_nothing, LOCAL,
        )  # fmt: skip
        work = asyncio.create_task(node.run())
        while not node.is_speaking:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        service = NodeService(node, Gateway(genesis, keys[0], lambda _: None), node.url)
        app = create_app(service, (), lambda: b"", None)
        writer = _Writer(genesis.chain)
        many = [writer.items(BATCH) for _ in range(batches + WARM_UP)]
        bodies = [_pack(items) for items in many]
        for place, body in enumerate(bodies):
            if place == WARM_UP:
                meter.begin()
            await _post(app, body)
        meter.end([item for items in many[WARM_UP:] for item in items])
        work.cancel()
        await asyncio.wait([work])


async def measure_receiving(folder: Path, batches: int, meter: Meter) -> None:
    """A node that gets vertices of others."""
    keys = [PrivateKey(ED25519, os.urandom(32)) for _ in range(4)]
    genesis = _make_genesis(keys)
    with (
        closing(Journal(folder / "journal")) as journal,
        closing(Attachments(folder / "attachments")) as attachments,
    ):
        watch = Watch(genesis, folder, LoopClock().now_us)
        fed: list[Any] = []
        door = Door(genesis, meter)
        reception = Reception(door, attachments, _Nobody(), watch, lambda *inputs: fed.extend(inputs))
        writer = _Writer(genesis.chain)
        many = [writer.items(VERTEX) for _ in range(batches * BATCH // VERTEX + WARM_UP)]
        raws = [_announce(genesis, keys[1], place + 1, items) for place, items in enumerate(many)]
        for place, raw in enumerate(raws):
            if place == WARM_UP:
                meter.begin()
            item = message.decode_item(raw)
            assert isinstance(item, message.Announced)
            rest = reception.vertex(1, item)
            if rest is not None:
                await rest
            arrived = fed[-1]
            assert arrived.missing == ()
            journal.append(OTHER, arrived.vertex.round, arrived.vertex.raw)
            await meter.run("sync", lambda: (attachments.sync(), journal.sync()))
        meter.end([item for items in many[WARM_UP:] for item in items])


async def _post(app: Any, body: bytes) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/transactions:batch",
        "raw_path": b"/v1/transactions:batch",
        "query_string": b"wait=executed",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))],
        "server": ("127.0.0.1", 1),
    }
    answer = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(part: dict[str, Any]) -> None:
        answer.append(part)

    await app(scope, receive, send)
    assert answer[0]["status"] == 200, answer
    assert answer[1]["body"].count(b'"executed"') == BATCH, answer[1]["body"][:1000]


def _pack(items: list[Item]) -> bytes:
    return msgspec.json.encode(
        {
            "items": [
                {
                    "transaction": base64.b64encode(raw).decode(),
                    "attachments": [base64.b64encode(one.salt + one.content).decode()],
                }
                for raw, one in items
            ]
        }
    )


def _announce(genesis: Genesis, key: PrivateKey, round_: int, items: list[Item]) -> bytes:
    batch = tuple(raw for raw, _ in items)
    vertex = sign_vertex(key, genesis.chain, 0, 1, round_, time.time_ns() // 1_000_000, (), batch)
    return encode(message.Announced(vertex.raw, tuple(attachment for _, attachment in items)))


class _Writer:
    """Signs records, each in a key of its own."""

    def __init__(self, chain: bytes) -> None:
        self._chain = chain
        self._key = PrivateKey(SECP256K1, os.urandom(32))
        self._count = 0

    def items(self, count: int) -> list[Item]:
        return [self._item() for _ in range(count)]

    def _item(self) -> Item:
        self._count += 1
        attachment = Attachment(os.urandom(32), b'"%s"' % os.urandom(DOCUMENT_BYTES // 2 - 1).hex().encode())
        transaction = Transaction(
            1,
            self._chain,
            self._key.public,
            os.urandom(16),
            time.time_ns() // 1_000_000 + LIFETIME_MS,
            "records",
            "put",
            encode(PutRecords((RecordItem("bench", f"k{self._count}", 0, None),))),
            (Commitment(attachment.commitment, DOCUMENT_BYTES),),
            None,
            bytes(64),
        )
        return sign_transaction(self._key, transaction), attachment


class _Nobody:
    """No other members, but what is said to them is encoded as if there were."""

    tallies = ()

    async def start(self) -> int:
        return 1

    async def stop(self) -> None: ...

    def broadcast(self, item: message.Item) -> None:
        encode(item)


async def _read_nothing(name: str, offset: int) -> AsyncGenerator[bytes, None]:
    raise AssertionError((name, offset))
    yield b""


def _make_genesis(keys: list[PrivateKey]) -> Genesis:
    members = tuple(Member(f"node{place}", key.public.key, 1) for place, key in enumerate(keys))
    return Genesis(1, "bench", 1, "byzantine", members, Limits(), True, ())


def _times() -> tuple[float, float]:
    return time.process_time(), time.thread_time()


def _time_signatures(items: list[Item]) -> float:
    """What verifying these takes by itself, µs a transaction."""
    claims = [
        (transaction.signer, identity_of(raw), transaction.signature)
        for raw, _ in items[:2_000]
        for transaction in [decode(Transaction, raw)]
    ]
    begin = time.thread_time()
    assert all(is_signed(*claim) for claim in claims)
    return (time.thread_time() - begin) * 1e6 / len(claims)


if __name__ == "__main__":
    main()
