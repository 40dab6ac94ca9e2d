"""Clients, in a process of their own: `python -m tests.fire.clients PLAN HISTORY`, until standard input ends.

They write and read a few records that all of them share, and change to new ones after a while. Every
operation is one line of the history. Half a second at a time, one line on standard output says how it goes.
"""

import asyncio
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

import httpx
import msgspec

from tests.fire.history import ANY_NODE, Kind, Operation, Outcome, encode_line
from weft.client import AsyncClient, ProblemError, UnreachableError

COLLECTION = "fire"
KEYS_AT_ONCE = 6
OPERATIONS_A_KEY = 150
KINDS: tuple[Kind, ...] = ("get", "put", "delete")
SHARES = (45, 50, 5)
SHARE_RETRYING = 0.3
TIMEOUT_S = 4.0
NODE_TIMEOUT_MS = 2500
RETRYING_S = 12.0
SHARING = 8
"""Clients that share one connection pool: as with programs, the node that answered last is asked first."""
DOCUMENT_BYTES = (0, 0, 0, 100, 3_000, 20_000)
CERTAIN = {400, 401, 403, 404, 405, 409, 410, 412, 413, 415, 422}
"""Answers that decide what became of a write, also when it was sent several times."""
BEFORE = {429, 503, 507}
STOPPING = "server.stopping"
"""Answers to a write that was not taken in, if it was sent once; unless the node just stops."""
TELL_S = 0.5


class Plan(msgspec.Struct):
    """What the clients are to do. `begun_ns`: of the machine's monotonic clock, when the trial began."""

    urls: list[str]
    seed: str
    clients: int
    rate: float
    begun_ns: int


def document_of(number: int) -> list[Any]:
    """The value that an operation writes: its number, and text whose length follows from it."""
    return [number, "x" * DOCUMENT_BYTES[number * 7 % 11 % len(DOCUMENT_BYTES)]]


def number_of(document: Any) -> int:
    """The operation that wrote a document; raises ValueError for one that none has written."""
    if isinstance(document, list) and document and document == document_of(document[0]):
        return int(document[0])
    raise ValueError(f"no client wrote {str(document)[:80]}")


def key_of(key: int) -> str:
    return f"key-{key:06d}"


