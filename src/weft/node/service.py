"""What clients may do with a node: submit, read, follow, and write through its gateway.

Fits the REST interface's Protocol. Every verb first asks whether the node may serve at all: one whose state
differs from the quorum's answers with an error rather than a lie.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Literal

import msgspec

from weft.execution.builtin import records
from weft.execution.builtin.members import find_role, may_read
from weft.execution.idempotency import Tags
from weft.execution.view import View
from weft.mempool.pool import Candidate
from weft.model.block import Block, Checkpoint, Header
from weft.model.digest import Digest
from weft.model.errors import (
    BehindError,
    BlobError,
    ConflictError,
    DiskFullError,
    DivergedError,
    ForbiddenError,
    UnauthorizedError,
    WeftError,
)
from weft.model.failure import Failure
from weft.model.keys import Address
from weft.model.limits import MIB
from weft.model.ticket import read_ticket
from weft.model.transaction import Attachment, identity_of
from weft.model.view import (
    Caller,
    EventRow,
    Fate,
    Health,
    Peer,
    RecordsView,
    RecordView,
    Status,
    VertexView,
    Wait,
    Wish,
)
from weft.node.fate import pending
from weft.node.gateway import Gateway, idempotency_of
from weft.node.node import Node
from weft.node.ports import Erased

MIN_HEIGHT_WAIT_S = 10.0
IDENTITY_BYTES_MIN = 100
"""Bytes too short to have an identity are left to admission."""
Row = tuple[str, str, records.Version]
"""Collection, key, version."""

CONTENT_BYTES_MAX = 8 * MIB
"""Of the documents in one answer, unless a single one is larger: a page holds fewer then."""
LINKS_SHOWN_MAX = 20_000
"""Parents named by the vertices of one answer."""
BEHIND_HEIGHTS = 1_000
"""A node this far behind what the others say is catching up."""


class NodeService:
    """One node, as its clients may use it."""

    def __init__(
        self,
        node: Node,
        gateway: Gateway,
        url: str,
    ) -> None:
        self.chain = node.genesis.chain
        self.limits = node.genesis.limits
        self.genesis = node.genesis
        self._url = url
        self._node = node
        self._store = node.store
        self._gateway = gateway
        self._is_open = node.genesis.is_open

    # How the node is.

    @property
    def url_peers(self) -> Sequence[str]:
        """REST addresses of the network's own nodes, as far as they are known."""
        return [self._url, *(url for url in self._node.neighbours.urls if url)]

    def status(self) -> Status:
        node, store = self._node, self._store
        others = [member for member in range(node.genesis.committee.size) if member != node.me]
        heard = node.neighbours
        peers = tuple(
            Peer(
                member,
                node.genesis.members[member].name,
                heard.urls[member],
                node.peers.is_connected(member),
                heard.heights[member],
            )
            for member in others
        )
        ahead = heard.height_reached - store.head.height
        state_height, state_root = store.rooted
        return Status(
            node.me,
            node.genesis.members[node.me].name,
            "validator",
            self.chain,
            store.head,
            store.head_hash,
            state_root,
            state_height,
            node.checkpoints.height,
            node.is_catching_up or not node.is_speaking or ahead > BEHIND_HEIGHTS,
            peers,
        )

    def health(self) -> Health:
        node, reasons = self._node, []
        if node.divergence is not None:
            return Health(True, False, (node.divergence,))
        if node.is_catching_up:
            reasons.append("catching up with the other members")
        if not node.is_speaking:
            reasons.append("starting")
        if node.watch.is_disk_low:
            reasons.append("the disk is nearly full: writes are refused")
        return Health(True, not reasons, tuple(reasons))

    def vertices(self, rounds: int) -> list[VertexView]:
        return [
            VertexView(
                vertex.author,
                vertex.round,
                vertex.digest,
                vertex.time_ms,
                len(vertex.batch),
                is_ordered,
                tuple((parent.author, parent.round) for parent in vertex.parents),
            )
            for vertex, is_ordered in self._node.core.recent(rounds, LINKS_SHOWN_MAX)
        ]

    def authenticate(self, token: str | None, need: Literal["read", "write", "administer"]) -> Caller:
        if token is None and self._is_open:
            return Caller(self._gateway.own, "gateway")
        account = None if token is None else self._gateway.recognize(token)
        if account is None and token is not None and need == "read":
            account = read_ticket(token, self.chain, self._node.clock.wall_ms())
        if account is None:
            raise UnauthorizedError(
                "this network knows its callers and the request names none"
                if token is None
                else "the bearer token is not known to this node"
            )
        role = find_role(self._store.state, account)
        allowed = {
            "read": may_read(role, self._is_open),
            "write": self._is_open or role in ("writer", "administrator", "gateway"),
            "administer": role == "administrator",
        }[need]
        if not allowed:
            raise ForbiddenError(f"account {account.hex()} has the role {role}, which may not {need}")
        return Caller(account, role)

    async def reach(self, min_height: int | None, is_linearizable: bool) -> int:
        self._check_serving()
        if min_height is not None and self._store.head.height < min_height:
            try:
                await asyncio.wait_for(self._node.ledger.wait_beyond(min_height - 1), MIN_HEIGHT_WAIT_S)
            except TimeoutError:
                raise BehindError(
                    f"this node is at height {self._store.head.height}, asked for {min_height}"
                ) from None
        if is_linearizable:
            try:
                await asyncio.wait_for(self._node.barrier(), MIN_HEIGHT_WAIT_S)
            except TimeoutError:
                raise BehindError("no quorum has confirmed within 10 s that this read is current") from None
        return self._store.head.height

    # Writing.

    async def submit(
        self, raw: bytes, attachments: tuple[Attachment, ...], wait: Wait, timeout_ms: int
    ) -> Fate:
        (answer,) = await self.submit_many([(raw, attachments)], wait, timeout_ms)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def submit_many(
        self, items: Sequence[tuple[bytes, tuple[Attachment, ...]]], wait: Wait, timeout_ms: int
    ) -> "list[Fate | Exception]":
        self._check_writable()
        node, wall_ms = self._node, self._node.clock.wall_ms()

        def check() -> list[Fate | WeftError | Candidate]:
            return self._check(items, wall_ms)

        # One at a time costs less on the spot than in a worker, unless its block must be read.
        is_quick = len(items) == 1 and not self._is_settled(items[0][0])
        checked = check() if is_quick else await node.workers.run("verify", check)
        return await self._settle(self._take(checked, wait), wait, timeout_ms)

    def _check(
        self, items: Sequence[tuple[bytes, tuple[Attachment, ...]]], wall_ms: int
    ) -> list[Fate | WeftError | Candidate]:
        """What each transaction is: one whose fate is known, one to refuse, or one to take in."""
        identities = [identity_of(raw) for raw, _ in items]
        known = [
            self._find_known(identity, raw) for identity, (raw, _) in zip(identities, items, strict=True)
        ]
        fresh = [
            (identity, raw, attachments)
            for identity, (raw, attachments), one in zip(identities, items, known, strict=True)
            if one is None
        ]
        admitted = iter(self._node.door.transactions(fresh, wall_ms))
        return [next(admitted) if one is None else one for one in known]

    def _find_known(self, identity: Digest, raw: bytes) -> Fate | WeftError | None:
        try:
            return self._node.fates.find(identity) if len(raw) > IDENTITY_BYTES_MIN else None
        except WeftError as error:
            return error

    def _is_settled(self, raw: bytes) -> bool:
        return len(raw) > IDENTITY_BYTES_MIN and self._store.find_transaction(identity_of(raw)) is not None

    def _take(
        self, checked: Sequence[Fate | WeftError | Candidate], wait: Wait
    ) -> "list[Fate | WeftError | Digest]":
        """Admit what may be admitted; the identity of what somebody then waits for."""
        refused = self._node.admit([one for one in checked if isinstance(one, Candidate)])
        return [
            refused.get(one.identity) or (pending(one.identity) if wait == "none" else one.identity)
            if isinstance(one, Candidate)
            else one
            for one in checked
        ]

    async def _settle(
        self, answers: "Sequence[Fate | WeftError | Digest]", wait: Wait, timeout_ms: int
    ) -> "list[Fate | Exception]":
        """Wait for all together; what is not decided in time is pending."""
        node, deadline = self._node, asyncio.get_running_loop().time() + timeout_ms / 1000
        told = await node.fates.wait(
            [answer for answer in answers if isinstance(answer, bytes)], timeout_ms / 1000
        )
        fates = [
            told.get(answer) or pending(answer) if isinstance(answer, bytes) else answer for answer in answers
        ]
        heights = [fate.height for fate in fates if isinstance(fate, Fate) and fate.height is not None]
        if wait == "certified" and heights:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(deadline):
                    await node.checkpoints.wait(max(heights))
            fates = [
                msgspec.structs.replace(fate, is_certified=(fate.height or 0) <= node.checkpoints.height)
                if isinstance(fate, Fate) and fate.height is not None
                else fate
                for fate in fates
            ]
        return list(fates)

    async def write(self, caller: Caller, wish: Wish, wait: Wait, timeout_ms: int) -> Fate:
        self._check_writable()
        if wish.idempotency_key is not None:
            first = await self.find_first(caller, wish.idempotency_key, wish.meaning)
            if first is not None:
                return first
        raw = self._gateway.sign(caller.account, wish, self._node.clock.wall_ms())
        fate = await self.submit(raw, wish.attachments, wait, timeout_ms)
        if fate.code == "idempotency.repeated":
            return self._repeated(dict(fate.result)["first"])
        if fate.code == "idempotency.conflict":
            raise ConflictError(_CONFLICT)
        return fate

    async def find_first(self, caller: Caller, idempotency_key: str, meaning: bytes) -> Fate | None:
        """The fate of the wish that used this key before, as far as this node has executed."""
        # As execution will see it, whatever the caller may do here besides.
        role = find_role(self._store.state, Address(caller.account))
        space = b"" if role == "gateway" else caller.account
        tags = Tags(View(self._store.state), self._store.head.time_ms)
        try:
            tags.check(space, idempotency_of(idempotency_key, meaning))
        except Failure as failure:
            if failure.code == "idempotency.conflict":
                raise ConflictError(_CONFLICT) from None
            return self._repeated(dict(failure.values)["first"])
        return None

    def _repeated(self, identity: object) -> Fate:
        assert isinstance(identity, bytes)
        fate = self._node.fates.find(identity)
        assert fate is not None, "the first wish stands in a block below the one that repeats it"
        return msgspec.structs.replace(fate, is_repeated=True)

    # Reading.

    async def find_fate(self, identity: Digest) -> Fate | None:
        self._check_serving()
        node = self._node
        known = await node.workers.run("read", lambda: node.fates.find(identity))
        return known or (pending(identity) if identity in node.pool else None)

    async def find_block(self, height: int) -> Block | None:
        self._check_serving()
        return await self._node.workers.run("read", lambda: self._store.find_block(height))

    async def headers(self, below: int | None, limit: int) -> list[tuple[Header, Digest]]:
        self._check_serving()
        return await self._node.workers.run("read", lambda: self._headers(below, limit))

    def _headers(self, below: int | None, limit: int) -> list[tuple[Header, Digest]]:
        newest = self._store.head.height
        first = newest if below is None else min(below - 1, newest)
        found = (self._store.find_header(height) for height in range(first, max(first - limit, -1), -1))
        return [(header, header.hash) for header in found if header is not None]

    async def find_checkpoint(self, height: int) -> Checkpoint | None:
        self._check_serving()
        return self._store.find_checkpoint(height)

    async def find_record(self, collection: str, key: str, at_height: int | None) -> RecordView | None:
        self._check_serving()
        found = await self._present(lambda: self._record(collection, key, at_height), 1)
        return found.versions[0] if found.versions else None

    async def record_history(
        self, collection: str, key: str, below: int | None, passed: int, limit: int
    ) -> RecordsView:
        self._check_serving()
        return await self._present(lambda: self._history(collection, key, below, passed), limit)

    async def list_records(self, collection: str, after: str | None, limit: int) -> RecordsView:
        self._check_serving()
        return await self._present(lambda: self._list(collection, after, limit + 1), limit)

    async def follow(
        self, cursor: tuple[int, int] | None, contract: str | None = None
    ) -> AsyncGenerator[EventRow, None]:
        self._check_serving()
        async for row in self._node.ledger.follow(cursor, contract):
            self._check_serving()
            yield row

    async def seek(self, commitments: Sequence[Digest]) -> None:
        await self._node.fetcher.seek(commitments)

    async def _present(self, look: Callable[[], Iterable[Row]], limit: int) -> RecordsView:
        """Versions with their content, as many as are wished and fit in memory. What is not here is looked
        for among the members; raises BlobError when it is not to be had."""
        node = self._node

        def read() -> tuple[list[Row], bool, list[Digest]]:
            rows, has_more = _cut(look(), limit)
            stated = [version.commitment for _, _, version in rows if version.commitment is not None]
            return rows, has_more, node.attachments.missing(stated)

        rows, has_more, missing = await node.workers.run("read", read)
        if missing:
            await node.fetcher.seek(missing)
        versions = await node.workers.run("read", lambda: tuple(self._view(*row) for row in rows))
        return RecordsView(versions, has_more)

    def _record(self, collection: str, key: str, at_height: int | None) -> list[Row]:
        state, place = self._store.state, records.record_key(collection, key)
        value = state.get(place) if at_height is None else state.get_at(place, at_height)
        return [] if value is None else [(collection, key, records.decode_record(value).newest)]

    def _history(self, collection: str, key: str, below: int | None, passed: int) -> Iterator[Row]:
        versions = records.read_history(self._store.state, collection, key)
        older = (version for version in versions if below is None or version.height < below)
        return ((collection, key, version) for version in islice(older, passed, None))

    def _list(self, collection: str, after: str | None, limit: int) -> list[Row]:
        return [
            (collection, key, held.newest)
            for key, held in records.list_records(self._store.state, collection, after, limit)
        ]

    def _view(self, collection: str, key: str, version: records.Version) -> RecordView:
        content, erased_height = None, None
        if version.commitment is not None:
            match self._node.attachments.find(version.commitment):
                case Attachment() as attachment:
                    content = attachment.content
                case Erased(height):
                    erased_height = height
                case None:
                    raise BlobError(
                        f"the content of version {version.number} of record {key!r} in {collection} is not "
                        "here, and no connected member has it"
                    )
        elif version.kind == "erased":
            erased_height = version.height
        return RecordView(
            collection,
            key,
            version.number,
            version.height,
            version.time_ms,
            version.owner,
            version.size,
            version.kind != "put",
            content,
            erased_height,
        )

    # May it?

    def _check_serving(self) -> None:
        if self._node.divergence is not None:
            raise DivergedError(self._node.divergence)

    def _check_writable(self) -> None:
        self._check_serving()
        if self._node.watch.is_disk_low:
            raise DiskFullError("the disk of this node is nearly full: it takes no writes")
        if not self._node.is_speaking:
            raise BehindError("this node is starting or catching up and takes no writes yet")


_CONFLICT = "the Idempotency-Key was used for something else"


def _cut(rows: Iterable[Row], limit: int) -> tuple[list[Row], bool]:
    """As many rows as are wished and fit, and whether there are more."""
    taken: list[Row] = []
    size = 0
    for row in rows:
        size += row[2].size
        if len(taken) == limit or (taken and size > CONTENT_BYTES_MAX):
            return taken, True
        taken.append(row)
    return taken, False
