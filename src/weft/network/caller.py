"""Questions to one member, over a connection of their own that lives no longer than our stream to it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass

import grpc.aio
from google.protobuf.message import DecodeError

from weft.model.encoding import encode
from weft.model.errors import BlobError, EncodingError, PeerError
from weft.model.limits import LocalLimits
from weft.model.message import Answer, Refused, Request, decode_answer
from weft.network.bounds import Bounds
from weft.network.generated import peer_pb2
from weft.network.guest import Judge
from weft.network.tally import Tally
from weft.network.tls import Identity, Tls
from weft.network.wire import ANSWERED_BY, ASK, BLOB, dialer_options


@dataclass(frozen=True, slots=True)
class Route:
    """Where a member is and how to tell that it is the one."""

    chain: bytes
    member: int
    name: str
    address: str


class LostError(Exception):
    """The connection was closed under a call."""


class Caller:
    """Asks one member, a bounded number of questions at a time."""

    def __init__(
        self, route: Route, tls: Tls, judge: Judge, tally: Tally, local: LocalLimits, bounds: Bounds
    ) -> None:
        self._route = route
        self._tls = tls
        self._local = local
        self._channel: grpc.aio.Channel | None = None
        self._shown: Identity | None = None
        self._judge = judge
        self._tally = tally
        self._bounds = bounds
        self._asks = asyncio.Semaphore(bounds.asks_max)
        self._blobs = asyncio.Semaphore(bounds.blobs_max)

    async def ask(self, request: Request) -> Answer:
        """The member's answer, or Refused with what went wrong."""
        self._tally.asks_sent += 1
        try:
            async with asyncio.timeout(self._bounds.ask_timeout_s), self._asks:
                answer = await self._call(request)
        except TimeoutError:
            answer = Refused(f"{self._route.name} did not answer in {self._bounds.ask_timeout_s:g} s")
        self._tally.asks_failed += isinstance(answer, Refused)
        return answer

    async def read_blob(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        """Content from the member, never more than a few chunks ahead of the reader; raises BlobError."""
        try:
            async with asyncio.timeout(self._bounds.stall_timeout_s):
                await self._blobs.acquire()
        except TimeoutError:
            raise BlobError(
                f"{self._bounds.blobs_max} blobs are being read from {self._route.name}"
            ) from None
        try:
            async with aclosing(self._read_chunks(name, offset)) as chunks:
                async for chunk in chunks:
                    self._tally.blob_bytes_read += len(chunk)
                    yield chunk
        finally:
            self._blobs.release()

    async def hang_up(self) -> None:
        """Close the connection under whatever is asked."""
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.close()

    def _find_channel(self) -> grpc.aio.Channel | None:
        """The connection, if we speak to the member. One that shows an old certificate is closed by whoever
        uses it last."""
        if not self._tally.is_connected:
            return None
        if self._channel is None or self._tls.identity() is not self._shown:
            member = self._route.member
            self._shown = self._tls.identity()
            self._channel = grpc.aio.secure_channel(
                self._route.address,
                self._tls.channel_credentials(member),
                dialer_options(self._local, self._tls.server_name(member)),
            )
        return self._channel

    async def _call(self, request: Request) -> Answer:
        member, channel = self._route.name, self._find_channel()
        if channel is None:
            return Refused(f"{member} is not connected")
        try:
            question = peer_pb2.Request(body=encode(request)).SerializeToString()
            raw = await _apart(channel.unary_unary(ASK)(question))
            answer = decode_answer(peer_pb2.Answer.FromString(raw).body)
            if not isinstance(answer, ANSWERED_BY[type(request)] | Refused):
                raise PeerError(f"a {type(answer).__name__} in answer to a {type(request).__name__}")
        except grpc.aio.AioRpcError as error:
            return Refused(f"{member}: {error.details()}")
        except (DecodeError, EncodingError, PeerError) as error:
            self._judge.cut_off(self._route.member, str(error))
            return Refused(f"{member} answered with {error}")
        except LostError:
            return Refused(f"the connection to {member} was lost")
        return answer

    async def _read_chunks(self, name: str, offset: int) -> AsyncGenerator[bytes, None]:
        member, channel = self._route.name, self._find_channel()
        if channel is None:
            raise BlobError(f"{name} cannot be read from {member}: not connected")
        call = channel.unary_stream(BLOB)(peer_pb2.BlobRequest(name=name, offset=offset).SerializeToString())
        try:
            while True:
                async with asyncio.timeout(self._bounds.stall_timeout_s):
                    raw = await _apart(call.read())
                if raw is grpc.aio.EOF:
                    return
                yield peer_pb2.Chunk.FromString(raw).content
        except grpc.aio.AioRpcError as error:
            raise BlobError(f"{name} cannot be read from {member}: {error.details()}") from None
        except TimeoutError:
            seconds = self._bounds.stall_timeout_s
            raise BlobError(f"{name} cannot be read from {member}: nothing came for {seconds:g} s") from None
        except DecodeError as error:
            self._judge.cut_off(self._route.member, str(error))
            raise BlobError(f"{name} cannot be read from {member}: {error}") from None
        except LostError:
            raise BlobError(f"{name} cannot be read from {member}: the connection was lost") from None
        finally:
            call.cancel()


async def _apart(call: Awaitable[bytes]) -> bytes:
    """What the call gives; raises LostError when its channel is closed.

    gRPC then cancels whoever waits for the call. That must be a task of its own, so that the asker is
    cancelled only by those who mean it.
    """
    task = asyncio.ensure_future(_wait_for(call))
    try:
        await asyncio.wait((task,))
    finally:
        task.cancel()
    if task.cancelled():
        raise LostError
    return task.result()


async def _wait_for(call: Awaitable[bytes]) -> bytes:
    return await call