class Clients:
    """All clients of a trial."""

    def __init__(self, plan: Plan, history: BinaryIO) -> None:
        self._plan = plan
        self._history = history
        self._numbers = 0
        self._keys = {slot: [slot, 0] for slot in range(KEYS_AT_ONCE)}
        self._seen: dict[int, int] = {}
        self.counts = {"ok": 0, "fail": 0, "unknown": 0}
        self.is_stopping = False

    async def run(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=5)
        async with AsyncExitStack() as stack:
            http = httpx.AsyncClient(timeout=TIMEOUT_S, limits=limits, trust_env=False)
            await stack.enter_async_context(http)
            networks = []
            for first in range(-(-self._plan.clients // SHARING)):
                urls = Random(f"{self._plan.seed}:{first}").sample(self._plan.urls, len(self._plan.urls))
                network = AsyncClient(urls, timeout_s=RETRYING_S, patience_s=RETRYING_S)
                networks.append(await stack.enter_async_context(network))
            clients = range(self._plan.clients)
            await asyncio.gather(
                *(self._act(client, http, networks[client // SHARING]) for client in clients)
            )

    async def _act(self, client: int, http: httpx.AsyncClient, network: AsyncClient) -> None:
        chance = Random(f"{self._plan.seed}:client:{client}")
        while not self.is_stopping:
            await asyncio.sleep(chance.expovariate(self._plan.rate / self._plan.clients))
            operation = self._draw(client, chance)
            try:
                if operation.node == ANY_NODE:
                    await self._retry(network, operation)
                else:
                    await self._try(http, operation)
            finally:
                self._note(operation)

    def _draw(self, client: int, chance: Random) -> Operation:
        slot = self._keys[chance.randrange(KEYS_AT_ONCE)]
        if slot[1] >= OPERATIONS_A_KEY:
            slot[:] = [slot[0] + KEYS_AT_ONCE, 0]
        slot[1] += 1
        self._numbers += 1
        key, seen = slot[0], self._seen.get(slot[0], 0)
        kind = chance.choices(KINDS, SHARES)[0]
        expected = None
        if kind == "put":
            # Also a version that is yet to come, and that there is none.
            expected = chance.choice((None, None, seen, seen, seen + chance.choice((0, 1)), 0))
        elif kind == "delete":
            expected = chance.choice((None, seen))
        node = ANY_NODE if chance.random() < SHARE_RETRYING else chance.randrange(len(self._plan.urls))
        return Operation(self._numbers, client, key, kind, node, self._now(), "unknown", expected)

    async def _try(self, http: httpx.AsyncClient, operation: Operation) -> None:
        """Ask one node, once."""
        verb = {"put": "PUT", "delete": "DELETE", "get": "GET"}[operation.kind]
        parameters: dict[str, Any] = {"consistency": "linearizable"}
        headers, body = {}, None
        if operation.kind != "get":
            wait = "certified" if operation.number % 10 == 0 else "executed"
            parameters = {"wait": wait, "timeout_ms": NODE_TIMEOUT_MS}
            if operation.expected is not None:
                value = str(operation.expected)
                headers = {"If-Match": value} if operation.expected else {"If-None-Match": "*"}
        if operation.kind == "put":
            headers["Content-Type"] = "application/json"
            body = msgspec.json.encode(document_of(operation.number))
        url = f"{self._plan.urls[operation.node]}/v1/records/{COLLECTION}/{key_of(operation.key)}"
        try:
            answer = await http.request(verb, url, params=parameters, headers=headers, content=body)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._end(operation, "fail", code=type(error).__name__)
        except httpx.TransportError as error:
            self._end(operation, "unknown", code=type(error).__name__)
        else:
            told = _json_of(answer)
            if answer.is_success:
                self._succeed(operation, answer.status_code, told)
            else:
                self._refuse(operation, answer.status_code, told, BEFORE)

    async def _retry(self, network: AsyncClient, operation: Operation) -> None:
        """Ask as many nodes as it takes, through the client that programs use."""
        key, records = key_of(operation.key), network.records
        try:
            match operation.kind:
                case "get":
                    told = await records.get(COLLECTION, key, consistency="linearizable")
                case "put":
                    document = document_of(operation.number)
                    told = await records.put(COLLECTION, key, document, expected=operation.expected)
                case "delete":
                    told = await records.delete(COLLECTION, key, expected=operation.expected)
        except ProblemError as problem:
            self._refuse(operation, problem.status, {"code": problem.code, **problem.members}, set())
        except UnreachableError as error:
            self._end(operation, "unknown", code=error.code)
        else:
            self._succeed(operation, 200, told)

    def _succeed(self, operation: Operation, status: int, told: dict[str, Any]) -> None:
        if operation.kind == "get":
            operation.value = number_of(told["value"])
        self._seen[operation.key] = max(self._seen.get(operation.key, 0), told["version"])
        self._end(operation, "ok", status, version=told["version"])

    def _refuse(self, operation: Operation, status: int, told: dict[str, Any], before: set[int]) -> None:
        code = str(told.get("code", ""))
        if code == "record.unknown":
            self._end(operation, "ok", status, version=0)
        elif operation.kind == "get" or (status in CERTAIN | before and code != STOPPING):
            version = {"records.version": told.get("version"), "records.missing": 0}.get(code)
            self._end(operation, "fail", status, code, version)
        else:
            self._end(operation, "unknown", status, code)

    def _end(
        self,
        operation: Operation,
        outcome: Outcome,
        status: int = 0,
        code: str = "",
        version: int | None = None,
    ) -> None:
        operation.told_us, operation.outcome, operation.status = self._now(), outcome, status
        operation.code, operation.version = code, version

    def _note(self, operation: Operation) -> None:
        self.counts[operation.outcome] += 1
        self._history.write(encode_line(operation))

    def _now(self) -> int:
        return (time.monotonic_ns() - self._plan.begun_ns) // 1000


def _json_of(answer: httpx.Response) -> dict[str, Any]:
    """The object in an answer; what is none has no code, which is noticed later."""
    try:
        told = answer.json()
    except ValueError:
        return {"code": f"no JSON: {answer.text[:80]!r}"}
    return told if isinstance(told, dict) else {}


async def tell(clients: Clients) -> None:
    """Say how it goes, again and again."""
    while True:
        await asyncio.sleep(TELL_S)
        sys.stdout.buffer.write(msgspec.json.encode(clients.counts) + b"\n")
        sys.stdout.buffer.flush()


async def main(plan: Plan, history: Path) -> None:
    with history.open("wb") as file:
        clients = Clients(plan, file)
        telling = asyncio.create_task(tell(clients))
        work = asyncio.create_task(clients.run())
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
        ending = asyncio.create_task(ended.wait())
        await asyncio.wait((work, ending, telling), return_when=asyncio.FIRST_COMPLETED)
        clients.is_stopping = True
        await work
        telling.cancel()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan), Path(sys.argv[2])))
