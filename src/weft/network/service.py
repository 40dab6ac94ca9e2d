"""Members that speak to us.

Promise: what one member sends costs the others nothing. Its next frame is read when the Inbox has taken the
one before, so a fast or a slow member holds back only itself; what no honest member sends cuts it off.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from time import monotonic
from typing import NoReturn, Protocol

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from weft.model.encoding import encode
from weft.model.errors import BlobError, PeerError, WeftError
from weft.model.limits import LocalLimits
from weft.model.message import Answer, Item, Opening, Refused, Request, decode_item, decode_request
from weft.network.bounds import Bounds
from weft.network.generated import peer_pb2
from weft.network.guest import Guest
from weft.network.pace import Allowance
from weft.network.tls import Tls
from weft.network.wire import SERVICE, pack, pack_opening, unpack, unpack_opening

YIELD_EVERY_S = 0.002
"""Many small items in a frame must not hold up the loop."""
ITEM_UNIT_BYTES = 16 << 10
REFUSAL_S = 1
"""A refused call is kept waiting up to so long, so that refusing costs less than asking."""

REASON_CHARACTERS = 500
"""A status travels in a header, and gRPC bounds those."""


class Listener(Protocol):
    """What the service needs of the node."""

    def opening(self) -> Opening: ...

    async def receive(self, member: int, item: Item, size: int) -> None: ...

    async def answer(self, member: int, request: Request) -> Answer: ...

    def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]: ...


class Judge(Protocol):
    """Who refuses members, and wants to know which of them are alive."""

    def cut_off(self, member: int, reason: str) -> None: ...

    def heard(self, member: int) -> None: ...


class Service:
    """The Peer service of `proto/peer.proto`, on raw bytes: gRPC would not say whose garbage it dropped."""

    def __init__(
        self,
        chain: bytes,
        me: int,
        tls: Tls,
        listener: Listener,
        judge: Judge,
        guests: Sequence[Guest],
        local: LocalLimits,
        bounds: Bounds,
    ) -> None:
        self._chain = chain
        self._me = me
        self._tls = tls
        self._listener = listener
        self._judge = judge
        self._guests = guests
        self._local = local
        self._bounds = bounds

    def methods(self) -> grpc.GenericRpcHandler:
        """What a server needs to offer the service."""

        async def exchange(_: object, context: grpc.aio.ServicerContext) -> None:
            await self._serve(context, lambda guest: self._exchange(guest, context))

        async def ask(raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return await self._serve(context, lambda guest: self._ask(guest, raw))

        async def blob(raw: bytes, context: grpc.aio.ServicerContext) -> None:
            await self._serve(context, lambda guest: self._blob(guest, raw, context))

        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Exchange": grpc.stream_stream_rpc_method_handler(exchange),
                "Ask": grpc.unary_unary_rpc_method_handler(ask),
                "Blob": grpc.unary_stream_rpc_method_handler(blob),
            },
        )

    async def _serve(
        self, context: grpc.aio.ServicerContext, work: Callable[[Guest], Awaitable[bytes]]
    ) -> bytes:
        """One call from its beginning to its end, whatever happens in it."""
        guest = await self._identify(context)
        if len(guest.calls) >= self._bounds.calls_max:
            await _refuse(context, grpc.StatusCode.RESOURCE_EXHAUSTED, f"{len(guest.calls)} calls are open")
        loop, call = asyncio.get_running_loop(), _current_call()
        guest.calls[call] = ""
        try:
            if refused := guest.standing.refused_for(monotonic()):
                await asyncio.sleep(min(refused, REFUSAL_S))
                await _refuse(context, grpc.StatusCode.PERMISSION_DENIED, guest.standing.reason)
            return await work(guest)
        except asyncio.CancelledError:
            reason = guest.calls[call]
            if not reason:
                raise
        except (WeftError, DecodeError) as error:
            reason = str(error)
            del guest.calls[call]
            self._judge.cut_off(guest.member, reason)
        except grpc.aio.BaseError:
            raise
        except Exception as error:
            # gRPC would log it and go on; a node that made a mistake must hear of it.
            loop.call_exception_handler({"message": "a call from a member failed", "exception": error})
            raise
        finally:
            guest.calls.pop(call, None)
        # Without a status the caller would wait for ever: gRPC sends none for a cancelled handler.
        return await _refuse(context, grpc.StatusCode.PERMISSION_DENIED, reason)

    async def _identify(self, context: grpc.aio.ServicerContext) -> Guest:
        member = self._tls.find_member(context.auth_context()["x509_pem_cert"][0])
        if member is None or member == self._me:
            await _refuse(context, grpc.StatusCode.UNAUTHENTICATED, "no other member signed this certificate")
        return self._guests[member]

    async def _exchange(self, guest: Guest, context: grpc.aio.ServicerContext) -> bytes:
        member, call = guest.member, _current_call()
        if guest.streams.take(1, monotonic()):
            raise PeerError("streams begun anew too often")
        try:
            async with asyncio.timeout(self._bounds.dial_timeout_s):
                raw = await context.read()
        except TimeoutError:
            await _refuse(context, grpc.StatusCode.DEADLINE_EXCEEDED, "nothing was said on this stream")
        if raw is grpc.aio.EOF:
            return b""
        opening, size = unpack_opening(raw, self._chain, self._local, self._bounds)
        guest.take_stream(call)
        try:
            await _finish(context.write(pack_opening(self._listener.opening())))
            self._judge.heard(member)
            await self._listener.receive(member, opening, size)
            while (raw := await context.read()) is not grpc.aio.EOF:
                await self._take_frame(guest, raw, context)
        finally:
            guest.leave_stream(call)
        return b""

    async def _take_frame(self, guest: Guest, raw: bytes, context: grpc.aio.ServicerContext) -> None:
        """Hand over the frame's items; a member that is too fast is read slower."""
        frame, tally = unpack(raw, self._local, self._bounds), guest.tally
        tally.frames_received += 1
        tally.bytes_received += len(raw)
        if frame.ping:
            await context.write(pack((), pong=frame.ping))
        await self._keep_pace(guest, guest.items, 1 + len(frame.items) + len(raw) / ITEM_UNIT_BYTES)
        yield_at = monotonic() + YIELD_EVERY_S
        for item_raw in frame.items:
            item = decode_item(item_raw)
            if isinstance(item, Opening):
                raise PeerError("a second Opening on one stream")
            tally.items_received += 1
            await self._listener.receive(guest.member, item, len(item_raw))
            if monotonic() > yield_at:
                await asyncio.sleep(0)
                yield_at = monotonic() + YIELD_EVERY_S

    async def _keep_pace(self, guest: Guest, allowance: Allowance, amount: float) -> None:
        """Wait off what is too much; raises PeerError for one that never rests."""
        now = monotonic()
        if wait_s := allowance.take(amount, now):
            guest.tally.throttled += 1
            if allowance.strained_for(now) > self._bounds.flood_s:
                raise PeerError(f"too fast for {self._bounds.flood_s:g} s without a rest")
            await asyncio.sleep(wait_s)

    async def _ask(self, guest: Guest, raw: bytes) -> bytes:
        guest.asks_open += 1
        try:
            answer = await self._answer(guest, raw)
        finally:
            guest.asks_open -= 1
        guest.tally.asks_answered += 1
        return peer_pb2.Answer(body=encode(answer)).SerializeToString()

    async def _answer(self, guest: Guest, raw: bytes) -> Answer:
        await self._keep_pace(guest, guest.asks, 1)
        if len(raw) > self._bounds.request_bytes_max:
            raise PeerError(f"a request of {len(raw)} bytes; {self._bounds.request_bytes_max} are the most")
        request = decode_request(peer_pb2.Request.FromString(raw).body)
        if guest.asks_open > 2 * self._bounds.asks_max:
            return Refused(f"{guest.asks_open} questions of this member are under way")
        try:
            return await self._listener.answer(guest.member, request)
        except WeftError as error:
            return Refused(str(error))

    async def _blob(self, guest: Guest, raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await self._keep_pace(guest, guest.asks, 1)
        if guest.blobs_open >= 2 * self._bounds.blobs_max:
            await _refuse(
                context, grpc.StatusCode.RESOURCE_EXHAUSTED, f"{guest.blobs_open} blobs are being read"
            )
        wish = peer_pb2.BlobRequest.FromString(raw)
        content = self._listener.read_blob(wish.name, wish.offset)
        guest.blobs_open += 1
        try:
            async for piece in content:
                for begin in range(0, len(piece), self._bounds.chunk_bytes):
                    chunk = piece[begin : begin + self._bounds.chunk_bytes]
                    await context.write(peer_pb2.Chunk(content=chunk).SerializeToString())
                    guest.tally.blob_bytes_served += len(chunk)
        except BlobError as error:
            await _refuse(context, grpc.StatusCode.NOT_FOUND, str(error))
        finally:
            guest.blobs_open -= 1
            await content.aclose()
        return b""


async def _refuse(context: grpc.aio.ServicerContext, status: grpc.StatusCode, reason: str) -> NoReturn:
    await context.abort(status, reason[:REASON_CHARACTERS])
    raise AssertionError("abort raises")


async def _finish(sending: Awaitable[None]) -> None:
    """Send the beginning of an answer to its end, also when the call is cut off meanwhile: before that gRPC
    takes no status, and the other side would wait for one for ever."""
    task = asyncio.ensure_future(sending)
    cut: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cut = error
    if cut is not None:
        raise cut
    task.result()


def _current_call() -> "asyncio.Task[None]":
    task = asyncio.current_task()
    assert task is not None
    return task
