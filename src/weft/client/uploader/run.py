"""One run of the uploader: find, hash, ask, send, each stage beside the others with a short queue between.

    walk ──▶ found ──▶ digest ──▶ named ──▶ ask ──▶ due ──▶ send ──▶ results
    a thread           two threads          a list           one lane a file
                                            at a time        under way

Memory does not grow with the number of files: a stage waits while the next one is full, and the last one
waits for whoever takes the results. What ends a run early is that no node answers, or that all refuse
whatever comes.
"""

import asyncio
import math
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from weft.client.errors import ChangedError, ProblemError, UnreachableError, UnreadableError
from weft.client.metadata import encode_json, patched
from weft.client.nodes import Nodes, may_pass_over
from weft.client.session import Session
from weft.client.uploader.item import Options, Tally, Uploaded
from weft.client.uploader.lane import ALSO_PASSED_OVER, NO_ROOM, PAUSE_S_FIRST, PAUSE_S_MAX, Lane
from weft.client.uploader.later import Later
from weft.client.uploader.reading import Digested, digest_file
from weft.client.uploader.rest import Resting
from weft.client.uploader.sender import JSON, Sender
from weft.client.uploader.state import State
from weft.client.uploader.walk import Found, Left, walk
from weft.model.errors import WeftError

T = TypeVar("T")

QUEUE = 256
RESULTS = 64
READERS = 2
ASK_MAX = 500
GATHER_S = 0.02
"""So long a question waits for more to ask, while the senders have enough to do."""
WALK_BATCH = 200
RECENT_MAX = 10_000
"""Contents stored by this run that a question asked before would not have told."""
DAY_S = 86_400
COMMIT_S = 1.0
"""So long what is remembered may hold up another uploader."""


@dataclass(frozen=True, slots=True)
class Named:
    """A file and its digest."""

    path: Path
    known: Digested


