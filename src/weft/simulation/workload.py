"""What clients do: they write, read and ask again, at whichever node, and believe what they are told.

Each client is a story of its own. It goes to nodes as the REST interface would, through the shipped
`NodeService`, and gives up on one that does not answer in time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from weft.model.call import PutRecords, RecordItem, RemoveRecord
from weft.model.digest import digest
from weft.model.encoding import Record, encode
from weft.model.errors import WeftError
from weft.model.keys import PrivateKey
from weft.model.transaction import Attachment, Commitment, Transaction, sign_transaction
from weft.model.view import Caller, Fate, RecordView, Wish
from weft.node.service import NodeService
from weft.simulation.clock import BEGIN_MS
from weft.simulation.disk import PowerLostError
from weft.simulation.ports import Asked, Told
from weft.simulation.world import World

PATIENCE_S = 20.0
"""How long a client waits for an answer."""
NODE_TIMEOUT_MS = 10_000
COLLECTION = "notes"
KEYS = 8
"""Records that all clients write to: few, so that they meet."""


class Client:
    """One client, with a key of its own."""

    def __init__(self, world: World, number: int, key: PrivateKey) -> None:
        self.world = world
        self.number = number
        self.key = key
        self.random = world.chance(f"client {number}")
        self.pending: dict[int, Asked] = {}
        self._written = 0

    async def call(
        self, place: int, verb: Any, ask: Callable[[NodeService], Awaitable[Any]], **details: Any
    ) -> Told:
        """Ask a node; what came of it."""
        world = self.world
        if world.is_closing:
            await world.loop.create_future()
        world.calls += 1
        asked = Asked(world.calls, self.number, place, verb, world.now_us(), **details)
        self.pending[asked.number] = asked
        world.asked(asked)
        told = await self._hear(place, ask)
        del self.pending[asked.number]
        world.told(asked, told)
        if told.outcome != "told":
            await asyncio.sleep(self.random.uniform(0.01, 0.3))
        return told

    async def _hear(self, place: int, ask: Callable[[NodeService], Awaitable[Any]]) -> Told:
        world, validator = self.world, self.world.validators[place]
        life = validator.life
        is_heard = all(behaviour.serves(self.number) for behaviour in validator.behaviours)
        if life is None or not hasattr(life, "service") or not is_heard:
            return Told("silent", world.now_us())

        async def work() -> Any:
            return await ask(life.service)

        task = life.run(work())
        await asyncio.wait((task,), timeout=PATIENCE_S)
        now_us = world.now_us()
        if not task.done() or task.cancelled() or isinstance(task.exception(), PowerLostError):
            return Told("silent", now_us)
        error = task.exception()
        if isinstance(error, (WeftError, OSError)):
            return Told("refused", now_us, error=error)
        match task.result():
            case Fate() as fate:
                return Told("told", now_us, fate=fate)
            case (height, record):
                return Told("told", now_us, record=record, height=height)
            case other:
                raise AssertionError(other)

    # What it may ask.

    def place(self) -> int:
        return self.random.randrange(len(self.world.validators))

    def document(self) -> bytes:
        """Unlike any other."""
        self._written += 1
        filling = "x" * self.random.choice((0, 0, 20, 3_000))
        return b'{"client":%d,"number":%d,"filling":"%s"}' % (self.number, self._written, filling.encode())

    def attach(self, content: bytes) -> Attachment:
        return Attachment(self.random.randbytes(32), content)

    def caller(self) -> Caller:
        return Caller(self.world.gateway.public.address, "gateway")

    async def write(self, place: int, contract: str, call: str, arguments: Record) -> Told:
        """Call any contract through a node's gateway."""
        given = Wish(contract, call, encode(arguments), (), None, b"")
        return await self.call(
            place,
            "write",
            lambda service: service.write(self.caller(), given, "executed", NODE_TIMEOUT_MS),
            contract=contract,
            call=call,
            arguments=arguments,
        )

    async def put(self, place: int, key: str, expected: int | None = None, wish: str | None = None) -> Told:
        """Write one record through a node's gateway."""
        content = self.document()
        arguments = encode(PutRecords((RecordItem(COLLECTION, key, 0, expected),)))
        given = Wish("records", "put", arguments, (self.attach(content),), wish, content)
        return await self.call(
            place,
            "put",
            lambda service: service.write(self.caller(), given, "executed", NODE_TIMEOUT_MS),
            collection=COLLECTION,
            keys=(key,),
            contents=(content,),
            expected=expected,
            idempotency_key=wish,
            attachments=given.attachments,
        )

    async def remove(self, place: int, key: str, is_erased: bool) -> Told:
        """Hide a record, or destroy all of its versions."""
        call = "erase" if is_erased else "delete"
        given = Wish("records", call, encode(RemoveRecord(COLLECTION, key, None)), (), None, b"")
        return await self.call(
            place,
            call,
            lambda service: service.write(self.caller(), given, "executed", NODE_TIMEOUT_MS),
            collection=COLLECTION,
            keys=(key,),
        )

    async def batch(self, place: int, keys: tuple[str, ...], expected: int | None) -> Told:
        """Write several records, all or none; the last of them on top of a version, or of any."""
        contents = tuple(self.document() for _ in keys)
        last = len(keys) - 1
        items = tuple(
            RecordItem(COLLECTION, key, at, expected if at == last else None) for at, key in enumerate(keys)
        )
        given = Wish(
            "records", "put", encode(PutRecords(items)), tuple(map(self.attach, contents)), None, b""
        )
        return await self.call(
            place,
            "batch",
            lambda service: service.write(self.caller(), given, "certified", NODE_TIMEOUT_MS),
            collection=COLLECTION,
            keys=keys,
            contents=contents,
            wait="certified",
            attachments=given.attachments,
        )

    def sign(self, key: str, content: bytes, lifetime_ms: int) -> tuple[bytes, tuple[Attachment, ...]]:
        """A transaction of the client's own."""
        attachment = self.attach(content)
        wall_ms = BEGIN_MS + self.world.now_us() // 1000
        transaction = Transaction(
            1,
            self.world.genesis.chain,
            self.key.public,
            self.random.randbytes(16),
            wall_ms + lifetime_ms,
            "records",
            "put",
            encode(PutRecords((RecordItem(COLLECTION, key, 0, None),))),
            (Commitment(attachment.commitment, len(content)),),
            None,
            bytes(64),
        )
        return sign_transaction(self.key, transaction), (attachment,)

    async def submit(
        self, place: int, key: str, content: bytes, raw: bytes, attachments: tuple[Attachment, ...]
    ) -> Told:
        """Hand in a transaction that this client has signed; the same one anywhere, any number of times."""
        return await self.call(
            place,
            "submit",
            lambda service: service.submit(raw, attachments, "executed", NODE_TIMEOUT_MS),
            collection=COLLECTION,
            keys=(key,),
            contents=(content,),
            raw=raw,
            attachments=attachments,
        )

    async def read(self, place: int, key: str, is_linearizable: bool) -> Told:
        """The newest version of a record as a node has it."""

        async def ask(service: NodeService) -> tuple[int, RecordView | None]:
            height = await service.reach(None, is_linearizable)
            return height, await service.find_record(COLLECTION, key, None)

        return await self.call(
            place, "read", ask, collection=COLLECTION, keys=(key,), is_linearizable=is_linearizable
        )


