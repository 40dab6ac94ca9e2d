"""How fast a node makes its index of files again from its ledger.

`python -m benchmarks.rebuild --files 50000` makes a ledger of made-up files in a real store with real
attachments (the clock does not run yet), starts the application of files beside it without an index, and
times it until the index holds the last block. The content of each file is its id, and is there already.
`--profile` shows what the thread that writes the index does.
"""

import argparse
import asyncio
import cProfile
import pstats
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast

from benchmarks.library import Library
from weft.apps.files.blobs import Blobs
from weft.apps.files.index import FileView
from weft.apps.files.metadata import encode_metadata
from weft.apps.files.ports import Ledger
from weft.apps.files.query import Query
from weft.apps.files.service import FilesService
from weft.assembly import CONTRACTS, open_store
from weft.consensus.messages import Deliver
from weft.model.call import CreateFile
from weft.model.commit import Commit, first_order_hash, next_order_hash
from weft.model.committee import Member
from weft.model.encoding import encode
from weft.model.genesis import Genesis
from weft.model.keys import ED25519, PrivateKey
from weft.model.limits import Limits
from weft.model.transaction import Attachment, Commitment, Transaction, sign_transaction
from weft.model.vertex import sign_vertex
from weft.model.view import EventRow
from weft.node.apply import Applier
from weft.node.follow import Ledger as Rows
from weft.node.loop import Threads
from weft.storage.attachments import Attachments
from weft.storage.store import LmdbStore

T = TypeVar("T")
BEGIN_MS = 1_700_000_000_000
FILES_A_COMMIT = 250


class Author:
    """Commits of made-up files."""

    def __init__(self) -> None:
        self._key = PrivateKey(ED25519, bytes(32))
        members = (Member("node0", self._key.public.key, 1),)
        self.genesis = Genesis(1, "bench", BEGIN_MS, "crash", members, Limits(), True, ())
        self._order_hash, self._round = first_order_hash(self.genesis.chain), 0
        self._chance = random.Random(3)

    def commit(self, files: Sequence[FileView]) -> tuple[Deliver, list[Attachment]]:
        self._round += 1
        time_ms, chain = BEGIN_MS + self._round * 50, self.genesis.chain
        made = [self._create(file, time_ms) for file in files]
        batch = tuple(raw for raw, _ in made)
        vertex = sign_vertex(self._key, chain, 0, 0, self._round, time_ms, (), batch)
        named = (vertex.reference,)
        self._order_hash = next_order_hash(self._order_hash, self._round, named, named, time_ms)
        commit = Commit(self._round, time_ms, named, named, self._order_hash)
        return Deliver(commit, (vertex,)), [one for _, several in made for one in several]

    def _create(self, file: FileView, time_ms: int) -> tuple[bytes, list[Attachment]]:
        rest, position = encode_metadata(file.metadata)
        contents = [sha256(bytes.fromhex(file.id)).digest(), file.name.encode(), rest]
        contents += [] if position is None else [position]
        attachments = [Attachment(self._chance.randbytes(32), content) for content in contents]
        call = CreateFile(
            id=bytes.fromhex(file.id), size=file.size, media_type=file.media_type,
            digest=0, name=1, metadata=2, position=None if position is None else 3,
        )  # fmt: skip
        raw = sign_transaction(
            self._key,
            Transaction(
                version=1,
                chain=self.genesis.chain,
                signer=self._key.public,
                nonce=self._chance.randbytes(16),
                expires_ms=time_ms + 3_600_000,
                contract="files",
                call="create",
                arguments=encode(call),
                attachments=tuple(Commitment(one.commitment, len(one.content)) for one in attachments),
                idempotency=None,
                signature=bytes(64),
            ),
        )
        return raw, attachments


class Node:
    """What the application asks of a node, as far as following goes."""

    def __init__(self, store: LmdbStore, threads: Threads) -> None:
        self._store, self._rows = store, Rows(store, threads)

    async def reach(self, min_height: int | None, is_linearizable: bool) -> int:
        return self._store.head.height

    def follow(self, cursor: tuple[int, int] | None, contract: str | None = None) -> AsyncIterator[EventRow]:
        return self._rows.follow(cursor, contract)

    async def seek(self, commitments: Sequence[bytes]) -> None:
        """Nobody else is there."""

    def is_connected(self, member: int) -> bool:
        return False


def write_ledger(folder: Path, count: int) -> Genesis:
    author, files = Author(), (file for _, file in Library().files(count))
    store, attachments = open_store(author.genesis, folder / "store"), Attachments(folder / "attachments")
    applier = Applier(author.genesis, CONTRACTS, store, attachments)
    blobs = Blobs(folder / "blobs")
    while several := list(islice(files, FILES_A_COMMIT)):
        for file in several:
            content = bytes.fromhex(file.id)
            path = blobs._claimed(sha256(content).hexdigest())
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        deliver, given = author.commit(several)
        attachments.put(given)
        applier.apply([deliver])
    attachments.close()
    store.close()
    return author.genesis


async def rebuild(folder: Path, genesis: Genesis, profile: bool) -> tuple[int, float, float]:
    """Files in the index, and seconds that it took: by the clock, of a processor."""
    store, attachments = open_store(genesis, folder / "store"), Attachments(folder / "attachments")
    threads = Threads()
    node = cast(Any, Node(store, threads))
    files = FilesService(Ledger(genesis, 0, store.state, attachments, node, node), folder)
    profiler = cProfile.Profile()
    if profile:
        follower = cast(Any, files)._follower
        follower._write = _profiled(profiler, follower._write)
    begun, used = time.perf_counter(), time.process_time()
    running = asyncio.create_task(files.run())
    await cast(Any, files)._follower.reach(store.head.height, 3600)
    spent, used = time.perf_counter() - begun, time.process_time() - used
    total = files.index.search(Query(), None, 1).total
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(32)
    threads.stop()
    attachments.close()
    store.close()
    return total, spent, used


def _profiled(profiler: cProfile.Profile, call: Callable[..., T]) -> Callable[..., T]:
    def run(*values: Any) -> T:
        profiler.enable()
        try:
            return call(*values)
        finally:
            profiler.disable()

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        genesis = write_ledger(folder, given.files)
        total, spent, used = asyncio.run(rebuild(folder, genesis, given.profile))
        clock, processor = total / spent, total / used
        line = (
            f"{total:,} files: {clock:,.0f} a second by the clock, {processor:,.0f} a second of a processor"
        )
        print(line)  # noqa: T201


if __name__ == "__main__":
    main()
