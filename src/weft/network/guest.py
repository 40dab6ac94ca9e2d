"""A member as far as it speaks to us: how it stands, how fast it goes, its calls and its stream."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, TypeVar

import grpc.aio
from google.protobuf.message import DecodeError

from weft.model.errors import DiskFullError, PeerError, WeftError
from weft.network.bounds import Bounds
from weft.network.pace import Allowance, Standing
from weft.network.stream import BrokenError
from weft.network.tally import Tally

REFUSAL_S = 1
"""A refused call is kept waiting up to so long, so that refusing costs less than asking."""

T = TypeVar("T")


class Judge(Protocol):
    """Who refuses members."""

    def cut_off(self, member: int, reason: str) -> None: ...


class EndedError(Exception):
    """A call or a stream has to end; the text says why, to the member too."""


class Guest:
    """One member's part of what this node serves."""

    def __init__(self, member: int, standing: Standing, tally: Tally, judge: Judge, bounds: Bounds) -> None:
        self.member = member
        self.tally = tally
        self.items = Allowance(bounds.items_per_s, bounds.items_burst)
        self.asks = Allowance(bounds.asks_per_s, bounds.asks_burst)
        self.streams = Allowance(bounds.streams_per_s, bounds.streams_burst)
        self.asks_open = 0
        self.blobs_open = 0
        self._standing = standing
        self._judge = judge
        self._bounds = bounds
        self._calls: dict[asyncio.Task[None], str] = {}
        """Each open call or stream with the reason why it has to end; empty while it may go on."""
        self._stream: asyncio.Task[None] | None = None

    async def carry(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what the member wants, from beginning to end, whatever happens in it; raises EndedError."""
        call = current_call()
        if len(self._calls) >= self._bounds.calls_max:
            raise EndedError(f"{len(self._calls)} calls are open")
        self._calls[call] = ""
        try:
            if refused := self._standing.refused_for(monotonic()):
                await asyncio.sleep(min(refused, REFUSAL_S))
                raise EndedError(self._standing.reason)
            return await work()
        except asyncio.CancelledError:
            if not (reason := self._calls[call]):
                raise
            raise EndedError(reason) from None
        except DiskFullError as error:
            raise self._own_up(error, "this node's disk is full") from error
        except (WeftError, DecodeError) as error:
            # Out of the list first: the cut ends all that is open, and this one ends by itself.
            del self._calls[call]
            self._judge.cut_off(self.member, str(error))
            raise EndedError(str(error)) from None
        except (EndedError, BrokenError, grpc.aio.BaseError):
            raise
        except Exception as error:
            raise self._own_up(error, "this node made a mistake") from error
        finally:
            self._calls.pop(call, None)

    def pace(self, allowance: Allowance, amount: float) -> float:
        """Seconds to wait off what is too much; raises PeerError for one that never rests."""
        now = monotonic()
        if wait_s := allowance.take(amount, now):
            self.tally.throttled += 1
            if allowance.strained_for(now) > self._bounds.flood_s:
                raise PeerError(f"too fast for {self._bounds.flood_s:g} s without a rest")
        return wait_s

    async def keep_pace(self, allowance: Allowance, amount: float) -> None:
        """Wait off what is too much; raises PeerError for one that never rests."""
        if wait_s := self.pace(allowance, amount):
            await asyncio.sleep(wait_s)

    def end_calls(self, reason: str) -> None:
        """End everything that is open."""
        for call in list(self._calls):
            self._end(call, reason)

    def end_stream(self, reason: str) -> None:
        """End the stream, if one is open."""
        if self._stream is not None:
            self._end(self._stream, reason)
            self._stream = None

    def take_stream(self) -> None:
        """A member speaks on one stream: the newest, because it alone knows when the one before is broken."""
        self.end_stream("the member began another stream")
        self._stream = current_call()
        self.tally.is_heard = True

    def leave_stream(self) -> None:
        """The stream is over, unless another has taken its place."""
        if self._stream is current_call():
            self._stream = None
        self.tally.is_heard = self._stream is not None

    def _own_up(self, error: Exception, reason: str) -> EndedError:
        """The member can't help it, and the owner of the loop must hear of it."""
        asyncio.get_running_loop().call_exception_handler(
            {"message": "a call from a member failed", "exception": error}
        )
        return EndedError(reason)

    def _end(self, call: "asyncio.Task[None]", reason: str) -> None:
        if call in self._calls:
            self._calls[call] = reason
            call.cancel()


def current_call() -> "asyncio.Task[None]":
    """The task that carries the call."""
    task = asyncio.current_task()
    assert task is not None
    return task
