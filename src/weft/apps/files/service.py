"""What can be done with files: put, get, read, prove, change, erase, search.

Each verb goes the same way: what the node knows, one transaction if something changes, then wait until this
node has done its part: the index has it, or the copies here are overwritten.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from weft.api.errors import BusyError, ErasedError, PendingError
from weft.apps.collections.reader import load_members
from weft.apps.files.blobs import Incoming, Reading, is_digest
from weft.apps.files.challenge import Prover
from weft.apps.files.contract import NAME, FileState, FileVersion, find_file
from weft.apps.files.draft import Drafts
from weft.apps.files.errors import FileSizeError, ReadersError, ThumbnailError
from weft.apps.files.follower import Follower
from weft.apps.files.index import FileView, Found, Index, Spot, Timeline
from weft.apps.files.index import Place as Made
from weft.apps.files.index.sqlite import SqliteIndex
from weft.apps.files.intake import Intake
from weft.apps.files.metadata import Metadata, apply_patch, canonical_patch
from weft.apps.files.pieces import Pieces, gather
from weft.apps.files.placement import Placement
from weft.apps.files.ports import Ledger
from weft.apps.files.query import Listed, Query
from weft.apps.files.reader import (
    VersionView,
    find_missing,
    load_file,
    load_versions,
    view_file,
    view_version,
)
from weft.apps.files.scrub import Scrub
from weft.apps.files.settle import Settler
from weft.apps.files.thumbnails import Thumbnails
from weft.apps.files.vault import Keeping, Vault
from weft.apps.files.viewer import Viewer, name_of, node_itself, viewer_of
from weft.apps.files.wish import Known, Looked, Written, wish_change, wish_creation, wish_sharing
from weft.apps.files.worker import DRAWABLE, Worker
from weft.model.call import EraseFile, Principal
from weft.model.digest import Digest
from weft.model.encoding import encode
from weft.model.errors import BlobError
from weft.model.message import BlobProof, ProveBlob, Refused
from weft.model.transaction import Commitment
from weft.model.view import Caller, Fate, Wait, Wish

FILE_BYTES_MAX = 64 << 30
FETCH_S = 30.0
"""How long a reader waits for content that this node has to fetch first."""
HELD_S = 25 * 3600.0
"""How long content waits for its transaction: no transaction lives longer than 24 hours."""
UPDATE_TRIES = 5
OPEN_TRIES = 2
"""Content that was fetched may be erased, or make room in the cache, a moment later."""
RECEIVING_MAX = 64
"""Uploads under way at once."""
PEER_CHUNK_BYTES = 512 << 10
"""Read from the disk at once for another member; what is sent at once is smaller."""
KEEPING = Keeping()


class FilesService:
    """The files of a node. `run` it beside the node."""

    def __init__(
        self,
        ledger: Ledger,
        data: Path,
        file_bytes_max: int = FILE_BYTES_MAX,
        keeping: Keeping = KEEPING,
        index: Index | None = None,
    ) -> None:
        """`data`: the node's folder; blobs go to `blobs/`, what is derived to `index/`, and so does the index
        of files if none is given. Raises ConfigError for a bucket that cannot be."""
        self.ledger = ledger
        self.file_bytes_max = file_bytes_max
        self.vault = Vault(
            data / "blobs", keeping, Placement.of(ledger.genesis, ledger.member, keeping.copies)
        )
        self.blobs = self.vault.blobs
        self.prover = Prover(ledger, self.vault)
        self.index = index or SqliteIndex(data / "index" / "files", ledger.genesis.chain)
        self._worker = Worker()
        self._thumbnails = Thumbnails(data / "index" / "thumbnails", self._worker)
        self.settler = Settler(self.vault, self.prover.is_held)
        self._follower = Follower(
            ledger, self.index, self.vault, self.settler, self._thumbnails, file_bytes_max
        )
        self._intake = Intake(self.vault, self._follower, self._worker)
        self.fetcher = self._follower.fetcher
        self.scrub = Scrub(ledger, self.vault, self._follower, self.prover, data / "index" / "scrub.json")
        self._receiving = 0
        drafts = Drafts(data / "blobs" / "drafts", file_bytes_max)
        self.pieces = Pieces(drafts, self.owner_of, self._taking)
        self._puts: dict[tuple[str, str], asyncio.Lock] = {}
        self._putting: Counter[tuple[str, str]] = Counter()

    async def run(self) -> None:
        """Follow the ledger until cancelled; then end the worker and close the index."""
        sweeping = asyncio.create_task(self.pieces.sweep())
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.settler.run())
                tasks.create_task(self.scrub.run())
                await self._follower.run()
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            await self._worker.close()
            await asyncio.to_thread(self._follower.close)

    async def look(self, incoming: Incoming, name: str) -> Looked:
        """Keep uploaded content for a file to come, or that is there already, and say what it is.

        Raises BlobStoreError; then nothing may be made of it."""
        await asyncio.to_thread(self._intake.keep, incoming)
        return await self._intake.look(incoming, name)

    async def put(
        self,
        caller: Caller,
        incoming: Incoming,
        name: str,
        patch: Metadata,
        readers: tuple[Principal, ...] | None,
        key: str | None,
        wait: Wait,
        timeout_ms: int,
    ) -> Written:
        """Make a file of uploaded content, or find the one that its owner has of it. Raises ReadersError if
        others may see that one than are named here."""
        apply_patch({}, patch)
        viewer = self.viewer(caller)
        if readers:
            await asyncio.to_thread(viewer.check_readers, readers)
        meaning = encode(("POST", "/v1/files", incoming.name, canonical_patch(patch), readers))
        async with self._alone(self.owner_of(caller), incoming.name):
            fate = None if key is None else await self.ledger.service.find_first(caller, key, meaning)
            if fate is not None:
                await asyncio.to_thread(self._check_there, fate)
                await self.offer(incoming)
            else:
                known = await self._find_known(caller, incoming, timeout_ms)
                if known is not None:
                    _check_same(known, readers)
                    return Written(known, None)
                looked = await self._intake.look(incoming, name)
                metadata = await self._name_place(apply_patch(looked.metadata, patch))
                wish = wish_creation(looked, name, metadata, readers, key, meaning)
                fate = await self._write_holding(caller, looked.sha256, wish, wait, timeout_ms)
            return await self._settle(viewer, fate, wait, timeout_ms)

    def viewer(self, caller: Caller) -> Viewer:
        """The caller as somebody who looks."""
        return viewer_of(self.ledger, caller)

    async def get(self, id_: str, viewer: Viewer | None = None, fate: Fate | None = None) -> FileView:
        """For a viewer, or for this node itself; `fate` may be that of the transaction that made it. Raises
        FileUnknownError, FilePrivateError, ErasedError, or BlobError when nobody has its attachments."""
        viewer = viewer or node_itself(self.ledger)

        def load() -> tuple[FileState, list[Digest]]:
            file = load_file(self.ledger, id_)
            viewer.check(id_, file)
            return file, find_missing(self.ledger, [file.newest], file.digest)

        file, missing = await asyncio.to_thread(load)
        if missing:
            missing = await self._seek([file.newest], file.digest)
        if fate is None or fate.identity != file.created_by:
            fate = await self.ledger.service.find_fate(file.created_by)
        assert fate is not None, "a file's transaction was executed"
        assert fate.height is not None
        assert fate.position is not None
        made = Made(fate.identity, fate.height, fate.position)
        view = await asyncio.to_thread(view_file, self.ledger, id_, file, made)
        if view.sha256 is None or missing:
            await asyncio.to_thread(load_file, self.ledger, id_)
            raise BlobError(f"attachments of file {id_} are not here, and no connected member has them")
        return view

    async def _seek(self, versions: Sequence[FileVersion], *more: Commitment) -> list[Digest]:
        """Have what is needed for these here; what is not to be had."""
        missing = await asyncio.to_thread(find_missing, self.ledger, versions, *more)
        if missing:
            await self.ledger.service.seek(missing)
            missing = await asyncio.to_thread(find_missing, self.ledger, versions, *more)
        return missing

    async def find_known(
        self, viewer: Viewer, owner: str, digests: Sequence[str], height: int
    ) -> list[Known]:
        """Of these contents, those of which the owner has a file that the viewer may see, in an index that
        holds this height."""
        await self._follower.reach(height)

        def find() -> Iterator[Known]:
            for name in dict.fromkeys(digests):
                id_ = self.index.find_content(owner, name)
                file = None if id_ is None else find_file(self.ledger.state, bytes.fromhex(id_))
                if id_ is not None and file is not None and viewer.sees(file):
                    yield Known(name, id_, self.vault.has(name), file.readers)

        return await asyncio.to_thread(lambda: list(find()))

    async def narrow(self, viewer: Viewer, query: Query, collection: str | None = None) -> Query:
        """The query among what the viewer may see, and among the files of a collection, as this node has
        executed; raises CollectionUnknownError or CollectionPrivateError."""
        if collection is not None:
            ids = await asyncio.to_thread(load_members, self.ledger, collection, viewer)
            query = replace(query, conditions=(*query.conditions, Listed(tuple(id_.hex() for id_ in ids))))
        return await asyncio.to_thread(viewer.narrow, query)

    async def search(self, query: Query, after: Spot | None, limit: int, height: int) -> Found:
        """A page of files, of an index that holds all of this height at least."""
        await self._follower.reach(height)
        return await asyncio.to_thread(self.index.search, query, after, limit)

    async def timeline(self, query: Query, height: int) -> Timeline:
        """Hits by month, of an index that holds all of this height at least."""
        await self._follower.reach(height)
        return await asyncio.to_thread(self.index.count_months, query)

    async def history(
        self, id_: str, below: int | None, limit: int, viewer: Viewer | None = None
    ) -> tuple[FileState, list[VersionView]]:
        """Versions, newest first; of an erased file only the last, without content."""
        file, versions = await asyncio.to_thread(load_versions, self.ledger, id_, below, limit)
        await asyncio.to_thread((viewer or node_itself(self.ledger)).check, id_, file)
        if await self._seek(versions):
            raise BlobError(f"attachments of file {id_} are not here, and no connected member has them")
        return file, await asyncio.to_thread(
            lambda: [view_version(self.ledger, version) for version in versions]
        )

    async def open(self, file: FileView) -> Reading:
        """The file's content, fetched first if need be; `close_reading` in the end. Raises BlobError."""
        assert file.sha256 is not None
        for _ in range(OPEN_TRIES):
            with suppress(BlobError):
                return await asyncio.to_thread(self.blobs.open, file.sha256)
            await self._follower.fetcher.wait(file.sha256, FETCH_S)
        return await asyncio.to_thread(self.blobs.open, file.sha256)

    async def close_reading(self, reading: Reading) -> None:
        await asyncio.to_thread(self.blobs.release, reading)

    async def thumbnail(self, file: FileView) -> bytes:
        """A small upright picture, `Thumbnails.media_type`; raises ThumbnailError."""
        assert file.sha256 is not None
        drawn = await self._thumbnails.find(file.sha256)
        if drawn is None and file.media_type.startswith(DRAWABLE):
            reading = await self.open(file)
            try:
                source = reading.path
                drawn = await self._thumbnails.draw(file.sha256, source, file.media_type)
                if drawn is None and reading.path != source:
                    # It was moved into the cache at that moment.
                    drawn = await self._thumbnails.draw(file.sha256, reading.path, file.media_type)
            finally:
                await self.close_reading(reading)
            if not await asyncio.to_thread(self._follower.keep_thumbnail, file.sha256):
                await asyncio.to_thread(load_file, self.ledger, file.id)
        if drawn is None:
            raise ThumbnailError(f"no picture can be made of file {file.id}, {file.media_type}")
        return drawn

    async def update(
        self,
        caller: Caller,
        id_: str,
        patch: Metadata,
        expected: int | None,
        key: str | None,
        wait: Wait,
        timeout_ms: int,
    ) -> Written:
        """Merge-patch metadata. Without `expected` it is tried again when somebody else was first."""
        meaning = encode(("PATCH", f"/v1/files/{id_}", expected, canonical_patch(patch)))
        viewer = self.viewer(caller)
        for is_last in (*[False] * (UPDATE_TRIES - 1), True):
            file = await self.get(id_, viewer)
            metadata = await self._name_place(apply_patch(file.metadata, patch))
            number = file.version if expected is None else expected
            wish = wish_change(file, metadata, number, key, meaning)
            fate = await self.ledger.service.write(caller, wish, wait, timeout_ms)
            if is_last or expected is not None or fate.code != "files.version":
                break
        return await self._settle(viewer, fate, "executed", timeout_ms)

    async def share(
        self,
        caller: Caller,
        id_: str,
        readers: tuple[Principal, ...] | None,
        key: str | None,
        wait: Wait,
        timeout_ms: int,
    ) -> Written:
        """Say who may see a file beside its owner: these, or whoever reads the network."""
        viewer = self.viewer(caller)
        await asyncio.to_thread(lambda: viewer.check(id_, load_file(self.ledger, id_)))
        await asyncio.to_thread(viewer.check_readers, readers or ())
        meaning = encode(("PUT", f"/v1/files/{id_}/readers", readers))
        wish = wish_sharing(id_, readers, key, meaning)
        fate = await self.ledger.service.write(caller, wish, wait, timeout_ms)
        return await self._settle(viewer, fate, "executed", timeout_ms)

    async def erase(
        self, caller: Caller, id_: str, expected: int | None, key: str | None, wait: Wait, timeout_ms: int
    ) -> Fate:
        """Destroy a file; once executed, this node's copies are overwritten when this returns."""
        arguments = encode(EraseFile(bytes.fromhex(id_), expected))
        meaning = encode(("DELETE", f"/v1/files/{id_}", expected))
        wish = Wish(NAME, "erase", arguments, (), key, meaning)
        fate = await self.ledger.service.write(caller, wish, wait, timeout_ms)
        if fate.status == "executed" and fate.height is not None:
            await self._follower.reach(fate.height, timeout_ms / 1000)
            try:
                await asyncio.wait_for(self.vault.wait_purged(fate.height), timeout_ms / 1000)
            except TimeoutError:
                raise PendingError(
                    "the file is erased, and the blob store has yet to remove its content",
                    id=fate.identity.hex(),
                ) from None
        return fate

    async def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        """Content for another member, in chunks; raises BlobError when it is not here."""
        reading = await self._open_own(name)
        try:
            while offset < reading.size:
                chunk = await asyncio.to_thread(reading.read, offset, PEER_CHUNK_BYTES)
                offset += len(chunk)
                yield chunk
        finally:
            await self.close_reading(reading)

    async def prove_blob(self, member: int, question: ProveBlob) -> BlobProof | Refused:
        """The answer to another member's challenge; refused when the content is not kept here."""
        return await self.prover.answer(member, question)

    async def _open_own(self, name: str) -> Reading:
        """What this node has, on disk or in a bucket of its own."""
        with suppress(BlobError):
            return await asyncio.to_thread(self.blobs.open, name)
        if is_digest(name) and self.vault.is_due(name):
            await self._follower.fetcher.load(name)
        return await asyncio.to_thread(self.blobs.open, name)

    async def receive(self, chunks: AsyncIterator[bytes]) -> Incoming:
        """Content as it streams in; raises FileSizeError or DiskFullError."""
        async with self.receiving() as incoming:
            async for some in gather(chunks):
                self.check_size(incoming.size + sum(map(len, some)))
                await asyncio.to_thread(incoming.write_all, some)
        return incoming

    @asynccontextmanager
    async def receiving(self) -> AsyncIterator[Incoming]:
        """Somewhere to write content; it is discarded when the block ends by an exception."""
        with self._taking():
            incoming = await asyncio.to_thread(self.blobs.begin)
            try:
                yield incoming
            except BaseException:
                await self.discard(incoming)
                raise

    @contextmanager
    def _taking(self) -> Iterator[None]:
        """One of the uploads that may be under way at once; raises BusyError."""
        if self._receiving >= RECEIVING_MAX:
            raise BusyError(f"{RECEIVING_MAX} files are being uploaded to this node")
        self._receiving += 1
        try:
            yield
        finally:
            self._receiving -= 1

    async def discard(self, incoming: Incoming) -> None:
        """Overwrite what was received, unless it was kept."""
        if not incoming.is_kept:
            await asyncio.to_thread(incoming.discard)

    def check_size(self, size: int) -> None:
        if size > self.file_bytes_max:
            raise FileSizeError(f"a file of more than {self.file_bytes_max} bytes")

    def owner_of(self, caller: Caller) -> str:
        """The name under which files belong to a caller."""
        return name_of(self.ledger, caller)

    async def _name_place(self, metadata: Metadata) -> Metadata:
        """With the name of its position, if it has one."""
        if "location" not in metadata or "place" in metadata:
            return metadata
        place = await self._worker.name_place(**metadata["location"])
        return metadata | {"place": place} if place else metadata

    @asynccontextmanager
    async def _alone(self, owner: str, name: str) -> AsyncIterator[None]:
        """One upload of the same bytes by the same owner at a time: the second finds the first one's file."""
        what = owner, name
        lock = self._puts.setdefault(what, asyncio.Lock())
        self._putting[what] += 1
        try:
            async with lock:
                yield
        finally:
            self._putting[what] -= 1
            if not self._putting[what]:
                del self._putting[what], self._puts[what]

    async def _write_holding(
        self, caller: Caller, sha256: str, wish: Wish, wait: Wait, timeout_ms: int
    ) -> Fate:
        """Write, and keep the content for as long as the transaction may still be executed."""
        await asyncio.to_thread(self.blobs.hold, sha256, time.time() + HELD_S)
        return await self.ledger.service.write(caller, wish, wait, timeout_ms)

    async def _find_known(self, caller: Caller, incoming: Incoming, timeout_ms: int) -> FileView | None:
        """The file that the caller has of this content, as far as this node has executed. Of content of which
        there is none, or none any more, one is going to be made: it is kept."""
        await self._follower.reach(await self.ledger.service.reach(None, False), timeout_ms / 1000)
        id_ = await asyncio.to_thread(self._find_or_keep, self.owner_of(caller), incoming)
        if id_ is None:
            return None
        with suppress(ErasedError):
            file = await self.get(id_)
            await self.offer(incoming)
            return file
        await asyncio.to_thread(self._intake.keep, incoming)
        return None

    def _find_or_keep(self, owner: str, incoming: Incoming) -> str | None:
        id_ = self.index.find_content(owner, incoming.name)
        if id_ is None:
            self._intake.keep(incoming)
        return id_

    def _check_there(self, fate: Fate) -> None:
        """Raises ErasedError for a file that was made and is erased: nothing may be taken for it."""
        id_ = dict(fate.result).get("id") if fate.status == "executed" else None
        if isinstance(id_, bytes):
            load_file(self.ledger, id_.hex())

    async def offer(self, incoming: Incoming) -> None:
        """Keep what was uploaded, which is sound: what files have of it here may be missing or damaged."""
        await asyncio.to_thread(self._intake.keep, incoming)
        await self._follower.claim(incoming.name)

    async def _settle(self, viewer: Viewer, fate: Fate, wait: Wait, timeout_ms: int) -> Written:
        """The file as it is once this node has done its part, and `certified` others theirs."""
        if fate.status != "executed" or fate.height is None:
            return Written(None, fate)
        left = "this node's index of files has yet to take it in"
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await self._follower.reach(fate.height, None)
                id_ = dict(fate.result)["id"]
                assert isinstance(id_, bytes)
                file = await self.get(id_.hex(), viewer, fate)
                if wait == "certified":
                    left = "too few members hold its content yet"
                    assert file.sha256 is not None
                    await self.prover.wait_for_copies(file.sha256)
        except TimeoutError:
            raise PendingError(f"the file is executed, and {left}", id=fate.identity.hex()) from None
        return Written(file, fate)


def _check_same(file: FileView, readers: tuple[Principal, ...] | None) -> None:
    """Raises ReadersError: what somebody wants to be private must not be found public."""
    if readers is not None and file.readers != tuple(sorted(set(readers))):
        raise ReadersError(
            f"you have a file {file.id} of these bytes already, and others may see it than these", id=file.id
        )
