"""A member as far as it speaks to us: how it stands, how fast it goes, and its calls that are open."""

import asyncio

from weft.network.bounds import Bounds
from weft.network.pace import Allowance, Standing
from weft.network.tally import Tally


class Guest:
    """One member's part of the service."""

    def __init__(self, member: int, standing: Standing, tally: Tally, bounds: Bounds) -> None:
        self.member = member
        self.standing = standing
        self.tally = tally
        self.items = Allowance(bounds.items_per_s, bounds.items_burst)
        self.asks = Allowance(bounds.asks_per_s, bounds.asks_burst)
        self.streams = Allowance(bounds.streams_per_s, bounds.streams_burst)
        self.asks_open = 0
        self.blobs_open = 0
        self.calls: dict[asyncio.Task[None], str] = {}
        """Each open call with the reason why it has to end; empty while it may go on."""
        self._stream: asyncio.Task[None] | None = None

    def end_calls(self, reason: str) -> None:
        """End everything that is open."""
        for call in list(self.calls):
            self._end(call, reason)

    def end_stream(self, reason: str) -> None:
        """End the stream, if one is open."""
        if self._stream is not None:
            self._end(self._stream, reason)
            self._stream = None

    def take_stream(self, call: "asyncio.Task[None]") -> None:
        """A member speaks on one stream: the newest, because it alone knows when the one before is broken."""
        self.end_stream("the member began another stream")
        self._stream = call
        self.tally.is_heard = True

    def leave_stream(self, call: "asyncio.Task[None]") -> None:
        """The stream is over, unless another has taken its place."""
        if self._stream is call:
            self._stream = None
        self.tally.is_heard = self._stream is not None

    def _end(self, call: "asyncio.Task[None]", reason: str) -> None:
        if call in self.calls:
            self.calls[call] = reason
            call.cancel()