class Run:
    """Uploads what some paths stand for. `results` once."""

    def __init__(self, session: Session, paths: Sequence[Path], options: Options, tally: Tally) -> None:
        patched({}, options.metadata)
        self._session = session
        self._paths = list(paths)
        self._options = options
        self._tally = tally
        self._nodes = session.nodes.each()
        self._state = State(options.state, int(time.time()) // DAY_S)
        self._sender = Sender(session, options, self._state, tally)
        self._patience_s = math.inf if options.watch else options.patience_s
        self._found: asyncio.Queue[Found | None] = asyncio.Queue(QUEUE)
        self._named: asyncio.Queue[Named | None] = asyncio.Queue(QUEUE)
        self._due: asyncio.Queue[Named | None] = asyncio.Queue(options.at_once)
        self._results: asyncio.Queue[Uploaded | None] = asyncio.Queue(RESULTS)
        self._recent: OrderedDict[str, str] = OrderedDict()
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: Counter[str] = Counter()
        self._later = Later()
        self._under_way: set[Path] = set()
        """Found and not through yet; as many as the queues hold."""
        self._through = 0
        """Files that nodes have taken."""
        self._is_over = False

    async def results(self) -> AsyncIterator[Uploaded]:
        """What became of each file, as it is known. Leaving early stops everything."""
        work, noting = asyncio.create_task(self._work()), asyncio.create_task(self._note())
        try:
            while (one := await self._results.get()) is not None:
                yield one
            await work
        except BaseExceptionGroup as group:
            raise _first_of(group) from None
        finally:
            self._is_over = True
            for task in (work, noting):
                task.cancel()
            await asyncio.gather(work, noting, return_exceptions=True)
            self._state.close()

    async def _work(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(asyncio.to_thread(self._count))
                tasks.create_task(self._find())
                for _ in range(READERS):
                    tasks.create_task(self._digest())
                tasks.create_task(self._ask())
                for place in range(self._options.at_once):
                    tasks.create_task(self._send(self._make_lane(place)))
        except asyncio.CancelledError:
            # Nobody takes results any more.
            raise
        except BaseException:
            await self._results.put(None)
            raise
        await self._results.put(None)

    async def _note(self) -> None:
        """Let other uploaders write what they remember, too; never returns."""
        while True:
            await asyncio.sleep(COMMIT_S)
            self._state.commit()

    def _walk(self) -> Iterator[Found | Left]:
        return walk(self._paths, self._options.recursive, self._options.hidden)

    def _count(self) -> None:
        """How much there is, for whoever wants to know how long it will take."""
        for one in self._walk():
            if self._is_over:
                return
            if isinstance(one, Found):
                self._tally.found_files += 1
                self._tally.found_bytes += one.facts.size
        self._tally.is_counted = True

    async def _find(self) -> None:
        resting = Resting()
        while True:
            begun_s = time.monotonic()
            walker = self._walk()
            while batch := await asyncio.to_thread(lambda: list(islice(walker, WALK_BATCH))):  # noqa: B023
                for one in batch:
                    if isinstance(one, Left):
                        await self._leave(one)
                    elif not self._options.watch or self._is_due(one, resting):
                        self._under_way.add(one.path)
                        await self._found.put(one)
            if not self._options.watch:
                break
            await asyncio.sleep(resting.next_pass(time.monotonic() - begun_s))
        for _ in range(READERS):
            await self._found.put(None)

    def _is_due(self, one: Found, resting: Resting) -> bool:
        """Whether to look into a file again that is watched: it has changed, and rests, or waits for room."""
        if one.path in self._under_way or self._state.is_done(one.path, one.facts):
            return False
        now_s = time.monotonic()
        return self._later.is_due(one.path, now_s) and resting.is_due(one, now_s)

    async def _leave(self, left: Left) -> None:
        if left.why == "hidden":
            self._tally.hidden += not self._options.watch
            return
        # What is left out is told once, not at every pass.
        if self._options.watch and not self._state.note_left(left.path, left.reason):
            return
        code = UnreadableError.code if left.why == "refused" else None
        await self._tell(Uploaded(left.path, left.why, code=code, reason=left.reason))

    async def _digest(self) -> None:
        while (one := await self._found.get()) is not None:
            sha256 = None if self._options.rehash else self._state.find_digest(one.path, one.facts)
            if sha256 is not None:
                await self._named.put(Named(one.path, Digested(sha256, one.facts, True)))
                continue
            try:
                known = await asyncio.to_thread(digest_file, one.path, lambda: self._is_over)
            except (ChangedError, OSError) as error:
                await self._refuse(one, error)
                continue
            if known.is_settled:
                self._state.keep(one.path, known.facts, known.sha256, False)
            await self._named.put(Named(one.path, known))
        await self._named.put(None)

    async def _ask(self) -> None:
        """Sets aside what need not be sent."""
        readers = READERS
        while readers:
            batch: list[Named] = []
            one = await self._named.get()
            if self._due.full() or self._options.dry_run:
                await asyncio.sleep(GATHER_S)
            while True:
                if one is None:
                    readers -= 1
                else:
                    batch.append(one)
                if self._named.empty() or len(batch) == ASK_MAX:
                    break
                one = self._named.get_nowait()
            there = await self._patiently(lambda: self._find_there(batch)) if batch else {}  # noqa: B023
            for named in batch:
                id_ = there.get(named.known.sha256)
                size, sha256 = named.known.facts.size, named.known.sha256
                if id_ is not None:
                    await self._done(named, Uploaded(named.path, "already there", size, id_, sha256))
                elif self._options.dry_run:
                    await self._done(named, Uploaded(named.path, "would be stored", size, None, sha256))
                else:
                    await self._due.put(named)
        for _ in range(self._options.at_once):
            await self._due.put(None)

    async def _find_there(self, batch: Sequence[Named]) -> dict[str, str]:
        """Ids by digest of what the owner has, and some node holds. What others may see than is wanted is not
        there: then the node says what is wrong."""
        wanted = list(dict.fromkeys(named.known.sha256 for named in batch))
        items = await self._ask_known(self._session.nodes, wanted)
        there = {item["sha256"]: item["id"] for item in items if item["held"]}
        unheld = [item["sha256"] for item in items if not item["held"]]
        for node in self._nodes if unheld else ():
            try:
                items = await self._ask_known(node, unheld)
            except (ProblemError, UnreachableError):
                continue
            there |= {item["sha256"]: item["id"] for item in items if item["held"]}
            unheld = [sha256 for sha256 in unheld if sha256 not in there]
            if not unheld:
                break
        return there

    async def _ask_known(self, nodes: Nodes, digests: Sequence[str]) -> list[dict[str, Any]]:
        key = self._session.key
        owner = {} if key is None else {"owner": key.public.address.hex()}
        answer = await nodes.ask_json(
            "POST",
            "/v1/files:known",
            params=self._session.terms_of_read({}),
            headers=JSON,
            body=encode_json({"sha256": digests, **owner}),
        )
        wanted = None if self._options.readers is None else sorted(set(self._options.readers))
        items: list[dict[str, Any]] = answer["items"]
        return [item for item in items if wanted is None or item["readers"] == wanted]

    async def _send(self, lane: Lane) -> None:
        while (named := await self._due.get()) is not None:
            async with self._alone(named.known.sha256):
                await self._send_one(lane, named)

    async def _send_one(self, lane: Lane, named: Named) -> None:
        size, sha256 = named.known.facts.size, named.known.sha256
        id_ = self._recent.get(sha256)
        if id_ is not None:
            await self._done(named, Uploaded(named.path, "already there", size, id_, sha256))
            return
        found, through = Found(named.path, named.known.facts), self._through
        try:
            done, known = await self._sender.send(lane, named.path, named.known)
        except (ChangedError, OSError) as error:
            await self._refuse(found, error)
            return
        except (ProblemError, UnreachableError) as error:
            if self._options.watch and isinstance(error, ProblemError) and error.status == NO_ROOM:
                await self._put_off(found, error)
                return
            if _is_of_all(error) and through == self._through:
                # Nothing else went through either while this was tried.
                raise _naming(named.path, error) from None
            await self._refuse(found, error)
            return
        self._through += 1
        assert done.sha256 is not None
        assert done.id is not None
        self._recent[done.sha256] = done.id
        if len(self._recent) > RECENT_MAX:
            self._recent.popitem(last=False)
        await self._done(Named(named.path, known), done)

    async def _done(self, named: Named, result: Uploaded) -> None:
        known = named.known
        self._later.forget(named.path)
        self._state.keep(named.path, known.facts, known.sha256 if known.is_settled else None, True)
        await self._tell(result)

    async def _put_off(self, one: Found, error: ProblemError) -> None:
        """No node has room for a file: others go on, and it is tried again later. That is told once."""
        if self._later.put_off(one.path, time.monotonic()):
            await self._tell_refused(one, error)
        else:
            self._under_way.discard(one.path)

    async def _refuse(self, one: Found, error: WeftError | OSError) -> None:
        """A file that changes is looked at again when it rests; what else is wrong is told once."""
        self._later.forget(one.path)
        if not isinstance(error, ChangedError):
            self._state.keep(one.path, one.facts, None, True)
        await self._tell_refused(one, error)

    async def _tell_refused(self, one: Found, error: WeftError | OSError) -> None:
        code = error.code if isinstance(error, WeftError) else UnreadableError.code
        reason = str(error) if isinstance(error, WeftError) else error.strerror or type(error).__name__
        await self._tell(Uploaded(one.path, "refused", one.facts.size, code=code, reason=reason))

    async def _tell(self, result: Uploaded) -> None:
        self._tally.count(result.state, result.size)
        self._under_way.discard(result.path)
        await self._results.put(result)

    def _make_lane(self, place: int) -> Lane:
        own = place % len(self._nodes)
        return Lane(self._nodes, own, self._patience_s, self._tally.wait_for, not self._options.watch)

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer, once a node gives one; gives up when patience ends."""
        loop = asyncio.get_running_loop()
        begun, pause_s = loop.time(), PAUSE_S_FIRST
        while True:
            try:
                found = await ask()
            except (UnreachableError, ProblemError) as error:
                if isinstance(error, ProblemError) and not may_pass_over(error):
                    raise
                if loop.time() + pause_s > begun + self._patience_s:
                    raise
                self._tally.wait_for(str(error))
            else:
                self._tally.wait_for("")
                return found
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    @asynccontextmanager
    async def _alone(self, sha256: str) -> AsyncIterator[None]:
        """The same content is sent by one lane at a time: the next finds what became of it."""
        lock = self._locks.setdefault(sha256, asyncio.Lock())
        self._waiting[sha256] += 1
        try:
            async with lock:
                yield
        finally:
            self._waiting[sha256] -= 1
            if not self._waiting[sha256]:
                del self._waiting[sha256], self._locks[sha256]


def _is_of_all(error: ProblemError | UnreachableError) -> bool:
    """Whether what a file was refused for may be wrong with the nodes, or with whoever asks."""
    if isinstance(error, UnreachableError):
        return True
    return error.status in (401, 403, *ALSO_PASSED_OVER) or may_pass_over(error)


def _naming(path: Path, error: ProblemError | UnreachableError) -> WeftError:
    """The error with the file at which it ended the run."""
    text = f"{path}: {error}"
    if isinstance(error, UnreachableError):
        return UnreachableError(text)
    return ProblemError(error.status, {**error.members, "detail": text})


def _first_of(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that ended the run; others are the stages that it took with it."""
    first = group.exceptions[0]
    return _first_of(first) if isinstance(first, BaseExceptionGroup) else first
