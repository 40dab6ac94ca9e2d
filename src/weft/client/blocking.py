"""The same verbs for programs that do not await: each call waits for its result."""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from weft.client.client import PATIENCE_S, TIMEOUT_S, AsyncClient
from weft.client.collections import Access, Collections
from weft.client.errors import ProblemError
from weft.client.files import WHOLE_BYTES_MAX, Files, Resource
from weft.client.records import Document, Records
from weft.client.signing import Call, Signed
from weft.client.transactions import Outcome, Wait
from weft.client.upload import Progress, Source
from weft.client.uploader import Options, Tally, Uploaded
from weft.model.encoding import Record
from weft.model.genesis import Genesis
from weft.model.keys import PrivateKey
from weft.model.proof import Step

T = TypeVar("T")

ENDING_S = 5.0
"""How long work that was interrupted may take to end."""


class Runner:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="weft-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result. An interrupt here ends the work there, and goes on once it has ended."""
        told: Future[T] = Future()
        begun: list[asyncio.Task[T]] = []

        def begin() -> None:
            begun.append(self._loop.create_task(work))
            begun[0].add_done_callback(partial(_tell, told))

        def end() -> None:
            if begun:
                begun[0].cancel()
            else:
                work.close()
                told.set_exception(asyncio.CancelledError())

        try:
            self._loop.call_soon_threadsafe(begin)
            return told.result()
        finally:
            if not told.done():
                self._loop.call_soon_threadsafe(end)
                wait([told], ENDING_S)

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """What an asynchronous iterator gives, item by item."""
        try:
            while True:
                try:
                    yield self.run(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            self.run(_close(items))

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Client:
    """`AsyncClient` without await; see there."""

    def __init__(
        self,
        urls: str | Sequence[str],
        key: PrivateKey | Path | str | None = None,
        genesis: Genesis | Path | str | None = None,
        *,
        token: str | None = None,
        timeout_s: float = TIMEOUT_S,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._client = AsyncClient(
            urls, key, genesis, token=token, timeout_s=timeout_s, patience_s=patience_s
        )
        self._runner = Runner()
        self.records = BlockingRecords(self._runner, self._client.records)
        self.files = BlockingFiles(self._runner, self._client.files)
        self.collections = BlockingCollections(self._runner, self._client.collections)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.stop()

    def status(self) -> dict[str, Any]:
        return self._runner.run(self._client.status())

    def head(self) -> dict[str, Any]:
        return self._runner.run(self._client.head())

    def read(self, path: str, **parameters: Any) -> Any:
        return self._runner.run(self._client.read(path, **parameters))

    def sign(self, contract: str, call: str, arguments: Record, contents: Sequence[bytes] = ()) -> Signed:
        return self._runner.run(self._client.sign(contract, call, arguments, contents))

    def send(self, signed: Signed, *, wait: Wait = "executed", timeout_s: float | None = None) -> Outcome:
        return self._runner.run(self._client.send(signed, wait=wait, timeout_s=timeout_s))

    def submit(
        self,
        contract: str,
        call: str,
        arguments: Record,
        contents: Sequence[bytes] = (),
        *,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Outcome:
        return self._runner.run(
            self._client.submit(contract, call, arguments, contents, wait=wait, timeout_s=timeout_s)
        )

    def submit_many(
        self, calls: Sequence[Call], *, wait: Wait = "executed", timeout_s: float | None = None
    ) -> list[Outcome | ProblemError]:
        return self._runner.run(self._client.submit_many(calls, wait=wait, timeout_s=timeout_s))

    def wait(self, id_: str, *, until: Wait = "executed", timeout_s: float | None = None) -> Outcome:
        return self._runner.run(self._client.wait(id_, until=until, timeout_s=timeout_s))

    def verify(self, id_: str) -> list[Step]:
        return self._runner.run(self._client.verify(id_))

    def follow(self, cursor: str | None = None) -> Iterator[dict[str, Any]]:
        return self._runner.iterate(self._client.follow(cursor))


class BlockingRecords:
    """`Records` without await; see there."""

    def __init__(self, runner: Runner, records: Records) -> None:
        self._runner = runner
        self._records = records

    def put(
        self,
        collection: str,
        key: str,
        value: Document,
        *,
        expected: int | None = None,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        return self._runner.run(
            self._records.put(collection, key, value, expected=expected, wait=wait, timeout_s=timeout_s)
        )

    def put_many(
        self,
        collection: str,
        values: Mapping[str, Document],
        *,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        return self._runner.run(self._records.put_many(collection, values, wait=wait, timeout_s=timeout_s))

    def get(
        self, collection: str, key: str, *, at_height: int | None = None, consistency: str | None = None
    ) -> Resource:
        return self._runner.run(
            self._records.get(collection, key, at_height=at_height, consistency=consistency)
        )

    def history(self, collection: str, key: str) -> list[Resource]:
        return self._runner.run(self._records.history(collection, key))

    def list(self, collection: str) -> Iterator[Resource]:
        return self._runner.iterate(self._records.list(collection))

    def delete(
        self,
        collection: str,
        key: str,
        *,
        expected: int | None = None,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        return self._runner.run(
            self._records.delete(collection, key, expected=expected, wait=wait, timeout_s=timeout_s)
        )

    def erase(
        self,
        collection: str,
        key: str,
        *,
        expected: int | None = None,
        wait: Wait = "executed",
        timeout_s: float | None = None,
    ) -> Resource:
        return self._runner.run(
            self._records.erase(collection, key, expected=expected, wait=wait, timeout_s=timeout_s)
        )


class BlockingFiles:
    """`Files` without await; see there."""

    def __init__(self, runner: Runner, files: Files) -> None:
        self._runner = runner
        self._files = files

    def put(
        self,
        source: Source,
        *,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        readers: Sequence[str] | None = None,
        wait: Wait = "executed",
        on_progress: Progress | None = None,
    ) -> Resource:
        return self._runner.run(
            self._files.put(
                source, name=name, metadata=metadata, readers=readers, wait=wait, on_progress=on_progress
            )
        )

    def put_many(
        self, paths: Iterable[Path], options: Options | None = None, *, tally: Tally | None = None
    ) -> Iterator[Uploaded]:
        return self._runner.iterate(self._files.put_many(paths, options, tally=tally))

    def show(self, id_: str) -> Resource:
        return self._runner.run(self._files.show(id_))

    def alike(self, id_: str, limit: int = 50) -> list[Resource]:
        return self._runner.run(self._files.alike(id_, limit))

    def history(self, id_: str) -> list[Resource]:
        return self._runner.run(self._files.history(id_))

    def search(self, q: str | None = None, **filters: Any) -> Resource:
        return self._runner.run(self._files.search(q, **filters))

    def get(
        self,
        id_: str,
        target: Path | None = None,
        *,
        on_progress: Progress | None = None,
        bytes_max: int = WHOLE_BYTES_MAX,
    ) -> bytes:
        return self._runner.run(self._files.get(id_, target, on_progress=on_progress, bytes_max=bytes_max))

    def content(self, id_: str, *, on_progress: Progress | None = None) -> Iterator[bytes]:
        return self._runner.iterate(self._files.content(id_, on_progress=on_progress))

    def update(
        self,
        id_: str,
        patch: Mapping[str, Any],
        *,
        expected: int | None = None,
        wait: Wait = "executed",
    ) -> Resource:
        return self._runner.run(self._files.update(id_, patch, expected=expected, wait=wait))

    def share(self, id_: str, readers: Sequence[str] | None, *, wait: Wait = "executed") -> Resource:
        return self._runner.run(self._files.share(id_, readers, wait=wait))

    def erase(self, id_: str, *, expected: int | None = None, wait: Wait = "executed") -> Resource:
        return self._runner.run(self._files.erase(id_, expected=expected, wait=wait))

    def proof(self, id_: str, content: bytes | None = None) -> Resource:
        return self._runner.run(self._files.proof(id_, content))


def _tell(told: "Future[T]", task: "asyncio.Task[T]") -> None:
    """Pass on how a task ended."""
    if task.cancelled():
        told.set_exception(asyncio.CancelledError())
    elif (error := task.exception()) is not None:
        told.set_exception(error)
    else:
        told.set_result(task.result())


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)


async def _close(items: AsyncIterator[Any]) -> None:
    close = getattr(items, "aclose", None)
    if close is not None:
        await close()


class BlockingCollections:
    """`Collections` without await; see there."""

    def __init__(self, runner: Runner, collections: Collections) -> None:
        self._runner = runner
        self._collections = collections

    def create(self, name: str, private: bool = False, *, wait: Wait = "executed") -> Resource:
        return self._runner.run(self._collections.create(name, private, wait=wait))

    def rename(self, id_: str, name: str, *, wait: Wait = "executed") -> Resource:
        return self._runner.run(self._collections.rename(id_, name, wait=wait))

    def change(
        self, id_: str, add: Sequence[str] = (), remove: Sequence[str] = (), *, wait: Wait = "executed"
    ) -> Resource:
        return self._runner.run(self._collections.change(id_, add, remove, wait=wait))

    def hide(self, id_: str, private: bool = True, *, wait: Wait = "executed") -> Resource:
        return self._runner.run(self._collections.hide(id_, private, wait=wait))

    def share(self, id_: str, account: str, access: Access = "write", *, wait: Wait = "executed") -> Resource:
        return self._runner.run(self._collections.share(id_, account, access, wait=wait))

    def delete(self, id_: str, *, wait: Wait = "executed") -> Resource:
        return self._runner.run(self._collections.delete(id_, wait=wait))

    def show(self, id_: str) -> Resource:
        return self._runner.run(self._collections.show(id_))

    def list(self) -> Iterator[Resource]:
        return self._runner.iterate(self._collections.list())
