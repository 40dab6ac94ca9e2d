"""Questions of members, and blobs that they read."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import NoReturn, Protocol

import grpc
import grpc.aio

from weft.model.encoding import encode
from weft.model.errors import BlobError, PeerError, WeftError
from weft.model.message import Answer, Refused, Request, decode_request
from weft.network.bounds import Bounds
from weft.network.generated import peer_pb2
from weft.network.guest import EndedError, Guest
from weft.network.tls import Tls
from weft.network.wire import REASON_CHARACTERS, SERVICE


class Answerer(Protocol):
    """What the service needs of the node."""

    async def answer(self, member: int, request: Request) -> Answer: ...

    def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]: ...


class Service:
    """The Peer service of `proto/peer.proto`, on raw bytes: gRPC would not say whose garbage it dropped."""

    def __init__(
        self,
        me: int,
        tls: Tls,
        answerer: Answerer,
        guests: Sequence[Guest],
        bounds: Bounds,
    ) -> None:
        self._me = me
        self._tls = tls
        self._answerer = answerer
        self._guests = guests
        self._bounds = bounds

    def methods(self) -> grpc.GenericRpcHandler:
        """What a server needs to offer the service."""

        async def ask(raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
            return await self._serve(context, lambda guest: self._ask(guest, raw))

        async def blob(raw: bytes, context: grpc.aio.ServicerContext) -> None:
            await self._serve(context, lambda guest: self._blob(guest, raw, context))

        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Ask": grpc.unary_unary_rpc_method_handler(ask),
                "Blob": grpc.unary_stream_rpc_method_handler(blob),
            },
        )

    async def _serve(
        self, context: grpc.aio.ServicerContext, work: Callable[[Guest], Awaitable[bytes]]
    ) -> bytes:
        """One call from its beginning to its end, whatever happens in it."""
        guest = await self._identify(context)
        try:
            return await guest.carry(lambda: work(guest))
        except EndedError as ended:
            # Without a status the caller would wait for ever: gRPC sends none for a cancelled handler.
            return await _refuse(context, grpc.StatusCode.PERMISSION_DENIED, str(ended))

    async def _identify(self, context: grpc.aio.ServicerContext) -> Guest:
        member = self._tls.find_member(context.auth_context()["x509_pem_cert"][0])
        if member is None or member == self._me:
            await _refuse(context, grpc.StatusCode.UNAUTHENTICATED, "no other member signed this certificate")
        return self._guests[member]

    async def _ask(self, guest: Guest, raw: bytes) -> bytes:
        guest.asks_open += 1
        try:
            answer = await self._answer(guest, raw)
        finally:
            guest.asks_open -= 1
        guest.tally.asks_answered += 1
        return peer_pb2.Answer(body=encode(answer)).SerializeToString()

    async def _answer(self, guest: Guest, raw: bytes) -> Answer:
        await guest.keep_pace(guest.asks, 1)
        if len(raw) > self._bounds.request_bytes_max:
            raise PeerError(f"a request of {len(raw)} bytes; {self._bounds.request_bytes_max} are the most")
        request = decode_request(peer_pb2.Request.FromString(raw).body)
        if guest.asks_open > 2 * self._bounds.asks_max:
            return Refused(f"{guest.asks_open} questions of this member are under way")
        try:
            return await self._answerer.answer(guest.member, request)
        except WeftError as error:
            return Refused(str(error))

    async def _blob(self, guest: Guest, raw: bytes, context: grpc.aio.ServicerContext) -> bytes:
        await guest.keep_pace(guest.asks, 1)
        if guest.blobs_open >= 2 * self._bounds.blobs_max:
            await _refuse(
                context, grpc.StatusCode.RESOURCE_EXHAUSTED, f"{guest.blobs_open} blobs are being read"
            )
        wish = peer_pb2.BlobRequest.FromString(raw)
        content = self._answerer.read_blob(wish.name, wish.offset)
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
