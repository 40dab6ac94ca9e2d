"""`weft bench`: load from a process of its own, latencies at the client, from send to answer.

Transactions are signed before the clock starts: records of a stated size, each in a key of its own. Two
questions: how many a second when as much is in flight as the nodes take (batches), and how long one takes at
a steady rate (sent on time whether or not earlier ones were answered; one by one, or those that are due
within some milliseconds in one batch). `load_cpu_s` is what this process itself took of the processors
meanwhile.
"""

import asyncio
import base64
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
import typer

from weft.cli.options import AsJson
from weft.cli.terminal import show_fields, show_json, tell
from weft.model.call import PutRecords, RecordItem
from weft.model.committee import FaultModel
from weft.model.encoding import encode
from weft.model.keys import ED25519, SECP256K1, PrivateKey
from weft.model.transaction import Attachment, Commitment, Transaction, sign_transaction

LIFETIME_MS = 3_600_000
WARM_S = 1.0
WARM_RATE = 4_000
SPARE = 2
"""So many times more is signed before the clock starts than the warm-up took: a load never runs dry."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One measurement."""

    route: str
    transactions: int
    seconds: float
    per_second: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    load_cpu_s: float


def bench(
    url: Annotated[
        list[str] | None, typer.Option(help="A node's address; once for each. None: a network of its own.")
    ] = None,
    measure: Annotated[
        Literal["both", "batch", "paced"],
        typer.Option(help="As much as is answered, a steady rate, or both."),
    ] = "both",
    rate: Annotated[int, typer.Option(help="Transactions a second at the steady rate.", min=1)] = 50,
    gather_ms: Annotated[
        int, typer.Option(help="What is due within so long goes in one batch; 0: one by one.", min=0)
    ] = 0,
    seconds: Annotated[float, typer.Option(help="How long each measurement lasts.", min=0.1)] = 10,
    batch: Annotated[int, typer.Option(help="Transactions in one batch.", min=1, max=1000)] = 250,
    in_flight: Annotated[int, typer.Option(help="Batches under way at each node.", min=1)] = 2,
    size: Annotated[int, typer.Option(help="Bytes of a record.", min=4, max=60_000)] = 128,
    curve: Annotated[Literal["secp256k1", "ed25519"], typer.Option(help="Of the account.")] = "secp256k1",
    nodes: Annotated[int, typer.Option(help="Nodes of the network of its own.", min=1)] = 4,
    fault_model: Annotated[FaultModel, typer.Option(help="What may fail there.")] = "byzantine",
    expect: Annotated[
        int, typer.Option(help="Sign for so many a second; 0: find out in a second of warm-up.", min=0)
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure transactions a second through the batch route, and latency at a steady rate."""
    plan = _Plan(
        measure, rate, gather_ms, seconds, batch, in_flight, size,
        ED25519 if curve == "ed25519" else SECP256K1, expect,
    )  # fmt: skip
    figures = asyncio.run(_measure(url, plan)) if url else _measure_own(nodes, fault_model, plan)
    if as_json:
        show_json({"figures": [asdict(item) for item in figures]})
        return
    for item in figures:
        show_fields({name: _round(value) for name, value in asdict(item).items()})


@dataclass(frozen=True, slots=True)
class _Plan:
    measure: Literal["both", "batch", "paced"]
    rate: int
    gather_ms: int
    seconds: float
    batch: int
    in_flight: int
    size: int
    curve: int
    expect: int


def _measure_own(nodes: int, fault_model: FaultModel, plan: _Plan) -> list[Figures]:
    from weft.local import Network, free_port_base

    with TemporaryDirectory(prefix="weft-bench-") as folder:
        base = free_port_base(nodes)
        tell(f"starting {nodes} nodes ({fault_model}) in {folder}")
        with Network(Path(folder) / "network", nodes, fault_model, base) as network:
            return asyncio.run(_measure(network.urls, plan))


async def _measure(urls: Sequence[str], plan: _Plan) -> list[Figures]:
    wires = [_Wire(url) for url in urls]
    chain = bytes.fromhex((await wires[0].get("/v1/status"))["chain_id"])
    writer = _Writer(chain, plan)
    rate: float = plan.expect
    if not rate:
        warm = await _saturate(wires, writer, plan, WARM_S, WARM_RATE)
        rate = max(WARM_RATE, SPARE * warm.per_second)
    found = []
    if plan.measure != "paced":
        found.append(await _saturate(wires, writer, plan, plan.seconds, rate))
    if plan.measure != "batch":
        found.append(await _pace(wires, writer, plan))
    return found


async def _saturate(
    wires: Sequence["_Wire"], writer: "_Writer", plan: _Plan, seconds: float, rate: float
) -> Figures:
    """Batches as fast as they are answered, over all nodes; there are enough of them for so many a second."""
    tell(f"signing for {seconds:.0f} s of batches …")
    lanes = [wire for wire in wires for _ in range(plan.in_flight)]
    ready = [writer.batch(plan.batch) for _ in range(int(seconds * rate / plan.batch) + len(lanes))]
    stretch = _Stretch()

    async def send(wire: "_Wire") -> None:
        while ready and time.perf_counter() - stretch.begin < seconds:
            body = ready.pop()
            sent = time.perf_counter()
            stretch.note(await wire.post("/v1/transactions:batch?wait=executed", body), [sent] * plan.batch)

    await asyncio.gather(*(send(wire.twin()) for wire in lanes))
    return stretch.figures("batch")


async def _pace(wires: Sequence["_Wire"], writer: "_Writer", plan: _Plan) -> Figures:
    """At a steady rate; the clock of each transaction starts when it was due, and a batch leaves when the
    last of it is."""
    together = max(1, plan.rate * plan.gather_ms // 1000)
    path = "/v1/transactions:batch?wait=executed" if together > 1 else "/v1/transactions?wait=executed"
    bodies = [
        writer.batch(together) if together > 1 else writer.single()
        for _ in range(int(plan.rate * plan.seconds / together))
    ]
    idle = [wire.twin() for wire in wires for _ in range(4)]
    stretch = _Stretch(0.1)

    async def send(place: int, body: bytes) -> None:
        due = [stretch.begin + (place * together + one) / plan.rate for one in range(together)]
        await asyncio.sleep(due[-1] - time.perf_counter())
        wire = idle.pop(0) if idle else wires[place % len(wires)].twin()
        answer = await wire.post(path, body)
        idle.append(wire)
        stretch.note(answer, due)

    await asyncio.gather(*(send(place, body) for place, body in enumerate(bodies)))
    how = f"batches of {together}" if together > 1 else "one by one"
    return stretch.figures(f"{how} at {plan.rate}/s")


class _Stretch:
    """One measurement, while it lasts."""

    def __init__(self, after_s: float = 0.0) -> None:
        self.begin = time.perf_counter() + after_s
        self._cpu = time.process_time()
        self._latencies: list[float] = []
        self._refused = 0

    def note(self, answer: Any, begun: Sequence[float]) -> None:
        """What a node said of transactions that were sent, or due, at these moments."""
        now = time.perf_counter()
        items = answer.get("items", [answer])
        if len(items) != len(begun):
            raise RuntimeError(answer)
        for item, begin in zip(items, begun, strict=True):
            if item.get("status") == "executed":
                self._latencies.append((now - begin) * 1000)
            else:
                self._refused += 1

    def figures(self, route: str) -> Figures:
        taken = time.perf_counter() - self.begin
        return figures_of(route, self._latencies, taken, self._refused, time.process_time() - self._cpu)


def figures_of(
    route: str, latencies: list[float], seconds: float, refused: int, load_cpu_s: float
) -> Figures:
    """The figures of transactions that took so many milliseconds each."""
    latencies.sort()

    def at(share: float) -> float:
        return latencies[min(int(len(latencies) * share), len(latencies) - 1)] if latencies else 0.0

    count = len(latencies)
    return Figures(
        route, count, seconds, count / seconds, at(0.5), at(0.95), at(0.99), at(1), refused, load_cpu_s
    )


def _round(value: object) -> object:
    return round(value, 2) if isinstance(value, float) else value


class _Writer:
    """Signs records, each in a key of its own."""

    def __init__(self, chain: bytes, plan: _Plan) -> None:
        self._chain = chain
        self._plan = plan
        self._key = PrivateKey(plan.curve, os.urandom(32))
        self._run = os.urandom(6).hex()
        self._count = 0

    def batch(self, count: int) -> bytes:
        return msgspec.json.encode({"items": [self._item() for _ in range(count)]})

    def single(self) -> bytes:
        return msgspec.json.encode(self._item())

    def _item(self) -> dict[str, object]:
        self._count += 1
        document = b'"' + os.urandom(self._plan.size).hex().encode()[: self._plan.size - 2] + b'"'
        attachment = Attachment(os.urandom(32), document)
        arguments = PutRecords((RecordItem("bench", f"{self._run}-{self._count}", 0, None),))
        raw = sign_transaction(
            self._key,
            Transaction(
                1,
                self._chain,
                self._key.public,
                os.urandom(16),
                time.time_ns() // 1_000_000 + LIFETIME_MS,
                "records",
                "put",
                encode(arguments),
                (Commitment(attachment.commitment, len(document)),),
                None,
                bytes(64),
            ),
        )
        beside = base64.b64encode(attachment.salt + document).decode()
        return {
            "transaction": base64.b64encode(raw).decode(),
            "attachments": [beside],
        }


class _Wire:
    """One keep-alive connection, spoken as sparingly as can be: the load must not be the limit (RFC 9112)."""

    def __init__(self, url: str) -> None:
        self._url = url
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def twin(self) -> "_Wire":
        return _Wire(self._url)

    async def get(self, path: str) -> Any:
        return await self._ask("GET", path, b"")

    async def post(self, path: str, body: bytes) -> Any:
        return await self._ask("POST", path, body)

    async def _ask(self, verb: str, path: str, body: bytes) -> Any:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=1 << 24)
        reader, writer = self._streams
        writer.write(
            f"{verb} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return msgspec.json.decode(await reader.readexactly(length))
