"""Clients against twins of a node behind the real interface; one address leads nowhere."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from tests.chain import key, make_genesis
from tests.unit.api.conftest import serving
from tests.unit.api.twin import Twin
from weft.apps.files.ports import Ledger
from weft.apps.files.routes import router
from weft.apps.files.service import FilesService
from weft.client import AsyncClient
from weft.execution.idempotency import Tags
from weft.execution.view import View
from weft.model.digest import Digest, digest
from weft.model.errors import BlobError
from weft.model.failure import Failure
from weft.model.genesis import Genesis
from weft.model.stored import Erased
from weft.model.transaction import Attachment, Idempotency
from weft.model.view import Caller, Fate


def genesis_of_today() -> Genesis:
    """What clients sign expires soon after now, so the ledger's time must be about now."""
    return msgspec.structs.replace(make_genesis(gateway="gateway"), created_ms=int(time.time() * 1000))


class FilesTwin(Twin):
    """A twin with the application `files`, of which it is the whole network."""

    def __init__(self, folder: Path) -> None:
        super().__init__(genesis_of_today())
        self.files = FilesService(Ledger(self.genesis, 0, self.ledger.state, self, self, self), folder)

    def find(self, commitment: Digest) -> Attachment | Erased | None:
        height = self.erased.get(commitment)
        return self.contents.get(commitment) if height is None else Erased(height)

    def find_many(self, commitments: Sequence[Digest]) -> dict[Digest, Attachment | Erased | None]:
        return {commitment: self.find(commitment) for commitment in commitments}

    def is_connected(self, member: int) -> bool:
        return False

    async def read_blob(self, member: int, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        raise BlobError("there is nobody else")
        yield b""

    async def seek(self, commitments: Sequence[Digest]) -> None:
        """There is nobody else."""

    async def find_first(self, caller: Caller, idempotency_key: str, meaning: bytes) -> Fate | None:
        tags = Tags(View(self.ledger.state), self.ledger.time_ms)
        try:
            tags.check(b"", Idempotency(digest("idempotency", idempotency_key.encode()), bytes(32)))
        except Failure as failure:
            first = dict(failure.values)["first"]
            assert isinstance(first, bytes)
            return self._fate(first)
        return None


@pytest.fixture
def nowhere() -> str:
    """An address where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def twin(tmp_path: Path) -> Twin:
    return Twin(genesis_of_today())


@pytest.fixture
async def url(twin: Twin) -> AsyncIterator[str]:
    async with serving(twin) as address:
        yield address


@pytest.fixture
async def client(url: str, nowhere: str, twin: Twin) -> AsyncIterator[AsyncClient]:
    """With a key, the genesis, and a dead node before the living one."""
    async with AsyncClient([nowhere, url], key("alice"), twin.genesis) as found:
        yield found


@pytest.fixture
async def unsigned(url: str, nowhere: str) -> AsyncIterator[AsyncClient]:
    """Without a key: the node signs."""
    async with AsyncClient([nowhere, url]) as found:
        yield found


@pytest.fixture
async def files_twin(tmp_path: Path) -> AsyncIterator[FilesTwin]:
    twin = FilesTwin(tmp_path)
    work = asyncio.create_task(twin.files.run())
    yield twin
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
async def files_url(files_twin: FilesTwin) -> AsyncIterator[str]:
    async with serving(files_twin, routers=[router(files_twin.files)]) as address:
        yield address
