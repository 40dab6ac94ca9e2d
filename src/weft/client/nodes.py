"""The nodes of a network as one counterpart: a node that is down or cannot serve is passed over.

Every request may be sent again, also after an answer was lost: what writes carries the identity of a
transaction or an Idempotency-Key, and so takes effect once.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import httpx

from weft.client.errors import ProblemError, TokenTextError, UnreachableError

PASSED_OVER = (429, 500, 502, 503)
"""Answers after which another node is asked."""
TRY_S = 10.0
"""How long one node may take for an answer before another is asked."""
SPARE_S = 2.0
CONNECT_S = 5.0
PAUSE_S_FIRST, PAUSE_S_MAX = 0.05, 1.0
REQUESTS_AT_ONCE = 64
"""Others wait for their turn here: what the pool of connections does for each request grows with their
number, and a request that waits there too long counts as one that no node answered."""

SHARED = ("/v1/files", "/v1/collections")
"""Where it matters who reads."""
QUESTIONS = ("/v1/files:known",)
"""Reads that are asked with a body."""

_TOKEN = re.compile(r"[!-~]+")

Body = bytes | Callable[[], AsyncIterator[bytes]] | None
"""A body, or what makes one anew for each try."""


class Nodes:
    """Asks the node that answered last, and the others when it does not."""

    def __init__(
        self,
        urls: Sequence[str],
        token: str | None,
        timeout_s: float,
        patience_s: float,
    ) -> None:
        if not urls:
            raise UnreachableError("no address of a node was given")
        self._urls = [url.rstrip("/") for url in urls]
        self._good = 0
        self.has_token = token is not None
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        if token is not None and _TOKEN.fullmatch(token) is None:
            raise TokenTextError("the bearer token is empty, or holds characters that no token has")
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        # Streams last, so they are not counted; their callers bound them.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=REQUESTS_AT_ONCE)
        self._http = httpx.AsyncClient(headers=headers, trust_env=False, limits=limits)
        self._room = asyncio.Semaphore(REQUESTS_AT_ONCE)
        self.find_ticket: Callable[[], Awaitable[str]] | None = None
        """Says who reads, where that matters and no token says it."""
        self.skew_s = 0.0
        """How far the nodes' clock is ahead of ours, as the last answer said; a second is its grain."""

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def urls(self) -> list[str]:
        return list(self._urls)

    def each(self) -> "list[Nodes]":
        """Every node as a counterpart of its own, for who chooses among them; what is open is shared."""
        found = []
        for url in self._urls:
            one = copy(self)
            one._urls, one._good, one._patience_s = [url], 0, 0.0
            found.append(one)
        return found

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = None,
        timeout_s: float | None = None,
        try_s: float = TRY_S,
    ) -> httpx.Response:
        """The first good answer of a node, each of which may take `try_s`.

        Raises ProblemError, or UnreachableError when no node answers.
        """
        timeout = httpx.Timeout(try_s + SPARE_S, connect=CONNECT_S)
        if method == "GET" or path in QUESTIONS:
            headers = await self._with_ticket(path, headers)

        def build(url: str) -> httpx.Request:
            content = body() if callable(body) else body
            return self._http.build_request(
                method, url + path, params=params, headers=headers, content=content, timeout=timeout
            )

        return await self._find(build, self._timeout_s if timeout_s is None else timeout_s)

    async def ask_json(self, method: str, path: str, **given: Any) -> Any:
        """The JSON object of an answer; raises ProblemError when it is none."""
        response = await self.ask(method, path, **given)
        try:
            found = response.json()
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ProblemError(response.status_code, {"detail": f"what {path} answered is no JSON object"})
        return found

    @asynccontextmanager
    async def open(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        read_s: float = TRY_S,
    ) -> AsyncIterator[httpx.Response]:
        """A good answer whose body is still to come; another node is asked only before it begins."""
        timeout = httpx.Timeout(read_s, connect=CONNECT_S)
        headers = await self._with_ticket(path, headers)

        def build(url: str) -> httpx.Request:
            return self._http.build_request(
                "GET", url + path, params=params, headers=headers, timeout=timeout
            )

        response = await self._find(build, self._timeout_s, is_stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _with_ticket(self, path: str, headers: Mapping[str, str] | None) -> Mapping[str, str] | None:
        if self.find_ticket is None or not path.startswith(SHARED):
            return headers
        return {**(headers or {}), "authorization": f"Bearer {await self.find_ticket()}"}

    def pass_over(self) -> None:
        """The node that answered last broke off: begin with the next one."""
        self._good = (self._good + 1) % len(self._urls)

    async def _find(
        self, build: Callable[[str], httpx.Request], timeout_s: float, is_stream: bool = False
    ) -> httpx.Response:
        """Ask the nodes, the good one first, again and again with pauses until time is up.

        While no node can be reached at all, patience is shorter.
        """
        loop = asyncio.get_running_loop()
        begun, pause_s = loop.time(), PAUSE_S_FIRST
        while True:
            errors = []
            for node in self._order():
                answer = await self._try(self._urls[node], build, is_stream)
                if isinstance(answer, httpx.Response):
                    self._good = node
                    return answer
                if isinstance(answer, ProblemError) and not may_pass_over(answer):
                    raise answer
                errors.append(answer)
            refused = [error for error in errors if isinstance(error, ProblemError)]
            patience_s = timeout_s if refused else min(timeout_s, self._patience_s)
            if loop.time() + pause_s > begun + patience_s:
                raise [*refused, *errors][0]
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)

    async def _try(
        self, url: str, build: Callable[[str], httpx.Request], is_stream: bool
    ) -> httpx.Response | ProblemError | UnreachableError:
        try:
            if is_stream:
                response = await self._http.send(build(url), stream=True)
            else:
                async with self._room:
                    response = await self._http.send(build(url))
            self._note_clock(response)
            if response.is_success:
                return response
            await response.aread()
            await response.aclose()
        except (httpx.RequestError, httpx.InvalidURL) as failure:
            return UnreachableError(f"{url} does not answer: {str(failure) or type(failure).__name__}")
        return problem_of(response)

    def _order(self) -> Iterator[int]:
        first, count = self._good, len(self._urls)
        return ((first + step) % count for step in range(count))

    def _note_clock(self, response: httpx.Response) -> None:
        try:
            self.skew_s = parsedate_to_datetime(response.headers["date"]).timestamp() - time()
        except (KeyError, ValueError, OverflowError):
            return


def problem_of(response: httpx.Response) -> ProblemError:
    """What a node said is wrong."""
    try:
        problem = response.json()
    except (ValueError, RecursionError):
        problem = {}
    return ProblemError(response.status_code, problem if isinstance(problem, dict) else {})


def may_pass_over(error: ProblemError) -> bool:
    """Whether another node, or this one later, may answer otherwise."""
    return error.status in PASSED_OVER or error.code == "transaction.pending"