Workload = Callable[[Client], Awaitable[None]]
"""A client's story; cancelled when the run has heard enough."""


async def records(client: Client) -> None:
    """Everything that clients of records do, one thing after the other."""
    random = client.random
    pause_s = random.choice((0.0, 0.002, 0.05))
    while True:
        place, key = client.place(), f"key{random.randrange(KEYS)}"
        match random.choices(
            ("put", "conditional", "wish", "submit", "batch", "read", "linearizable", "delete", "erase"),
            (6, 3, 2, 4, 1, 2, 3, 1, 1),
        )[0]:
            case "put":
                await client.put(place, key)
            case "conditional":
                await _compare_and_set(client, place, key)
            case "wish":
                await _wish_until_told(client, key)
            case "submit":
                await _submit_everywhere(client, key)
            case "batch":
                keys = random.sample(range(KEYS), random.randint(2, 4))
                expected = random.choice((None, None, 0, 1, 2))
                await client.batch(place, tuple(f"key{one}" for one in keys), expected)
            case "read":
                await client.read(place, key, False)
            case "linearizable":
                await client.read(place, key, True)
            case "delete" | "erase" as verb:
                await client.remove(place, key, verb == "erase")
        await asyncio.sleep(random.expovariate(1 / pause_s) if pause_s else 0.0)


async def _compare_and_set(client: Client, place: int, key: str) -> None:
    """Write on top of the version that was read."""
    told = await client.read(place, key, client.random.random() < 0.5)
    if told.outcome == "told":
        version = told.record.version if told.record is not None and not told.record.is_deleted else 0
        await client.put(client.place(), key, version)


async def _wish_until_told(client: Client, key: str) -> None:
    """The same wish with the same key, at one node after the other."""
    content = client.document()
    wish = digest("wish", content).hex()[:32]
    arguments = encode(PutRecords((RecordItem(COLLECTION, key, 0, None),)))
    for _ in range(4):
        given = Wish("records", "put", arguments, (client.attach(content),), wish, content)
        told = await client.call(
            client.place(),
            "put",
            lambda service, given=given: service.write(  # type: ignore[misc]
                client.caller(), given, "executed", NODE_TIMEOUT_MS
            ),
            collection=COLLECTION,
            keys=(key,),
            contents=(content,),
            idempotency_key=wish,
            attachments=given.attachments,
        )
        if told.outcome == "told" and client.random.random() < 0.7:
            return
        await asyncio.sleep(0.05)


async def _submit_everywhere(client: Client, key: str) -> None:
    """One signed transaction, at several nodes and again later; sometimes one that expires at once."""
    random, content = client.random, client.document()
    longest_ms = client.world.genesis.limits.lifetime_ms_max
    lifetime_ms = random.choice((1, 50, 60_000, longest_ms))
    raw, attachments = client.sign(key, content, lifetime_ms)
    for _ in range(random.randint(1, 3)):
        places = random.sample(
            range(len(client.world.validators)), random.randint(1, len(client.world.validators))
        )
        await asyncio.gather(*(client.submit(place, key, content, raw, attachments) for place in places))
