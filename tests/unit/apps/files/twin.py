"""A few nodes in one process, as the files application sees them.

Real are execution, sealing, receipts, state, events and the application; instead of an agreement there is one
list that every node takes its transactions from, and stores without a disk. A node may be away for a while.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, TypeVar, cast

import httpx

from tests.chain import CONTRACTS, key, make_genesis
from weft.api.app import create_app
from weft.api.server import serve
from weft.apps.files.index import Index
from weft.apps.files.ports import Ledger
from weft.apps.files.routes import router
from weft.apps.files.service import FilesService
from weft.apps.files.vault import Keeping
from weft.consensus.messages import Deliver
from weft.execution.executor import found
from weft.execution.idempotency import Tags
from weft.execution.view import View
from weft.ledger.seal import seal_genesis
from weft.model.block import Block, Checkpoint, Header, Statement
from weft.model.commit import Commit, next_order_hash
from weft.model.digest import Digest
from weft.model.errors import BehindError, BlobError, ConflictError
from weft.model.failure import Failure
from weft.model.genesis import Genesis
from weft.model.message import Answer, ProveBlob, Refused, Request
from weft.model.stored import Erased
from weft.model.transaction import Attachment, identity_of
from weft.model.view import Caller, EventRow, Fate, Wait, Wish
from weft.node.apply import Applier
from weft.node.fate import Fates
from weft.node.follow import Ledger as Rows
from weft.node.gateway import Gateway, idempotency_of
from weft.storage.memory import MemoryAttachments, MemoryStore

T = TypeVar("T")


class Lanes:
    """Threads, one at a time."""

    async def run(self, lane: str, call: Callable[[], T]) -> T:
        return await asyncio.to_thread(call)


class Net:
    """All nodes, and the order in which they execute."""

    def __init__(
        self,
        folder: Path,
        count: int = 1,
        is_open: bool = True,
        keeping: Callable[[int], Keeping] = lambda place: Keeping(),
        **roles: Any,
    ) -> None:
        """`keeping`: how each node keeps content."""
        gateways: dict[str, Any] = {f"gateway{place}": "gateway" for place in range(count)}
        self.genesis: Genesis = make_genesis(is_open, max(count, 4), **gateways, **roles)
        self.keeping = keeping
        self.given: dict[Digest, Attachment] = {}
        self.nodes = [TwinNode(self, folder / f"node{place}", place) for place in range(count)]
        self._round = 0

    async def __aenter__(self) -> "Net":
        for node in self.nodes:
            node.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for node in self.nodes:
            await node.stop()

    async def order(self, raw: bytes, attachments: tuple[Attachment, ...]) -> None:
        """Execute a transaction everywhere but on nodes that are away."""
        self.given |= {item.commitment: item for item in attachments}
        self._round += 1
        head = self.nodes[0].store.head
        time_ms = max(int(time.time() * 1000), head.time_ms)
        commit = Commit(
            self._round, time_ms, (), (), next_order_hash(head.order_hash, self._round, (), (), time_ms)
        )
        delivered: Any = Deliver(commit, (SimpleNamespace(batch=(raw,)),))  # type: ignore[arg-type]
        for node in self.nodes:
            if not node.is_away:
                node.take_attachments(list(self.given.values()))
                node.applier.apply([delivered])
                node.finish()


class TwinNode:
    """One node: fits `ports.Service` and `ports.Peers`."""

    def __init__(self, net: Net, home: Path, place: int) -> None:
        self.net, self.home, self.place = net, home, place
        self.is_away = False
        self.asked: list[tuple[int, str]] = []
        """Blobs asked for: (member, name)."""
        self.spoil: Callable[[bytes], bytes] = lambda chunk: chunk
        """What happens to content that this node sends."""
        genesis = net.genesis
        sealed, tree = seal_genesis(genesis, found(genesis, CONTRACTS))
        self.store = MemoryStore(sealed, tree, sealed.block.header.state_root)
        self.attachments = MemoryAttachments()
        self.applier = Applier(genesis, CONTRACTS, self.store, self.attachments)
        self.rows = Rows(self.store, Lanes())
        self.fates = Fates(self.store, lambda: self.store.head.height)
        self.gateway = Gateway(genesis, key(f"gateway{place}"), lambda token: key(token))
        self.caller = Caller(self.gateway.own, "gateway")
        self.url_peers: list[str] = []
        self.files: FilesService
        self._task: asyncio.Task[None] | None = None

    def start(self, index: Index | None = None) -> None:
        """(Re)start the application; ledger and disk are as they were."""
        ledger = Ledger(self.net.genesis, self.place, self.store.state, self.attachments, self, self)
        self.files = FilesService(ledger, self.home, keeping=self.net.keeping(self.place), index=index)
        self._task = asyncio.create_task(self.files.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    def take_attachments(self, given: list[Attachment]) -> None:
        self.attachments.put([item for item in given if item.commitment not in self.erased_commitments])

    @property
    def erased_commitments(self) -> set[Digest]:
        return {one for one in self.net.given if isinstance(self.attachments.find(one), Erased)}

    def finish(self) -> None:
        """A block more: a checkpoint over it, and whoever follows is told."""
        head = self.store.head
        root = self.applier.root_at(head.height)
        assert root is not None
        statement = Statement(head.chain, head.epoch, head.height, head.hash, root)
        words = tuple((place, key(f"node{place}").sign(statement.digest)) for place in range(3))
        self.store.put_checkpoint(Checkpoint(statement, words))
        self.rows.announce()

    def catch_up(self) -> None:
        """Come back: execute what the first node has executed; erased attachments are nowhere to be had."""
        self.is_away = False
        first = self.net.nodes[0]
        gone = first.erased_commitments
        self.attachments.put([item for one, item in self.net.given.items() if one not in gone])
        self.attachments.erase(sorted(gone), first.store.head.height)
        for height in range(self.store.head.height + 1, first.store.head.height + 1):
            block = first.store.find_block(height)
            assert block is not None
            self.applier.apply_blocks([block])
            self.finish()

    def authenticate(self, token: str | None, need: Literal["read", "write", "administer"]) -> Caller:
        return self.caller if token is None else Caller(key(token).public.address, None)

    async def reach(self, min_height: int | None, is_linearizable: bool) -> int:
        if min_height is not None and min_height > self.store.head.height:
            raise BehindError(f"this node is at height {self.store.head.height}, asked for {min_height}")
        return self.store.head.height

    async def write(self, caller: Caller, wish: Wish, wait: Wait, timeout_ms: int) -> Fate:
        raw = self.gateway.sign(caller.account, wish, int(time.time() * 1000))
        if wait == "none":
            return Fate(identity_of(raw), "pending", None, None, "", (), False)
        await self.net.order(raw, wish.attachments)
        fate = self.fates.find(identity_of(raw))
        assert fate is not None
        return fate

    async def find_first(self, caller: Caller, idempotency_key: str, meaning: bytes) -> Fate | None:
        tags = Tags(View(self.store.state), self.store.head.time_ms)
        try:
            tags.check(b"", idempotency_of(idempotency_key, meaning))
        except Failure as failure:
            if failure.code == "idempotency.conflict":
                raise ConflictError("the key was used for something else") from None
            first = dict(failure.values)["first"]
            assert isinstance(first, bytes)
            return self.fates.find(first)
        return None

    async def find_fate(self, identity: Digest) -> Fate | None:
        return self.fates.find(identity)

    async def find_block(self, height: int) -> Block | None:
        return self.store.find_block(height)

    async def find_checkpoint(self, height: int) -> Checkpoint | None:
        return self.store.find_checkpoint(height)

    async def headers(self, below: int | None, limit: int) -> list[tuple[Header, Digest]]:
        first = self.store.head.height if below is None else below - 1
        headers = [self.store.find_header(height) for height in range(first, max(first - limit, -1), -1)]
        return [(header, header.hash) for header in headers if header is not None]

    async def seek(self, commitments: Sequence[Digest]) -> None:
        others = [node for node in self.net.nodes if node is not self and not node.is_away]
        found = (node.attachments.find(one) for one in commitments for node in others)
        self.attachments.put([one for one in found if isinstance(one, Attachment)])

    def follow(
        self, cursor: tuple[int, int] | None, contract: str | None = None
    ) -> AsyncGenerator[EventRow, None]:
        return self.rows.follow(cursor, contract)  # type: ignore[return-value]

    def is_connected(self, member: int) -> bool:
        return member < len(self.net.nodes) and not self.net.nodes[member].is_away

    async def ask(self, member: int, request: Request) -> Answer:
        other = self.net.nodes[member]
        if not self.is_connected(member):
            return Refused("that member is away")
        self.asked.append((member, "proof"))
        assert isinstance(request, ProveBlob)
        return await other.files.prove_blob(self.place, request)

    async def read_blob(self, member: int, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        self.asked.append((member, name))
        other = self.net.nodes[member]
        if not self.is_connected(member):
            raise BlobError("that member is away")
        async for chunk in other.files.read_blob(name, offset):
            yield other.spoil(chunk)


@contextlib.asynccontextmanager
async def serving(net: Net) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the first node as it is now."""
    node = net.nodes[0]
    app = create_app(cast(Any, node), [router(node.files)], lambda: b"", None)
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve(app, "127.0.0.1", 0, port.set_result))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}", timeout=20) as client:
        yield client
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
